# SPDX-License-Identifier: MIT
"""The history checker finds each fault, and nothing in a history that has none."""
import subprocess
import sys

import pytest
from history_check import FAULTS, check
from server import ROOT
from transcript import Transcript, load


class Story(Transcript):
    """A transcript told by the test: one room, sender "s", readers by name."""

    def __init__(self, path=None):
        super().__init__(path)
        self.epochs = {}

    def sent(self, *texts, op="ok", first=1, **more):
        """Messages, acknowledged at first, first + 1, ..."""
        for seq, text in enumerate(texts, first):
            what = {"user": "s", "room": "r", "text": text, "cid": text}
            self.add("attempt", **what)
            if op == "ok":
                self.add("ok", **{**what, "epoch": "e1", "seq": seq, "duplicate": False, **more})
            elif op:
                self.add(op, **what, **more)
        return self

    def joins(self, reader, seq=0, top=0, epoch="e1", recovered=False):
        self.epochs[reader] = epoch
        self.add("join", reader=reader, instance=0, connection=1, room="r", since=None, epoch=epoch,
                 seq=seq, top=top, recovered=recovered)
        return self

    def gets(self, reader, *texts, first=1, op="record"):
        for seq, text in enumerate(texts, first):
            self.add(op, reader=reader, instance=0, connection=1, room="r",
                     epoch=self.epochs[reader], seq=seq, user="s", text=text, cid=text)
        return self

    def gets_loose(self, reader, *texts):
        for text in texts:
            self.add("record", reader=reader, instance=0, connection=1, room="r", epoch=None,
                     seq=None, user="s", text=text, cid=None)
        return self

    def gap(self, reader, first, last):
        self.add("gap", reader=reader, instance=0, connection=1, room="r",
                 epoch=self.epochs[reader], **{"from": first, "to": last})
        return self

    def reset(self, reader, epoch, seq):
        self.epochs[reader] = epoch
        self.add("reset", reader=reader, instance=0, connection=1, room="r", epoch=epoch, seq=seq)
        return self

    def log(self, *texts, first=1, epoch="e1"):
        """What the room's log holds in the end."""
        rows = [[seq, "s", text] for seq, text in enumerate(texts, first)]
        self.add("log", room="r", epoch=epoch, rows=rows)
        return self

    def report(self):
        return check(self.entries, 10)

    def has(self, **faults):
        """Exactly these faults, so often."""
        report = self.report()
        assert {name: len(found) for name, found in report.faults.items() if found} == faults, \
            str(report)
        return report


@pytest.fixture
def story():
    return Story()


# --- good histories ------------------------------------------------------------------------------


def test_nothing_is_good(story):
    story.has()


def test_a_clean_run_is_good_and_counted(story):
    story.joins("a").joins("b").sent("x", "y", "z")
    story.gets("a", "x", "y", "z").gets("b", "x", "y", "z")
    report = story.has()
    assert report.is_good
    assert (report.counts["attempted"], report.counts["ok"], report.counts["received"]) == (3, 3, 6)
    assert report.counts["held"] == 6


def test_a_resumed_reader_is_good(story):
    story.joins("a").sent("x", "y", "z").gets("a", "x")
    story.joins("a", 1, 3, recovered=True).gets("a", "y", "z", first=2)
    assert story.has().counts["resumed"] == 1


def test_what_lay_before_a_readers_start_is_not_lost(story):
    story.sent("x", "y", "z").joins("a", 2, 3).gets("a", "z", first=3)
    assert story.has().counts["elsewhere"] == 2


def test_a_gap_is_skipped_not_lost_and_fetching_fills_it(story):
    story.joins("a").sent("x", "y", "z").gets("a", "x").gap("a", 2, 2).gets("a", "z", first=3)
    assert story.has().counts["skipped"] == 1
    story.gets("a", "y", first=2, op="fetched")
    assert story.has().counts["skipped"] == 0


def test_a_new_start_skips_and_its_page_is_no_double(story):
    story.sent("x", "y", "z", "w").joins("a").gets("a", "x").joins("a", 2, 4)
    story.gets("a", "z", "w", first=3)
    assert story.has().counts["skipped"] == 1
    story.joins("a", 1, 4).gets("a", "y", "z", "w", first=2)
    assert story.has().counts["skipped"] == 0


def test_a_reset_voids_what_came_after_it(story):
    story.joins("a").sent("x", "y", "z").gets("a", "x", "y", "z").reset("a", "e2", 1)
    story.sent("new", first=2, epoch="e2").gets("a", "new", first=2)
    assert story.has().counts["voided"] == 2


def test_a_reset_beyond_the_readers_position_voids_nothing(story):
    story.joins("a").sent("x", "y").gets("a", "x").reset("a", "e2", 2).gets("a", "y", first=2)
    assert story.has().counts["voided"] == 0


def test_two_readers_of_whom_one_saw_the_old_epoch_agree(story):
    story.joins("a").sent("x", "y").gets("a", "x", "y").reset("a", "e2", 1)
    story.sent("new", first=2, epoch="e2").gets("a", "new", first=2)
    story.joins("b", 0, 2, epoch="e2").gets("b", "x", "new")
    story.has()


def test_an_unknown_outcome_may_be_received_or_not(story):
    story.joins("a").sent("x", "y", op="unknown").gets("a", "x")
    report = story.has()
    assert (report.counts["unknown"], report.counts["recovered"]) == (2, 1)


def test_an_attempt_without_an_outcome_is_unknown(story):
    story.joins("a").sent("x", op=None).gets("a", "x")
    assert story.has().counts["recovered"] == 1


def test_who_left_misses_what_came_later(story):
    story.joins("a").sent("x").gets("a", "x").add("leave", reader="a", room="r")
    story.sent("y", first=2).has()


def test_a_classic_reader_is_good_and_its_new_page_is_no_double(story):
    story.sent("x", "y", "z", "w").joins("c", None, None, epoch=None)
    story.gets("c", "x", "y").joins("c", None, None, epoch=None).gets("c", "y", "z", "w", first=2)
    story.joins("v").gets("v", "x", "y", "z", "w").has()


def test_what_a_classic_readers_new_page_leaves_out_is_skipped(story):
    story.sent("x", "y", "z").joins("c", None, None, epoch=None).gets("c", "x")
    story.joins("c", None, None, epoch=None).gets("c", "z", first=3)
    assert story.has().counts["skipped"] == 1


def test_a_classic_reader_that_starts_again_in_a_new_epoch_lost_nothing(story):
    story.joins("v").joins("c", None, None, epoch=None).sent("x", "y", "z")
    story.gets("v", "x", "y", "z").gets("c", "x", "y").reset("v", "e2", 1)
    story.joins("c", None, None, epoch=None).sent("new", first=2, epoch="e2")
    story.gets("v", "new", first=2).gets("c", "x", "new")
    assert story.has().counts["voided"] == 4


def test_without_a_log_all_that_a_present_reader_gets_is_good(story):
    story.joins("a", None, None, epoch=None).sent("x", "y", seq=None, epoch=None)
    story.gets_loose("a", "y", "x").has()


def test_a_log_that_all_agree_with_is_good(story):
    story.joins("a").joins("b").joins("c", None, None, epoch=None).sent("x", "y", "z")
    story.sent("w", op="unknown")
    story.gets("a", "x", "y", "z", "w").gets("c", "y", "z", "w", first=2)
    story.gets("b", "x").gap("b", 2, 3).gets("b", "w", first=4)
    assert story.log("x", "y", "z", "w").has().counts["logged"] == 4


def test_a_trimmed_log_says_nothing_about_what_it_lacks(story):
    story.joins("a").sent("x", "y").gets("a", "x", "y").log("y", first=2).has()


def test_what_an_older_epoch_lost_is_forgotten(story):
    """Who saw it was told, and who sent it is a reader too."""
    story.joins("a").joins("c", None, None, epoch=None).sent("x", "y").gets("a", "x", "y")
    story.reset("a", "e2", 1).sent("z", first=2, epoch="e2").gets("a", "z", first=2)
    assert story.log("x", "z", epoch="e2").has().counts["forgotten"] == 1


def test_what_a_classic_sender_was_acknowledged_may_be_forgotten_too(story):
    """It knows no epoch: where the others saw the message counts."""
    story.joins("a").joins("c", None, None, epoch=None).sent("x", "y", epoch=None)
    story.gets("a", "x", "y").gets("c", "x", "y").reset("a", "e2", 1)
    story.joins("c", None, None, epoch=None).gets("c", "x").log("x", epoch="e2")
    assert story.has().counts["forgotten"] == 1


def test_a_sender_may_be_acknowledged_in_an_epoch_it_is_told_of_later(story):
    story.joins("a").joins("b").sent("x").gets("a", "x").gets("b", "x").reset("b", "e2", 0)
    story.sent("z", epoch="e1").gets("b", "z").reset("a", "e2", 0).gets("a", "z")
    assert story.log("z", epoch="e2").has().counts["forgotten"] == 1


def test_who_starts_in_another_epoch_lets_go_of_what_both_have(story):
    """It cannot know that: `recovered:false` is all it is told."""
    story.joins("a").joins("b").sent("x", "y", "z").gets("a", "x", "y").gets("b", "x", "y", "z")
    story.reset("b", "e2", 2).sent("w", first=3, epoch="e2").gets("b", "w", first=3)
    story.joins("a", 2, 3, epoch="e2").gets("a", "w", first=3).log("x", "y", "w", epoch="e2").has()


def test_a_classic_reader_with_a_new_page_lets_go_of_what_lies_before_it(story):
    """The store lost y while it was away, and the page says nothing about that place."""
    story.joins("a").joins("c", None, None, epoch=None).sent("x", "y").gets("a", "x", "y")
    story.gets("c", "x", "y").reset("a", "e2", 1).sent("z", "w", first=2, epoch="e2")
    story.gets("a", "z", "w", first=2).joins("c", None, None, epoch=None).gets("c", "w", first=3)
    story.log("x", "z", "w", epoch="e2").has()


def test_what_a_classic_reader_alone_saw_before_it_was_lost_is_no_conflict(story):
    """It starts again, and what it holds in the end is the log."""
    story.joins("a").joins("c", None, None, epoch=None).sent("x").gets("a", "x").gets("c", "x")
    story.sent("y", op="unknown").gets("c", "y", first=2).reset("a", "e2", 1)
    story.joins("c", None, None, epoch=None).sent("z", first=2, epoch="e2")
    story.gets("a", "z", first=2).gets("c", "x", "z").log("x", "z", epoch="e2").has()


def test_what_was_lost_and_is_stored_again_elsewhere_is_good(story):
    """Its sender had repeated it, and the repeat came to the store after the loss."""
    story.joins("a").sent("x", "y").gets("a", "x", "y").reset("a", "e2", 0)
    story.gets("a", "y").log("y", epoch="e2").has()


# --- faults --------------------------------------------------------------------------------------


def test_lost_at_the_end(story):
    story.joins("a").joins("b").sent("x", "y").gets("a", "x", "y").gets("b", "x").has(lost=1)


def test_lost_and_a_hole(story):
    story.joins("a").sent("x", "y", "z").gets("a", "x").gets("a", "z", first=3).has(lost=1, hole=1)


def test_lost_after_a_gap_that_does_not_reach_it(story):
    story.joins("a").sent("x", "y", "z").gets("a", "x").gap("a", 2, 2).has(lost=1)


def test_lost_behind_a_reset(story):
    """Up to its seq a reset voids nothing: what is acknowledged there is owed."""
    story.joins("a").sent("x", "y", "z").gets("a", "x").reset("a", "e2", 2).has(lost=1)


def test_lost_without_a_log(story):
    story.joins("a", None, None, epoch=None).sent("x", seq=None, epoch=None).has(lost=1)


def test_lost_by_resuming_too_far(story):
    story.joins("a").sent("x", "y", "z").gets("a", "x")
    story.joins("a", 2, 3, recovered=True).gets("a", "z", first=3).has(lost=1, hole=1)


def test_the_same_record_twice_is_doubled(story):
    story.joins("a").sent("x", "y").gets("a", "x").gets("a", "x").gets("a", "y", first=2)
    story.has(doubled=1)


def test_one_message_at_two_places_is_doubled(story):
    story.joins("a").sent("x").sent("y", first=3).gets("a", "x", "x", "y").has(doubled=1)


def test_resuming_from_before_the_position_is_reordered(story):
    story.joins("a").sent("x", "y").gets("a", "x", "y")
    story.joins("a", 1, 2, recovered=True).gets("a", "y", first=2).has(reordered=1)


def test_twice_without_a_log_is_doubled(story):
    story.joins("a", None, None, epoch=None).sent("x", seq=None, epoch=None)
    story.gets_loose("a", "x", "x").has(doubled=1)


def test_what_nobody_sent_is_unexpected(story):
    story.joins("a").gets("a", "ghost").has(unexpected=1)


def test_what_was_refused_is_unexpected(story):
    story.joins("a").sent("x", op="fail", code="too_large").gets("a", "x").has(unexpected=1)


def test_a_step_back_is_reordered(story):
    story.joins("a", 0, 0).joins("b", 0, 0).sent("x", "y", "z")
    story.gets("b", "x", "y", "z")
    story.gets("a", "x").gets("a", "z", first=3).gets("a", "y", first=2).has(hole=1, reordered=1)


def test_a_gap_that_begins_too_late_is_a_hole(story):
    story.joins("a").sent("x", "y", "z", "w").gets("a", "x").gap("a", 3, 3)
    story.gets("a", "w", first=4).has(hole=1, lost=1)


def test_a_gap_over_what_was_delivered_is_reordered(story):
    story.joins("a").sent("x", "y").gets("a", "x", "y").gap("a", 2, 2).has(reordered=1)


def test_two_messages_at_one_place_are_a_conflict(story):
    story.joins("a").joins("b").sent("x", op="unknown").sent("y", op="unknown")
    story.gets("a", "x").gets("b", "y").has(conflict=1)


def test_two_messages_at_one_place_before_a_reset_are_a_conflict(story):
    """Up to its seq both epochs have one history."""
    story.joins("a").sent("x", op="unknown").sent("y", op="unknown").gets("a", "x")
    story.reset("a", "e2", 1).joins("b", 0, 1, epoch="e2").gets("b", "y").has(conflict=1)


def test_a_classic_reader_with_another_message_is_a_conflict(story):
    story.joins("a").joins("c", None, None, epoch=None)
    story.sent("x", op="unknown").sent("y", op="unknown").gets("a", "x").gets("c", "y")
    story.has(conflict=1)


def test_a_classic_reader_that_was_not_sent_a_new_page_after_a_reset_is_a_conflict(story):
    story.joins("a").joins("c", None, None, epoch=None).sent("x", "y").gets("a", "x", "y")
    story.gets("c", "x", "y").reset("a", "e2", 1).sent("z", "w", first=2, epoch="e2")
    story.gets("a", "z", "w", first=2).gets("c", "w", first=3).log("x", "z", "w", epoch="e2")
    assert story.report().faults["conflict"]


def test_a_fetched_row_that_differs_is_a_conflict(story):
    story.joins("a").sent("x", op="unknown").sent("y", op="unknown").gets("a", "x")
    story.gets("a", "y", op="fetched").has(conflict=1)


def test_an_acknowledgement_of_another_place_is_wrong(story):
    story.joins("a").sent("x", first=7).gets("a", "x").has(wrong_ack=1)


def test_acknowledged_and_not_in_the_log_is_lost(story):
    story.sent("x", "y").log("x").has(lost=1)


def test_not_in_the_log_before_a_reset_is_lost(story):
    story.joins("a").sent("x", "y").gets("a", "x", "y").reset("a", "e2", 2).log("x", epoch="e2")
    story.has(lost=1, conflict=1)


def test_twice_in_the_log_is_doubled(story):
    story.sent("x").log("x", "x").has(doubled=1)


def test_two_different_logs_are_a_conflict(story):
    story.sent("x").sent("y", op="unknown").log("x", "y").log("x", "y").log("x").has(conflict=1)


def test_a_log_with_a_hole(story):
    story.add("log", room="r", epoch="e1", rows=[[1, "s", "x"], [3, "s", "z"]])
    story.has(hole=1)


def test_elsewhere_in_the_log_is_a_wrong_acknowledgement(story):
    story.sent("x", "y", first=2).sent("w", op="unknown").log("w", "y", "x").has(wrong_ack=2)


def test_a_reader_that_holds_something_else_than_the_log_is_a_conflict(story):
    story.joins("a").sent("x", "y", op="unknown").gets("a", "x").log("y").has(conflict=1)


def test_a_reader_that_stayed_in_another_epoch_is_a_conflict(story):
    story.joins("a").sent("x", op="unknown").gets("a", "x").log("x", epoch="e2").has(conflict=1)


def test_a_reader_without_what_the_log_has_lost_it(story):
    """Nobody was acknowledged, but the others have it."""
    story.joins("a").sent("x", "y", op="unknown").gets("a", "y", first=2).log("x", "y")
    story.has(hole=1, lost=1)


def test_a_good_position_that_is_refused_is_unrecovered(story):
    story.joins("a").sent("x", "y").gets("a", "x")
    for since, top, epoch in ((["e1", 1], 2, "e1"), (["e1", 1], 12, "e1"), (["e0", 1], 2, "e1")):
        story.add("join", reader="a", instance=0, connection=1, room="r", since=since, epoch=epoch,
                  seq=1, top=top, recovered=False)
    story.gets("a", "y", first=2).has(unrecovered=1)


def test_who_left_and_came_back_is_owed_what_comes(story):
    story.joins("a").sent("x", "y").gets("a", "x").add("leave", reader="a", room="r")
    story.joins("a", 1, 2, recovered=True).has(lost=1)


def test_each_fault_is_in_a_report_with_an_example(story):
    story.joins("a").gets("a", "ghost")
    text = str(story.report())
    assert "unexpected: 1" in text and "ghost" in text
    with pytest.raises(AssertionError, match="ghost"):
        story.report().assert_good()


def test_every_fault_has_a_test():
    source = open(__file__, encoding="utf-8").read()
    for fault in FAULTS:
        assert f"{fault}=1" in source, fault


def test_a_file_is_judged_as_a_program(tmp_path):
    path = tmp_path / "transcript.jsonl"
    story = Story(path)
    story.joins("a").sent("x", "y").gets("a", "x")
    story.close()
    assert load(path) == story.entries
    program = [sys.executable, ROOT / "tests" / "lib" / "history_check.py", path]
    ended = subprocess.run(program, capture_output=True, text=True, timeout=60)
    assert ended.returncode == 1 and "lost: 1" in ended.stdout
