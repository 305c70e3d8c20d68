# SPDX-License-Identifier: MIT
"""The example dice, which is written in C++."""
import re

import pytest
from chat import ALL_OFF, classic, example
from server import wait_until


@pytest.mark.parametrize("text, told", [
    ("/roll d6", r"rolls d6: ([1-6])"),
    ("/roll 3d4", r"rolls 3d4: ([1-4]) \+ ([1-4]) \+ ([1-4]) = (\d+)"),
    ("/roll 2d6+1", r"rolls 2d6\+1: ([1-6]) \+ ([1-6]) \+ (1) = (\d+)"),
    ("/roll d20-20", r"rolls d20-20: (\d+) - 20 = (-?\d+)"),
])
def test_dice_rolls(chatd, text, told):
    server = chatd(only={**ALL_OFF, "rooms": "on", **example("dice")})
    with classic(server) as client, classic(server) as reader:
        client.say(text)
        said = client.recv()["text"]
        numbers = [int(number) for number in re.fullmatch(told, said).groups()]
        if text == "/roll d20-20":
            assert numbers[0] - 20 == numbers[1]
        elif len(numbers) > 1:
            assert sum(numbers[:-1]) == numbers[-1]
        assert reader.recv()["text"] == said
    assert server.metrics()["chatd_dice_rolls_total"] == 1


def test_dice_come_down_on_every_side(chatd):
    server = chatd(only={**ALL_OFF, "rooms": "on", **example("dice")}, sections={"dice": {"dice_max": "100"}})
    with classic(server) as client:
        client.say("/roll 100d2")
        dice = client.recv()["text"].split(": ")[1].split(" = ")[0].split(" + ")
        assert len(dice) == 100 and set(dice) == {"1", "2"}  # one side alone: by a chance of 2 ** -99


@pytest.mark.parametrize("text, code", [
    ("/roll", None), ("roll d6", None), ("/rolls d6", None),
    ("/roll ", "unclear"), ("/roll d", "unclear"), ("/roll 6", "unclear"), ("/roll 2d6+", "unclear"), ("/roll -1d6", "unclear"),
    ("/roll d-6", "unclear"), ("/roll 2d6x1", "unclear"), ("/roll 2d6+1+1", "unclear"), ("/roll d6 please", "unclear"),
    ("/roll 99999999999999999999d6", "unclear"), ("/roll d6+1000001", "unclear"),
    ("/roll 0d6", "limits"), ("/roll 21d6", "limits"), ("/roll d1", "limits"), ("/roll d1001", "limits"),
])
def test_dice_that_are_none(chatd, text, code):
    server = chatd(only={**ALL_OFF, "rooms": "on", **example("dice")})
    with classic(server) as client:
        client.say(text)
        frame = client.recv()
        if code is None:
            assert frame["text"] == text
        else:
            assert frame["error"]["code"] == f"dice.{code}"


def test_dice_are_reloaded(chatd):
    server = chatd(only={**ALL_OFF, "rooms": "on", **example("dice")})
    server.sections["dice"] = {"sides_max": "4"}
    server.write_ini()
    server.hang_up()
    server.wait_log("reload")

    def is_refused():
        with classic(server) as client:
            client.say("/roll d6")
            return client.recv().get("error", {}).get("code") == "dice.limits"
    wait_until(is_refused, what="the new limit")
