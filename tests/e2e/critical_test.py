"""Goal: a configured critical event is sealed at once, by itself, under the one token bucket. Method: a daemon
whose heartbeat never comes; `stele append --wait sealed` returns only where something asked for an anchor."""
import subprocess
import unittest

from stele_host import BIN, OK, PATIENCE, Host, wait_until

CRITICAL = 'critical = ["type=USER_MGMT", "COMMAND="]\n'


class Critical(unittest.TestCase):
    def start(self, **options):
        host = Host()
        self.addCleanup(host.close)
        host.provision(heartbeat="30d", **options)
        host.start_daemon()
        # The configuration is critical by itself: it is record 2.
        wait_until(lambda: host.status()["anchoring"]["counter_anchored"] >= 3, "the start's anchor")
        return host

    def test_a_critical_event_is_sealed_though_nobody_asked(self):
        host = self.start(extra=CRITICAL)
        before = host.status()["anchoring"]["counter_anchors"]
        host.append(b"nothing special\n")
        indices = host.append(b"type=USER_MGMT op=add-user acct=mallory\n", "--wait", "sealed")
        after = host.status()["anchoring"]
        self.assertEqual(after["counter_anchors"], before + 1)
        self.assertGreater(after["counter_anchored"], indices[-1])
        host.stop_daemon()
        self.assertEqual(host.verify()["exit"], OK)

    def test_other_events_ask_for_nothing(self):
        host = self.start(extra=CRITICAL)
        waiting = subprocess.Popen([BIN / "stele", "append", "--wait", "sealed", "--config", host.config],
                                   stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        before = host.status()["anchoring"]["counter_anchors"]
        waiting.stdin.write(b"type=USER_\nMGMT, no pattern in one event\n")
        waiting.stdin.close()
        # That they were received says nothing: an anchor is over what is durable.
        wait_until(lambda: any(event.startswith(b"MGMT") for event in host.events().values()), "both in the log")
        size = host.status()["log"]["size"]
        wait_until(lambda: host.status()["anchoring"]["anchored"] >= size, "a quote anchor over both")
        self.assertEqual(host.status()["anchoring"]["counter_anchors"], before)
        self.assertIsNone(waiting.poll(), "it waits for a counter anchor that nobody asked for")
        host.anchor()
        self.assertEqual(waiting.wait(PATIENCE), OK)
        waiting.stdout.close()

    def test_without_a_token_it_waits_and_status_says_so(self):
        host = self.start(extra=CRITICAL, refill="1d", burst=1)
        host.append(b"sudo: root : COMMAND=/usr/bin/visudo\n")
        wait_until(lambda: host.status()["anchoring"]["critical_waiting"], "critical_waiting in status")
        self.assertIn(b"critical", host.stele("status", expect=OK).stdout)


if __name__ == "__main__":
    unittest.main(verbosity=2)
