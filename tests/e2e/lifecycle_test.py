"""Goal: start, stop and start again keep every promise. Method: one host, its daemon told to end under
load, its TPM held back or absent at the start, its log read and verified after each step."""
import json
import os
import signal
import socket
import subprocess
import time
import unittest

from stele_host import BIN, OK, PATIENCE, Host, placed, wait_until


class Lifecycle(unittest.TestCase):
    def setUp(self):
        self.host = Host()
        self.addCleanup(self.host.close)
        self.host.provision()

    def verified(self):
        report = self.host.verify()
        self.assertEqual((report["conclusion"], report["exit"]), ("verified", OK), report)
        return report

    def test_sigterm_drains_and_anchors(self):
        self.host.start_daemon()
        sent = [b"under way %d" % i for i in range(5000)]
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as client:
            client.settimeout(PATIENCE)
            client.connect(str(self.host.ingest))
            client.sendall(b"STELE/1 ack=durable\n" + b"".join(e + b"\n" for e in sent))
            first = client.recv(65536)  # so it has begun to take them
            self.host.daemon.send_signal(signal.SIGTERM)
            answer = first + b"".join(iter(lambda: client.recv(65536), b""))
        self.host.wait_for_end()
        events = self.host.events()
        indices = placed(answer)
        self.assertEqual([events[i] for i in indices], sent[:len(indices)])
        coverage = self.verified()["coverage"]
        self.assertEqual((coverage["unanchored"], coverage["quote_anchored"], coverage["unclean_ends"]), (0, 0, 0))
        self.assertEqual(coverage["counter_anchored"], self.host.status()["log"]["size"])

    def test_an_end_without_a_final_anchor_says_what_is_not_sealed(self):
        words = "ending without a final anchor"
        self.host.start_daemon()
        self.host.append(b"sealed\n")
        self.host.stop_daemon()
        self.assertNotIn(words, self.host.daemon_words())
        for trouble in (signal.SIGSTOP, signal.SIGKILL):
            self.host.start_daemon()
            self.host.anchor()
            os.kill(self.host.tpm.process.pid, trouble)
            self.host.append(b"not sealed\n")
            self.host.stop_daemon()
            os.kill(self.host.tpm.process.pid, signal.SIGCONT)
            left = self.host.verify()["log"]["size"] - self.host.verify()["coverage"]["counter_anchored"]
            self.assertIn(f"{words}, {left} records are not sealed: ", self.host.daemon_words().splitlines()[-1])
            self.host.tpm.stop()
            self.host.tpm.start()

    def test_each_start_goes_on_where_the_last_one_ended(self):
        expected = {}
        for start in range(3):
            self.host.start_daemon()
            sent = [b"start %d event %d" % (start, i) for i in range(100)]
            indices = self.host.append(b"\n".join(sent))
            self.assertFalse(set(indices) & set(expected))
            expected.update(zip(indices, sent))
            self.host.stop_daemon()
            self.assertEqual(self.host.events(), expected)
        self.verified()

    def test_status_is_what_the_daemon_says(self):
        """All that host.status() asks the daemon itself, the command prints; and without a daemon it reads the files."""
        self.host.start_daemon()
        self.host.append(b"one\n")
        self.host.anchor()
        printed = json.loads(self.host.stele("status", "-o", "json", expect=OK).stdout)
        asked = self.host.status()
        self.assertEqual(printed.keys(), asked.keys())
        for seen in (printed, asked):  # whoever else writes to this disk changes it in between
            self.assertGreater(seen["log"].pop("disk_free_bytes"), 0)
        for part in ("schema", "log", "wear"):
            self.assertEqual(printed[part], asked[part])
        self.assertEqual(printed["daemon"]["pid"], self.host.daemon.pid)
        self.host.stop_daemon()
        self.assertIsNone(self.host.status()["daemon"])
        self.assertEqual(self.host.status()["log"]["size"], json.loads(
            self.host.stele("status", "-o", "json", expect=OK).stdout)["log"]["size"])

    def test_a_killed_daemon_loses_nothing_acknowledged(self):
        self.host.start_daemon()
        sent = [b"acknowledged %d" % i for i in range(1000)]
        indices = self.host.append(b"\n".join(sent))
        self.host.daemon.kill()
        self.host.daemon.wait()
        self.host.start_daemon()
        events = self.host.events()
        self.assertEqual([events[i] for i in indices], sent)
        self.host.stop_daemon()
        self.verified()

    def test_ready_is_told_only_after_the_tpm_was_asked(self):
        os.kill(self.host.tpm.process.pid, signal.SIGSTOP)
        try:
            self.host.start_daemon(wait=False)
            time.sleep(1)
            self.assertFalse(self.host.is_ready(), "READY=1 while the TPM had not answered")
        finally:
            os.kill(self.host.tpm.process.pid, signal.SIGCONT)
        wait_until(self.host.is_ready, "READY=1 once the TPM answers")
        wait_until(lambda: self.host.status()["anchoring"]["state"] == "anchoring", "anchoring")
        self.host.stop_daemon()
        self.verified()

    def test_who_waits_for_a_tpm_that_hangs_is_answered_before_the_end(self):
        """Two ask, one after the other, of a TPM that never comes back; the end leaves its thread behind and tells both."""
        self.host.start_daemon()
        wait_until(lambda: self.host.status()["anchoring"]["counter_anchored"] > 0, "the first anchor")
        os.kill(self.host.tpm.process.pid, signal.SIGSTOP)
        try:
            waiting = []
            for _ in range(2):
                waiting.append(socket.socket(socket.AF_UNIX))
                waiting[-1].settimeout(PATIENCE)
                waiting[-1].connect(str(self.host.control))
                waiting[-1].sendall(b'{"do":"anchor"}\n')
            self.host.status()  # answered on the same thread: both requests were read before it
            self.host.daemon.send_signal(signal.SIGTERM)
            for one in waiting:
                refusal = json.loads(one.makefile().readline())
                one.close()
                self.assertFalse(refusal["ok"])
                self.assertIn("the daemon is ending", json.dumps(refusal))
            self.assertEqual(self.host.daemon.wait(PATIENCE), OK)
        finally:
            os.kill(self.host.tpm.process.pid, signal.SIGCONT)
        self.host.start_daemon()
        self.host.stop_daemon()
        self.verified()

    def test_without_a_tpm_events_are_taken_and_anchored_when_it_is_back(self):
        self.host.tpm.stop()
        self.host.start_daemon()
        self.assertEqual(self.host.status()["anchoring"]["state"], "unavailable")
        self.host.append(b"taken without a TPM\n")
        self.assertEqual(self.host.stele("status", "--check").returncode, 1)
        sealing = subprocess.Popen([BIN / "stele", "append", "--wait", "sealed", "--config", self.host.config],
                                   stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        self.addCleanup(sealing.stderr.close)
        sealing.stdin.write(b"to be sealed without a TPM\n")
        sealing.stdin.close()
        self.assertIn(b"1 event sent", sealing.stderr.readline())
        self.assertIn(b"no counter anchor can be made now: cannot reach a TPM", sealing.stderr.readline())
        self.host.tpm.start()
        wait_until(lambda: self.host.status()["anchoring"]["state"] == "anchoring", "anchoring again")
        self.host.anchor()
        self.assertEqual(sealing.wait(PATIENCE), OK)
        self.assertEqual(self.host.stele("status", "--check").returncode, 0)
        self.host.stop_daemon()
        self.verified()


if __name__ == "__main__":
    unittest.main(verbosity=2)
