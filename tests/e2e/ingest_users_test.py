"""Goal: at the ingest socket one user, with idle connections or with events that never end, takes neither all places nor
the daemon's memory; others go on and are told the truth. Method: senders of another uid beside root's, real sockets."""
import json
import os
import pathlib
import resource
import subprocess
import unittest

from inputs_host import InputsHost, wait_until

USER = 65534
PLACES = 5
MEMORY = 256 << 20
HOLD = """import socket, sys
held = []
for i in range(int(sys.argv[2])):
    held.append(socket.socket(socket.AF_UNIX, socket.SOCK_STREAM))
    held[-1].connect(sys.argv[1])
print(sum(b"too_many_connections" in s.recv(1000) for s in held[int(sys.argv[3]):]), flush=True)
sys.stdin.read()
"""


def is_traced(task):
    try:
        return "TracerPid:\t0\n" not in (task / "status").read_text()
    except FileNotFoundError:  # a thread has ended meanwhile
        return True


class IngestUsers(unittest.TestCase):
    def setUp(self):
        self.host = InputsHost()
        self.addCleanup(self.host.close)

    def peak(self):
        lines = pathlib.Path(f"/proc/{self.host.daemon.pid}/status").read_text().splitlines()
        return next(int(line.split()[1]) << 10 for line in lines if line.startswith("VmHWM"))

    @unittest.skipUnless(os.geteuid() == 0, "another user's sender needs root")
    def test_one_user_does_not_take_all_places_and_root_is_not_counted(self):
        host = self.host
        host.begin(limits=f"max_connections_per_address = {PLACES}")
        host.ingest.chmod(0o666)
        host.folder.chmod(0o755)
        own = ["setpriv", f"--reuid={USER}", f"--regid={USER}", "--clear-groups", "python3", "-c", HOLD]
        with subprocess.Popen([*own, host.ingest, str(PLACES + 3), str(PLACES)], stdin=subprocess.PIPE,
                              stdout=subprocess.PIPE) as holder:
            self.assertEqual(holder.stdout.readline(), b"3\n", "those beyond its places are told")
            many = [host.connect("unix") for _ in range(2 * PLACES)]
            for i, out in enumerate(many):
                out.sendall(b"root %d\n" % i)
            self.assertEqual(sorted(host.received(len(many))), sorted(b"root %d" % i for i in range(len(many))))
            for out in many:
                out.close()
            holder.stdin.close()
        wait_until(lambda: host.counters("unix")["connections"] == 0, "the places are given back")
        again = subprocess.run([*own, host.ingest, str(PLACES), str(PLACES)], stdin=subprocess.DEVNULL, capture_output=True)
        self.assertEqual(again.stdout, b"0\n", again.stderr)

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
