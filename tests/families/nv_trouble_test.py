#!/usr/bin/env python3
"""Goal: NV memory that is full, an index never written or locked is named at provisioning, anchoring and recovery, with
the right exit code; never tampering, and gone on from when it is over.

Method: a swtpm whose NV is really filled up; indexes really undefined and defined again, unwritten. Locks: the
TPM refuses to lock ours (they lack the attributes), which is shown; the code itself, and the other two at every
NV command, come from a listener between daemon and TPM.
"""
from family import (CONFIGURATION, HALT, OK, UNAVAILABLE, Hand, Machine, Refused, Sayer, Secrets, Tally, TpmBetween,
                    into_namespace, need_failpoints, run, unspent, wait_until)
from luck import EXTEND, INCREMENT, READ
from tpm_hands import COUNTER_ATTRIBUTES, EXTEND_ATTRIBUTES, ORDINARY_ATTRIBUTES, OWNER, PLATFORM

NV_SPACE, UNWRITTEN, LOCKED = 0x14B, 0x14A, 0x148
WORDS = {NV_SPACE: "NV memory is full", UNWRITTEN: "never written", LOCKED: "index is locked"}
EVICT, DEFINE = 0x120, 0x12A
WRITE_LOCK, READ_LOCK, GLOBAL_WRITE_LOCK = 0x138, 0x14F, 0x132
FILLERS, KEYS = 0x01900000, 0x81010000


def provision(machine, tcti=None):
    return machine.stele("provision", "--tcti", tcti or machine.tpm.tcti, "--origin", machine.origin, "--mode", "b")


def fill(hand, first=FILLERS):
    """Ordinary indexes, ever smaller, until the TPM has no room for one of one byte; their handles."""
    made, size = [], 1024
    while size:
        try:
            hand.define(first + len(made), ORDINARY_ATTRIBUTES, size, b"")
            made.append(first + len(made))
        except Refused as refused:
            assert refused.code & 0xFFF == NV_SPACE, refused
            size //= 2
    return made


def expect_named(tally, done, code, exits, what):
    words = done.stderr.decode()
    tally.missed_unless(done.returncode in exits and WORDS[code] in words, (what, done.returncode, words))


def fill_with_keys(machine):
    """TPMs keep some room for persistent keys: that too is taken. Handles of what was made."""
    tcti, key, made = machine.tpm.tcti, machine.folder / "key", []
    done = run("tpm2_createprimary", "-T", tcti, "-C", "o", "-G", "ecc", "-c", key)
    while done.returncode == OK:
        run("tpm2_flushcontext", "-T", tcti, "-t")  # no resource manager does it
        done = run("tpm2_evictcontrol", "-T", tcti, "-C", "o", "-c", key, hex(KEYS + len(made)))
        made += [KEYS + len(made)] if done.returncode == OK else []
    run("tpm2_flushcontext", "-T", tcti, "-t")
    assert made and b"0x14b" in done.stderr.lower(), done.stderr
    return made


def full_while_provisioning(tally, machine):
    """Room comes back key by key and index by index: each attempt gets further, and is refused for the same reason until
    the last."""
    machine.tpm.start()
    machine.write_config()
    with Hand(machine.tpm.port) as hand:
        fillers = fill(hand)
    keys, at = fill_with_keys(machine), []
    while (done := provision(machine)).returncode != OK:
        tally.inject()
        expect_named(tally, done, NV_SPACE, {UNAVAILABLE}, f"provisioning without room, after {at}")
        at.append(done.stderr.decode().split(":")[1].strip())
        if at[-1] == "TPM2_EvictControl":
            done = run("tpm2_evictcontrol", "-T", machine.tpm.tcti, "-C", "o", "-c", hex(keys.pop()))
            assert done.returncode == OK, done.stderr
        else:
            with Hand(machine.tpm.port) as hand:
                hand.undefine(fillers.pop())
    tally.lost_unless(set(at) == {"TPM2_EvictControl", "TPM2_NV_DefineSpace"}, f"room was lacking at {at}")
    with Hand(machine.tpm.port) as hand:
        fill(hand, FILLERS + 0x10000)
    return len(at)


def full_while_anchoring(tally, machine):
    """C and E have their room: a full TPM hinders neither anchors nor recovery nor answers."""
    machine.start_daemon()
    tally.inject(4)
    tally.goes_on(machine, "anchors on a full TPM")
    machine.send()
    machine.wait_until_anchored()
    tally.answers(machine, "an answer of a full TPM")
    machine.stop_daemon()
    machine.die_at("anchor.A3", machine.send)
    machine.start_daemon()
    tally.goes_on(machine, "recovery on a full TPM")
    tally.goes_on(machine, "two full receipts behind the read-back")
    tally.judge(machine, what="full")


def locks_that_do_not_take(tally, machine):
    """Ours lack WRITEDEFINE, the STCLEAR bits and GLOBALLOCK: the TPM refuses to lock them, or passes them over."""
    secrets = Secrets(machine.data)
    machine.stop_daemon()
    with Hand(machine.tpm.port, secrets) as hand:
        for command in (WRITE_LOCK, READ_LOCK):
            for index, auth in ((secrets.counter, secrets.counter_auth), (secrets.extend, secrets.extend_auth)):
                tally.inject()
                try:
                    hand.command(command, (index, index), (auth,))
                    tally.missed_unless(False, f"{command:#x} locked {index:#x}")
                except Refused as refused:
                    assert refused.code & 0xBF == 0x82, refused  # TPM_RC_ATTRIBUTES
        for hierarchy in (OWNER, PLATFORM):
            tally.inject()
            hand.command(GLOBAL_WRITE_LOCK, (hierarchy,), (b"",))
    machine.start_daemon()
    tally.goes_on(machine, "after a lock of everything that can be locked")
    tally.judge(machine, what="locks")


# -- the codes, at each NV command

PROVISIONING = [("EvictControl", EVICT, 1), ("define C", DEFINE, 1), ("increment C", INCREMENT, 1),
                ("define E", DEFINE, 2), ("extend E", EXTEND, 1), ("read C", READ, 1), ("read E", READ, 2)]
# An answer about C or E that the table of recovery stops at is refused as what is not ours.
REFUSED_AS_ANOTHERS = {(READ, UNWRITTEN)}


def said_while_provisioning(tally):
    for code in WORDS:
        for name, command, nth in PROVISIONING:
            with Machine("b") as machine:
                sayer = Sayer()
                machine.tpm.start()
                between = TpmBetween(machine.tpm, sayer)
                machine.write_config()
                sayer.say(command, code, nth)
                tally.inject()
                done = provision(machine, between.tcti)
                assert sayer.said, (name, done)
                what = f"provisioning, {code:#x} at {name}"
                if (command, code) in REFUSED_AS_ANOTHERS:
                    tally.missed_unless(done.returncode in (UNAVAILABLE, CONFIGURATION), (what, done))
                else:
                    expect_named(tally, done, code, {UNAVAILABLE}, what)
                between.close()
                again = provision(machine)
                tally.lost_unless(again.returncode == OK, (what, again.stderr))


def trouble_while_anchoring(tally, machine, sayer, command, code, what):
    """The code is said until the daemon has told of it; events are taken meanwhile, the verdict stays."""
    sayer.say(command, code)
    tally.inject()
    machine.send()
    done = machine.stele("anchor")
    assert sayer.said, what
    tally.missed_unless(done.returncode == UNAVAILABLE and WORDS[code] in done.stderr.decode(), (what, done))
    named(tally, machine, code, what)


def named(tally, machine, code, what):
    status = machine.status()["anchoring"]
    tally.missed_unless(status["state"] in ("unavailable", "stopped") and WORDS[code] in status["reason"], (what, status))
    tally.lost_unless(machine.send() == OK, (what, "events wait for the TPM"))
    tally.judge(machine, ("read_back_rule",), what)


def over_again(tally, machine, sayer, what):
    sayer.be_quiet()
    if machine.state() == "stopped":  # it said the same twice running: a person has to look, and starts it anew
        machine.stop_daemon()
        machine.start_daemon()
    tally.goes_on(machine, what)
    for _ in range(2):  # behind a read-back
        machine.anchor()
    tally.judge(machine, what=what)


def said_while_anchoring(tally):
    with Machine("b") as machine:
        sayer = Sayer()
        machine.provision(quote_interval="1h")
        between = TpmBetween(machine.tpm, sayer)
        machine.write_config(tcti=between.tcti, quote_interval="1h")
        machine.start_daemon()
        machine.send()
        machine.anchor()
        before = unspent(machine)
        for code in WORDS:
            for name, command in (("NV_Increment", INCREMENT), ("NV_Extend", EXTEND), ("NV_Read", READ)):
                what = f"anchoring, {code:#x} at {name}"
                trouble_while_anchoring(tally, machine, sayer, command, code, what)
                over_again(tally, machine, sayer, what)
            for name, command in (("NV_Extend", EXTEND), ("NV_Read", READ)):
                what = f"recovery, {code:#x} at {name}"
                machine.stop_daemon()
                machine.die_at("anchor.A3", machine.send)
                sayer.say(command, code)
                tally.inject()
                machine.start_daemon()
                named(tally, machine, code, what)
                assert sayer.said, what
                over_again(tally, machine, sayer, what)
        tally.spent_once(machine, before, "codes at NV commands")
        machine.stop_daemon()
        between.close()


def halts(tally):
    """Where the TPM's failure is to end the daemon, each ends it with 69, and its last words say which."""
    with Machine("b") as machine:
        sayer = Sayer()
        machine.provision()
        between = TpmBetween(machine.tpm, sayer)
        machine.write_config(tcti=between.tcti, extra=HALT)
        machine.start_daemon()
        machine.stop_daemon()
        for code in WORDS:
            tally.inject()
            sayer.say(INCREMENT, code)
            before = len(machine.daemon_words())
            machine.start_daemon(wait=False)
            ended = machine.daemon.wait(600)
            tally.missed_unless(ended == UNAVAILABLE and WORDS[code] in machine.daemon_words()[before:],
                                (hex(code), ended, machine.daemon_words()[before:]))
        sayer.be_quiet()
        machine.start_daemon()
        tally.goes_on(machine, "after halts")
        tally.judge(machine, what="halts")
        between.close()


def really_unwritten(tally):
    """Root undefines C or E and defines it alike: found at the next anchor and at every start; for good."""
    for index in ("counter", "extend"):
        with Machine("b") as machine:
            machine.begin(quote_interval="1h")
            secrets = Secrets(machine.data)
            machine.kill_daemon()
            attributes, size = (COUNTER_ATTRIBUTES, 8) if index == "counter" else (EXTEND_ATTRIBUTES, 32)
            handle, auth = getattr(secrets, index), getattr(secrets, index + "_auth")
            with Hand(machine.tpm.port, secrets) as hand:
                hand.undefine(handle)
                hand.define(handle, attributes, size, auth)
            for start in range(2):
                tally.inject()
                machine.start_daemon()
                wait_until(lambda: machine.state() == "stopped", "the daemon stops anchoring")
                named(tally, machine, UNWRITTEN, f"{index} unwritten, start {start}")
                tally.missed_unless(machine.stele("anchor").returncode == UNAVAILABLE, f"{index}: an anchor")
                machine.kill_daemon()


def main():
    need_failpoints()
    into_namespace()
    tally = Tally()
    with Machine("b") as machine:
        attempts = full_while_provisioning(tally, machine)
        full_while_anchoring(tally, machine)
        locks_that_do_not_take(tally, machine)
        machine.stop_daemon()
    said_while_provisioning(tally)
    said_while_anchoring(tally)
    halts(tally)
    really_unwritten(tally)
    tally.report(43, f"NV full ({attempts} attempts at provisioning), unwritten, locked: "
                     "provisioning, anchoring, recovery, halt")


if __name__ == "__main__":
    main()
