#!/usr/bin/env python3
"""Goal: a TPM that is away for a while (unplugged, its service stopped) or hangs is an outage that is told, no more.

Method: swtpm is ended without a shutdown and comes back, at the daemon's start and in mid-run; or is stopped with
SIGSTOP and continued. Status names it, events are taken, the tail and since when it waits are stated to the record,
and the longest exposure afterwards covers the outage.
"""
import datetime
import re
import signal
import time

from luck import OK, UNAVAILABLE, Machine, into_namespace, says_that_it_waited, unless_it_stood_still, wait_until

OUTAGE_S = 2


def seconds(rfc3339):
    return datetime.datetime.fromisoformat(rfc3339[:26].rstrip("Z") + "+00:00").timestamp()


def text_of(machine):
    return machine.stele("status", expect=OK).stdout.decode()


def away_in_mid_run(machine):
    machine.anchor()
    covered = machine.status()["log"]["size"]
    machine.kill_tpm()
    before = time.time()
    machine.send()
    after = time.time()
    wait_until(lambda: machine.state() == "unavailable", "the daemon says that the TPM is away")
    assert machine.stele("anchor").returncode == UNAVAILABLE
    machine.send()
    wait_until(lambda: time.time() > before + OUTAGE_S + 1, "the outage has lasted")
    in_words = text_of(machine)
    assert re.search(r"(?m)^anchoring +unavailable: .+", in_words), in_words
    assert re.search(r"(?m)^not anchored +\d+ records, the oldest for [\d.]+ s, since 20.+Z$", in_words), in_words
    told = machine.status()["anchoring"]
    assert told["unanchored"] == machine.status()["log"]["size"] - covered >= 6, told
    machine.findings["journal_remark"] += 1
    report = machine.check(tail=True, counter_anchored=covered, unanchored=told["unanchored"])
    since = seconds(report["coverage"]["unanchored_since"])
    assert before - 0.001 <= since <= after + 0.001, (before, since, after)
    assert abs(seconds(told["unanchored_since"]) - since) < 0.001, (told, since)
    machine.tpm.start()
    wait_until(lambda: machine.state() == "anchoring", "the daemon goes on")
    machine.anchor()
    machine.told({"unclean_end": 1, "unexplained_reset": 1, "journal_remark": 1}, boots=1, unclean_ends=1,
                 unexplained_resets=1)
    exposed = machine.check(unanchored=0)["coverage"]["longest_exposure_s"]
    assert OUTAGE_S <= exposed <= time.time() - before + 1, (exposed, time.time() - before)


def away_at_a_start(machine):
    """The daemon takes events without a TPM, and READY comes all the same."""
    machine.stop_daemon()
    machine.kill_tpm()
    machine.start_daemon()
    assert machine.send() == 0, "events wait for the TPM"
    assert machine.state() == "unavailable"
    machine.findings["journal_remark"] += 1
    machine.check(tail=True)
    machine.tpm.start()
    wait_until(lambda: machine.state() == "anchoring", "the daemon goes on")
    machine.anchor()
    machine.told({"unexplained_reset": 1, "journal_remark": 1}, boots=1, unexplained_resets=1)
    machine.check(unanchored=0)


def hangs(machine):
    """SIGSTOP: no answer, no end of the connection; what was asked is answered later."""
    machine.anchor()
    machine.tpm.process.send_signal(signal.SIGSTOP)
    assert machine.send() == 0, "events wait for the TPM"
    machine.check(tail=True)
    # Long before it is given up, whoever looks sees why nothing is anchored.
    wait_until(lambda: re.search(r"(?m)^TPM +at work on one round for [\d.]+ s$", text_of(machine)), "a silent TPM is told")
    assert re.search(r"(?m)^not anchored +\d+ records, the oldest for ", text_of(machine)), text_of(machine)
    machine.tpm.process.send_signal(signal.SIGCONT)
    machine.wait_until_anchored()
    machine.anchor()
    # How long that took is this machine's affair: seconds are told, and explained.
    machine.told([f["finding"] for f in machine.verify()["findings"] if says_that_it_waited(f)])
    machine.check(unanchored=0)


def main():
    with Machine("a") as machine:
        machine.begin(quote_interval="1s")
        older = machine.copy("older")
        hangs(machine)
        away_in_mid_run(machine)
        away_at_a_start(machine)
        machine.check_still_caught(older)
        machine.stop_daemon()
        machine.check(unanchored=0)


if __name__ == "__main__":
    into_namespace()
    unless_it_stood_still(main)
