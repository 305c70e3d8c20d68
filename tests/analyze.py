#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""What takes too long for tests/lint.sh: clang-tidy and gcc -fanalyzer over core, plugins and examples.

analyze.py [FILE...]: all, or those alone. $CHATD_BUILD (build/asan) says how each is compiled. Ends with
`N passed, N failed`; a file and a tool are one. .clang-tidy says which checks are left out, and why.
"""
import concurrent.futures
import json
import os
import pathlib
import shlex
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[1]
BUILD = pathlib.Path(os.environ.get("CHATD_BUILD", "build/asan"))
FOLDERS = ("core", "plugins", "sdk")

# What the analyzer of gcc 12 gets wrong in C as it is here, by what it does not know:
WRONG = [
    # memory is never NULL (mem_alloc() aborts), and uthash never asks for it in vain
    "-Wno-analyzer-possible-null-dereference", "-Wno-analyzer-possible-null-argument",
    "-Wno-analyzer-null-dereference", "-Wno-analyzer-null-argument",
    # what another structure holds on to, or a later call frees, counts as lost
    "-Wno-analyzer-malloc-leak", "-Wno-analyzer-file-leak",
    # out parameters that are set whenever the result is good
    "-Wno-analyzer-use-of-uninitialized-value",
]


def commands():
    """{file: its compile command}, sanitizers left out."""
    found = {}
    for row in json.loads((ROOT / BUILD / "compile_commands.json").read_text()):
        file = pathlib.Path(row["file"]).relative_to(ROOT)
        if file.parts[0] in FOLDERS and file.suffix == ".c":
            words = shlex.split(row["command"])
            words = [word for word in words[:words.index("-o")] if "sanitize" not in word]
            found.setdefault(str(file), [word for word in words if "ccache" not in word])
    return found


def analyze(tool, file, command):
    if tool == "clang-tidy":
        words = ["clang-tidy", "-p", str(BUILD), "--quiet", file]
    else:
        words = [*command, "-fanalyzer", "-Werror", *WRONG, "-c", str(ROOT / file), "-o", os.devnull]
    done = subprocess.run(words, cwd=ROOT, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    return done.returncode, f"{tool} {file}", done.stdout


def main():
    known = commands()
    files = sys.argv[1:] or sorted(known)
    failed = 0
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        runs = [pool.submit(analyze, tool, file, known[file])
                for file in files for tool in ("fanalyzer", "clang-tidy")]
        for run in concurrent.futures.as_completed(runs):
            code, name, text = run.result()
            failed += code != 0
            print(f"{text}FAIL  {name}" if code else f"ok    {name}", flush=True)
    print(f"{len(files) * 2 - failed} passed, {failed} failed")
    return failed > 0


if __name__ == "__main__":
    sys.exit(main())
