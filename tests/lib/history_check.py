# SPDX-License-Identifier: MIT
"""Judges a transcript (transcript.py): was every acknowledged message seen once by everybody?

    report = check(transcript.entries)
    report.assert_good()

Faults, of which a good history has none:

lost        acknowledged, and a reader whose position went past its place does not hold it and was
            not told (by a gap, a reset, or a join with recovered:false) that it may miss it
doubled     a reader got the same record twice on its way, or one message has two places
unexpected  received, but never attempted, or refused to its sender
reordered   a reader was sent a place behind its position that it does not hold like this
hole        a reader was sent a place beyond the next one, without gap, reset or a new start
conflict    two readers got different messages for the same place (room, epoch, seq), or one holds
            something else than the log in the end
unrecovered a reader's position was good, not too old, and it was told recovered:false (where resume_max
            is known)
wrong_ack   the seq of the acknowledgement is not where the message was seen

Counted, but nobody's fault:

recovered   the outcome was unknown to the sender, and it was received
skipped     (message, reader) pairs that a gap or a new start announced
voided      (message, reader) pairs that a reset, or a start in another epoch, announced
forgotten   acknowledged, and lost with the records after the end of an older epoch

A reader's way through a room: `join` puts it to a position; the next record must be position + 1.
`gap` moves the position to its end. `reset` voids what is held behind its seq, takes the position
back to it, and begins an epoch. A join that did not recover starts anew: what the page brings again
is no double, what it leaves out is skipped. A classic reader is told no position: the first record
after a join is its start. Without a log there is no seq, and just lost, doubled and unexpected are
judged. Where the room's log was read in the end, it is compared with everything: each acknowledged
message is in it, once, at its place, and what a reader holds, from its start to its position, is the log.
Run as a program it prints the report of a file.
"""
import collections
import re
import sys

from transcript import load

FAULTS = ("lost", "doubled", "unexpected", "reordered", "hole", "conflict", "unrecovered", "wrong_ack")
EXAMPLES = 5


class Report:
    def __init__(self):
        self.counts = collections.Counter()
        self.faults = {name: [] for name in FAULTS}

    def fault(self, name, text):
        self.faults[name].append(re.sub(r"(.)\1{20,}", r"\1\1\1...", text))  # padding

    @property
    def is_good(self):
        return not any(self.faults.values())

    def assert_good(self):
        assert self.is_good, str(self)

    def __str__(self):
        lines = [" ".join(f"{name}={n}" for name, n in sorted(self.counts.items()))]
        for name, found in self.faults.items():
            lines += [f"{name}: {len(found)}"] if found else []
            lines += [f"    {text}" for text in found[:EXAMPLES]]
        return "\n".join(lines)


class View:
    """What one reader holds of one room."""

    def __init__(self, history, reader, room):
        self.history, self.reader, self.room = history, reader, room
        self.epoch = None
        self.at = None  # its position
        self.start = None  # where it came in first
        self.held = {}  # seq: message
        self.loose = []  # messages without seq
        self.messages = None  # all of these, at the end
        self.skipped = []  # (from, to) of what it was told it misses
        self.joins, self.joined_at, self.has_left = 0, None, False

    def fault(self, name, text):
        self.history.report.fault(name, f"{self.reader} in {self.room}: {text}")

    def holds(self, message):
        """For the judgement: when nothing happens to it any more."""
        if self.messages is None:
            self.messages = {*self.loose, *self.held.values()}
        return message in self.messages

    def is_skipped(self, seq):
        return any(first <= seq <= last for first, last in self.skipped)

    def void_after(self, seq):
        self.held = {place: message for place, message in self.held.items() if place <= seq}
        self.skipped = [(a, min(b, seq)) for a, b in self.skipped if a <= seq]

    def skip(self, first, last):
        if first <= last:
            self.skipped.append((first, last))

    def enter_epoch(self, epoch, common):
        if self.epoch is not None and epoch != self.epoch:
            self.history.link(self.room, self.epoch, epoch, common)
        self.epoch = epoch

    def start_at(self, seq):
        """A new start: what comes after `seq` comes again."""
        if self.at is not None:
            self.skip(self.at + 1, seq)
        self.void_after(seq)
        self.at = seq
        if self.start is None or seq < self.start:
            self.start = seq

    def may_be_told_to_start_anew(self, entry):
        since, most = entry.get("since"), self.history.resume_max
        if most is None or not since or entry["recovered"] or since[0] != entry["epoch"]:
            return
        if 0 <= entry["top"] - since[1] <= most:
            self.fault("unrecovered", f"it came back with {since}, the top was {entry['top']}")

    # -- what happens to it ---------------------------------------------------------------------

    def on_join(self, entry, index):
        self.joins += 1
        self.has_left = False
        self.may_be_told_to_start_anew(entry)
        if self.joined_at is None:
            self.joined_at = index
        if entry["recovered"]:
            if entry["seq"] != self.at:
                self.fault("hole" if self.at is None or entry["seq"] > self.at else "reordered",
                           f"it resumed at {entry['seq']} and had been at {self.at}")
            self.enter_epoch(entry["epoch"], entry["seq"])
            self.at = entry["seq"]
        elif entry["epoch"] is not None:
            is_another = self.epoch is not None and entry["epoch"] != self.epoch
            if entry["epoch"] != self.epoch:
                self.void_after(0)
            self.enter_epoch(entry["epoch"], 0)
            self.start_at(entry["seq"])
            if is_another:
                self.skip(1, entry["seq"])  # what it held of that, it let go
        elif self.at is not None:
            self.before, self.at = self.at, None  # classic: the next record tells

    before = None
    page_from = 0  # classic: where its latest page began

    def let_go(self, epochs):
        """Classic: the store may have lost what it held before its latest page. It cannot be told of more
        than that a new page begins."""
        values = self.history.values
        for seq, message in list(self.held.items()):
            others = [values.get((self.room, epoch, seq), (message,))[0] for epoch in epochs]
            if seq < self.page_from and any(other != message for other in others):
                del self.held[seq]
                self.skip(seq, seq)

    def on_record(self, entry):
        message, seq = (entry["user"], entry["text"]), entry["seq"]
        if seq is None:
            if message in self.loose:
                self.fault("doubled", f"{message} came twice")
            self.loose.append(message)
            return
        if self.at is None:
            self.at = self.before
            self.start_at(seq - 1)
            self.page_from = seq
        if seq > self.at + 1:
            self.fault("hole", f"{seq} {message} came after {self.at}")
        elif seq <= self.at:
            is_again = self.held.get(seq) == message
            self.fault("doubled" if is_again else "reordered",
                       f"{seq} {message} came after {self.at}")
        self.held[seq] = message
        self.at = max(self.at, seq)

    def on_gap(self, entry):
        if entry["from"] != self.at + 1 or entry["to"] < entry["from"]:
            self.fault("hole" if entry["from"] > self.at + 1 else "reordered",
                       f"a gap {entry['from']}-{entry['to']} came after {self.at}")
        self.skip(entry["from"], entry["to"])
        self.at = entry["to"]

    def on_reset(self, entry):
        self.void_after(entry["seq"])
        self.enter_epoch(entry["epoch"], entry["seq"])
        self.at = entry["seq"] if self.at is None else min(self.at, entry["seq"])

    # -- the judgement --------------------------------------------------------------------------

    def compare(self, epoch, rows):
        """With the room's log, {seq: message}."""
        if self.epoch not in (None, epoch) and not self.has_left:
            self.fault("conflict", f"it is in epoch {self.epoch}, the log is in {epoch}")
            return
        first = min(rows, default=1)
        for seq, message in self.held.items():
            if seq >= first and rows.get(seq) != message:
                self.fault("conflict", f"it holds {message} at {seq}, the log has {rows.get(seq)}")
        for seq, message in rows.items():
            if None not in (self.start, self.at) and self.start < seq <= self.at \
                    and seq not in self.held and not self.is_skipped(seq):
                self.fault("lost", f"{seq} {message} of the log is not there")

    def judge(self, ok):
        """What became of an acknowledged message here: "held", "lost", or why it is neither."""
        message, seq = (ok["user"], ok["text"]), ok["seq"]
        if self.holds(message):
            return "held"
        if seq is None:
            is_bound = self.joins == 1 and not self.has_left and self.joined_at < ok["attempted_at"]
            return "lost" if is_bound else "elsewhere"
        # A classic reader knows no epochs: it is where the room came to at last.
        epochs = self.history.epochs_of(ok)
        epoch = self.epoch or self.history.last_epoch(self.room, *epochs[:1])
        if self.history.is_void(ok, epochs, epoch):
            return "voided"
        if self.is_skipped(seq):
            return "skipped"
        if self.start is None or seq <= self.start or (self.has_left and seq > self.at):
            return "elsewhere"
        return "lost"


class History:
    def __init__(self, entries, resume_max=None):
        self.resume_max = resume_max
        self.report = Report()
        self.entries = entries
        self.views = {}
        self.sends = {}  # (room, user, text): [op of the outcome, index of the attempt]
        self.acks = []
        self.places = collections.defaultdict(dict)  # (room, user, text): {(epoch, seq): reader}
        self.values = {}  # (room, epoch, seq): (message, reader)
        self.links = {}  # (room, epoch): (the next epoch, seq up to which both are one)
        self.logs = {}  # room: (epoch, {seq: message}) as it was read in the end

    def link(self, room, old, new, common):
        known = self.links.get((room, old))
        # A start without recovery says nothing about what is common: any other witness is better.
        if known is None or (known[0] == new and common > known[1]):
            self.links[room, old] = (new, common)

    def common(self, room, old, new):
        """Up to which seq the older epoch is still true in the newer one; 0 if nobody knows."""
        common, epoch, seen = sys.maxsize, old, set()
        while epoch != new:
            if epoch in seen or (room, epoch) not in self.links:
                return 0
            seen.add(epoch)
            epoch, seq = self.links[room, epoch]
            common = min(common, seq)
        return common

    def epochs_of(self, ok):
        """In which epochs an acknowledged message has its place. The sender may have been acknowledged in
        one that it was told of a moment later; a classic one knows none."""
        places = self.places.get((ok["room"], ok["user"], ok["text"]), {})
        seen = [epoch for epoch, seq in places if seq == ok["seq"] and epoch is not None]
        return seen or [ok["epoch"]]

    def is_void(self, ok, epochs, epoch):
        """Was it lost with the end of its epoch, seen from a later one?"""
        if epochs == [None]:
            return any(ok["seq"] > common for (room, _), (_, common) in self.links.items()
                       if room == ok["room"])
        return epoch is not None and epoch not in epochs and \
            all(ok["seq"] > self.common(ok["room"], old, epoch) for old in epochs)

    def last_epoch(self, room, epoch):
        """Where the epochs that readers were told of lead to."""
        seen = set()
        while (room, epoch) in self.links and epoch not in seen:
            seen.add(epoch)
            epoch = self.links[room, epoch][0]
        return epoch

    def view(self, entry):
        key = entry["reader"], entry["room"]
        if key not in self.views:
            self.views[key] = View(self, *key)
        return self.views[key]

    def on_send(self, entry, index):
        key = entry["room"], entry["user"], entry["text"]
        if entry["op"] == "attempt":
            self.sends[key] = ["unknown", index]
            return
        self.sends[key][0] = entry["op"]
        if entry["op"] == "ok":
            self.acks.append({**entry, "attempted_at": self.sends[key][1]})

    def on_received(self, entry, reader):
        """Everything anybody got, for the comparison of all with all."""
        self.report.counts["received"] += 1
        message = entry["user"], entry["text"]
        if entry["seq"] is None:
            self.places[entry["room"], *message][None, None] = reader
            return
        place = entry["epoch"], entry["seq"]
        self.places[entry["room"], *message][place] = reader
        known, first = self.values.setdefault((entry["room"], *place), (message, reader))
        if known != message and entry["epoch"] is not None:
            self.report.fault("conflict", f"{entry['room']} {place}: {first} got {known}, "
                                          f"{reader} got {message}")

    def on_log(self, entry):
        log = entry["epoch"], {seq: (user, text) for seq, user, text in entry["rows"]}
        if self.logs.setdefault(entry["room"], log) != log:
            self.report.fault("conflict", f"two instances read different logs of {entry['room']}")

    def walk(self):
        for index, entry in enumerate(self.entries):
            op = entry["op"]
            if op in ("attempt", "ok", "fail", "unknown"):
                self.on_send(entry, index)
            elif op == "join":
                self.view(entry).on_join(entry, index)
                self.report.counts["resumed" if entry["recovered"] else "started"] += 1
            elif op == "leave":
                self.view(entry).has_left = True
            elif op in ("record", "fetched"):
                self.on_received(entry, entry["reader"])
                if op == "record":
                    self.view(entry).on_record(entry)
                else:
                    message = entry["user"], entry["text"]
                    self.view(entry).held.setdefault(entry["seq"], message)
            elif op == "log":
                self.on_log(entry)
            elif op in ("gap", "reset"):
                getattr(self.view(entry), f"on_{op}")(entry)
                self.report.counts[op + "s"] += 1

    def judge_epochs(self):
        """What two epochs have in common is the same; classic readers, who know none, agree too."""
        epochs = collections.defaultdict(set)
        for room, epoch, _ in self.values:
            epochs[room].add(epoch)
        for view in self.views.values():
            if view.epoch is None and len(epochs[view.room] - {None}) > 1:
                view.let_go(epochs[view.room] - {None})
        for (room, epoch, seq), (message, reader) in self.values.items():
            if epoch is None and room in self.logs:
                continue  # nobody else may have seen it before the store lost it; the log is compared
            if epoch is None and len(epochs[room]) > 1:
                others = [self.values.get((room, other, seq)) for other in epochs[room] - {None}]
                is_same = not any(others) or message in [other[0] for other in others if other]
            elif (room, epoch) in self.links and seq <= self.links[room, epoch][1]:
                others = [self.values.get((room, self.links[room, epoch][0], seq))]
                is_same = others[0] is None or others[0][0] == message
            else:
                continue
            if not is_same:
                self.report.fault("conflict", f"{room} ({epoch}, {seq}): {reader} got {message}, "
                                              f"in other epochs it is {others}")

    def judge_sends(self):
        outcomes = collections.Counter(op for op, _ in self.sends.values())
        self.report.counts.update({"attempted": len(self.sends), **outcomes})
        for (room, *message), places in self.places.items():
            outcome = self.sends.get((room, *message), [None])[0]
            reader = next(iter(places.values()))
            if outcome in (None, "fail"):
                told = "was never sent" if outcome is None else "was refused"
                self.report.fault("unexpected", f"{reader} got {message} in {room}, which {told}")
            self.report.counts["recovered"] += outcome == "unknown"

    def judge_acks(self):
        views = collections.defaultdict(list)
        for view in self.views.values():
            views[view.room].append(view)
        for ok in self.acks:
            places = self.places.get((ok["room"], ok["user"], ok["text"]), {})
            seqs = {seq for _, seq in places}
            if seqs and ok["seq"] not in seqs:
                self.report.fault("wrong_ack", f"{ok['user']} was told {ok['seq']} for "
                                               f"{ok['text']!r} in {ok['room']}, seen at {seqs}")
            for view in views[ok["room"]]:
                verdict = view.judge(ok)
                self.report.counts[verdict] += 1
                if verdict == "lost":
                    view.fault("lost", f"{ok['seq']} {(ok['user'], ok['text'])} is not there, "
                                       f"the position is {view.at}")

    def judge_logs(self):
        for room, (epoch, rows) in self.logs.items():
            where = collections.defaultdict(list)
            for seq, message in rows.items():
                where[message].append(seq)
            for message, seqs in where.items():
                if len(seqs) > 1:
                    self.report.fault("doubled", f"the log of {room} has {message} at {seqs}")
            if rows and len(rows) != max(rows) - min(rows) + 1:
                self.report.fault("hole", f"the log of {room} has {len(rows)} records from "
                                          f"{min(rows)} to {max(rows)}")
            for ok in self.acks:
                if ok["room"] == room:
                    self.compare_ack(ok, epoch, rows, where)
            for view in self.views.values():
                if view.room == room:
                    view.compare(epoch, rows)
            self.report.counts["logged"] += len(rows)

    def compare_ack(self, ok, epoch, rows, where):
        message, seq = (ok["user"], ok["text"]), ok["seq"]
        is_void = self.is_void(ok, self.epochs_of(ok), epoch)
        if message in where:
            # One that was sent twice may be stored again after the store has lost the first.
            if seq not in where[message] and not is_void:
                self.report.fault("wrong_ack", f"{ok['user']} was told {seq} for {ok['text']!r} in "
                                               f"{ok['room']}, the log has it at {where[message]}")
            return
        if seq < min(rows, default=1):
            return  # trimmed
        if is_void:
            self.report.counts["forgotten"] += 1
        else:
            self.report.fault("lost", f"{seq} {message} was acknowledged and is not in the log of "
                                      f"{ok['room']}")

    def judge_views(self):
        for view in self.views.values():
            where = collections.defaultdict(list)
            for seq, message in view.held.items():
                where[message].append(seq)
            for message, seqs in where.items():
                if len(seqs) > 1:
                    view.fault("doubled", f"{message} is at {seqs}")


def check(entries, resume_max=None):
    """The Report on a transcript's entries. `resume_max`: of a server that trims nothing meanwhile."""
    history = History(entries, resume_max)
    history.walk()
    history.judge_epochs()
    history.judge_sends()
    history.judge_acks()
    history.judge_logs()
    history.judge_views()
    return history.report


if __name__ == "__main__":
    result = check(load(sys.argv[1]))
    print(result)
    sys.exit(0 if result.is_good else 1)
