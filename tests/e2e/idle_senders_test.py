"""Goal: idle connections keep no new sender out of the ingest socket, TCP and TLS, with default limits too, and who sends stays
connected. Method: a real daemon; every place of an input taken by connections of a few addresses, or of one user, that say
nothing; what then arrives, and who was ended."""
import itertools
import json
import resource
import socket
import threading
import unittest

from inputs_host import PATIENCE, InputsHost, wait_until

MANY = 5_000


def connect_from(host, address, transport="tcp"):
    if transport == "unix":
        made = socket.socket(socket.AF_UNIX)  # a blocking one, which waits where many are before the door
        made.connect(str(host.ingest))
        made.settimeout(PATIENCE)
        return made
    made = socket.create_connection(("127.0.0.1", getattr(host, transport)), 60, (address, 0))
    return host.client_context().wrap_socket(made, server_hostname="log.example") if transport == "tls" else made


class IdleSenders(unittest.TestCase):
    def begin(self, limits=""):
        host = InputsHost()
        self.addCleanup(host.close)
        host.begin(limits=limits)
        return host

    def room_for(self, connections):
        """Of ours; the daemon raises its own limit."""
        soft, top = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(connections + 1000, top), top))
        self.addCleanup(resource.setrlimit, resource.RLIMIT_NOFILE, (soft, top))

    def fill(self, host, transport, count, addresses=("",)):
        held = []
        for i in range(count):
            held.append(connect_from(host, addresses[i % len(addresses)], transport))
            self.addCleanup(held[-1].close)
        wait_until(lambda: host.counters(transport)["connections"] == count, f"{count} idle connections")
        return held

    def heard(self, host, transport, address, word):
        """A new sender, again and again as senders do, until its event is there."""
        def is_there():
            try:
                with connect_from(host, address, transport) as out:
                    out.sendall(word + b"\n")
                    out.unwrap() if transport == "tls" else (out.shutdown(socket.SHUT_WR), out.recv(1000))
            except OSError:  # turned away: none was silent for long enough
                pass
            return word in {event for event, _ in host.records("event")}
        wait_until(is_there, f"{word} is heard")

    def stays(self, host, word):
        """A new sender at the ingest socket, again and again until its event is acknowledged; it keeps its place."""
        def is_told():
            out = connect_from(host, None, "unix")
            self.addCleanup(out.close)
            try:
                out.sendall(b"STELE/1 ack=durable\n" + word + b"\n")
                return out.recv(1000).startswith(b'{"first":')
            except OSError:  # turned away
                return False
        wait_until(is_told, f"{word} is acknowledged")

    def test_1024_idle_connections_of_four_addresses_keep_nobody_out(self):
        self.room_for(2000)
        host = self.begin()
        self.fill(host, "tcp", 1024, [f"127.0.0.{n}" for n in range(2, 6)])
        self.heard(host, "tcp", "127.0.0.9", b"from elsewhere")
        counters = host.counters("tcp")
        self.assertGreaterEqual(counters["evicted"], 1)
        self.assertLessEqual(counters["evicted"], counters["accepted"] - 1024, "one for each that came")

    def test_5000_idle_connections_at_the_ingest_socket_keep_nobody_out(self):
        self.room_for(MANY)
        host = self.begin(f"max_connections = {MANY}")
        self.fill(host, "unix", MANY)
        newcomers = [b"new %d" % i for i in range(3)]
        for word in newcomers:
            self.heard(host, "unix", None, word)
        counters = host.counters("unix")
        self.assertGreaterEqual(counters["evicted"], 1)
        self.assertLessEqual(counters["evicted"], counters["accepted"] - MANY, "one for each that came")
        self.assertEqual((counters["refused"], counters["dropped"]), (0, 0))

    def test_beside_idle_ones_at_the_ingest_socket_none_that_sends_is_closed(self):
        places, busy_ones, newcomers = 24, 8, 8
        host = self.begin(f'max_connections = {places}\nevict_after = "1s"')
        busy = self.fill(host, "unix", busy_ones)
        lines = [out.makefile("rb") for out in busy]
        for out in busy:
            out.sendall(b"STELE/1 ack=durable\n")
        held = [connect_from(host, "", "unix") for _ in range(places - busy_ones)]
        for out in held:
            self.addCleanup(out.close)
        wait_until(lambda: host.counters("unix")["connections"] == places, "every place is taken")
        stop, failed = threading.Event(), []

        def work(number):
            """Sends, and is told, again and again; between two of them less time passes than evict_after."""
            try:
                for i in itertools.count():
                    if stop.is_set():
                        return
                    busy[number].sendall(b"busy %d %d\n" % (number, i))
                    answer = json.loads(lines[number].readline())
                    assert answer["refused"] == [], answer
            except Exception as error:  # whatever it is, it is ours to tell
                failed.append((number, error))

        threads = [threading.Thread(target=work, args=(number,)) for number in range(busy_ones)]
        for thread in threads:
            thread.start()
        try:
            for i in range(newcomers):
                self.stays(host, b"new %d" % i)
        finally:
            stop.set()
            for thread in threads:
                thread.join()
        self.assertEqual(failed, [])
        self.assertEqual(host.counters("unix")["evicted"], newcomers, "one for each, of those that had sent nothing")

    def test_over_tls_too_and_who_sends_stays(self):
        host = self.begin('max_connections = 24\nmax_connections_per_address = 24')
        busy = connect_from(host, "127.0.0.3", "tls")
        self.addCleanup(busy.close)
        busy.sendall(b"first of the one that has one place\n")
        for _ in range(23):
            self.addCleanup(connect_from(host, "127.0.0.2", "tls").close)
        wait_until(lambda: host.counters("tls")["connections"] == 24, "every place is taken")
        self.heard(host, "tls", "127.0.0.9", b"new")
        self.heard(host, "tls", "127.0.0.8", b"newer")
        busy.sendall(b"last of the one that has one place\n")
        wait_until(lambda: b"last of the one that has one place" in {e for e, _ in host.records("event")}, "its last event")
        self.assertGreaterEqual(host.counters("tls")["evicted"], 1)


if __name__ == "__main__":
    unittest.main(verbosity=2)
