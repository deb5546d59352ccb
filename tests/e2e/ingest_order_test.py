"""Goal: what connections hold does not follow the order in which senders come, nor how many of them wait at once, and nothing is
lost by waiting. Method: hundreds of senders that fill the queue, wait for a slow disk and then all go on; hundreds that come one by
one and each leave the beginning of an event; silent TLS sessions, weighed. The daemon's own memory. Not under sanitizers: theirs is
in it."""
import collections
import threading
import unittest

from inputs_host import wait_until
from memory_host import MEMORY, MemoryHost

STREAMS = ("unix", "tcp", "tls")
LIMITS = "max_connections_per_address = 1024"
# Of a silent session, of its share in everything: with buffers of its own it was 68 to 90 KiB.
SESSION = 40 << 10


class IngestOrder(unittest.TestCase):
    def setUp(self):
        self.host = MemoryHost(self)

    def test_many_senders_that_fill_the_queue_and_wait_then_all_go_on(self):
        """Half of them have the shortest events there are: decoded, they take many times their bytes."""
        host = self.host
        host.begin(limits=LIMITS)
        speed_up = host.slow_down("fdatasync,fsync:delay_exit=300ms")
        count = 200  # of each transport
        loads = (b"x\n" * 5_000, (b"y" * 299 + b"\n") * 1_500)
        faults = []

        def send(out, load, transport):
            try:
                with out:
                    out.sendall(load)
                    if transport == "tls":
                        out.unwrap()
            except Exception as fault:  # told below: a thread's own end would be silent
                faults.append((transport, fault))

        threads = []
        for n in range(count):  # one after another, of all transports in turn
            for transport in STREAMS:
                out, load = host.connect(transport), loads[n % len(loads)]
                threads.append(threading.Thread(target=send, args=(out, load, transport)))
                threads[-1].start()
        wait_until(lambda: self.is_full(host.status()["queue"]), "the queue is full")
        speed_up()
        for thread in threads:
            thread.join()
        self.assertEqual(faults, [])
        expected = len(STREAMS) * sum(loads[n % len(loads)].count(b"\n") for n in range(count))
        wait_until(lambda: host.counters()["events"] == expected, f"{expected} events")
        wait_until(lambda: host.counters()["connections"] == 0, "all have ended")
        wait_until(lambda: host.status()["queue"]["records"] == 0, "an empty queue")
        self.assertEqual(host.counters()["refused"], 0)
        print(f"{count} senders of each of {STREAMS} that fill the queue, wait and go on: {expected} events, "
              f"peak {host.peak() >> 20} MiB")
        self.assertLess(host.peak(), MEMORY)

    @staticmethod
    def is_full(queue):
        """Nearly, in the one measure or the other (limits.queue_records, limits.queue_bytes)."""
        return queue["records"] > 100_000 or queue["bytes"] > 24 << 20

    def test_senders_that_come_one_by_one_and_leave_the_beginning_of_an_event(self):
        host = self.host
        host.begin(limits=LIMITS + '\nevict_after = "2s"')
        count = 300  # of each transport
        held = []
        for _ in range(count):
            for transport in STREAMS:
                held.append(host.connect(transport))
                held[-1].sendall(b"<1>something whole\n" + b"z" * 60_000)
        wait_until(lambda: host.counters()["events"] >= count * len(STREAMS), "all that is whole")
        for transport in STREAMS:
            with host.connect(transport) as out:
                out.sendall(b"beside them\n")
        wait_until(lambda: host.counters()["events"] >= (count + 1) * len(STREAMS), "whoever needs no turn is not hindered")
        for out in held:
            out.close()
        wait_until(lambda: host.counters()["connections"] == 0, "all have ended")
        wait_until(lambda: host.status()["queue"]["records"] == 0, "an empty queue")
        counters = host.counters()
        # Its end in order ends the last line; whoever was put out of his turn, or broke off, has it refused.
        self.assertEqual(counters["events"] + counters["refused"], (2 * count + 1) * len(STREAMS))
        gaps = collections.Counter(text for text, _ in host.records("gap"))
        self.assertEqual(sum(gaps.values()), counters["refused"])
        self.assertEqual(set(gaps), {b'{"lost":1,"reason":"truncated"}'})
        print(f"{count} senders of each of {STREAMS} with an event begun, one by one: {counters['refused']} refused and recorded, "
              f"peak {host.peak() >> 20} MiB")
        self.assertLess(host.peak(), MEMORY)

    def test_a_silent_tls_session_has_no_buffers(self):
        host, count = self.host, 800
        host.begin(limits=LIMITS)
        for _ in range(20):  # what the first ones bring along for all
            with host.connect("tls") as out:
                out.sendall(b"<1>a word\n")
                out.unwrap()
        wait_until(lambda: host.counters("tls")["connections"] == 0, "the first ones have gone")
        before = host.resident()
        silent = [host.connect("tls") for _ in range(count)]
        for out in silent:
            self.addCleanup(out.close)
        wait_until(lambda: host.counters("tls")["connections"] == count, f"{count} sessions")
        for out in silent[::2]:  # some have said something once
            out.sendall(b"<1>a word, and then nothing\n")
        wait_until(lambda: host.counters("tls")["events"] == 20 + count // 2, "their words")
        wait_until(lambda: host.status()["queue"]["records"] == 0, "an empty queue")
        each = (host.resident() - before) / count
        print(f"a silent TLS session: {each / 1024:.1f} KiB")
        self.assertLess(each, SESSION)


if __name__ == "__main__":
    unittest.main(verbosity=2)
