"""Goal: nothing is lost in silence at the socket inputs, whatever is sent and whoever sends it (families 62, 63, 64, 68).
Method: the real daemon with all inputs on; logs of others, hard bytes, slow, dead and hostile senders, floods. What went in is
compared with what the log gives back, gap records included, to the byte and to the number. STELE_LONG=1: more of each."""
import collections
import contextlib
import json
import os
import pathlib
import resource
import socket
import struct
import threading
import unittest

from inputs_host import OK, InputsHost, wait_until

LONG = os.environ.get("STELE_LONG") == "1"
LIMIT = 1 << 20
STREAMS = ("unix", "tcp", "tls")
DATAGRAMS = ("unix_datagram", "udp")
# What one datagram can carry: of UDP over IPv4 its length field less both headers; at a Unix socket what its sender's buffer
# holds, twice net.core.wmem_max at most (an event of the vectors has 185,657 bytes).
LARGEST_DATAGRAM = {"udp": 65_507, "unix_datagram": 200_000}
MEMORY = 256 << 20


def lines_of(data):
    events = data.split(b"\n")
    return events if events[-1] else events[:-1]


def report(family, injected, expected, found, what, false_alarms=0):
    """Counters of what should be there and what is: the family's line, and a failure unless they are the same."""
    lost, missed = expected - found, found - expected
    print(f"family {family}: injected {injected}, lost {sum(lost.values())}, false alarms {false_alarms}, "
          f"missed {sum(missed.values())} ({what})")
    assert injected and not lost and not missed and not false_alarms, (dict(lost.most_common(3)), dict(missed.most_common(3)))


class Families(unittest.TestCase):
    def begin(self, listen="", limits="", **more):
        self.host = InputsHost()
        self.addCleanup(self.host.close)
        self.host.provision(extra=self.host.inputs(listen, limits, **more))
        self.host.start_daemon()
        return self.host

    def stream(self, transport, data):
        """One connection: all bytes, then its end in order."""
        with self.host.connect(transport) as out:
            out.sendall(data)
            if transport == "tls":
                out.unwrap()
            else:
                out.shutdown(socket.SHUT_WR)
                out.recv(1)

    def found(self):
        """How often each (transport, event) and (transport, gap) is in the log."""
        counts = collections.Counter()
        for kind in ("event", "gap"):
            counts.update((json.loads(source)["transport"], kind, text) for text, source in self.host.records(kind))
        return counts

    def settled(self, events):
        self.host.received(events)
        return self.found()

    @unittest.skipUnless(os.environ.get("STELE_VECTORS"), "STELE_VECTORS is not set")
    def test_family_62_every_log_of_others_through_every_transport(self):
        host = self.begin('framing = "auto"')
        files = sorted(p for p in (pathlib.Path(os.environ["STELE_VECTORS"]) / "logs").rglob("*") if p.is_file())
        expected, injected, sent = collections.Counter(), 0, collections.Counter()
        too_long = set()
        rounds = 7 if LONG else 1
        for _ in range(rounds):
            for path in files:
                data = path.read_bytes()
                events = lines_of(data)
                # A first line that begins with a count would be taken for one: those go in counted frames.
                frames = [e for e in events if e] + [data] * bool(data)
                counted = b"".join(b"%d %s" % (len(e), e) for e in frames)
                self.stream("unix", data)
                expected.update(("unix", "event", e) for e in events)
                self.stream("tcp", counted)
                expected.update(("tcp", "event", e) for e in frames)
                lines = data[:1] not in [b"%d" % n for n in range(1, 10)]
                self.stream("tls", data if lines else counted)
                expected.update(("tls", "event", e) for e in (events if lines else frames))
                for transport in DATAGRAMS:
                    with host.connect(transport) as out:
                        if transport == "unix_datagram":
                            out.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 512 << 10)
                        for event in events:
                            if len(event) > LARGEST_DATAGRAM[transport]:
                                self.assertEqual(transport, "udp", "a Unix datagram carries every event of the vectors")
                                too_long.add(event)
                                continue
                            out.send(event)
                            sent[transport] += 1
                            expected[(transport, "event", event)] += 1
                            if sent[transport] % 1000 == 0 or len(event) > 50_000:  # in step: this is no flood
                                self.in_step(transport, sent[transport])
        print(f"{len(too_long)} events of the vectors are longer than UDP can carry (65,507 bytes)")
        injected = sum(expected.values())
        report(62, injected, expected, self.settled(injected), f"{len(files)} logs of others through 5 transports, byte exact")
        verdict = host.verify()
        self.assertEqual((verdict["conclusion"], verdict["exit"]), ("verified", OK))

    def in_step(self, transport, count):
        wait_until(lambda: self.host.counters(transport)["events"] >= count, f"{count} of {transport}")

    def test_family_63_hard_bytes_through_every_transport(self):
        host = self.begin()
        hard = [b"NUL \0 in it", b"\0", b"\xff\xfe invalid \xc3( UTF-8 \xed\xa0\x80", b"\xef\xbb\xbfBOM", b"CRLF\r", b"\r",
                b"\x1b[2J\x9b", b" 12 x", b"<34>1 - - - - - -", bytes(b for b in range(256) if b != 10), b"x" * 50_000]
        too_long = [LIMIT + 1, LIMIT + 2, 2 * LIMIT, 16 * LIMIT] if not LONG else [LIMIT + n for n in range(1, 17)] + [16 * LIMIT]
        expected = collections.Counter()
        for transport in STREAMS:
            self.stream(transport, b"\n".join(hard) + b"\nno newline at the end")
            expected.update((transport, "event", e) for e in [*hard, b"no newline at the end"])
            largest = b"y" * LIMIT
            self.stream(transport, b"before\n" + b"".join(b"x" * n + b"\n" for n in too_long) + largest + b"\nafter\n")
            expected.update((transport, "event", e) for e in (b"before", largest, b"after"))
            if transport != "unix":
                self.stream(transport, b"6 before" + b"".join(b"%d " % n + b"x" * n for n in too_long) + b"5 a\nter")
                expected.update((transport, "event", e) for e in (b"before", b"a\nter"))
        for transport in DATAGRAMS:
            with host.connect(transport) as out:
                for event in [*hard, b"with lf\n", b"", b"a\nb"]:
                    out.send(event)
                    expected[(transport, "event", event)] += 1
        self.one_byte_writes(expected)
        self.interleaved(expected)
        found = self.settled(sum(expected.values()))
        gaps = collections.Counter({key: count for key, count in found.items() if key[1] == "gap"})
        lost = {t: sum(json.loads(text)["lost"] * n for (where, _, text), n in gaps.items() if where == t) for t in STREAMS}
        self.assertEqual(lost, {"unix": len(too_long), "tcp": 2 * len(too_long), "tls": 2 * len(too_long)})
        self.assertEqual({json.loads(key[2])["reason"] for key in gaps}, {"too_long"})
        report(63, sum(expected.values()) + sum(lost.values()), expected, found - gaps,
               "hard bytes, oversize, 1-byte writes, 200 interleaved senders")

    def one_byte_writes(self, expected):
        for transport in STREAMS:
            text = b"<1>byte by byte\n<2>twice\n"
            with self.host.connect(transport) as out:
                if transport != "unix":
                    out.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                for i in range(len(text)):
                    out.sendall(text[i:i + 1])
            expected.update((transport, "event", e) for e in lines_of(text))

    def interleaved(self, expected):
        senders = [(t, i, self.host.connect(t)) for i in range(67 if not LONG else 200) for t in STREAMS]
        self.assertGreaterEqual(len(senders), 200)
        for part in range(4):  # each event in two writes, of all senders in turn
            for transport, i, out in senders:
                out.sendall(b"%s sender %d event " % (transport.encode(), i) if part % 2 == 0 else b"%d\n" % part)
        for transport, i, out in senders:
            out.close()
            expected.update((transport, "event", b"%s sender %d event %d" % (transport.encode(), i, part)) for part in (1, 3))

    def test_family_64_slow_dead_and_hostile_senders_harm_nobody(self):
        count = 5_000
        soft, top = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(count + 1000, top), top))
        self.addCleanup(resource.setrlimit, resource.RLIMIT_NOFILE, (soft, top))
        host = self.begin(limits='max_connections = 6000\nmax_connections_per_address = 6000\nevent_timeout = "3s"')
        expected, injected, held = collections.Counter(), 0, contextlib.ExitStack()
        self.addCleanup(held.close)
        good = {t: held.enter_context(host.connect(t)) for t in STREAMS}

        def all_good(word):
            for transport, out in good.items():
                out.sendall(b"good %s\n" % word)
                expected[(transport, "event", b"good " + word)] += 1
            self.assertEqual(sorted(set(host.received(sum(v for k, v in expected.items() if k[1] == "event")))),
                             sorted({key[2] for key in expected if key[1] == "event"}))

        all_good(b"at first")
        idle = [held.enter_context(host.connect("tcp")) for _ in range(count)]
        wait_until(lambda: host.counters("tcp")["connections"] == count + 1, "5,000 idle connections")
        injected += count
        all_good(b"beside 5,000 idle ones")
        truncated = b'{"lost":1,"reason":"truncated"}'
        for transport in STREAMS:
            # Half-close; and an end in the middle of an event by RST.
            self.stream(transport, b"half-closed")
            expected[(transport, "event", b"half-closed")] += 1
            injected += 1
            if transport == "unix":
                continue  # it knows no RST
            for beginning in (b"unfinished line", b"100 unfinished frame"):
                self.reset_in_a_frame(transport, beginning)
                expected[(transport, "gap", truncated)] += 1
                injected += 1
        # Slow loris: one byte now and then, never an end; ended by limits.event_timeout while others go on.
        slow = [(t, host.connect(t)) for t in ("tcp", "tls") for _ in range(10)]
        for transport, out in slow:
            held.callback(out.close)
            out.sendall(b"<1>s")
            expected[(transport, "gap", truncated)] += 1
        injected += len(slow)
        while any(self.drip(out) for _, out in slow):
            pass
        all_good(b"beside slow ones")
        for out in idle[:100]:
            out.sendall(b"woken\n")
            expected[("tcp", "event", b"woken")] += 1
        wait_until(lambda: sum(n for k, n in self.found().items() if k[1] == "gap")
                   >= sum(n for k, n in expected.items() if k[1] == "gap"), "every loss is recorded")
        report(64, injected, expected, self.settled(sum(v for k, v in expected.items() if k[1] == "event")),
               "5,000 idle, half-closed, reset in a frame, slow to the end")

    def drip(self, out):
        """One byte more; whether the connection is still there after a moment."""
        try:
            out.sendall(b"l")
            out.settimeout(0.1)
            return out.recv(1) != b""
        except TimeoutError:
            return True
        except OSError:
            return False

    def reset_in_a_frame(self, transport, beginning):
        """Ends a connection by RST once its beginning of an event has been read; waits until that is recorded."""
        before = len(self.host.records("gap"))
        out = self.host.connect(transport)
        out.sendall(beginning)
        wait_until(lambda: self.read_by_daemon(out), "what was written is read")
        raw = socket.socket(fileno=out.detach())
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        raw.close()
        wait_until(lambda: len(self.host.records("gap")) > before, f"the reset over {transport} is recorded")

    def read_by_daemon(self, out):
        """Nothing of this connection waits in the daemon's receive queue (/proc/net/tcp)."""
        here = "0100007F:%04X" % out.getsockname()[1]
        rows = [line.split() for line in pathlib.Path("/proc/net/tcp").read_text().splitlines()[1:]]
        return any(row[2] == here and row[4].endswith(":00000000") for row in rows)

    def test_family_68_a_flood_of_datagrams_is_stored_or_recorded_as_lost(self):
        each = 600_000 if LONG else 25_000
        host = self.begin(limits='queue_bytes = "2MiB"\nqueue_records = 4096\nreceive_buffer = "64KiB"')
        sent = collections.Counter()

        def flood(transport, number):
            with host.connect(transport) as out:
                for i in range(each):
                    out.send(b"%s %d %d " % (transport.encode(), number, i) + b"f" * 100)
                    sent[(transport, number)] += 1

        floods = [threading.Thread(target=flood, args=(t, n)) for t in DATAGRAMS for n in range(2)]
        for one in floods:
            one.start()
        for one in floods:
            one.join()
        total = sum(sent.values())
        self.assertEqual(total, len(floods) * each)

        def accounted():
            counters = host.counters()
            return counters["events"] + counters["dropped"] == total and host.status()["queue"]["records"] == 0
        wait_until(accounted, "every datagram is stored or counted")
        host.append(b"the last\n")
        events, lost = 0, collections.Counter()
        for text, source in host.records("event"):
            events += text.endswith(b"f" * 100)
        wait_until(lambda: sum(json.loads(t)["lost"] for t, _ in host.records("gap")) == host.counters()["dropped"], "gap records")
        for text, _ in host.records("gap"):
            gap = json.loads(text)
            lost[gap["reason"]] += gap["lost"]
        self.assertLessEqual(set(lost), {"queue_overflow", "kernel_drop"})
        peak = next(int(line.split()[1]) << 10 for line in pathlib.Path(f"/proc/{host.daemon.pid}/status").read_text().splitlines()
                    if line.startswith("VmHWM"))
        self.assertLess(peak, MEMORY)
        print(f"flood: {total} sent, {events} stored, {dict(lost)} recorded as lost, peak {peak >> 20} MiB")
        report(68, total, collections.Counter(all=total), collections.Counter(all=events + sum(lost.values())),
               "UDP and Unix datagrams; sent = stored + recorded as lost, memory bounded")


if __name__ == "__main__":
    unittest.main(verbosity=2)
