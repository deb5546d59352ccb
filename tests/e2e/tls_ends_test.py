"""Goal: however a TLS sender ends, in order, by a reset, without a close_notify, in the middle of a record or at any point of its
handshake, the log has what was whole, a gap record for what was not, both of that sender, and the daemon counts and says what it was.
Method: real openssl s_client over a wire that is cut where the test says (tls_wire.py), with TLS 1.2 and 1.3."""
import contextlib
import json
import re
import socket
import struct
import unittest

from inputs_host import InputsHost, wait_until
from tls_wire import CLOSE_NOTIFY, Client, Wire, records

VERSIONS = ("-tls1_2", "-tls1_3")
SOURCE = {"address": "127.0.0.1", "san": ["DNS:web1.example", "IP:192.0.2.7"], "subject": "CN=sender", "transport": "tls"}
TRUNCATED = b'{"lost":1,"reason":"truncated"}'
NO_TLS = re.compile(r"no TLS with 127\.0\.0\.1: ([^(\n]*)")


class TlsEnds(unittest.TestCase):
    def setUp(self):
        self.host = InputsHost()
        self.addCleanup(self.host.close)
        # Nothing ends but by what the test does, however long that takes.
        self.host.begin(limits='max_connections_per_address = 1024\nhandshake_timeout = "10min"\nevent_timeout = "1h"')

    def counters(self):
        return self.host.counters("tls")

    def loop_turns(self):
        """Whatever the daemon had begun to do for others, it has gone on with: its sockets are served in turn."""
        self.host.append(b"the loop turns\n")

    @contextlib.contextmanager
    def sender(self, version):
        """A wire and a client whose first line is in the log."""
        with contextlib.closing(Wire(self.host.tls)) as wire, \
                contextlib.closing(Client(wire, self.host, version, self.host.folder)) as client:
            events = self.counters()["events"]
            client.write(b"<1>whole\n")
            wait_until(lambda: self.counters()["events"] == events + 1, f"its first line ({client.words.read_text()})")
            yield wire, client

    def expect(self, what, before, events, truncated):
        """Of one connection, since before: it is gone, so many more events and unfinished ones were counted."""
        wait_until(lambda: self.counters()["connections"] == 0, f"{what}: its connection has ended")
        wait_until(lambda: self.host.status()["queue"]["records"] == 0, "an empty queue")
        now = self.counters()
        difference = {key: now[key] - before[key] for key in ("accepted", "events", "refused", "turned_away", "evicted", "dropped")}
        self.assertEqual(difference, {"accepted": 1, "events": events, "refused": truncated, "turned_away": 0, "evicted": 0,
                                      "dropped": 0}, what)

    def test_an_end_in_order_ends_the_last_line_and_is_answered(self):
        for version in VERSIONS:
            before = self.counters()
            with self.sender(version) as (wire, client):
                client.write(b"<1>last")
                self.assertEqual(client.end(), 0, client.words.read_text())
                wait_until(lambda: wire.ended, "the daemon has ended too")
                self.assertEqual(wire.ended, "fin", "and not by a reset, which could take its last word along")
                word = records(wire.answer)[-1]
                self.assertEqual((word[0], word[1] + word[2]), (CLOSE_NOTIFY[version], len(wire.answer)), "its close_notify")
                if version == "-tls1_3":
                    self.assertEqual(word[2], 5 + 2 + 1 + 16, "an alert, the type that is hidden, a tag (RFC 8446, 5.2)")
            self.expect(version, before, events=2, truncated=0)
        self.assertEqual(self.log(), ({b"<1>whole": 2, b"<1>last": 2}, 0))
        self.assertNotIn("refused: truncated", self.host.daemon_words())

    def test_what_ends_otherwise_is_truncated_whatever_it_was(self):
        """Each with a line that is whole before; begun: with one more that is not; half: with a record of which half came."""
        begun = b"<1>begun"
        cases = 0
        for version in VERSIONS:
            for how in ("fin", "rst"):
                for line, half in ((b"", b""), (begun, b""), (b"", b"<1>never was\n"), (begun, b" and never ended\n"), (begun, None)):
                    what = f"{version}, {how}, begun {line}, half a record of {half}"
                    before = self.counters()
                    with self.sender(version) as (wire, client):
                        if line:
                            given = len(wire.given)
                            client.write(line)
                            wait_until(lambda: len(wire.given) > given, "the beginning has gone through")
                        if half != b"":
                            wire.cut_next()
                            client.end() if half is None else client.write(half)  # None: of its close_notify
                            self.assertTrue(wire.cut.wait(120), "half a record has gone through")
                        wire.end(how)
                        wait_until(lambda: self.counters()["connections"] == 0, f"{what}: its connection has ended")
                    self.expect(what, before, events=1, truncated=int(bool(line)))
                    cases += 1
        events, gaps = self.log()
        self.assertEqual(events, {b"<1>whole": cases})
        self.assertEqual(gaps, cases * 3 // 5)
        words = self.host.daemon_words()
        self.assertIn('"subject":"CN=sender","transport":"tls"}: event 1 refused: truncated; further ones of this connection', words)
        self.assertNotIn("no TLS with", words)

    def log(self):
        """How often each event of the TLS sender is in the log, and how many gaps it has; all of them name it."""
        self.assertEqual({text for text, _ in self.host.records("gap")} - {TRUNCATED}, set())
        counts, gaps = {}, 0
        for kind in ("event", "gap"):
            for text, source in self.host.records(kind):
                if json.loads(source)["transport"] != "tls":
                    continue
                self.assertEqual(json.loads(source), SOURCE)
                gaps += kind == "gap"
                if kind == "event":
                    counts[text] = counts.get(text, 0) + 1
        return counts, gaps

    def test_a_handshake_cut_at_any_point_is_counted_and_named(self):
        hellos, flights = {}, {}
        for version in VERSIONS:
            with self.sender(version) as (wire, _):
                found = records(wire.given)
                hellos[version] = wire.given[:found[0][2]]
                flights[version] = found[:-1]  # the last is its line
        wait_until(lambda: self.counters()["connections"] == 0, "both have gone")
        good = self.counters()["events"]
        cuts = 0
        for version in VERSIONS:
            for how in ("fin", "rst"):
                cuts += self.cut_hellos(hellos[version], how)
                cuts += self.cut_flights(version, flights[version], how)
        with self.sender("-tls1_3") as (_, client):
            self.assertEqual(client.end(), 0)
        wait_until(lambda: self.counters()["connections"] == 0, "all have gone")
        now = self.counters()
        self.assertEqual((now["turned_away"], now["events"], now["refused"]), (cuts, good + 1, 0))
        self.assertEqual(self.host.records("gap"), [], "nothing that was received is lost")
        said = NO_TLS.findall(self.host.daemon_words())
        self.assertEqual({text.strip() for text in said} - {"stream truncated", "Connection reset by peer", "Broken pipe"}, set())
        self.assertIn("stream truncated", {text.strip() for text in said})
        self.assertIn("they are not those who may send", self.host.daemon_words())
        print(f"{cuts} handshakes cut, each counted; {len(said)} of them named")

    def cut_hellos(self, hello, how):
        """One connection for each length of a ClientHello, the whole one included; how many."""
        before = self.counters()
        held = []
        for length in range(how == "rst", len(hello) + 1):  # who resets before a word may never have been accepted
            held.append(socket.create_connection(("127.0.0.1", self.host.tls)))
            held[-1].sendall(hello[:length])
        wait_until(lambda: self.counters()["accepted"] == before["accepted"] + len(held), "all are accepted")
        self.loop_turns()  # and each is listened to
        for out in held:
            if how == "rst":
                out.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                out.close()
            else:
                out.shutdown(socket.SHUT_WR)
        wait_until(lambda: self.counters()["turned_away"] == before["turned_away"] + len(held), f"all are counted ({how})")
        wait_until(lambda: self.counters()["connections"] == 0, "all have ended")
        for out in held:
            out.close()
        return len(held)

    def cut_flights(self, version, flight, how):
        """Real clients, cut in what they send after the hello: at each record's beginning, in its header, in its middle."""
        end = flight[-1][1] + flight[-1][2] - 16  # signatures differ by some bytes from one handshake to the next
        points = {at + into for _, at, length in flight[1:] for into in (0, 1, 5, 6, length // 2, length - 1)}
        points = sorted(point for point in points if point < end)
        for point in points:
            before = self.counters()
            with contextlib.closing(Wire(self.host.tls, limit=point)) as wire, \
                    contextlib.closing(Client(wire, self.host, version, self.host.folder)) as client:
                self.assertTrue(wire.cut.wait(120), client.words.read_text())
                wait_until(lambda: self.counters()["accepted"] == before["accepted"] + 1, "it is accepted")
                self.loop_turns()
                wire.end(how)
                wait_until(lambda: self.counters()["turned_away"] == before["turned_away"] + 1,
                           f"{version} cut at {point} of {end} ({how}) is counted")
        return len(points)

    def test_key_updates_lose_nothing(self):
        """K: the sender's, and it asks for one of ours; k: its own alone. Each before the sender's next record."""
        before = self.counters()
        with self.sender("-tls1_3") as (_, client):
            for n, letter in enumerate((b"k", b"K", b"k", b"K", b"K"), 1):
                client.write(letter + b"\n")
                wait_until(lambda: client.words.read_text().count("KEYUPDATE") == n, "the sender updates its key")
                client.write(b"<1>with key %d\n" % n)
                wait_until(lambda: self.counters()["events"] == before["events"] + 1 + n, f"its line with key {n}")
            self.assertEqual(client.end(), 0, client.words.read_text())
        self.expect("key updates", before, events=6, truncated=0)
        self.assertEqual(self.log(), ({b"<1>whole": 1, **{b"<1>with key %d" % n: 1 for n in range(1, 6)}}, 0))


if __name__ == "__main__":
    unittest.main(verbosity=2)
