#!/usr/bin/env python3
"""Goal: a daemon that was dead for hours within one run of the TPM is told as what it was: an exposure, a gap.

Method: killed with records that no anchor covers yet, once before an intent was made, once with the intent open;
started again when its wall clock shows three hours more (libfaketime). The figures must cover those hours, and a
heartbeat that did not come is named. A clock that was set instead of waited for cannot look better than that.
"""
from luck import CLOCK_FINDINGS, OK, Bent, into_namespace, need_failpoints, unless_it_stood_still, wait_until

HOURS_S = 3 * 3600
TRIES = 10
EARLIER, LATER = "+0", "+3h"


def dead_for_hours(failpoint):
    """The finding names of the report after the daemon came back."""
    for _ in range(TRIES):
        named = killed_and_back(failpoint)
        if named is not None:
            return named
    raise AssertionError(f"{failpoint}: a quote anchor was faster {TRIES} times")


def until_start_is_anchored(machine):
    """A way, for die_at: an earlier death would leave no heartbeat behind the final anchor that could be missed."""
    final = machine.verify()["anchors"]["counter"]

    def anchored():
        return machine.daemon.poll() is not None or machine.status()["anchoring"]["counter_anchors"] > final
    return lambda: wait_until(anchored, "the start's counter anchor")


def killed_and_back(failpoint):
    """As above; None if a quote anchor covered the records before the daemon died at its counter anchor."""
    with Bent("a") as machine:
        machine.begin(quote_interval="2s" if "quote" in failpoint else "10s")
        older = machine.copy("older")
        before = machine.check()["coverage"]["longest_exposure_s"]
        assert before < HOURS_S, before
        machine.stop_daemon()
        ways = [until_start_is_anchored(machine), machine.send]
        machine.die_at(failpoint, *ways, *([lambda: machine.stele("anchor")] if "anchor" in failpoint else []))
        tail = machine.check(tail=True)
        if "anchor" in failpoint and tail["coverage"]["unanchored"] == 0:
            return None
        assert tail["coverage"]["unanchored"] > 0 and tail["coverage"]["unanchored_since"], tail
        machine.bend(LATER)
        machine.start_bent()
        machine.send()
        machine.anchor()
        report = machine.verify()
        assert report["exit"] == OK, report
        named = {f["finding"] for f in report["findings"]}
        assert named - CLOCK_FINDINGS <= {"simulator", "read_back_receipt"}, named
        coverage = report["coverage"]
        assert (coverage["boots"], coverage["unclean_ends"], coverage["unanchored"]) == (1, 0, 0), coverage
        assert HOURS_S - 60 <= coverage["longest_exposure_s"] <= HOURS_S + 600, coverage
        machine.check_events()
        machine.check_still_caught(older)
        return named


def main():
    no_intent = dead_for_hours("store.append.after_sync:4")
    assert {"quote_gap", "heartbeat_stale"} <= no_intent, no_intent
    for open_intent in ("quote.Q1", "anchor.A4:2"):
        named = dead_for_hours(open_intent)
        assert "heartbeat_stale" in named, (open_intent, named)


if __name__ == "__main__":
    need_failpoints()
    into_namespace()
    unless_it_stood_still(main)
