# SPDX-License-Identifier: MIT
"""Writes the options of chatd.ini.5 from what `chatd --dump-config` says with all bundled plugins on.

    python3 man/options.py BUILD            writes them into man/chatd.ini.5; BUILD is a folder like build/release
    python3 man/options.py BUILD --check    says whether they are what would be written; exit code 1 if not
"""
import difflib
import os
import pathlib
import re
import subprocess
import sys
import tempfile

PAGE = pathlib.Path(__file__).resolve().parent / "chatd.ini.5"
BEGIN = '.\\" What follows is written by options.py, up to its end.\n'
END = '.\\" The end of what options.py writes.\n'
# Two stores offer the same; which of them is picked changes no option.
PICKS = {"chatd.kv": "history-sqlite", "chatd.log": "history-sqlite"}
OPEN = ("plugins", "services", "hooks")  # their keys come from no table


class Fault(Exception):
    """What was dumped does not look like what is read here."""


def dump(build):
    """What chatd says of itself and of every plugin that lies beside it, without anybody's settings."""
    plugins = sorted(path.stem for path in (build / "lib" / "chatd").glob("*.so"))
    if not plugins:
        raise Fault(f"there are no plugins in {build}/lib/chatd: build first")
    lines = ["[plugins]", *(f"{name} = on" for name in plugins),
             "[services]", *(f"{name} = {provider}" for name, provider in PICKS.items())]
    env = {key: value for key, value in os.environ.items() if not key.startswith("CHATD_") and key != "REDIS_ADDR"}
    with tempfile.TemporaryDirectory() as folder:
        ini = pathlib.Path(folder) / "chatd.ini"
        ini.write_text("\n".join(lines) + "\n")
        done = subprocess.run([build / "bin" / "chatd", "-c", ini, "--dump-config"], env=env, text=True, cwd=folder,
                              capture_output=True, stdin=subprocess.DEVNULL, timeout=60, check=False)
    if done.returncode != 0:
        raise Fault(f"chatd --dump-config ends with {done.returncode}:\n{done.stderr}")
    return plugins, done.stdout


def options(text):
    """{section: [(key, type, bounds, default, help)]}; what has no default is None there."""
    found, section, remarks = {}, None, []
    for line in text.splitlines():
        head = re.fullmatch(r"\[([\w-]+)\]", line)
        remark = re.fullmatch(r"; (.*)", line)
        unset = re.fullmatch(r"; (\w+) =", line)
        if head:
            section, remarks = head[1], []
            if section not in OPEN:
                found[section] = []
        elif section in OPEN or not line:
            remarks = []
        elif remark and not unset:
            remarks.append(remark[1])
        else:
            key = unset[1] if unset else line.split(" = ")[0]
            found[section].append((key, *understood(remarks, key)))
            remarks = []
    return found


def understood(remarks, key):
    """The help of an option, what it takes, and where its value is from."""
    if len(remarks) != 3 or remarks[2] not in ("not set", "from default"):
        raise Fault(f"{key}: {remarks}")
    about, taken = remarks[:2]
    kind, wanted = re.fullmatch(r"(\w+): (.*)", taken).groups()
    default = re.search(r" \(default (.*)\)$", wanted)
    bounds = re.sub(r" \((default .*|required)\)$", "", wanted)
    # The units are said once, in the page.
    bounds = re.sub(r", units [\w ]+$", "", bounds)
    return kind, bounds, default and default[1], about


def roff(text):
    """Text as it is: no escapes, no hyphens that are cut or turned, no line that is a request."""
    text = text.replace("\\", "\\e").replace("-", "\\-").replace("'", "\\(aq").replace("`", "\\(ga")
    text = text.replace("^", "\\(ha").replace("~", "\\(ti")
    return re.sub(r"^([.'])", r"\\&\1", text, flags=re.M)


def quoted(text):
    return '"' + roff(text).replace('"', "\\(dq") + '"'


def sentence(text):
    """With a capital, unless it begins with a value (`full: ...`) or another name."""
    word = text.split(" ")[0]
    first = text[0] if word.endswith(":") or "-" in word else text[0].upper()
    return first + text[1:] + ("" if text.endswith(".") else ".")


def entry(key, kind, bounds, default, about):
    taken = kind if kind in ("switch", "path", "list") else bounds if kind == "choice" else f"{kind}, {bounds}"
    if default:
        taken += f"; default {default}"
    return "\n".join([".TP", f".BR {roff(key)} {quoted(f' ({taken})')}", roff(sentence(about))]) + "\n"


def written(plugins, found):
    """The sections in the order of the dump, which is that of the plugins; the core's first."""
    missing = [name for name in ["chatd", *plugins] if not found.get(name)]
    if missing:
        raise Fault(f"nothing is said about {missing}")
    return "".join(f".SS [{roff(section)}]\n" + "".join(entry(*option) for option in rows)
                   for section, rows in found.items())


def main(arguments):
    if len(arguments) not in (1, 2) or arguments[1:] not in ([], ["--check"]):
        print(__doc__, file=sys.stderr)
        return 2
    there = PAGE.read_text()
    try:
        plugins, text = dump(pathlib.Path(arguments[0]).resolve())
        before, _, rest = there.partition(BEGIN)
        _, _, after = rest.partition(END)
        if not after:
            raise Fault(f"{PAGE.name} does not say where the options go")
        made = before + BEGIN + written(plugins, options(text)) + END + after
    except Fault as fault:
        print(f"FAIL man/options.py: {fault}")
        return 1
    if not arguments[1:]:
        PAGE.write_text(made)
        return 0
    if there == made:
        print(f"man/{PAGE.name} has {made.count(chr(10) + '.TP')} entries, as chatd says")
        return 0
    sys.stdout.writelines(difflib.unified_diff(there.splitlines(True), made.splitlines(True), f"man/{PAGE.name}",
                                               "chatd --dump-config"))
    print(f"FAIL man/{PAGE.name} is not what python3 man/options.py {arguments[0]} writes")
    return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
