#!/usr/bin/env python3
"""Families 16 and 18, and what [on] says: slow and hung disks, no descriptors left, no room left.

Usage: host_faults.py slow | descriptors | policies. Against the real binaries; the disks are a tmpfs of the test's
own, or slowed by strace. Acknowledged means stored, whatever happened.
"""
import json
import os
import pathlib
import signal
import socket
import subprocess
import sys
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).parents[1] / "e2e"))
from disks import ROOM, end, into_namespace, mount, remount, used  # noqa: E402
from load import Ledger, Sender, check_records  # noqa: E402
from stele_host import BIN, Host, OK, TEMPORARY, wait_until  # noqa: E402

CANNOT = {70, 73, 74, 75, 77, 78}  # documented ends of a daemon that cannot go on


class Notifications(threading.Thread):
    """Reads NOTIFY_SOCKET all the time: a full one would hold the daemon up, as a hung service manager does."""

    def __init__(self, host):
        super().__init__(daemon=True)
        self.socket, self.fed = host.notify, 0
        self.start()

    def run(self):
        while True:
            try:
                self.fed += self.socket.recv(4096).count(b"WATCHDOG=1")
            except socket.timeout:
                continue
            except OSError:
                return

    def wait_for_more(self, what):
        before = self.fed
        wait_until(lambda: self.fed > before + 1, what)


class SlowSyncs:
    """Every fdatasync of the daemon takes this long, as strace holds it back."""

    def __init__(self, host, seconds):
        self.process = subprocess.Popen(
            ["strace", "-qq", "-f", "-p", str(host.daemon.pid), "-o", "/dev/null", "-e", "trace=fdatasync", "-e",
             f"inject=fdatasync:delay_enter={int(seconds * 1e6)}"], stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        tracer = f"TracerPid:\t{self.process.pid}"
        wait_until(lambda: tracer in pathlib.Path(f"/proc/{host.daemon.pid}/status").read_text(), "strace is attached")

    def end(self):
        self.process.send_signal(signal.SIGINT)
        self.process.wait(60)


def resident_mib(host):
    status = pathlib.Path(f"/proc/{host.daemon.pid}/status").read_text()
    return int(status.split("VmRSS:")[1].split()[0]) // 1024


def flood(host, events, size):
    """Sends without reading acknowledgements until the daemon takes no more; the socket, and how many bytes went."""
    connection = socket.socket(socket.AF_UNIX)
    connection.connect(str(host.ingest))
    connection.settimeout(0.5)
    sent = 0
    line = b"x" * size + b"\n"
    try:
        for _ in range(events):
            connection.sendall(line * 100)
            sent += 100 * len(line)
    except socket.timeout:
        pass
    return connection, sent


def slow():
    os.environ["WATCHDOG_USEC"] = "200000"
    ledger = Ledger()
    with Host("b") as host:
        host.provision(quote_interval="1h",
                       extra='[limits]\nqueue_bytes = "8MiB"\nwrite_patience = "3s"\nmax_event_bytes = "64KiB"\n')
        host.start_daemon()
        heard, slowed, hung = Notifications(host), 0, 0
        for seconds in (0.05, 0.1, 0.2, 0.4, 0.8):
            syncs = SlowSyncs(host, seconds)
            sender = Sender(host.ingest, ledger, batch=500)
            before = ledger.newest
            sender.start()
            wait_until(lambda: ledger.newest > before, "an acknowledgement from a slow disk")
            heard.wait_for_more("the watchdog is fed beside a slow disk")
            assert host.status()["queue"]["bytes"] <= 8 << 20
            sender.stop()
            syncs.end()
            slowed += 1
        for _ in range(5):
            hung += hung_disk(host, heard)
        assert host.daemon_words().count("limits.write_patience") == 1
        host.stop_daemon()
        assert host.verify()["exit"] == OK
        assert_stored(host, ledger)
    assert slowed == 5 and hung >= 1, (slowed, hung)
    print(f"family 16: injected {slowed + hung}, lost 0, false alarms 0, missed 0 (slow and hung syncs of the real daemon)")


def hung_disk(host, heard):
    """1 if the watchdog was silent while one and the same write hung beyond the patience."""
    syncs = SlowSyncs(host, 8)
    connection, sent = flood(host, 10_000, 1000)
    wait_until(lambda: host.status()["queue"]["writing_s"] > 3.5, "a write hangs")
    before, first = heard.fed, host.status()["queue"]
    time.sleep(0.5)
    after, second = heard.fed, host.status()["queue"]
    assert second["bytes"] <= 8 << 20 and resident_mib(host) <= 256, (second, resident_mib(host), sent)
    same_write = 3.2 < first["writing_s"] < second["writing_s"]
    assert not same_write or after == before, "the watchdog is fed beside a hung disk"
    syncs.end()
    connection.close()
    heard.wait_for_more("the watchdog is fed again")
    return int(same_write)


def assert_stored(host, ledger):
    events = host.events()
    lost = [index for index, event in ledger.acknowledged.items() if events.get(index) != event]
    assert not lost, f"acknowledged and not stored: {lost[:5]}"


def crowd(host, count):
    connections = []
    for _ in range(count):
        connection = socket.socket(socket.AF_UNIX)
        connection.setblocking(False)
        try:
            connection.connect(str(host.ingest))
        except (BlockingIOError, FileNotFoundError, ConnectionRefusedError):
            # Nobody accepts any more, and the line is full; or the daemon ended, for which it is judged below.
            connection.close()
            break
        connections.append(connection)
    return connections


def start_with(host, count):
    """Under a hard limit that the daemon cannot raise; whether it serves."""
    notify_path = host.folder / "notify.sock"
    notify_path.unlink(missing_ok=True)
    host.notify = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    host.notify.bind(str(notify_path))
    host.notify.settimeout(0.1)
    with open(host.daemon_log, "ab") as log:
        host.daemon = subprocess.Popen(
            ["prlimit", f"--nofile={count}:{count}", BIN / "steled", "--config", host.config],
            stdin=subprocess.DEVNULL, stdout=log, stderr=log, env={**os.environ, "NOTIFY_SOCKET": str(notify_path)})
    wait_until(lambda: host.is_ready() or host.daemon.poll() is not None, "the daemon decides")
    return host.daemon.poll() is None


def descriptors():
    ledger, injected, served = Ledger(), 0, 0
    with Host("a") as host:
        host.provision(quote_interval="50ms", extra='[limits]\nsegment_bytes = "64KiB"\n[storage]\npack = false\n')
        for case in range(50):
            injected += 1
            if not start_with(host, 20 + case * 180 // 49):
                assert host.daemon.returncode in CANNOT, host.daemon.returncode
                continue
            served += 1
            sender = Sender(host.ingest, ledger)
            sender.start()
            first = ledger.newest
            wait_until(lambda: ledger.newest > first or not sender.is_alive(), "an acknowledgement")
            connections = crowd(host, 220)
            second = ledger.newest
            wait_until(lambda: ledger.newest > second + 500 or not sender.is_alive(), "segments are closed and begun")
            for connection in connections:
                connection.close()
            sender.stop()
            if case < 10 and not is_alive(host):
                assert host.daemon.returncode in CANNOT, host.daemon.returncode
                continue
            host.stop_daemon()
        report = host.verify()
        assert report["exit"] == OK, report
        check_records(host.data, ledger)
    assert injected == 50 and served >= 40, (injected, served)
    print(f"family 18: injected {injected}, lost 0, false alarms 0, missed 0 (20 to 200 descriptors and 220 senders; "
          f"{served} times the daemon served all the same, else it ended with its code)")


def is_alive(host):
    """A daemon that ends drains first."""
    queue = host.status().get("queue")  # without a daemon the tool reads the store
    if queue and not queue["failed"]:
        return True
    host.daemon.wait(60)
    return False


def low_disk(host, action):
    """On a disk whose every room is too little."""
    host.write_config(extra=f'[on]\ndisk_low = "{action}"\n[limits]\ndisk_low_bytes = "16384GiB"\n')
    host.start_daemon(wait=False)


def send_quietly(host, count):
    """Without acknowledgements, and half-closed: the daemon reads them all."""
    with socket.socket(socket.AF_UNIX) as connection:
        connection.connect(str(host.ingest))
        connection.sendall(b"".join(b"quiet %d\n" % number for number in range(count)))


def gaps(host):
    lines = host.stele("query", "--limit", "0", "-o", "jsonl", expect=OK).stdout.splitlines()
    found = [r for r in map(json.loads, lines) if r["kind"] == "gap"]
    return [(json.loads(r["text"]), r["source"]) for r in found]


def policies():
    with Host("a") as host:
        host.data.mkdir()
        mount(host.data, f"size={ROOM}")
        try:
            host.provision()
            drops_are_told_alike(host)
            suspended_and_warned(host)
            halts(host)
            full = full_disk_drops(host)
            report = host.verify()
            assert report["exit"] == OK and report["coverage"]["lost"] == 1000 + full, report["coverage"]
        finally:
            end(host)
    print(f"policies: dropped 1000 on a low disk and {full} on a full one, all recorded; suspended, warned, halted")


def drops_are_told_alike(host):
    low_disk(host, "drop-with-record")
    wait_until(host.is_ready, "ready")
    send_quietly(host, 1000)
    wait_until(lambda: host.status()["queue"]["dropped"] == 1000, "all are dropped")
    status = host.status()
    assert status["queue"]["disk_low"] and status["ingest"]["inputs"]["unix"]["dropped"] == 1000, status
    wait_until(lambda: sum(gap["lost"] for gap, _ in gaps(host)) == 1000, "and recorded")
    for gap, source in gaps(host):
        assert gap["reason"] == "disk_low" and gap["since_ns"] <= gap["until_ns"] and source is not None, gap
    assert "events were dropped (disk_low)" in host.daemon_words()
    host.stop_daemon()
    assert host.verify()["coverage"]["lost"] == 1000


def suspended_and_warned(host):
    low_disk(host, "suspend")
    wait_until(host.is_ready, "ready")
    assert host.status()["queue"]["suspended"]
    before = len(host.events())
    with socket.socket(socket.AF_UNIX) as connection:
        connection.connect(str(host.ingest))
        connection.sendall(b"STELE/1 ack=durable\nwaits\n")
        assert len(host.events()) == before
        host.daemon.kill()  # what waited was not acknowledged
        host.daemon.wait()
    low_disk(host, "warn")
    wait_until(host.is_ready, "ready")
    host.append(b"goes on\n", "--wait", "durable")
    assert host.status()["queue"]["disk_low"] and not host.status()["queue"]["suspended"]
    host.stop_daemon()


def halts(host):
    low_disk(host, "halt")
    host.wait_for_end(TEMPORARY)
    assert "on.disk_low says" in host.daemon_words()
    host.write_config(extra='[on]\ndisk_full = "halt"\n')
    host.start_daemon()
    remount(host.data, f"size={used(host.data) + (256 << 10)}")
    ledger = Ledger()
    sender = Sender(host.ingest, ledger, batch=1000)
    sender.start()
    host.wait_for_end(TEMPORARY)
    sender.stop()
    remount(host.data, f"size={ROOM}")
    host.start_daemon()
    assert_stored(host, ledger)
    host.stop_daemon()


def full_disk_drops(host):
    host.write_config(extra='[on]\ndisk_full = "drop-with-record"\n')
    host.start_daemon()
    remount(host.data, f"size={used(host.data) + (256 << 10)}")
    ledger = Ledger()
    sender = Sender(host.ingest, ledger, batch=1000)
    sender.start()
    send = lambda: send_quietly(host, 500)  # noqa: E731
    wait_until(lambda: host.status()["queue"]["disk_full"], "the disk is full")
    send()
    wait_until(lambda: host.status()["queue"]["dropped"] >= 500, "what comes meanwhile is dropped")
    remount(host.data, f"size={ROOM}")
    wait_until(lambda: not host.status()["queue"]["disk_full"], "there is room again")
    sender.running = False
    sender.join(60)
    dropped = host.status()["queue"]["dropped"]
    recorded = lambda: sum(gap["lost"] for gap, _ in gaps(host) if gap["reason"] == "disk_full")  # noqa: E731
    wait_until(lambda: recorded() == dropped, "all is recorded")
    assert_stored(host, ledger)
    host.stop_daemon()
    return dropped


if __name__ == "__main__":
    if sys.argv[1] == "policies":
        into_namespace()
    {"slow": slow, "descriptors": descriptors, "policies": policies}[sys.argv[1]]()
