"""Goal: at the ingest socket one user with idle connections does not take all places; others go on and are told the truth.
Method: senders of another uid beside root's, real sockets."""
import os
import subprocess
import unittest

from inputs_host import InputsHost, wait_until

USER = 65534
PLACES = 5
HOLD = """import socket, sys
held = []
for i in range(int(sys.argv[2])):
    held.append(socket.socket(socket.AF_UNIX, socket.SOCK_STREAM))
    held[-1].connect(sys.argv[1])
print(sum(b"too_many_connections" in s.recv(1000) for s in held[int(sys.argv[3]):]), flush=True)
sys.stdin.read()
"""


class IngestUsers(unittest.TestCase):
    def setUp(self):
        self.host = InputsHost()
        self.addCleanup(self.host.close)

    @unittest.skipUnless(os.geteuid() == 0, "another user's sender needs root")
    def test_one_user_does_not_take_all_places_and_root_is_not_counted(self):
        host = self.host
        # Nobody goes for having been silent: that is idle_senders_test.py's.
        host.begin(limits=f'max_connections_per_address = {PLACES}\nevict_after = "1h"')
        host.ingest.chmod(0o666)
        host.folder.chmod(0o755)
        own = ["setpriv", f"--reuid={USER}", f"--regid={USER}", "--clear-groups", "/usr/bin/python3", "-c", HOLD]
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


if __name__ == "__main__":
    unittest.main(verbosity=2)
