#!/usr/bin/env python3
"""Family 10: a second daemon is started on the same directory while the first runs, is killed, or both start.

Usage: two_daemons.py TIMES SEED. At any time at most one of them writes; the other refuses with 75.
"""
import pathlib
import random
import subprocess
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).parents[1] / "e2e"))
from load import Ledger, Sender, check_records  # noqa: E402
from stele_host import BIN, Host, OK, TEMPORARY, wait_until  # noqa: E402


def rival(host):
    return subprocess.Popen([BIN / "steled", "--config", host.config], stdin=subprocess.DEVNULL,
                            stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)


def refuse(host, process):
    _, words = process.communicate(timeout=60)
    assert process.returncode == TEMPORARY, f"the second daemon ended with {process.returncode}: {words.decode()}"
    assert host.daemon.poll() is None, "the first daemon was disturbed"


def beside_a_running_one(host, ledger, _chance):
    sender = Sender(host.ingest, ledger)
    sender.start()
    refuse(host, rival(host))
    sender.stop()


def while_the_first_is_killed(host, ledger, chance):
    sender = Sender(host.ingest, ledger)
    sender.start()
    second = rival(host)
    time.sleep(chance.uniform(0, 0.03))
    host.daemon.kill()
    host.daemon.wait()
    host.notify.close()
    sender.stop()
    time.sleep(chance.uniform(0, 0.03))
    second.kill()  # whether it refused or took over: both are allowed, a mixed store is not
    second.communicate()
    host.start_daemon()


def main():
    times, chance = int(sys.argv[1]), random.Random(int(sys.argv[2]))
    ledger = Ledger()
    with Host("a") as host:
        host.provision(quote_interval="50ms")
        host.start_daemon()
        wait_until(lambda: host.status()["anchoring"]["counter_anchors"] > 0, "the first counter anchor")
        trust = host.trust()
        for number in range(times):
            chance.choice([beside_a_running_one, while_the_first_is_killed])(host, ledger, chance)
            if number % 20 == 19:
                report = host.verify(trust=trust)
                assert report["exit"] == OK, report
        host.stop_daemon()
        report = host.verify(trust=trust)
        assert report["exit"] == OK, report
        check_records(host.data, ledger)
    print(f"family 10: injected {times}, lost 0, false alarms 0, missed 0")


if __name__ == "__main__":
    main()
