# SPDX-License-Identifier: MIT
"""Writes hooks.md from event.h, where every event has its row in CHATD_EVENTS, its payload and its comment.

    python3 sdk/doc/hooks.py            writes sdk/doc/hooks.md
    python3 sdk/doc/hooks.py --check    says whether it is what would be written; exit code 1 if not
"""
import difflib
import pathlib
import re
import sys
import textwrap

HERE = pathlib.Path(__file__).resolve().parent
HEADER = HERE.parent / "include" / "chatd" / "event.h"
PAGE = HERE / "hooks.md"
WIDTH = 110

HEAD = """\
# Hooks

Every event there is: what its handler looks like, what it is told and what it may do. This page is made from
`chatd/event.h` by `hooks.py`: change it there. How verdicts, bands, waits and denials work is in [events.md](events.md).
"""

KINDS = {
    "NOTIFY": "looks on",
    "DECIDE": "decides at once",
    "DECIDE_ASYNC": "decides, at once or [later](events.md#waiting)",
}


class Fault(Exception):
    """event.h does not look like what is read here."""


def one_line(comment):
    """The words of a comment, without its stars."""
    return " ".join(re.sub(r"^\s*\*(?!/)", "", line).strip() for line in comment.splitlines()).strip()


def members(body):
    """[(name, type, comment)] of a struct's body."""
    found = []
    for declared, comment in re.findall(r"([^;/]+);[ \t]*(?:/\*(.*?)\*/)?", body, re.S):
        kind, names = re.fullmatch(r"\s*((?:const )?(?:struct )?\w+ )(.*)", declared, re.S).groups()
        if comment and "," in names:
            raise Fault(f"whose comment is it: {names}? One name a line, please")
        for name in names.split(","):
            stars = len(name.strip()) - len(name.strip().lstrip("*"))
            found.append((name.strip().lstrip("*"), kind.strip() + (" " + "*" * stars if stars else ""),
                          one_line(comment)))
    if not found:
        raise Fault(f"no members in {body!r}")
    return found


def structs(text):
    """{name: (comment, members)} of the structs that have a comment right before them."""
    pattern = r"/\*((?:(?!\*/).)*)\*/\nstruct (chatd_ev\w*) \{\n(.*?)^\};"
    return {name: (one_line(comment), members(body))
            for comment, name, body in re.findall(pattern, text, re.S | re.M)}


def events(text):
    """[(id, name, payload, kind, owner)] of CHATD_EVENTS, in the order of the payloads."""
    rows = re.findall(r'\bX\((\d+), (\w+), struct (\w+), (\w+), "([\w.]+)"\)', text)
    written = len(re.findall(r"\bX\(\d", text))
    if not rows or len(rows) != written:
        raise Fault(f"{written} rows in CHATD_EVENTS, of which {len(rows)} are understood")
    order = re.findall(r"^struct (\w+) \{", text, re.M)
    for row in rows:
        if row[2] not in order or row[3] not in KINDS:
            raise Fault(f"no payload before the list, or no such kind: {row}")
    return sorted(rows, key=lambda row: order.index(row[2]))


def code(words):
    """Names of the SDK, as code."""
    return re.sub(r"(?<![`\w])(\w*(?:CHATD|chatd)_\w+(?:\(\))?|chatd\.\w+|ev\.\w+|NULL)(?![`\w])", r"`\1`", words)


def cell(words):
    return code(words).replace("|", "\\|")


def rewritten(payload):
    return [name for name, _, comment in payload if comment.startswith("[change]")]


def filled_in(payload):
    return [name for name, _, comment in payload if comment.startswith("[CHECK]")]


def names_of(names):
    return ", ".join(f"`{name}`" for name in names)


def bands(kind):
    return ["WATCH"] if kind == "NOTIFY" else ["CHECK", "CHANGE", "WATCH"]


def band_rows(kind, payload):
    """[(band, what a handler may return there, what it may set)]"""
    nothing = "nothing"
    if kind == "NOTIFY":
        return [("`CHATD_WATCH`", nothing, nothing)]
    later = ", `CHATD_WAIT`" if kind == "DECIDE_ASYNC" else ""
    return [("`CHATD_CHECK`", f"`CHATD_NEXT`, `chatd_deny()`{later}", names_of(filled_in(payload)) or nothing),
            ("`CHATD_CHANGE`", f"`CHATD_NEXT`, `CHATD_DONE`, `chatd_deny()`{later}",
             names_of(rewritten(payload)) or nothing),
            ("`CHATD_WATCH`", "whatever, it is ignored", nothing)]


def paragraph(words):
    return textwrap.wrap(code(words), WIDTH, break_long_words=False, break_on_hyphens=False)


def sample(name, payload, kind):
    """The handler's exact signature, and the call in init() that hooks it. A test compiles both."""
    if kind == "NOTIFY":
        return [f"static void on_{name}(chatd_plugin *self, const struct {payload} *ev);", "",
                f"rc = chatd_on_{name}(self, on_{name});"]
    return [f"static enum chatd_verdict on_{name}(chatd_plugin *self, struct {payload} *ev);", "",
            f"rc = chatd_on_{name}(self, CHATD_CHECK, on_{name}); /* or CHATD_CHANGE, CHATD_WATCH */"]


def table(head, rows):
    line = "| " + " | ".join(head) + " |"
    return [line, "|" + "---|" * len(head), *("| " + " | ".join(row) + " |" for row in rows)]


def section(row, described):
    number, name, payload, kind, owner = row
    comment, fields = described[payload]
    said = re.fullmatch(rf"`{name}`: (.*)", comment)
    if said is None:
        raise Fault(f"the comment before struct {payload} does not begin with `{name}`:")
    about = said[1][0].upper() + said[1][1:]
    rows = [(f"`{member}`", f"`{kind_of}`",
             cell(what) if member != "ev" else "the [head](#the-head)" + (f"; {cell(what)}" if what else ""))
            for member, kind_of, what in fields]
    owner = "the core" if owner == "core" else f"the provider of `{owner}`"
    return [f"## {name}", "", *paragraph(about), "",
            *paragraph(f"Event {number}, `CHATD_EV_{name}`, raised by {owner}; {kind}: a handler {KINDS[kind]}."), "",
            "```c", *sample(name, payload, kind), "```", "",
            *table(["Band", "A handler may return", "and set"], band_rows(kind, fields)), "",
            *table([f"`struct {payload}`", "Type", ""], rows), ""]


def page(text):
    described, rows = structs(text), events(text)
    for row in rows:
        if row[2] not in described:
            raise Fault(f"struct {row[2]} has no comment before it")
    overview = [(f"[`{name}`](#{name})", number, kind, owner if owner == "core" else f"`{owner}`",
                 ", ".join(bands(kind)),
                 names_of(rewritten(described[payload][1]) + filled_in(described[payload][1])))
                for number, name, payload, kind, owner in rows]
    about, fields = described["chatd_ev"]
    lines = [HEAD, *table(["Event", "Id", "Kind", "Owner", "Bands", "A handler may set"], overview), "",
             "The owner `chatd.rooms` means: the plugin that provides this service. While none is loaded its events are never",
             "raised, and hooking them is no error.", "",
             "## The head", "", *paragraph(f"`struct chatd_ev`, the member `ev`: {about[0].lower()}{about[1:]}"), "",
             *table(["`struct chatd_ev`", "Type", ""],
                    [(f"`{name}`", f"`{kind}`", cell(what)) for name, kind, what in fields]), ""]
    for row in rows:
        lines += section(row, described)
    return "\n".join(lines).rstrip("\n") + "\n"


def main(arguments):
    if arguments not in ([], ["--check"]):
        print(__doc__, file=sys.stderr)
        return 2
    try:
        made = page(HEADER.read_text())
    except Fault as fault:
        print(f"FAIL {HEADER.name}: {fault}")
        return 1
    if not arguments:
        PAGE.write_text(made)
        return 0
    there = PAGE.read_text() if PAGE.exists() else ""
    if there == made:
        print(f"{PAGE.name} says what {HEADER.name} says")
        return 0
    sys.stdout.writelines(difflib.unified_diff(there.splitlines(True), made.splitlines(True), "sdk/doc/hooks.md",
                                               "sdk/include/chatd/event.h"))
    print("FAIL sdk/doc/hooks.md is not what python3 sdk/doc/hooks.py writes")
    return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
