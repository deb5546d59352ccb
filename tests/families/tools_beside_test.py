#!/usr/bin/env python3
"""Goal: other programs that use the same TPM without a pause cost delays that are told, and no NV write.

Method: tpm2-tools in endless loops beside a daemon that anchors and answers on demand: through tpm2-abrmd, which keeps
sessions and objects apart as /dev/tpmrm0 does; and through a relay that only puts commands one after another, as
/dev/tpm0 would if it were shared: there the tools leave objects behind, and one flushes every session it finds, ours
too. C is counted in the TPM at the end.
"""
import contextlib
import os
import threading
import time

from every_tcti_test import environment, first_counter
from family import LONG, OK, PATIENCE, TEMPORARY, UNAVAILABLE, Machine, Tally, TpmBetween, into_namespace, run
from reaches import Reach, tabrmd

SECONDS = 300 if LONG else 8  # for each of the two; a tool and an anchor that have begun are waited for
AT_LEAST = 20  # runs of tools and attempts at anchors, however slow the machine
AT_REST = 4  # anchors at the start, before and after the loop, and the final one
SEEN_AS = {"unavailable", "contended"}


@contextlib.contextmanager
def relay(tpm, _folder):
    between = TpmBetween(tpm, lambda _code, _command, forward: forward())
    try:
        yield Reach(between.tcti)
    finally:
        between.close()


def tools(folder, apart):
    """Command lines of harmless users; of a careless one where nothing keeps them apart."""
    key = folder / "somebodys-key"
    lines = [["tpm2_getrandom", "16"], ["tpm2_pcrread", "sha256:0,7,10"], ["tpm2_getcap", "properties-variable"],
             ["tpm2_createprimary", "-C", "n", "-G", "ecc", "-c", key], ["tpm2_readclock"],
             ["tpm2_hash", "-C", "n", "/dev/null"]]
    return lines if apart else lines + [["tpm2_flushcontext", "-l"], ["tpm2_flushcontext", "-t"]]


class Users:
    """Two loops over the tools, beside each other."""

    def __init__(self, tcti, lines):
        self.environment, self.lines = {**os.environ, "TPM2TOOLS_TCTI": tcti}, lines
        self.done, self.refused, self.ended = 0, 0, threading.Event()
        self.threads = [threading.Thread(target=self._loop, args=(offset,)) for offset in (0, len(lines) // 2)]

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self.ended.set()
        for thread in self.threads:
            thread.join()

    def _loop(self, at):
        while not self.ended.is_set():
            done = run(*self.lines[at % len(self.lines)], env=self.environment)
            self.done += done.returncode == OK
            self.refused += done.returncode != OK
            at += 1


def anchor_beside(tally, machine, users):
    """Anchors and answers in turn; (made, refused). A refusal must say why, and be seen in status."""
    made = refused = 0
    begun = time.monotonic()
    until, at_last = begun + SECONDS, begun + PATIENCE
    # However careless the others are, an anchor or an answer comes through in the end.
    while (time.monotonic() < until or made + refused < AT_LEAST or users.done < AT_LEAST
           or not made and time.monotonic() < at_last):
        tally.lost_unless(machine.send() == OK, "events wait for the TPM")
        way = ("anchor",) if (made + refused) % 3 else ("answer", "--nonce", "5a" * 32, "-o", "-")
        done = machine.stele(*way)
        if done.returncode == OK:
            made += 1
            continue
        refused += 1
        tally.missed_unless(done.returncode in ((TEMPORARY, UNAVAILABLE) if way[0] == "answer" else (UNAVAILABLE,)) and
                           len(done.stderr) > 40, (way, done))
        status = machine.status()["anchoring"]
        seen = status["state"] == "anchoring" or (status["state"] in SEEN_AS and status["reason"])
        tally.missed_unless(seen, status)
        tally.alarm_unless(status["state"] != "stopped", status)
    return made, refused


def beside_tools(tally, name, way, apart):
    with Machine("a") as machine:
        machine.tpm.start()
        with way(machine.tpm, machine.folder) as reach, environment(reach.environment):
            machine.provision(quote_interval="200ms")
            machine.write_config(tcti=reach.tcti, quote_interval="200ms")
            machine.start_daemon()
            tally.goes_on(machine, name)
            with Users(reach.tcti, tools(machine.folder, apart)) as users:
                made, refused = anchor_beside(tally, machine, users)
            tally.inject(users.done + users.refused)
            tally.goes_on(machine, f"{name}: alone again")
            tally.answers(machine, f"{name}: alone again")
            machine.stop_daemon()
        report = tally.judge(machine, what=name)
        tally.lost_unless(report["coverage"]["unanchored"] == 0, (name, report["coverage"]))
        tally.spent_once(machine, first_counter(machine), name)
        # Each attempt is at most one increment: refusals and tries cost none.
        bound = made + refused + AT_REST
        tally.lost_unless(report["anchors"]["counter"] <= bound, (name, report["anchors"], bound))
        assert made, f"{name}: no anchor and no answer was made"
        return f"{name}: {users.done} tools, {made} anchors and answers made, {refused} refused"


def main():
    into_namespace()
    tally = Tally()
    told = [beside_tools(tally, "through tpm2-abrmd", tabrmd, apart=True),
            beside_tools(tally, "through a bare relay", relay, apart=False)]
    tally.report(54, "; ".join(told))


if __name__ == "__main__":
    main()
