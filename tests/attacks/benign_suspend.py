#!/usr/bin/env python3
"""Goal: suspend and resume, hibernation (TPM Restart) and many resumes before a reset never read as tampering.

Method: TPM2_Shutdown(STATE), the TPM without power, TPM2_Startup(STATE or CLEAR) under a running daemon and
between two of them; the TPM's own counts are read to see that it was what it should be.
"""
from luck import CLEAR, STATE, Machine, into_namespace, need_failpoints, unless_it_stood_still


def slept(machine, startup, between=lambda: None):
    """The TPM's counts before and after, for what Startup makes of Shutdown(STATE)."""
    before = machine.clock()
    between()
    machine.sleep(startup)
    after = machine.clock()
    assert after == (before[0], before[1] + 1), (before, after)


def resume(machine):
    """The PCRs survive: quote anchors go on, no boot is counted; no final anchor came first, and that is told."""
    machine.send()
    machine.wait_until_anchored()
    slept(machine, STATE)
    machine.send()
    machine.wait_until_anchored()
    machine.told({"unclean_end": 1}, unclean_ends=1)
    machine.check()


def resume_with_an_open_quote(machine):
    """Suspended between a quote anchor's intent and its quote: the statement is kept, without a receipt."""
    machine.kill_daemon()
    machine.die_at("quote.Q2", machine.send)
    slept(machine, STATE)
    machine.check(tail=True)
    machine.start_daemon()
    machine.send()
    machine.wait_until_anchored()
    machine.told({"unclean_end": 1}, unclean_ends=1)
    machine.check()


def hibernate(machine, final):
    """TPM Restart: P is cleared; an unclean end unless a final anchor came first. No boot_id changes."""
    if final:
        machine.stop_daemon()
    slept(machine, CLEAR)
    if final:
        machine.start_daemon()
    else:
        machine.told({"unclean_end": 1}, unclean_ends=1)
    machine.send()
    machine.anchor()
    machine.told(boots=1)  # a life of P of its own
    machine.check()


def resumes_and_a_reset(machine):
    """Three resumes, each noticed, then a reset: the counts move by (+1, -3)."""
    for _ in range(3):
        slept(machine, STATE)
        machine.anchor()
        machine.told({"unclean_end": 1}, unclean_ends=1)
    before = machine.clock()
    machine.reboot()
    after = machine.clock()
    assert after == (before[0] + 1, 0) and before[1] >= 3, (before, after)
    machine.start_daemon()
    machine.anchor()
    machine.told(boots=1)
    machine.check()


def resumes_nobody_saw(machine):
    """Three resumes while the daemon was off, after its final anchor: nothing was exposed."""
    machine.stop_daemon()
    for _ in range(3):
        slept(machine, STATE)
    machine.start_daemon()
    machine.anchor()
    machine.check()


def restarts_before_the_daemon(machine):
    """A reset, then a restart and a resume before the daemon runs: told by the count that the reset zeroed."""
    machine.reboot()
    slept(machine, CLEAR)
    slept(machine, STATE)
    assert machine.clock()[1] == 2
    machine.start_daemon()
    machine.anchor()
    machine.told({"ran_without_log": 1}, boots=1)
    report = machine.check()
    said = [f["detail"] for f in report["findings"] if f["finding"] == "ran_without_log"]
    assert said[-1].startswith("2 TPM restarts or resumes between the TPM's reset and"), said


def provisioned_in_a_resumed_run():
    """The pinned base is too high by two resumes: the first reset shows the true one, and nothing is told."""
    with Machine("b") as machine:
        machine.tpm.start()
        slept(machine, STATE)
        slept(machine, STATE)
        machine.begin()
        machine.reboot()
        assert machine.clock()[1] == 0
        machine.start_daemon()
        machine.anchor()
        machine.told(boots=1)
        machine.check()
        restarts_before_the_daemon(machine)


def main():
    with Machine("b") as machine:
        machine.begin(quote_interval="1s")
        older = machine.copy("older")
        resume(machine)
        resume_with_an_open_quote(machine)
        hibernate(machine, final=False)
        hibernate(machine, final=True)
        resumes_and_a_reset(machine)
        resumes_nobody_saw(machine)
        restarts_before_the_daemon(machine)
        machine.check_still_caught(older)
        machine.stop_daemon()
        machine.check(unanchored=0)
    provisioned_in_a_resumed_run()


if __name__ == "__main__":
    need_failpoints()
    into_namespace()
    unless_it_stood_still(main)
