"""Goal: idle connections keep no new sender out of TCP and TLS, with default limits too, and who sends stays connected. Method: a
real daemon; every place of an input taken by connections of a few addresses that say nothing; what then arrives, and who was ended."""
import resource
import socket
import unittest

from inputs_host import InputsHost, wait_until


def connect_from(host, address, transport="tcp"):
    made = socket.create_connection(("127.0.0.1", getattr(host, transport)), 60, (address, 0))
    return host.client_context().wrap_socket(made, server_hostname="log.example") if transport == "tls" else made


class IdleSenders(unittest.TestCase):
    def begin(self, limits=""):
        host = InputsHost()
        self.addCleanup(host.close)
        host.begin(limits=limits)
        return host

    def fill(self, host, transport, count, addresses):
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
                    out.unwrap() if transport == "tls" else (out.shutdown(socket.SHUT_WR), out.recv(1))
            except OSError:  # turned away: none was silent for long enough
                pass
            return word in {event for event, _ in host.records("event")}
        wait_until(is_there, f"{word} is heard")

    def test_1024_idle_connections_of_four_addresses_keep_nobody_out(self):
        soft, top = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(3000, top), top))
        self.addCleanup(resource.setrlimit, resource.RLIMIT_NOFILE, (soft, top))
        host = self.begin()
        self.fill(host, "tcp", 1024, [f"127.0.0.{n}" for n in range(2, 6)])
        self.heard(host, "tcp", "127.0.0.9", b"from elsewhere")
        counters = host.counters("tcp")
        self.assertGreaterEqual(counters["evicted"], 1)
        self.assertLessEqual(counters["evicted"], counters["accepted"] - 1024, "one for each that came")

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
