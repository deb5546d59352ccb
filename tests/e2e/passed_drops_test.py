"""Goal: whatever the kernel dropped at a passed UDP socket is in the log once, whoever ran when it was dropped: nobody, a
daemon, one that was killed. Method: sockets of the test's own with room for a few datagrams, which outlive the daemons
that they are passed to; the kernel's own count (SO_MEMINFO) is what the gap records add up to, to the datagram."""
import base64
import json
import os
import signal
import socket
import struct
import time
import unittest

from activated_host import bound, passing
from inputs_host import BIN, OK, PATIENCE, InputsHost, content, run, wait_until

SO_MEMINFO, MEMINFO_VALUES, MEMINFO_DROPS = 55, 9, 8  # asm-generic/socket.h, linux/sock_diag.h
MANY = 200  # datagrams: many times what a socket here has room for, and few to the loopback's own queue


class Kept:
    """A UDP socket as a service manager keeps it: open, whoever runs. port: of one whose place it takes."""

    def __init__(self, port=0):
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        if port:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.socket.bind(("127.0.0.1", port))
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1)  # which the kernel takes for its least
        self.port = self.socket.getsockname()[1]
        self.sent = 0

    def dropped(self):
        """Since the socket was made, as the kernel counts."""
        facts = self.socket.getsockopt(socket.SOL_SOCKET, SO_MEMINFO, 4 * MEMINFO_VALUES)
        return struct.unpack(f"{MEMINFO_VALUES}I", facts)[MEMINFO_DROPS]

    def send(self, count):
        """Returns once the kernel has queued or dropped each of them: from one processor the loopback takes datagrams in
        turn, and behind them goes one to a socket that is read here."""
        allowed = os.sched_getaffinity(0)
        os.sched_setaffinity(0, {min(allowed)})
        try:
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as out, bound(socket.SOCK_DGRAM) as behind:
                behind.settimeout(PATIENCE)
                for _ in range(count):
                    out.sendto(b"datagram %d to %d" % (self.sent, self.port), ("127.0.0.1", self.port))
                    self.sent += 1
                out.sendto(b"behind them", behind.getsockname())
                behind.recv(64)
        finally:
            os.sched_setaffinity(0, allowed)


class PassedDrops(unittest.TestCase):
    def setUp(self):
        self.host = InputsHost()
        self.addCleanup(self.host.close)
        self.host.provision(extra='[limits]\nreceive_buffer = "4KiB"\n')  # so that it runs over at will, later too
        self.boots = 0
        self.kept = self.keep()

    def keep(self, port=0):
        made = Kept(port)
        self.addCleanup(made.socket.close)
        return made

    # -- lives of the daemon

    def begin(self, *kept, **environment):
        """A daemon with these sockets passed, the usual one where none is named."""
        sockets = [("udp", one.socket) for one in kept or (self.kept,)]
        with open(self.host.daemon_log, "ab") as log:
            self.host.daemon = passing(sockets, BIN / "steled", "--config", self.host.config, stderr=log,
                                       env={**os.environ, **environment})
        self.boots += 1

    def start(self, *kept):
        """Returns once the log says how far the passed sockets are counted."""
        self.begin(*kept)
        wait_until(self.has_told, "the daemon says what it knows of passed sockets")

    def has_told(self):
        self.assertIsNone(self.host.daemon.poll(), self.host.daemon_words())
        if run(BIN / "stele", "status", "--config", self.host.config).returncode != OK:
            return False
        records = self.records()
        boots = [record["index"] for record in records if record["kind"] == "boot"]
        return len(boots) == self.boots and any(
            record["index"] > boots[-1] and b"udp-drops=" in base64.b64decode(record.get("tlvs", "")) for record in records)

    def kill(self):
        self.host.daemon.kill()
        self.host.daemon.wait(PATIENCE)

    # -- what the log has

    def records(self):
        lines = self.host.stele("query", "--limit", "0", "-o", "jsonl", expect=OK).stdout.splitlines()
        return [json.loads(line) for line in lines]

    def events(self):
        return [content(record) for record in self.records() if record["kind"] == "event"]

    def gaps(self, kept=None):
        """In the order of the log; of this socket, or of all."""
        every = {record["index"]: record for record in self.records()}
        found = []
        for record in every.values():
            if record["kind"] != "gap":
                continue
            listener = json.loads(every[record["source"]]["text"])["listener"]
            if kept is None or listener == f"127.0.0.1:{kept.port}":
                found.append(json.loads(record["text"]))
                self.assertEqual(found[-1]["reason"], "kernel_drop")
        return found

    def lost(self, kept=None):
        return [gap["lost"] for gap in self.gaps(kept)]

    def overflow(self, kept=None):
        """By how much the kernel's count grew."""
        kept = kept or self.kept
        before = kept.dropped()
        kept.send(MANY)
        self.assertGreater(kept.dropped() - before, MANY // 2)
        return kept.dropped() - before

    # -- the tests

    def test_what_was_dropped_while_nobody_ran_is_told_once(self):
        host, kept, sent_ns = self.host, self.kept, time.time_ns()
        first = self.overflow()
        self.start()
        [gap] = self.gaps()
        self.assertEqual(gap["lost"], first)
        self.assertTrue(0 < gap["since_ns"] < sent_ns < gap["until_ns"] <= time.time_ns(), (gap, sent_ns))
        wait_until(lambda: len(self.events()) == kept.sent - first, "what was not dropped is stored")
        self.assertEqual(host.counters("udp")["dropped"], first)
        self.assertEqual(host.status()["queue"]["dropped_because"], {"kernel_drop": first})
        ends_ns = time.time_ns()
        host.stop_daemon()
        self.assertEqual(self.gaps(), [gap])

        self.start()
        self.assertEqual(self.gaps(), [gap], "told again")
        self.assertEqual(host.counters("udp")["dropped"], 0)
        host.stop_daemon()

        second = self.overflow()
        self.start()
        self.assertEqual(self.lost(), [first, second])
        later = self.gaps()[1]
        self.assertTrue(ends_ns < later["since_ns"] <= later["until_ns"] <= time.time_ns(), (later, ends_ns))
        wait_until(lambda: len(self.events()) == kept.sent - kept.dropped(), "what was not dropped is stored")
        host.stop_daemon()
        report = host.verify()
        self.assertEqual((report["exit"], report["coverage"]["lost"]), (OK, kept.dropped()), report)

    def test_where_nothing_was_dropped_nothing_is_told(self):
        for _ in range(3):
            self.kept.send(1)  # it waits in the socket
            self.start()
            self.kept.send(1)
            wait_until(lambda: len(self.events()) == self.kept.sent, "each is stored")
            self.host.stop_daemon()
        self.assertEqual(self.kept.dropped(), 0)
        self.assertEqual(self.gaps(), [])
        report = self.host.verify()
        self.assertEqual((report["exit"], report["coverage"]["lost"]), (OK, 0), report)

    def test_what_a_daemon_counted_is_not_told_by_the_next(self):
        kept, host = self.kept, self.host
        self.start()
        for stop in (host.stop_daemon, self.kill):
            host.daemon.send_signal(signal.SIGSTOP)
            self.overflow()
            host.daemon.send_signal(signal.SIGCONT)
            wait_until(lambda: sum(self.lost()) == kept.dropped(), "it counts as it goes")
            wait_until(lambda: len(self.events()) == kept.sent - kept.dropped(), "what was not dropped is stored")
            told = self.lost()
            stop()
            self.start()
            self.assertEqual(self.lost(), told)
        host.stop_daemon()

    def test_a_kill_takes_no_count_along_and_repeats_none(self):
        kept, host = self.kept, self.host
        self.start()
        for still in (True, False, False, True):
            if still:  # it cannot have counted what it is killed over
                host.daemon.send_signal(signal.SIGSTOP)
                self.overflow()
            else:
                kept.send(MANY)
            self.kill()
            kept.send(MANY)
            self.start()
            self.assertEqual(sum(self.lost()), kept.dropped())
        host.stop_daemon()
        self.assertEqual(sum(self.lost()), kept.dropped())
        stored = self.events()
        self.assertEqual(len(stored), len(set(stored)))
        self.assertLessEqual(len(stored), kept.sent - kept.dropped())

    def test_a_kill_around_the_write_of_the_gap_leaves_one(self):
        if b"STELE_FAILPOINT" not in (BIN / "steled").read_bytes():
            self.skipTest("steled was built without failpoints (-DSTELE_FAILPOINTS=ON)")
        told = []
        for place in ("before_write", "before_sync", "after_sync"):
            told.append(self.overflow())
            # The first group is what a life begins with; the second has what it finds lost.
            self.begin(STELE_FAILPOINT=f"store.append.{place}=kill:2")
            self.assertEqual(self.host.daemon.wait(PATIENCE), -signal.SIGKILL, self.host.daemon_words())
            self.assertIn(f"failpoint store.append.{place}: kill", self.host.daemon_words())
            self.start()
            self.assertEqual(self.lost(), told, place)
            self.host.stop_daemon()
        self.assertEqual(sum(told), self.kept.dropped())

    def test_another_socket_is_not_taken_for_the_one_before(self):
        old = self.overflow()
        self.start()
        self.host.stop_daemon()
        other = self.keep(self.kept.port)
        self.kept.socket.close()
        other.send(MANY // 2)
        self.assertLess(other.dropped(), old)
        self.start(other)
        self.assertEqual(self.lost(other), [old, other.dropped()])
        self.host.stop_daemon()

    def test_each_of_several_sockets_is_counted_for_itself(self):
        one, two = self.kept, self.keep()
        for passed in ([one], [two], [two, one], [one, two]):
            self.overflow(one)
            self.overflow(two)
            self.start(*passed)
            for kept in passed:
                wait_until(lambda: sum(self.lost(kept)) == kept.dropped(), "what the kernel says of it")
            self.host.stop_daemon()
        for kept in (one, two):
            self.assertEqual(sum(self.lost(kept)), kept.dropped())


if __name__ == "__main__":
    unittest.main(verbosity=2)
