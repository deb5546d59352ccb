#!/usr/bin/env python3
"""Goal: a log is provisioned, anchored, answered for, recovered and verified over every TCTI that there is to be had.

Method: the same short life of a log for each way to a swtpm (reaches.py): provision, counter anchor, quote anchor,
answer, SIGKILL in an anchor whose increment is done, recovery, SIGKILL in a quote anchor, restart, verdict. What this
machine does not have is named and not counted.
"""
import contextlib
import os

from family import OK, Machine, Tally, into_namespace, need_failpoints
from reaches import EVERY, NotAvailable


@contextlib.contextmanager
def environment(values):
    os.environ.update(values)
    try:
        yield
    finally:
        for name in values:
            del os.environ[name]


def provision(tally, machine, name, tcti):
    """Twice: the second finds all done, over the same way."""
    for words in ("provisioned: log", "nothing to do"):
        done = machine.stele("provision", "--tcti", tcti, "--origin", machine.origin, "--mode", "b")
        fine = done.returncode == OK and words in done.stdout.decode()
        tally.lost_unless(fine, (name, done.returncode, done.stderr))
        if not fine:
            return False
    return True


def first_counter(machine):
    """C when the log was made."""
    lines = dict(line.split(" ", 1) for line in machine.trust().read_text().splitlines() if " " in line)
    return int(lines["first_counter"])


def one_life(tally, machine, name, reach):
    machine.write_config(tcti=reach.tcti, quote_interval="50ms")
    if not provision(tally, machine, name, reach.tcti):
        return
    machine.start_daemon()
    tally.goes_on(machine, f"{name}: a counter anchor")
    machine.send()
    machine.wait_until_anchored()
    tally.lost_unless(machine.verify()["anchors"]["quote"] > 0, f"{name}: no quote anchor")
    tally.answers(machine, f"{name}: an answer")
    for step in ("anchor.A4", "quote.Q2"):
        machine.stop_daemon()
        machine.die_at(step, machine.send)
        machine.start_daemon()
        tally.goes_on(machine, f"{name}: after a death at {step}")
    for _ in range(2):  # behind the read-back
        machine.anchor()
    tally.judge(machine, what=name)
    machine.stop_daemon()
    report = tally.judge(machine, what=name)
    tally.lost_unless(report["coverage"]["unanchored"] == 0, (name, report))


def main():
    need_failpoints()
    into_namespace()
    tally, tried, missing = Tally(), [], []
    for name, way in EVERY.items():
        with Machine("b") as machine:
            machine.tpm.start()
            try:
                with way(machine.tpm, machine.folder) as reach, environment(reach.environment):
                    tally.inject()
                    one_life(tally, machine, name, reach)
                tally.spent_once(machine, first_counter(machine), name)
                tried.append(name)
            except NotAvailable as why:
                missing.append(f"{name} ({why})")
    for one in missing:
        print(f"not available: {one}")
    assert {"swtpm", "mssim", "tabrmd", "device", "cmd", "pcap"} <= set(tried), f"set-up installs these: {missing}"
    tally.report(60, "anchored over " + ", ".join(tried) + "; not available: " + ", ".join(missing))


if __name__ == "__main__":
    main()
