"""Goal: any program can send events. Method: nc, socat, logger-like writers and raw sockets against the
ingest socket, without our own client; what they sent is read back."""
import json
import socket
import subprocess
import unittest

from stele_host import OK, PATIENCE, Host, len32, placed, run, wait_until


class Clients(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.host = Host()
        cls.addClassCleanup(cls.host.close)
        cls.host.provision()
        cls.host.start_daemon()

    def connect(self):
        client = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        client.settimeout(PATIENCE)
        client.connect(str(self.host.ingest))
        self.addCleanup(client.close)
        return client

    def exchange(self, data):
        """Sends, half-closes, and reads the acknowledgements to their end."""
        client = self.connect()
        client.sendall(data)
        client.shutdown(socket.SHUT_WR)
        return b"".join(iter(lambda: client.recv(65536), b""))

    def wait_for(self, events):
        wait_until(lambda: set(events) <= set(self.host.events().values()), f"{events} in the log")

    def test_netcat_sends_lines_without_knowing_us(self):
        subprocess.run(["nc", "-U", "-N", self.host.ingest], input=b"by nc 1\nby nc 2", timeout=PATIENCE, check=True)
        self.wait_for([b"by nc 1", b"by nc 2"])

    def test_socat_sends_lines_and_sees_its_acknowledgements(self):
        sent = run("socat", "-t", PATIENCE, "-", f"UNIX-CONNECT:{self.host.ingest}",
                   input=b"STELE/1 ack=durable\nby socat 1\nby socat 2\n")
        self.assertEqual(sent.returncode, OK, sent.stderr)
        events = self.host.events()
        self.assertEqual([events[i] for i in placed(sent.stdout)], [b"by socat 1", b"by socat 2"])

    def test_a_shell_writes_lines_that_nobody_waits_for(self):
        subprocess.run(["sh", "-c", f"for i in 1 2 3; do echo by sh $i; done | nc -U -N {self.host.ingest}"],
                       timeout=PATIENCE, check=True)
        self.wait_for([b"by sh 1", b"by sh 2", b"by sh 3"])

    def test_lengths_carry_anything_and_thousands_in_flight_keep_their_order(self):
        sent = [b"event %d\n\0\r\n" % i for i in range(20_000)]
        answer = self.exchange(b"STELE/1 frame=len32 ack=durable\n" + b"".join(map(len32, sent)))
        events = self.host.events()
        self.assertEqual([events[i] for i in placed(answer)], sent)

    def test_acknowledgements_come_while_the_connection_stays_open(self):
        client = self.connect()
        client.sendall(b"STELE/1 ack=durable\n")
        replies = client.makefile("rb")
        indices = []
        for i in range(5):
            client.sendall(b"one by one %d\n" % i)
            indices += placed(replies.readline())
        replies.close()
        self.assertEqual(len(set(indices)), 5)
        self.assertEqual(sorted(indices), indices)

    def test_sealed_is_told_only_when_a_counter_anchor_covers_the_event(self):
        client = self.connect()
        client.sendall(b"STELE/1 ack=sealed\nto be sealed\n")
        self.wait_for([b"to be sealed"])
        client.setblocking(False)
        with self.assertRaises(BlockingIOError):
            client.recv(1)
        client.settimeout(PATIENCE)
        anchored = self.host.anchor()
        with client.makefile("rb") as replies:
            index, = placed(replies.readline())
        self.assertLess(index, anchored["tree_size"])

    def test_a_length_cut_short_is_refused_and_what_came_before_is_kept(self):
        answer = self.exchange(b"STELE/1 frame=len32 ack=durable\n" + len32(b"whole") + b"\0\0\1\0only a part")
        index, = placed(answer)
        self.assertEqual(self.host.events()[index], b"whole")
        refused = [r for line in answer.splitlines() for r in json.loads(line).get("refused", [])]
        self.assertEqual([(r["at"], r["fault"]) for r in refused], [(1, "truncated")])

    def test_an_opening_line_that_is_none_is_turned_away_with_words(self):
        answer = self.exchange(b"STELE/1 frame=xml\nnot taken\n")
        self.assertIn("message", json.loads(answer))
        self.assertNotIn(b"not taken", self.host.events().values())


if __name__ == "__main__":
    unittest.main(verbosity=2)
