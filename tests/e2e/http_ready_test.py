"""Goal: /readyz and `stele status --check` agree, and say why; every metric that an alert or a dashboard names is there.
Method: a daemon whose TPM is taken away and comes back, and the files under tools/monitoring against its /metrics."""
import json
import pathlib
import re
import unittest

from http_host import HttpHost
from stele_host import OK, wait_until

MONITORING = pathlib.Path(__file__).resolve().parents[2] / "tools" / "monitoring"
METRIC = re.compile(r"\bstele_[a-z_]+_[a-z_]+|\bstele_ready\b")


def reasons(host):
    status, body = host.curl("/readyz")
    body = json.loads(body)
    assert (status == 200) == body["ready"] == (not body["reasons"]), (status, body)
    return {each["reason"] for each in body["reasons"]}


def exported(text):
    """The names of all samples, histograms with their three."""
    return {re.split(r"[{ ]", line)[0] for line in text.splitlines() if line and not line.startswith("#")}


# More than any disk has: low from the first look on.
LOW = '[limits]\ndisk_low_bytes = 16000000000000\n[on]\ndisk_low = "%s"\n'


class LowDisk(unittest.TestCase):
    def test_a_request_that_is_dropped_is_told_so_at_once_and_its_key_is_free_again(self):
        with HttpHost() as host:
            host.provision(extra=LOW % "drop-with-record")
            host.start_daemon()
            wait_until(lambda: host.status()["queue"]["disk_low"], "the disk is low")
            for _ in range(2):
                status, reply = host.post(b"one\ntwo\n", "Idempotency-Key: k", "Content-Type: application/x-ndjson")
                self.assertEqual((status, reply["status"]), (503, 503))
                self.assertIn("dropped", reply["detail"])
            self.assertEqual(host.status()["ingest"]["inputs"]["http"]["dropped"], 4)
            queue = host.status()["queue"]
            self.assertEqual((queue["dropped"], queue["dropped_because"]), (4, {"disk_low": 4}))
            metrics = host.curl("/metrics")[1]
            self.assertIn(b'stele_dropped_total{reason="disk_low"} 4', metrics)
            host.write_config()
            host.stop_daemon()
            host.start_daemon()
            status, reply = host.post(b"one\ntwo\n", "Idempotency-Key: k", "Content-Type: application/x-ndjson")
            self.assertEqual((status, reply["next"] - reply["first"], reply.get("repeated")), (200, 2, None))
            host.anchor()
            host.stop_daemon()
            report = host.verify()
            self.assertEqual((report["exit"], report["coverage"]["lost"]), (OK, 4))

    def test_while_senders_wait_it_is_not_ready(self):
        with HttpHost() as host:
            host.provision(extra=LOW % "suspend")
            host.start_daemon()
            wait_until(lambda: "disk_low" in reasons(host), "not ready, for want of room")
            self.assertEqual(host.stele("status", "--check").returncode, 2)


class Ready(unittest.TestCase):
    def test_without_its_tpm_it_is_not_ready_and_with_it_again_it_is(self):
        with HttpHost() as host:
            host.provision(extra='lag_limit = "1s"')  # the extra lines follow those of [anchor]
            host.start_daemon()
            wait_until(lambda: reasons(host) == set(), "ready")
            host.tpm.stop()
            self.assertEqual(host.post(b"an event that no anchor covers")[0], 200)
            wait_until(lambda: reasons(host) == {"tpm_unavailable", "anchor_lag"}, "not ready, with both reasons")
            self.assertEqual(host.curl("/healthz")[0], 200)
            done = host.stele("status", "--check")
            self.assertEqual(done.returncode, 1, done.stdout)
            self.assertIn(b"unavailable: ", done.stdout)
            self.check_metrics(host, ready=0)
            host.tpm.start()
            wait_until(lambda: reasons(host) == set(), "ready again")
            self.assertEqual(host.stele("status", "--check").returncode, OK)
            self.check_metrics(host, ready=1)

    def check_metrics(self, host, ready):
        status, text = host.curl("/metrics")
        self.assertEqual(status, 200)
        text = text.decode()
        self.assertIn(f"\nstele_ready {ready}\n", text)
        if not ready:
            self.assertRegex(text, r"\nstele_tpm_errors_total\{code=\"0x[0-9a-f]+\"\} [1-9]")
            self.assertRegex(text, r"\nstele_anchor_failures_total\{result=\"unavailable\"\} [1-9]")
        names = exported(text)
        for path in sorted(MONITORING.iterdir()):
            used = set(METRIC.findall(path.read_text()))
            if path.suffix in (".yml", ".json"):
                self.assertGreater(len(used), 5, path)
            # Before the first error there is no code to tell: the family is there without a sample.
            missing = {name for name in used if name not in names and f"# TYPE {name} " not in text}
            self.assertEqual(missing, set(), path)

    def test_the_dashboard_is_json_and_the_rules_have_what_rules_need(self):
        dashboard = json.loads((MONITORING / "stele.dashboard.json").read_text())
        for panel in dashboard["panels"]:
            self.assertTrue(panel["targets"] and all(t["expr"] for t in panel["targets"]), panel["title"])
        text = (MONITORING / "stele.rules.yml").read_text()
        rules = re.split(r"\n      - alert: ", text)[1:]
        self.assertGreater(len(rules), 8)
        for rule in rules:
            for key in ("expr", "labels", "annotations"):
                self.assertRegex(rule, rf"\n        {key}:", rule)
            for key in ("severity", "summary", "description"):
                self.assertRegex(rule, rf"\n          {key}: \S", rule)
            self.assertEqual(rule.count("("), rule.count(")"), rule)


if __name__ == "__main__":
    unittest.main(verbosity=2)
