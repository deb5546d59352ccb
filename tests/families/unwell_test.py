#!/usr/bin/env python3
"""Goal: a TPM that fails its self-test, is still testing, was stopped or never started is named, at the daemon's start and
in mid-run; events are taken, `halt` ends with 69; when it is well again, anchoring goes on.

Method: what swtpm really does when it was stopped (it answers FAILURE to everything) and when nobody sent TPM2_Startup
(INITIALIZE); FAILURE, TESTING and NEEDS_TEST in the TPM's stead by a listener, to everything and to each command
alone.
"""
from family import (HALT, OK, UNAVAILABLE, Machine, Sayer, Tally, TpmBetween, ask, into_namespace, run, unspent,
                    wait_until)
from luck import EXTEND, INCREMENT, PCR_EXTEND, QUOTE, READ, SESSION_DIGEST

FAILURE, INITIALIZE, TESTING, NEEDS_TEST = 0x101, 0x100, 0x90A, 0x153
WORDS = {FAILURE: ["0x101", "self-test", "power the machine off and on"], INITIALIZE: ["0x100", "TPM2_Startup"],
         TESTING: ["0x90A", "busy"], NEEDS_TEST: ["0x153", "self-test"]}
COMMANDS = {"ReadClock": 0x181, "NV_ReadPublic": 0x169, "NV_Increment": INCREMENT, "NV_Extend": EXTEND, "NV_Read": READ,
            "GSAD": SESSION_DIGEST, "PCR_Extend": PCR_EXTEND, "PCR_Read": 0x17E, "Quote": QUOTE,
            "StartAuthSession": 0x176}
STARTUP_CLEAR = bytes.fromhex("80010000000c000001440000")


def expect_named(tally, machine, code, what):
    """Unavailable, in these words, for status and for who asks; events are taken; the verdict stays."""
    wait_until(lambda: machine.state() == "unavailable", f"{what}: the daemon says so")
    status = machine.status()["anchoring"]
    tally.missed_unless(all(word in status["reason"] for word in WORDS[code]), (what, status["reason"]))
    done = machine.stele("anchor")
    tally.missed_unless(done.returncode == UNAVAILABLE and WORDS[code][0] in done.stderr.decode(), (what, done))
    tally.lost_unless(machine.send() == OK, (what, "events wait"))
    tally.judge(machine, ("read_back_rule",), what)


# -- what swtpm really does


def stopped(machine):
    """Its control channel stops the TPM: the process lives, and says FAILURE to everything."""
    done = run("swtpm_ioctl", "--tcp", f"127.0.0.1:{machine.tpm.port + 1}", "--stop")
    assert done.returncode == OK, done.stderr


def reset(machine, startup):
    """Power-up by the control channel; with TPM2_Startup, or nobody sends it."""
    done = run("swtpm_ioctl", "--tcp", f"127.0.0.1:{machine.tpm.port + 1}", "-i")
    assert done.returncode == OK, done.stderr
    if startup:
        assert ask(machine.tpm.port, STARTUP_CLEAR)[6:10] == bytes(4)


def really_unwell(tally, machine):
    for what, code, make in (("stopped", FAILURE, stopped), ("never started", INITIALIZE,
                                                              lambda machine: reset(machine, startup=False))):
        tally.inject()
        make(machine)
        machine.send()
        expect_named(tally, machine, code, f"{what} in mid-run")
        machine.stop_daemon()
        tally.inject()
        machine.start_daemon()
        expect_named(tally, machine, code, f"{what} at a start")
        machine.stop_daemon()
        halted(tally, machine, code, f"{what}, halt")
        reset(machine, startup=True)
        machine.write_config(quote_interval="50ms")
        machine.start_daemon()
        tally.goes_on(machine, f"{what}, well again")
        tally.judge(machine, what=f"{what}, well again")


def halted(tally, machine, code, what, tcti=None):
    machine.write_config(tcti=tcti, quote_interval="50ms", extra=HALT)
    before = len(machine.daemon_words())
    tally.inject()
    machine.start_daemon(wait=False)
    ended, words = machine.daemon.wait(600), machine.daemon_words()[before:]
    tally.missed_unless(ended == UNAVAILABLE and all(word in words for word in WORDS[code]), (what, ended, words))


# -- in the TPM's stead


def said_to_everything(tally, machine, sayer, tcti):
    for code in (FAILURE, NEEDS_TEST, TESTING, INITIALIZE):
        what = f"{code:#x} to everything"
        machine.stop_daemon()
        machine.write_config(tcti=tcti, quote_interval="50ms")
        tally.inject()
        sayer.say(None, code)
        machine.start_daemon()
        expect_named(tally, machine, code, f"{what}, at a start")
        sayer.be_quiet()
        tally.goes_on(machine, f"{what}, well again")
        if code != TESTING:  # a start waits for that as long as for any busy TPM
            machine.stop_daemon()
            sayer.say(None, code)
            halted(tally, machine, code, f"{what}, halt", tcti)
            sayer.be_quiet()
            machine.write_config(tcti=tcti, quote_interval="50ms")
            machine.start_daemon()
            tally.goes_on(machine, f"{what}, after halt")
    for _ in range(2):
        machine.anchor()
    tally.judge(machine, what="said to everything")


def said_at_each_command(tally, machine, sayer):
    """A self-test that fails when the algorithm is first used: at that command, in mid-run."""
    for code in (FAILURE, NEEDS_TEST):
        for name, command in COMMANDS.items():
            what = f"{code:#x} at {name}"
            tally.inject()
            sayer.say(command, code)
            machine.send()
            machine.stele("anchor")
            assert sayer.said, what
            expect_named(tally, machine, code, what)
            sayer.be_quiet()
            tally.goes_on(machine, f"{what}, well again")
        for _ in range(2):  # behind the read-backs
            machine.anchor()
        tally.judge(machine, what=f"{code:#x} at each command")


def main():
    into_namespace()
    tally, sayer = Tally(), Sayer()
    with Machine("a") as machine:
        machine.begin(quote_interval="50ms")
        really_unwell(tally, machine)
        between = TpmBetween(machine.tpm, sayer)
        machine.stop_daemon()
        machine.write_config(tcti=between.tcti, quote_interval="50ms")
        before = unspent(machine)
        machine.start_daemon()
        said_to_everything(tally, machine, sayer, between.tcti)
        said_at_each_command(tally, machine, sayer)
        machine.stop_daemon()
        tally.spent_once(machine, before, "unwell")
        tally.judge(machine, what="at the end")
        between.close()
    tally.report(58, "stopped and not started, really; FAILURE, NEEDS_TEST, TESTING, INITIALIZE to everything and at each "
                     "command: at a start, in mid-run, with halt")


if __name__ == "__main__":
    main()
