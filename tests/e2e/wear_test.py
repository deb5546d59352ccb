"""Goal: wear is told where somebody looks: status, monitoring plugin, the daemon's log. Method: a chip that is
said to stand a dozen writes, anchored until it has used half and four fifths of them."""
import json
import re
import unittest

from stele_host import OK, Host, wait_until


class Wear(unittest.TestCase):
    def setUp(self):
        self.host = Host()
        self.addCleanup(self.host.close)

    def anchor_until(self, writes):
        while self.host.status()["wear"]["counter_writes"] < writes:
            self.host.anchor()
        return self.host.status()["wear"]

    def check(self, code, words):
        done = self.host.stele("status", "--check")
        self.assertEqual(done.returncode, code, done.stdout)
        self.assertRegex(done.stdout.decode(), words)

    def test_half_and_four_fifths_are_told(self):
        self.host.provision(extra="assumed_cycles = 20\n")
        self.host.start_daemon()
        wait_until(lambda: self.host.status()["anchoring"]["state"] == "anchoring", "anchoring")
        wear = self.anchor_until(4)
        self.assertEqual((wear["assumed_cycles"], wear["used_percent"], wear["passed_percent"]), (20, 20, 0))
        self.check(0, r"^STELE OK - anchoring \|.* wear=20%;50;80$")
        self.assertNotIn("assumed to stand", self.host.daemon_words())
        self.assertEqual(self.anchor_until(10)["passed_percent"], 50)
        self.check(1, r"^STELE WARNING - .*wears out.* wear=50%;50;80$")
        self.assertEqual(self.anchor_until(16)["passed_percent"], 80)
        self.check(1, r"wear=80%;50;80$")
        told = re.findall(r"more than (\d+) % of the 20", self.host.daemon_words())
        self.assertEqual(told, ["50", "80"])
        self.assertIn(b"plan for another TPM", self.host.stele("status", expect=OK).stdout)
        self.host.stop_daemon()
        offline = self.host.status()["wear"]
        self.assertEqual((offline["counter_writes"], offline["passed_percent"]), (17, 80))
        # The auditor's assumption is the chip's, and a simulator does not wear.
        report = self.host.verify()
        self.assertEqual(report["exit"], OK)
        self.assertNotIn("wear_high", [f["finding"] for f in report["findings"]])

    def test_what_is_left_open_follows_the_chip(self):
        self.host.tpm.start()
        self.host.write_config()
        text = self.host.config.read_text()
        self.host.write_config = lambda **_: self.host.config.write_text(re.sub(r"heartbeat = .*\n", "", text))
        self.host.provision()
        self.assertIn("heartbeat_s 60\n", self.host.trust().read_text())
        self.host.start_daemon()
        self.host.append(b"one\n")
        self.assertEqual(self.host.status()["wear"]["assumed_cycles"], 0)
        self.check(0, r"wear=0%;50;80$")
        records = self.host.stele("query", "--limit", "0", "-o", "jsonl", expect=OK).stdout.splitlines()
        sealed, = (r["text"] for r in map(json.loads, records) if r["kind"] == "config")
        self.assertIn("anchor.heartbeat = '1min'\nanchor.assumed_cycles = 0\n", json.loads(sealed)["toml"])


if __name__ == "__main__":
    unittest.main(verbosity=2)
