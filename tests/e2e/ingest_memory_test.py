"""Goal: whatever comes in takes no more memory than the daemon may have, and each loss is recorded. Method: a thousand senders of
events that never end at the ingest socket, then fewer while each sync is slow; then all inputs at once, with default limits; the
daemon's own peak. Not under sanitizers: theirs is in it."""
import gzip
import http.client
import json
import threading
import time
import unittest

from inputs_host import PATIENCE, free_port, wait_until
from memory_host import MEMORY, MemoryHost

TURNS = 16  # for long events: limits.unfinished_bytes by limits.max_event_bytes
EVICT_SOON = 'evict_after = "2s"'  # for the test's sake: who hoards a long event's turn is ended sooner
SLOW = "fdatasync,fsync:delay_exit=300ms"


class IngestMemory(unittest.TestCase):
    def setUp(self):
        self.host = MemoryHost(self)

    def test_a_thousand_senders_stay_within_the_memory_and_each_loss_is_recorded(self):
        self.hoard(1000, "")

    def test_on_a_slow_disk_too(self):
        """What was refused does not wait for the disk."""
        self.hoard(500, SLOW)

    def test_all_inputs_at_once(self):
        self.flood("")

    def test_all_inputs_at_once_on_a_slow_disk(self):
        """What is whole waits for the disk, and may then take no more memory either."""
        self.flood(SLOW)

    def test_all_inputs_at_once_on_a_slow_disk_beside_800_silent_tls_sessions(self):
        """Together they once had a quarter of what the whole may have."""
        self.flood(SLOW, silent=800)

    def flood(self, syncs, silent=0):
        """Long and short events by every input over many connections, as fast as they are taken; unfinished ones beside them.
        All limits that count bytes have their defaults."""
        host, port = self.host, free_port()
        limits = EVICT_SOON + "\nmax_connections_per_address = 1024" * (silent > 0)
        host.provision(extra=f'{host.inputs(limits=limits)}\n[http]\naddresses = ["127.0.0.1:{port}"]\n')
        host.start_daemon()
        for _ in range(silent):
            self.addCleanup(host.connect("tls").close)
        wait_until(lambda: host.counters("tls")["connections"] == silent, f"{silent} silent sessions")
        if syncs:
            host.slow_down(syncs)
        unfinished = []
        for transport in ("unix", "tcp", "tls"):
            for _ in range(60):
                out = host.connect(transport)
                unfinished.append(out)
                try:
                    out.sendall(b"1048576 " * (transport != "unix") + b"u" * ((1 << 20) - 1))
                except OSError:  # ended, to make room for the others
                    pass
        short = (b"s" * 299 + b"\n") * 20_000
        long = b"1048570 " + b"l" * 1_048_570
        faults, sent = [], {}

        def stream(transport, data, times):
            given = 0
            try:
                with host.connect(transport) as out:
                    for given in range(1, times + 1):
                        out.sendall(data)
                    if transport == "tls":
                        out.unwrap()
            except OSError:  # ended: of too many unfinished events, its own had waited longest
                pass
            return given

        def datagrams():
            with host.connect("unix_datagram") as out:
                for _ in range(300):
                    out.send(b"d" * 185_000)
            return 300

        def post(body, headers):
            taken = tries = 0
            until = time.monotonic() + PATIENCE
            while tries < 6 or (taken == 0 and time.monotonic() < until):  # refused at once where no body has room
                tries += 1
                client = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE)
                try:
                    client.request("POST", "/v1/events", body, {"Content-Type": "application/x-ndjson", **headers})
                    taken += client.getresponse().status == 200
                except OSError:  # refused in the middle of a body
                    pass
                client.close()
            return taken

        line_long = b"h" * 1_000_000 + b"\n"
        jobs = [("unix", lambda: stream("unix", short, 3))] * 12
        jobs += [("unix long", lambda: stream("unix", line_long, 12))] * 12
        jobs += [("tcp", lambda: stream("tcp", long, 6))] * 24 + [("tls", lambda: stream("tls", long, 4))] * 12
        jobs += [("http", lambda: post(line_long * 8, {}))] * 8
        packed = gzip.compress(line_long * 8)
        jobs += [("http packed", lambda: post(packed, {"Content-Encoding": "gzip"}))] * 12
        jobs += [("datagrams", datagrams)] * 2

        def work(name, job):
            try:
                given = job()
                sent[name] = sent.get(name, 0) + given
            except Exception as fault:  # told below: a thread's own end would be silent
                faults.append((name, fault))

        threads = [threading.Thread(target=work, args=one) for one in jobs]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        for out in unfinished:
            out.close()
        print(f"all inputs at once{', slow disk' if syncs else ''}, {silent} silent TLS sessions: {sent}, "
              f"peak {host.peak() >> 20} MiB")
        self.assertEqual(faults, [])
        self.assertTrue(all(sent.values()), sent)
        wait_until(lambda: host.status()["queue"]["records"] == 0, "an empty queue")
        self.assertLess(host.peak(), MEMORY)

    def hoard(self, count, syncs):
        host = self.host
        host.begin(limits=EVICT_SOON)
        hoarders = [host.connect("unix") for _ in range(count)]
        line = b"y" * 299 + b"\n"
        for out in hoarders:  # something whole first: buffers that have grown are given back
            out.sendall(line * 400)
        wait_until(lambda: host.counters("unix")["events"] == 400 * count, "all that is whole")
        if syncs:
            host.slow_down(syncs)
        part = b"x" * ((1 << 20) - 1)
        for out in hoarders:  # more than a read, of what the kernel takes beside it
            out.setblocking(False)
            out.send(part)
        wait_until(lambda: host.counters("unix")["refused"] >= 3 * TURNS, "those who hoard turns are ended")
        host.append(b"beside them\n")
        wait_until(lambda: host.counters("unix")["events"] == 400 * count + 1, "whoever needs no turn is not hindered")
        for out in hoarders:
            out.close()
        wait_until(lambda: host.counters("unix")["connections"] == 0, "all have ended")
        wait_until(lambda: host.status()["queue"]["records"] == 0, "an empty queue")
        gaps = [json.loads(text) for text, _ in host.records("gap")]
        refused = host.counters("unix")["refused"]
        self.assertEqual({gap["reason"] for gap in gaps}, {"truncated"})
        self.assertEqual(sum(gap["lost"] for gap in gaps), refused)
        # Whoever was not ended closed in the middle of the line: that ends it.
        self.assertEqual(host.counters("unix")["events"], 400 * count + 1 + count - refused)
        self.assertLess(host.peak(), MEMORY)
        print(f"{count} senders at the ingest socket: {refused} unfinished events refused and recorded, peak {host.peak() >> 20} MiB")


if __name__ == "__main__":
    unittest.main(verbosity=2)
