#!/usr/bin/env python3
"""Family 2 on the real daemon: killed at its n-th system call of a kind, from its start to its end.

Usage: daemon_syscalls.py POINTS SEED. strace counts by kind of call over all threads; POINTS pairs
(call, n) are drawn from those that an undisturbed session makes. Afterwards the daemon starts again,
and what was acknowledged is there and verified.
"""
import contextlib
import os
import pathlib
import random
import subprocess
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).parents[1] / "e2e"))
from load import Ledger, Sender, check_records  # noqa: E402
from stele_host import BIN, Host, OK, wait_until  # noqa: E402

CALLS = ["pwritev", "fdatasync", "fsync", "openat", "rename", "ftruncate", "write", "read", "sendto", "recvfrom",
         "sendmsg", "recvmsg", "epoll_wait", "futex", "close", "pwrite64", "pread64", "unlink", "socket", "connect",
         "bind", "accept4", "mmap", "getrandom", "poll"]


def session(host, ledger, strace):
    """Start, some events, an anchor, the end; killed somewhere, or not."""
    with open(host.daemon_log, "ab") as log:
        host.daemon = subprocess.Popen(["strace", "-f", "-qq", *strace, BIN / "steled", "--config", host.config],
                                       stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True)
    ledger_before = len(ledger.acknowledged)
    deadline = time.monotonic() + 60
    while host.daemon.poll() is None and time.monotonic() < deadline:
        try:
            sender = Sender(host.ingest, ledger, batch=5)
        except OSError:
            time.sleep(0.01)
            continue
        sender.start()
        while host.daemon.poll() is None and len(ledger.acknowledged) < ledger_before + 50 and sender.is_alive():
            time.sleep(0.01)
        sender.stop()
        host.stele("anchor")
        break
    if host.daemon.poll() is None:
        children = subprocess.run(["pgrep", "-P", str(host.daemon.pid)], capture_output=True, text=True, check=False)
        for child in children.stdout.split():
            with contextlib.suppress(ProcessLookupError):  # killed by its injection in between
                os.kill(int(child), 15)
        host.daemon.wait(60)
    host.daemon = None


def counted(host, ledger):
    table = host.folder / "calls"
    session(host, ledger, ["-c", "-U", "name,calls", "-o", table])
    rows = [line.split() for line in table.read_text().splitlines()]
    counts = {row[0]: int(row[1]) for row in rows if len(row) == 2 and row[1].isdigit()}
    return [(call, n) for call in CALLS for n in range(1, counts.get(call, 0) + 1)]


def main():
    points, chance = int(sys.argv[1]), random.Random(int(sys.argv[2]))
    ledger, injected = Ledger(), 0
    with Host("a") as host:
        host.provision(quote_interval="50ms")
        host.start_daemon()
        wait_until(lambda: host.status()["anchoring"]["counter_anchors"] > 0, "the first counter anchor")
        trust = host.trust()
        host.stop_daemon()
        every = counted(host, ledger)
        for call, n in chance.sample(every, min(points, len(every))):
            trace = host.folder / "trace"
            session(host, ledger, ["-o", trace, "-e", f"trace={call}", "-e", f"inject={call}:signal=KILL:when={n}"])
            injected += "SIGKILL" in trace.read_text(errors="replace") or "INJECTED" in trace.read_text(errors="replace")
            host.start_daemon()
            report = host.verify(trust=trust)
            assert report["exit"] == OK, (call, n, report)
            assert report["log"]["size"] > ledger.newest, (call, n, report)
            host.stop_daemon()
        check_records(host.data, ledger)
    assert injected > points // 2, f"only {injected} of {points} injections took place"
    print(f"family 2: injected {injected}, lost 0, false alarms 0, missed 0 (real daemon, of {len(every)} points)")


if __name__ == "__main__":
    main()
