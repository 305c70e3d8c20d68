/* SPDX-License-Identifier: MIT */
/* Rolls dice: a message "/roll 2d6+1" becomes "rolls 2d6+1: 3 + 5 + 1 = 9" before it is stored. In C++20. */
#include <chatd/chatd.h>

#include <charconv>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <exception>
#include <memory>
#include <new>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>

namespace
{

struct dice_config {
    std::int64_t dice_max;
    std::int64_t sides_max;
};

/* In C++ the initialisers stand in the order of the members. */
const chatd_cfg_field fields[] = {
    {.key = "dice_max",
     .type = CHATD_CFG_INT,
     .flags = CHATD_CFG_RELOADABLE,
     .offset = offsetof(dice_config, dice_max),
     .def = "20",
     .min = 1,
     .max = 100,
     .help = "dice in one roll"},
    {.key = "sides_max",
     .type = CHATD_CFG_INT,
     .flags = CHATD_CFG_RELOADABLE,
     .offset = offsetof(dice_config, sides_max),
     .def = "1000",
     .min = 2,
     .max = 1000000,
     .help = "sides of a die"},
    {.key = nullptr},
};

/* What an instance has: made in init(), owned by self->data. */
struct Dice {
    int rolls = 0; /* the metric */
};

struct Roll {
    std::int64_t count = 1, sides = 6, plus = 0;
};

/* --- what is written --------------------------------------------------------------------------------------------- */

/* Takes a number off the front of the text. */
std::optional<std::int64_t> take_number(std::string_view &text)
{
    std::int64_t n = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), n);

    if (error != std::errc{} || text.front() == '-')
        return std::nullopt;
    text.remove_prefix(static_cast<std::size_t>(end - text.data()));
    return n;
}

/* "d20", "2d6", "3d8+4", "d6-1" */
std::optional<Roll> read_roll(std::string_view text)
{
    Roll roll;

    if (!text.empty() && text.front() != 'd') {
        const auto count = take_number(text);

        if (!count)
            return std::nullopt;
        roll.count = *count;
    }
    if (text.empty() || text.front() != 'd')
        return std::nullopt;
    text.remove_prefix(1);
    const auto sides = text.empty() ? std::nullopt : take_number(text);
    if (!sides)
        return std::nullopt;
    roll.sides = *sides;
    if (text.empty())
        return roll;
    const char sign = text.front();
    text.remove_prefix(1);
    const auto plus = text.empty() ? std::nullopt : take_number(text);
    if (!plus || !text.empty() || (sign != '+' && sign != '-') || *plus > 1000000)
        return std::nullopt;
    roll.plus = sign == '+' ? *plus : -*plus;
    return roll;
}

/* --- what is rolled ---------------------------------------------------------------------------------------------- */

/* From 1 to `sides`, each as likely: numbers that would favour the low ones are drawn again. */
std::int64_t throw_die(chatd_plugin *self, std::int64_t sides)
{
    const auto n = static_cast<std::uint64_t>(sides);
    const std::uint64_t fair = UINT64_MAX - UINT64_MAX % n;
    std::uint64_t drawn;

    do
        chatd_random(self, &drawn, sizeof(drawn));
    while (drawn >= fair);
    return static_cast<std::int64_t>(drawn % n) + 1;
}

std::string tell(chatd_plugin *self, const Roll &roll, std::string_view written)
{
    std::string text = "rolls " + std::string(written) + ": ";
    std::int64_t sum = roll.plus;

    for (std::int64_t i = 0; i < roll.count; i++) {
        const std::int64_t die = throw_die(self, roll.sides);

        sum += die;
        text += (i > 0 ? " + " : "") + std::to_string(die);
    }
    if (roll.plus != 0)
        text += (roll.plus > 0 ? " + " : " - ") + std::to_string(std::abs(roll.plus));
    if (roll.count > 1 || roll.plus != 0)
        text += " = " + std::to_string(sum);
    return text;
}

chatd_verdict roll_dice(chatd_plugin *self, chatd_ev_message *msg)
{
    constexpr std::string_view command = "/roll ";
    const auto &config = *static_cast<const dice_config *>(self->config);
    const auto &dice = *static_cast<const Dice *>(self->data);
    const std::string_view text{msg->text.p, msg->text.n};

    if (!text.starts_with(command))
        return CHATD_NEXT;
    const std::string_view written = text.substr(command.size());
    const auto roll = read_roll(written);
    if (!roll)
        return chatd_deny(self, &msg->ev, "dice.unclear", "Write /roll 2d6 or /roll d20+3.");
    if (roll->count < 1 || roll->count > config.dice_max || roll->sides < 2 ||
        roll->sides > config.sides_max)
        return chatd_deny(self, &msg->ev, "dice.limits", "There are no such dice here.");
    const std::string told = tell(self, *roll, written);
    if (chatd_set_text(self, msg, told.data(), told.size()) < 0)
        return chatd_deny_for(self, &msg->ev, "dice.busy", "Please roll again.", 1000);
    chatd_metric_add(self, dice.rolls, 0, 1);
    return CHATD_NEXT;
}

/* --- the border -------------------------------------------------------------------------------------------------- */

/* The core is C: an exception that reached it would end the worker. Whatever a handler throws ends here. */
template <chatd_verdict (*handler)(chatd_plugin *, chatd_ev_message *)>
chatd_verdict guarded(chatd_plugin *self, chatd_ev_message *msg) noexcept
{
    try {
        return handler(self, msg);
    } catch (const std::exception &e) {
        chatd_log(self, CHATD_LOG_ERROR, "a roll failed: %s", e.what());
    } catch (...) {
        chatd_log(self, CHATD_LOG_ERROR, "a roll failed");
    }
    return chatd_deny_for(self, &msg->ev, "dice.failed", "Please roll again.", 1000);
}

int init(chatd_plugin *self) noexcept
{
    static const chatd_metric_def metric = {
        .size = sizeof(metric),
        .kind = CHATD_COUNTER,
        .name = "rolls_total",
        .help = "messages that became a roll of dice",
    };
    std::unique_ptr<Dice> dice{new (std::nothrow) Dice};
    int rc = dice ? chatd_metric(self, &metric, &dice->rolls) : CHATD_E_BUSY;

    if (rc == CHATD_OK)
        rc = chatd_on_message(self, CHATD_CHANGE, guarded<roll_dice>);
    if (rc == CHATD_OK)
        self->data = dice.release(); /* until stop() */
    return rc;
}

void stop(chatd_plugin *self) noexcept
{
    std::unique_ptr<Dice>{static_cast<Dice *>(self->data)}.reset();
    self->data = nullptr;
}

int reload(chatd_plugin *, const void *) noexcept
{
    return CHATD_OK;
}

} // namespace

CHATD_PLUGIN(.name = "dice", .version = "1.0", .license = "MIT", .config = fields,
             .config_size = sizeof(dice_config), .init = init, .stop = stop, .reload = reload);
