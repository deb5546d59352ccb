#!/usr/bin/env python3
"""Goal: `stele provision` killed at any step, by a signal or with the power, completes when run again.

Method: failpoints kill the command at each of its steps, in both modes; sometimes the TPM loses its power too.
The second run may need what the auditor decrypts (mode A, between the owner's lock and the end). The log that
comes out anchors and is verified; what an interrupted attempt left is never taken for a log of its own.
"""
import contextlib

from luck import Machine, OK, failing, into_namespace, need_failpoints, run

BOTH = ["keep.before_rename:1", "keep.done:1", "provision.identity", "create.before_rename:1", "create.done:1",
        "provision.genesis", "provision.key", "provision.counter_defined", "provision.counter_written",
        "provision.extend_defined", "provision.extend_written", "provision.receipt_signed",
        "provision.receipt_kept", "provision.trust", "provision.endorsement"]
MODE_A = ["provision.escrow", "keep.before_rename:2", "keep.done:2", "provision.owner", "provision.lockout",
          "provision.clear", "keep.before_rename:3"]
MODE_B = ["keep.before_rename:2"]
LOCKED = {"provision.owner", "provision.lockout"}  # the owner's secret is in the escrow alone


def provision(machine, failpoint=None, plain=None):
    arguments = ["provision", "--tcti", machine.tpm.tcti, "--origin", machine.origin, "--mode", machine.mode]
    if machine.mode == "a" and plain:
        arguments += ["--escrow-plain", plain]
    elif machine.mode == "a":
        arguments += ["--escrow", machine.folder / "escrow", "--escrow-key", machine.folder / "auditor.pem"]
    with failing(failpoint) if failpoint else contextlib.nullcontext():
        return machine.stele(*arguments)


def decrypt(machine):
    plain = machine.folder / "escrow.plain"
    done = run("openssl", "cms", "-decrypt", "-inform", "PEM", "-in", machine.folder / "escrow", "-inkey",
               machine.folder / "auditor.key", "-out", plain)
    assert done.returncode == 0, done.stderr
    return plain


def finish(machine, failpoint):
    """Runs the command again: to its end, or to the demand for what only the auditor can decrypt."""
    again = provision(machine)
    if failpoint in LOCKED:
        assert again.returncode == 78 and b"--escrow-plain" in again.stderr, again
        again = provision(machine, plain=decrypt(machine))
    assert again.returncode == OK, (failpoint, again)
    once_more = provision(machine)
    assert once_more.returncode == OK and b"nothing to do" in once_more.stdout, (failpoint, once_more)


def interrupted(machine, failpoint, power):
    machine.forget()
    machine.tpm.start()
    machine.write_config()
    killed = provision(machine, failpoint)
    assert killed.returncode == -9, (failpoint, killed)
    if power:
        machine.kill_tpm()
        machine.new_boot()
        machine.tpm.start()
    finish(machine, failpoint)
    machine.start_daemon()
    machine.send()
    machine.anchor()
    machine.tally["boots"] = 1
    report = machine.check()
    assert report["anchors"]["mode"] == machine.mode and report["platform"] == "pass", report
    if machine.mode == "a":
        locked = run("tpm2_changeauth", "-T", machine.tpm.tcti, "-c", "owner", "root")
        assert locked.returncode != 0, "mode A left the owner hierarchy open"
    machine.kill_daemon()
    machine.kill_tpm()


def another_logs_escrow(machine):
    """A file that no attempt of ours wrote is never replaced, however often the command is run."""
    machine.forget()
    machine.tpm.start()
    machine.write_config()
    escrow = machine.folder / "escrow"
    escrow.write_text("-----BEGIN CMS-----\nanother log's\n")
    for _ in range(2):
        assert provision(machine).returncode == 73
        assert escrow.read_text() == "-----BEGIN CMS-----\nanother log's\n"
    machine.kill_tpm()


def main():
    for mode in "ab":
        steps = BOTH + (MODE_A if mode == "a" else MODE_B)
        with Machine(mode) as machine:
            if mode == "a":
                machine.escrow_certificate()
                another_logs_escrow(machine)
            for number, failpoint in enumerate(steps):
                for power in (False, True) if number % 2 == ("ab".index(mode)) else (False,):
                    interrupted(machine, failpoint, power)


if __name__ == "__main__":
    need_failpoints()
    into_namespace()
    main()
