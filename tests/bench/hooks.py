#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""What an event costs with 0, 1 and 10 plugins hooked: nanoseconds, and instructions in user space by callgrind and perf,
where they are there. hooks.py [BENCH_HOOKS]; default build/hooks/bin/bench_hooks, see README.md."""
import json
import pathlib
import re
import shutil
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
FEW, MANY = 10_000, 60_000  # the difference leaves out what a process does besides


def run(*words):
    return subprocess.run([str(word) for word in words], text=True, check=True, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE)


def by_callgrind(program, case, n):
    done = run("valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null", program, "--case", case, "--count", n)
    return int(re.search(r"Collected : (\d+)", done.stderr)[1])


def by_perf(program, case, n):
    done = run("perf", "stat", "-x", ",", "-e", "instructions:u", program, "--case", case, "--count", n)
    return int(done.stderr.split(",")[0])


def per_event(count, program, case):
    """None: this machine cannot count so."""
    try:
        return (count(program, case, MANY) - count(program, case, FEW)) / (MANY - FEW)
    except (OSError, ValueError, subprocess.CalledProcessError):
        return None


def main():
    program = sys.argv[1] if len(sys.argv) > 1 else ROOT / "build" / "hooks" / "bin" / "bench_hooks"
    counters = [("callgrind", by_callgrind)] if shutil.which("valgrind") else []
    counters += [("perf", by_perf)] if shutil.which("perf") else []
    print("| case | plugins | ns | least ns |" + "".join(f" instructions ({name}) |" for name, _ in counters))
    print("|---|---|---|---|" + "---|" * len(counters))
    for line in run(program).stdout.splitlines():
        row = json.loads(line)
        counts = [per_event(count, program, row["case"]) for _, count in counters]
        print(f"| {row['case']} | {row['plugins']} | {row['ns']:.1f} | {row['least']:.1f} |" +
              "".join(f" {n:.0f} |" if n is not None else " - |" for n in counts))


if __name__ == "__main__":
    main()
