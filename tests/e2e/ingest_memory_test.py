"""Goal: events that never end take no more memory than the daemon may have, and each loss is recorded. Method: a thousand
senders at the ingest socket, then fewer while each sync is slow; the daemon's own peak. Not under sanitizers: theirs is in it."""
import json
import pathlib
import resource
import subprocess
import unittest

from inputs_host import InputsHost, wait_until

MEMORY = 256 << 20


def is_traced(task):
    try:
        return "TracerPid:\t0\n" not in (task / "status").read_text()
    except FileNotFoundError:  # a thread has ended meanwhile
        return True


class IngestMemory(unittest.TestCase):
    def setUp(self):
        self.host = InputsHost()
        self.addCleanup(self.host.close)

    def peak(self):
        lines = pathlib.Path(f"/proc/{self.host.daemon.pid}/status").read_text().splitlines()
        return next(int(line.split()[1]) << 10 for line in lines if line.startswith("VmHWM"))

    def test_a_thousand_senders_stay_within_the_memory_and_each_loss_is_recorded(self):
        self.hoard(1000, "")

    def test_on_a_slow_disk_too(self):
        """What was refused does not wait for the disk."""
        self.hoard(500, "fdatasync,fsync:delay_exit=300ms")

    def slow_down(self, how):
        tracer = subprocess.Popen(["strace", "-qq", "-f", "-p", str(self.host.daemon.pid), "-o", "/dev/null", "-e",
                                   f"inject={how}"], stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.addCleanup(tracer.wait, 60)
        self.addCleanup(tracer.terminate)
        threads = pathlib.Path(f"/proc/{self.host.daemon.pid}/task")
        wait_until(lambda: all(is_traced(task) for task in threads.iterdir()), "strace is attached")

    def hoard(self, count, syncs):
        soft, top = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(count + 1000, top), top))
        self.addCleanup(resource.setrlimit, resource.RLIMIT_NOFILE, (soft, top))
        host = self.host
        host.begin()
        hoarders = [host.connect("unix") for _ in range(count)]
        line = b"y" * 299 + b"\n"
        for out in hoarders:  # something whole first: buffers that have grown are given back
            out.sendall(line * 400)
        wait_until(lambda: host.counters("unix")["events"] == 400 * count, "all that is whole")
        if syncs:
            self.slow_down(syncs)
        broken = 0
        for out in hoarders:
            try:
                out.sendall(b"x" * ((1 << 20) - 1))
            except BrokenPipeError:
                broken += 1
        host.append(b"beside them\n")
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
        self.assertGreater(refused, count // 2)
        self.assertLess(self.peak(), MEMORY)
        print(f"{count} senders at the ingest socket: {refused} unfinished events refused and recorded, {broken} told by a "
              f"broken pipe, peak {self.peak() >> 20} MiB")


if __name__ == "__main__":
    unittest.main(verbosity=2)
