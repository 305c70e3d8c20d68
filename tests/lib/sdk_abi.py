# SPDX-License-Identifier: MIT
"""What the SDK's headers declare, and what of it may never change: types, signatures, numbers.

tests/sdk/test_abi.sh compares sizes and offsets. They do not tell an int32_t from a uint32_t, nor one argument of a
function from two, nor a member that slipped into padding: this reads the declarations themselves.
"""
import pathlib
import re

# Nothing of these crosses the border: their functions are compiled into the plugin.
INLINE_ONLY = {"bucket.h", "fields.h", "json.h", "network.h"}


def headers(include):
    return sorted(file for file in pathlib.Path(include, "chatd").rglob("*.h") if file.name not in INLINE_ONLY)


def bare(text):
    """Without comments and directives; macros go with them."""
    text = re.sub(r"/\*.*?\*/", " ", text, flags=re.S)
    text = re.sub(r"//[^\n]*", " ", text)
    return re.sub(r"^[ \t]*#(?:[^\n]*\\\n)*[^\n]*", " ", text, flags=re.M)


def words(text):
    return re.sub(r" ?([*(),\[\]]) ?", r"\1", " ".join(text.split()))


def declarations(body):
    """[(name, declaration)] of a struct's members, one each: `int a, b;` are two."""
    found = []
    for line in body.split(";"):
        line = words(line)
        function = re.search(r"\(\*(\w+)\)\(", line)
        if function:
            found.append((function[1], line))
        elif line:
            first, *others = line.split(",")
            base, name = re.fullmatch(r"(.*[ *])(\w+(?:\[\w+\])*)", first).groups()
            plain = re.match(r"[^*]*\w", base)[0]
            found.append((name, words(base + name)))
            found += [(other.lstrip("*"), words(f"{plain} {other}")) for other in others]
    return found


class Headers:
    """structs: {tag or type: [(member, declaration)]}, enums: {tag: {name: number}}, callbacks: {type: declaration},
    events: {name: (id, payload, kind, owner)}, version: the ABI's, "0.4"; types: those of structs without a tag."""

    def __init__(self, include):
        self.structs, self.enums, self.callbacks, self.events = {}, {}, {}, {}
        self.types = set()
        for file in headers(include):
            self._read(file.read_text())

    def _read(self, text):
        # Enumerators without a number are not the ABI's: CHATD_EV_END moves with each event.
        events = re.findall(r'X\((\d+), (\w+), (struct \w+), (\w+), "([\w.]+)"\)', text)
        self.events.update({name: (int(number), payload, kind, owner) for number, name, payload, kind, owner in events})
        version = re.findall(r"#define CHATD_ABI_M(?:AJ|IN)OR (\d+)", text)
        if version:
            self.version = ".".join(version)
        text = bare(text)
        for tag, body in re.findall(r"\bstruct (chatd_\w+)\s*\{([^}]*)\}\s*;", text):
            self.structs[tag] = declarations(body)
        for body, name in re.findall(r"\btypedef struct\s*\{([^}]*)\}\s*(chatd_\w+)\s*;", text):
            self.structs[name] = declarations(body)
            self.types.add(name)
        for tag, body in re.findall(r"\benum (chatd_\w+)\s*\{([^}]*)\}\s*;", text):
            self.enums[tag] = {name: int(number) for name, number in re.findall(r"(\w+) = (-?\d+)", body)}
        for line in re.findall(r"\btypedef ([^;{]*\(\*\w+\)\([^;]*);", text):
            self.callbacks[re.search(r"\(\*(\w+)\)", line)[1]] = words(line)


def doubles(now):
    """Numbers that were given twice."""
    found = []
    for tag, values in now.enums.items():
        for name, number in values.items():
            first = next(other for other in values if values[other] == number)
            if first != name:
                found.append(f"enum {tag}: {name} is {number}, as {first} is")
    for name, event in now.events.items():
        first = next(other for other in now.events if now.events[other][0] == event[0])
        if first != name:
            found.append(f"event {name}: its id {event[0]} is that of {first}")
    return found


def unlisted(now, record):
    """Members and enumerators that the golden record of their version does not have."""
    lines = {tuple(line.split()[:2]) for line in pathlib.Path(record).read_text().splitlines()}
    found = [f"{tag}.{name} is not in {pathlib.Path(record).name}" for tag, members in now.structs.items()
             for name, _ in members if ("member", f"{tag}.{name}") not in lines]
    return found + [f"{name} is not in {pathlib.Path(record).name}" for values in now.enums.values()
                    for name in values if ("value", name) not in lines]


def changes(then, now):
    """What `now` says differently from `then`; appending is no change."""
    found = []
    for tag, members in then.structs.items():
        present = now.structs.get(tag, [])
        for i, (_, text) in enumerate(members):
            is_now = present[i][1] if i < len(present) else "gone"
            if is_now != text:
                found.append(f"{tag}: \"{text}\" is now \"{is_now}\"")
    for kind, was, now_is in (("typedef", then.callbacks, now.callbacks), ("event", then.events, now.events)):
        found += [f"{kind} {name}: was {text}, is {now_is.get(name, 'gone')}"
                  for name, text in was.items() if now_is.get(name) != text]
    for tag, values in then.enums.items():
        present = now.enums.get(tag, {})
        found += [f"enum {tag}: {name} was {number}, is {present.get(name, 'gone')}"
                  for name, number in values.items() if present.get(name) != number]
    return found


def frozen(sdk):
    """{minor as text: its include folder} of the minors that are kept."""
    return {folder.name: folder / "include" for folder in sorted(pathlib.Path(sdk, "abi").iterdir()) if folder.is_dir()}


def problems(sdk):
    """Sentences; none when everything that ever was declared still is."""
    sdk = pathlib.Path(sdk)
    now = Headers(sdk / "include")
    found = doubles(now) + unlisted(now, sdk / "abi" / f"{now.version}.txt")
    for version, include in frozen(sdk).items():
        found += [f"since {version}, {text}" for text in changes(Headers(include), now)]
    for record in sorted((sdk / "abi").glob("*.txt")):
        if record.stem != now.version and record.stem not in frozen(sdk):
            found.append(f"the headers of {record.stem} are not kept in sdk/abi/{record.stem}: see sdk/abi/README.md")
    return found
