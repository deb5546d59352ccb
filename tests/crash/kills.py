#!/usr/bin/env python3
"""SIGKILL of daemon, TPM or both at random moments under load; then restart, verify, compare. (Families 1, 8.)

Usage: kills.py MODE KILLS SEED. After every restart stele-verify must say verified (mode B: or
undetermined by the read-back rule), nothing acknowledged may be missing, nothing invented. A fresh
host every ROUNDS kills, so that verifying stays short. A failing run prints its seed.
"""
import pathlib
import random
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).parents[1] / "e2e"))
from load import Ledger, Sender, check_records  # noqa: E402
from stele_host import Host, UNDETERMINED, OK, wait_until  # noqa: E402

ROUNDS = 50


def kill_tpm(host):
    host.tpm.process.kill()
    host.tpm.process.wait()
    host.tpm.process = None


def check_verdict(host, mode, ledger):
    report = host.verify()
    allowed = [OK] if mode == "a" else [OK, UNDETERMINED]
    assert report["exit"] in allowed, report
    if report["exit"] == UNDETERMINED:
        assert all(d["fault"] == "read_back_rule" for d in report["defects"]), report
    assert report["log"]["size"] > ledger.newest, f"{report['log']['size']} records, {ledger.newest} was acknowledged"
    return report


def one_round(host, mode, ledger, chance, anchored_before):
    sender = Sender(host.ingest, ledger)
    sender.start()
    time.sleep(chance.uniform(0.01, 0.25))
    victim = chance.choice(["daemon", "daemon", "tpm", "both"])
    if victim in ("tpm", "both"):
        kill_tpm(host)
    if victim == "tpm":
        time.sleep(chance.uniform(0, 0.05))
    host.daemon.kill()
    host.daemon.wait()
    host.notify.close()
    sender.stop()
    if host.tpm.process is None:
        host.tpm.start()
    host.start_daemon()
    report = check_verdict(host, mode, ledger)
    assert report["anchors"]["counter"] >= anchored_before, "a counter anchor is lost"
    return victim, report["anchors"]["counter"]


def one_host(mode, kills, chance, victims):
    ledger = Ledger()
    with Host(mode) as host:
        host.provision(quote_interval="20ms")
        host.start_daemon()
        wait_until(lambda: host.status()["anchoring"]["counter_anchors"] > 0, "the first counter anchor")
        host.trust = lambda path=host.trust(): path
        anchored = 0
        for _ in range(kills):
            victim, anchored = one_round(host, mode, ledger, chance, anchored)
            victims[victim] = victims.get(victim, 0) + 1
        host.stop_daemon()
        check_verdict(host, mode, ledger)
        return check_records(host.data, ledger), len(ledger.acknowledged)


def main():
    mode, kills, seed = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    chance, victims, stored, acknowledged = random.Random(seed), {}, 0, 0
    try:
        for begin in range(0, kills, ROUNDS):
            more = one_host(mode, min(ROUNDS, kills - begin), chance, victims)
            stored, acknowledged = stored + more[0], acknowledged + more[1]
    except BaseException:
        print(f"seed {seed}, after {victims}", file=sys.stderr)
        raise
    assert acknowledged > kills, "hardly anything was acknowledged: nothing was tried"
    print(f"mode {mode}, victims {victims}: {stored} events stored, {acknowledged} of them acknowledged")
    print(f"family 1: injected {kills}, lost 0, false alarms 0, missed 0 (SIGKILL under load, mode {mode}, seed {seed})")


if __name__ == "__main__":
    main()
