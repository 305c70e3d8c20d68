# SPDX-License-Identifier: MIT
"""What clients did and saw, as JSON lines; history_check.py judges it.

One object a line, with "op" and the fields below. A *reader* is somebody who reads on over any
number of connections; a *connection* is one of them, `instance` the chatd it goes to.

| op | fields |
|---|---|
| attempt | user room text cid: about to be sent, once per message however often it is repeated |
| ok | the same, and epoch seq duplicate: acknowledged; `epoch` is the one the sender knew then |
| fail | the same, and code: refused for good |
| unknown | the same: the connection ended before an answer, and nobody repeats it |
| join | reader instance connection room since epoch seq top recovered |
| record | reader instance connection room epoch seq user text cid |
| fetched | the same: read by history.get |
| gap | reader instance connection room epoch from to |
| reset | reader instance connection room epoch seq |
| log | room epoch rows: the room's log in the end, rows of [seq, user, text] |
| leave | reader room: it does not want to read any further |
| closed | reader instance connection code |

What a dialect or a server without a log does not tell is null. Messages are told apart by
(room, user, text): who writes a transcript to have it judged says nothing twice.
"""
import json


class Transcript:
    """Entries in the order in which they happened, kept in memory and, with a path, in a file."""

    def __init__(self, path=None):
        self.entries = []
        self.file = open(path, "w", encoding="utf-8") if path else None

    def add(self, op, **fields):
        entry = {"op": op, **fields}
        self.entries.append(entry)
        if self.file:
            self.file.write(json.dumps(entry, ensure_ascii=False) + "\n")

    def of(self, op, **fields):
        """The entries of this kind whose fields are these."""
        return [entry for entry in self.entries if entry["op"] == op
                and all(entry.get(key) == value for key, value in fields.items())]

    def close(self):
        if self.file:
            self.file.close()
            self.file = None


def load(path):
    with open(path, encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]
