"""What the families share: a tally that ends as one line of the report, and what must hold whatever happened.

Standard library only. The machines, the TPM's power and what stands between daemon and TPM are those of the
benign twins (tests/attacks/luck.py), root's hand on the TPM is that of the attacks (tests/attacks/tpm_hands.py).
"""
import concurrent.futures
import functools
import multiprocessing
import os
import pathlib
import sys

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "attacks"))
from luck import (OK, TAMPERED, TEMPORARY, UNAVAILABLE, Machine, TpmBetween, ask, failing,  # noqa: E402, F401
                  into_namespace, need_failpoints, preload, run, said, wait_until)
from stele_host import CONFIGURATION, PATIENCE, Host, Tpm, listens  # noqa: E402, F401
from tpm_hands import Hand, Refused, Secrets  # noqa: E402, F401

HALT = '[on]\ntpm_failure = "halt"\n'
LONG = bool(os.environ.get("STELE_LONG"))


class Tally:
    """lost: what was acknowledged or begun did not come to its end. false alarm: an accident taken for an attack.
    missed: a fault not seen, or not named as what it is."""

    def __init__(self):
        self.injected, self.wrong = 0, {"lost": [], "false alarms": [], "missed": []}

    def inject(self, count=1):
        self.injected += count

    def lost_unless(self, holds, what):
        self._note("lost", holds, what)

    def alarm_unless(self, holds, what):
        self._note("false alarms", holds, what)

    def missed_unless(self, holds, what):
        self._note("missed", holds, what)

    def _note(self, kind, holds, what):
        if not holds:
            self.wrong[kind].append(what)
            print(f"{kind}: {what}", file=sys.stderr, flush=True)

    def report(self, family, what):
        """Prints the line, and fails unless all but `injected` are zero."""
        counted = ", ".join(f"{kind} {len(found)}" for kind, found in self.wrong.items())
        print(f"family {family}: injected {self.injected}, {counted} ({what})", flush=True)
        assert self.injected > 0, "nothing was injected"
        assert not any(self.wrong.values()), self.wrong

    # -- what must hold whatever happened

    def judge(self, machine, undetermined=(), what=""):
        """The verdict over the data directory as it lies: verified; or undetermined, for these faults alone. Every
        acknowledged event is there byte for byte."""
        report = machine.verify()
        faults = {defect["fault"] for defect in report["defects"]}
        fine = report["exit"] == OK or (report["exit"] != TAMPERED and faults and faults <= set(undetermined))
        self.alarm_unless(fine, (what, report["exit"], report["defects"]))
        try:
            machine.check_events()
        except AssertionError as gone:
            self.lost_unless(False, (what, gone))
        return report

    def goes_on(self, machine, what):
        """Well again: the daemon anchors over everything within the harness's patience."""
        wait_until(lambda: machine.state() == "anchoring", f"{what}: the daemon goes on")
        self.lost_unless(machine.send() == OK, (what, "events are not taken"))
        anchored = machine.stele("anchor")
        self.lost_unless(anchored.returncode == OK, (what, anchored.stderr))
        status = machine.status()["anchoring"]
        self.lost_unless(status["unanchored"] == 0, (what, status))

    def answers(self, machine, what):
        """A live answer for a fresh nonce passes."""
        nonce, answer = os.urandom(32).hex(), machine.folder / "answer"
        done = machine.stele("answer", "--nonce", nonce, "-o", answer)
        self.lost_unless(done.returncode == OK, (what, done.stderr))
        if done.returncode == OK:
            report = machine.verify("--nonce", nonce, "--answer", answer)
            self.alarm_unless((report["exit"], report["freshness"]) == (OK, "pass"), (what, report))

    def spent_once(self, machine, unspent, what):
        """C was incremented once for each counter anchor, and never otherwise."""
        made = machine.verify()["anchors"]["counter"]
        self.lost_unless(machine.spent() - unspent == made, (what, machine.spent(), unspent, made))


def unspent(machine):
    """How much of C was spent before the first anchor; the daemon must have anchored everything."""
    return machine.spent() - machine.verify()["anchors"]["counter"]


class Sayer:
    """A rule for TpmBetween: answers the nth and later of a command in the TPM's stead, while it is told to."""

    def __init__(self):
        self.be_quiet()

    def be_quiet(self):
        self.command, self.response_code, self.skip, self.said = None, 0, 0, 0

    def say(self, command, response_code, nth=1):
        """None for the command: to whatever is asked."""
        self.response_code, self.skip, self.said, self.command = response_code, nth - 1, 0, command
        self.every = command is None

    every = False

    def __call__(self, code, _command, forward):
        if not self.response_code or not (self.every or code == self.command):
            return forward()
        if self.skip:
            self.skip -= 1
            return forward()
        self.said += 1
        return said(self.response_code)


def side_by_side(tally, work, cases):
    """work(tally, case) for each case, some at once: for those that mostly wait. Each has a process, so that what one arms
    in its environment is not another's."""
    fork = multiprocessing.get_context("fork")
    with concurrent.futures.ProcessPoolExecutor(4, mp_context=fork) as pool:
        for injected, wrong in pool.map(functools.partial(_tallied, work), cases):
            tally.inject(injected)
            for kind, found in wrong.items():
                tally.wrong[kind] += found


def _tallied(work, case):
    own = Tally()
    work(own, case)
    return own.injected, {kind: [repr(what) for what in found] for kind, found in own.wrong.items()}
