#!/usr/bin/env python3
"""Goal: a TPM that is reset between an auditor's question and the answer is neither tampering nor taken for fresh: the
auditor is told to ask again, or the host's second answer holds; and nobody hides a relay behind such a reset.

Method: a listener between daemon and swtpm resets the TPM before or after each command that an answer takes; a relay
between auditor and daemon holds the question, or the answer, until the TPM has been reset and the log has gone on."""
import json
import os
from collections import Counter

from auditor import PART_ANSWER, Auditor, LyingHost, ask_host, control_of, parts_of, with_answer
from forger import Forger
from hand_signed import Signer
from luck import (OK, PCR_EXTEND, QUOTE, READ, SESSION_DIGEST, TAMPERED, UNAVAILABLE, UNDETERMINED, Executioner, Machine,
                  TpmBetween, into_namespace, run, wait_until)
from scene import BIN

TEMPORARY = 75
# What an answer takes: a quote anchor over the durable head, then C and E read, their session's digest, a quote.
COMMANDS = {"PCR_Extend": (PCR_EXTEND, 1), "quote anchor": (QUOTE, 1), "reading C": (READ, 1), "reading E": (READ, 2),
            "GSAD": (SESSION_DIGEST, 1), "the answer's quote": (QUOTE, 2)}


class Ground:
    """A machine whose TPM can be reset at any command, and an auditor who has been there."""

    def __init__(self, machine):
        self.machine, self.executioner = machine, Executioner(machine)
        machine.provision(quote_interval="1h")
        self.between = TpmBetween(machine.tpm, self.executioner)
        machine.write_config(tcti=self.between.tcti, quote_interval="1h")
        machine.start_daemon()
        machine.send()
        machine.anchor()
        self.auditor = Auditor(machine.folder / "auditor", machine.trust())
        self.url = control_of(machine)
        self.auditor.visit("verified", self.url, freshness="pass")

    def well_again(self, what):
        wait_until(lambda: self.machine.state() == "anchoring", f"{what}: the daemon goes on")
        self.machine.send()
        self.machine.anchor()
        self.auditor.visit("verified", self.url, freshness="pass")
        assert not self.auditor.proofs(), f"{what}: an honest host is accused"


def challenged(ground, name, moment, ends):
    """stele challenge, while the TPM dies within its answer."""
    code, count = COMMANDS[name]
    deaths = ground.executioner.deaths
    ground.machine.send()
    ground.executioner.order(code, moment, count)
    ended, report = ground.auditor.ask(ground.url)
    what = (name, moment, ended, report and report["defects"], ground.auditor.told)
    assert ground.executioner.deaths == deaths + 1, what
    assert ended in (OK, TEMPORARY, UNAVAILABLE), what
    if ended == OK:  # asked again by itself, and the second answer is of the run that the log shows
        assert (report["conclusion"], report["freshness"]) == ("verified", "pass"), what
    else:
        assert report is None or report["freshness"] != "pass", what
        assert (b"ask again" if ended == TEMPORARY else b"TPM") in ground.auditor.told, what
    ends[ended] += 1
    ground.well_again(what)


def answered(ground, name, moment, ends):
    """stele answer, likewise; what it gives, if anything, is fresh for the log beside it."""
    code, count = COMMANDS[name]
    deaths, machine = ground.executioner.deaths, ground.machine
    machine.send()
    nonce, path = os.urandom(32).hex(), machine.folder / "answer"
    path.unlink(missing_ok=True)
    ground.executioner.order(code, moment, count)
    done = machine.stele("answer", "--nonce", nonce, "-o", path)
    what = (name, moment, done)
    assert ground.executioner.deaths == deaths + 1, what
    if done.returncode == OK:
        report = machine.verify("--nonce", nonce, "--answer", path)
        assert report["exit"] == OK and report["freshness"] == "pass", (what, report)
    else:
        assert not path.exists(), what
        assert done.returncode == TEMPORARY and b"ask again" in done.stderr, what
    ends[done.returncode] += 1
    ground.well_again(what)


def reset(ground):
    """The TPM's power gone and back; the daemon has noticed, and its log has gone on in the new run."""
    ground.machine.kill_tpm()
    ground.machine.tpm.start()
    wait_until(lambda: ground.machine.stele("anchor").returncode == OK, "an anchor in the new run")


def held_question(ground):
    """The question is on its way while the TPM is reset, and finds the daemon unaware, or in the new run."""
    for aware in (False, True):
        def late(question, aware=aware):
            ground.machine.kill_tpm()
            ground.machine.tpm.start()
            if aware:
                wait_until(lambda: ground.machine.stele("anchor").returncode == OK, "an anchor in the new run")
            try:
                return ask_host(ground.machine, question)
            except AssertionError as refused:
                return (503, json.dumps({"title": "late", "status": 503, "detail": str(refused)}).encode())
        with LyingHost(late) as host:
            code, report = ground.auditor.ask(host.url)
        assert code in (OK, TEMPORARY, UNAVAILABLE), (aware, code, report, ground.auditor.told)
        assert (code == OK) == bool(report and report["freshness"] == "pass"), (aware, code, report)
        ground.well_again(f"a held question, aware: {aware}")


def held_answer(ground):
    """The answer is on its way while the TPM is reset: it was the TPM's word after the question, for all that it shows."""
    def late(question):
        evidence = ask_host(ground.machine, question)
        reset(ground)
        return evidence
    with LyingHost(late) as host:
        report = ground.auditor.visit("verified", host.url, freshness="pass")
    assert report["defects"] == [], report
    ground.well_again("a held answer")


def log_that_went_on(ground):
    """An answer, a reset, and the log of the new run behind it: current as of the nonce, and more."""
    def later(question):
        answer = dict(parts_of(ask_host(ground.machine, question)))[PART_ANSWER]
        reset(ground)
        return with_answer(ask_host(ground.machine, question), answer)
    with LyingHost(later) as host:
        ground.auditor.visit("verified", host.url, freshness="pass")
    machine, nonce, path = ground.machine, os.urandom(32).hex(), ground.machine.folder / "answer"
    machine.stele("answer", "--nonce", nonce, "-o", path, expect=OK)
    reset(ground)
    report = machine.verify("--nonce", nonce, "--answer", path)
    assert (report["exit"], report["freshness"]) == (OK, "pass"), report
    ground.well_again("a log that went on")


def answer_of_another_run(ground):
    """A reset between the statement and its answer, which the daemon would not hand out: made by hand, with the true TPM.
    The auditor asks twice, and is told to ask again; the same by hand."""
    def between(question):
        evidence = ask_host(ground.machine, question)
        return with_answer(evidence, signed_after_a_reset(ground, bytes.fromhex(question["nonce"])))
    with LyingHost(between) as host:
        code, report = ground.auditor.ask(host.url)
    assert (code, report["freshness"], report["integrity"]) == (TEMPORARY, "unknown", "pass"), (code, report)
    assert [defect["fault"] for defect in report["defects"]] == ["answer_run_changed"], report
    assert b"ask again" in ground.auditor.told, ground.auditor.told
    machine, nonce, path = ground.machine, os.urandom(32), ground.machine.folder / "answer"
    # It has only just started, and is anchoring: the copy must hold the newest statement, with its receipt.
    wait_until(lambda: machine.stele("anchor").returncode == OK, "an anchor after the start")
    machine.kill_daemon()
    store = machine.copy("before-the-reset")
    path.write_bytes(signed_after_a_reset(ground, nonce))
    report = machine.verify("--nonce", nonce.hex(), "--answer", path, path=store)
    assert (report["exit"], report["freshness"]) == (UNDETERMINED, "unknown"), report
    text = run(BIN / "stele-verify", store, "--trust", machine.trust(), "--nonce", nonce.hex(), "--answer", path).stdout
    assert b"ask again" in text, text
    ground.well_again("an answer of another run")


def signed_after_a_reset(ground, nonce):
    """By root's hand, for the log's newest statement, which is of the run before."""
    machine = ground.machine
    machine.kill_daemon()
    machine.kill_tpm()
    machine.tpm.start()
    with Signer(machine.tpm.port, machine.data) as signer:
        answer = signer.answer(Forger(machine.data), nonce)
    machine.start_daemon()
    return answer


def relay_behind_a_reset(ground):
    """Another host's TPM answers while this one is being reset: still no answer of this one's."""
    with Machine("a") as neighbour:
        neighbour.provision(quote_interval="1h")
        neighbour.start_daemon()
        neighbour.send()
        neighbour.anchor()

        def relay(question):
            foreign = dict(parts_of(ask_host(neighbour, {"nonce": question["nonce"]})))[PART_ANSWER]
            reset(ground)
            return with_answer(ask_host(ground.machine, question), foreign)

        def renumbered(question):
            """... under this log's numbers, up to the signed parts."""
            foreign = dict(parts_of(ask_host(neighbour, {"nonce": question["nonce"]})))[PART_ANSWER]
            reset(ground)
            ours = ask_host(ground.machine, question)
            return with_answer(ours, dict(parts_of(ours))[PART_ANSWER][:106] + foreign[106:])

        old = dict(parts_of(ask_host(ground.machine, {"nonce": os.urandom(32).hex()})))[PART_ANSWER]

        def replayed(question):
            reset(ground)
            return with_answer(ask_host(ground.machine, question), old)
        for number, lie in enumerate((relay, renumbered, replayed)):
            other = Auditor(ground.machine.folder / f"lied-to-{number}", ground.machine.trust())
            with LyingHost(lie) as host:
                code, report = other.ask(host.url)
            assert code == TAMPERED and report["freshness"] != "pass", (number, code, report)
            assert other.proofs(), "no proof was kept"
            other.visit("verified", ground.url, freshness="pass")
        neighbour.stop_daemon()
    ground.well_again("a relay behind a reset")


def main():
    with Machine("a") as machine:
        ground = Ground(machine)
        ends = Counter()
        for name in COMMANDS:
            for moment in ("unsent", "unheard"):
                challenged(ground, name, moment, ends)
                answered(ground, name, moment, ends)
        print("ends:", dict(ends))
        held_question(ground)
        held_answer(ground)
        log_that_went_on(ground)
        answer_of_another_run(ground)
        relay_behind_a_reset(ground)
        report = machine.verify()
        assert report["exit"] == OK, report
        machine.stop_daemon()
        ground.between.close()


if __name__ == "__main__":
    into_namespace()
    main()
