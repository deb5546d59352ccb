#!/usr/bin/env python3
"""Goal: at every named point of the daemon and of provisioning, a death, a failing disk or a second's delay loses nothing
that was acknowledged, and is never tampering.

Method: each failpoint × {kill, throw (EIO), sleep}, the real binaries on a real swtpm; what is needed to reach a point
(a torn tail, an anchor left open, a stranger's extend) is made before. The daemon says when it was
there. Then it is started again, anchors, and is judged. (Every system call and allocation apart: tests/crash.)
"""
from family import LONG, OK, Hand, Machine, Tally, failing, into_namespace, need_failpoints, wait_until
from stele_host import IO_ERROR, PATIENCE

ACTIONS = ("kill", "throw", "sleep")
APPENDS = [f"{file}.append.{place}" for file in ("store", "journal") for place in ("before_write", "before_sync",
                                                                                   "after_sync")]
CREATES = [f"create.{place}" for place in ("before_create", "before_write", "before_sync", "before_rename",
                                           "before_directory_sync", "done")]
RECOVERS = ["recover.before_sync", "recover.after_sync", "recover.done", "recovery.bundle"]
ANCHORS = [f"anchor.A{n}" for n in range(10)] + [f"quote.Q{n}" for n in range(1, 6)]
PROVISIONING = CREATES + ["keep.before_rename", "keep.done"] + [f"provision.{step}" for step in (
    "identity", "genesis", "key", "counter_defined", "counter_written", "extend_defined", "extend_written",
    "receipt_signed", "receipt_kept", "checkpoint_key", "trust", "endorsement")]
PROVISION_ENDS = {"kill": -9, "throw": IO_ERROR, "sleep": OK}
QUOTES = dict(quote_interval="20ms")


def actions_at(point):
    """At A9 nothing is written any more: nothing can fail. A delay is tried everywhere in a long run only."""
    if point == "anchor.A9":
        return ("kill", "sleep")
    slow = LONG or point in APPENDS + RECOVERS or point in ("anchor.A1", "anchor.A3", "anchor.A8", "quote.Q3")
    return ACTIONS if slow else ACTIONS[:2]


def was_there(machine, before, point):
    return f"failpoint {point}: " in machine.daemon_words()[before:]


def strike(tally, machine, point, action, many=False):
    """From a stopped daemon to a stopped one: starts it with the point armed, works until it has passed there."""
    before = len(machine.daemon_words()) if machine.daemon_log.exists() else 0
    with failing(point, action):
        machine.start_daemon(wait=False)

    def work():
        if machine.daemon.poll() is None and not was_there(machine, before, point):
            machine.send(300 if many else 3)
            machine.stele("anchor")
        return was_there(machine, before, point)

    wait_until(lambda: machine.is_ready() or machine.daemon.poll() is not None or was_there(machine, before, point),
               f"steled begins, or comes to {point}")
    wait_until(work, f"steled comes to {point}")
    tally.inject()
    if action == "kill":
        ended = machine.daemon.wait(600)
        tally.missed_unless(ended == -9, (point, ended))
    elif action == "throw" and point == "tree.before_write":
        machine.stop_daemon()  # the tree's files follow from the records: written again another time
    elif action == "throw":
        ended = machine.daemon.wait(PATIENCE)
        tally.missed_unless(ended == IO_ERROR, (point, action, ended, machine.daemon_words()[before:]))
    else:
        wait_until(lambda: machine.stele("status").returncode == OK, f"{point}: awake again")
        tally.goes_on(machine, f"{point}, slept")
        machine.stop_daemon()


def afterwards(tally, machine, what, undetermined=()):
    machine.start_daemon()
    tally.goes_on(machine, what)
    tally.judge(machine, undetermined, what)
    machine.stop_daemon()
    tally.judge(machine, undetermined, what)


def with_one_machine(tally):
    with Machine("a") as machine:
        machine.begin(**QUOTES)
        machine.stop_daemon()
        for point in APPENDS + RECOVERS + ANCHORS:
            for action in actions_at(point):
                strike(tally, machine, point, action)
                afterwards(tally, machine, f"{action} at {point}")
        for point, step in (("recovery.extend", "anchor.A3"), ("recovery.read_back", "anchor.A4")):
            for action in ACTIONS:
                machine.die_at(step, machine.send)
                strike(tally, machine, point, action)
                afterwards(tally, machine, f"{action} at {point}")
        for action in ACTIONS:
            machine.die_at("anchor.A2", machine.send)
            machine.cut_power()
            strike(tally, machine, "recovery.void", action)
            afterwards(tally, machine, f"{action} at recovery.void")
        for action in ACTIONS:
            tear(machine)
            strike(tally, machine, "recover.before_repair", action)
            afterwards(tally, machine, f"{action} at recover.before_repair")


def tear(machine):
    """The end of the newest segment, as a death in the middle of a write leaves it."""
    newest = max((machine.data / "segments").iterdir())
    with open(newest, "ab") as file:
        file.write(b"half a group")


def many_records(tally):
    """A tree file is written once there are 256 records."""
    for action in ACTIONS:
        with Machine("a") as machine:
            machine.provision(**QUOTES)
            strike(tally, machine, "tree.before_write", action, many=True)
            afterwards(tally, machine, f"{action} at tree.before_write")


def stranger(tally):
    """A stranger's extend of P is on record, and stays undetermined; whatever happens at the remark."""
    for action in ACTIONS:
        with Machine("a") as machine:
            machine.begin(**QUOTES)
            machine.stop_daemon()
            pcr = dict(line.split(" ", 1) for line in (machine.data / "secrets").read_text().splitlines())["pcr"]
            with Hand(machine.tpm.port) as hand:
                hand.extend_pcr(int(pcr), b"\x5a" * 32)
            strike(tally, machine, "recovery.remark", action)
            afterwards(tally, machine, f"{action} at recovery.remark", ("foreign_extend",))


def provisioning(tally):
    """Where files and objects are made. Killed at the others: tests/attacks/benign_provision_interrupted.py."""
    for point in PROVISIONING:
        for action in ACTIONS if LONG else ("kill", "throw") if point in CREATES else ("throw",):
            with Machine("b") as machine:
                machine.tpm.start()
                machine.write_config(**QUOTES)
                command = ("provision", "--tcti", machine.tpm.tcti, "--origin", machine.origin, "--mode", "b")
                with failing(point, action):
                    done = machine.stele(*command)
                assert f"failpoint {point}: {action}" in done.stderr.decode(), (point, done)
                tally.inject()
                tally.missed_unless(done.returncode == PROVISION_ENDS[action], (point, action, done))
                again = machine.stele(*command)
                tally.lost_unless(again.returncode == OK, (point, action, again))
                afterwards(tally, machine, f"{action} at {point}")


def main():
    need_failpoints()
    into_namespace()
    tally = Tally()
    many_records(tally)
    with_one_machine(tally)
    stranger(tally)
    provisioning(tally)
    points = len(APPENDS + RECOVERS + ANCHORS + PROVISIONING) + 6
    tally.report(3, f"{points} failpoints: kill, throw, sleep")


if __name__ == "__main__":
    main()
