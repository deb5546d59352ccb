"""Goal: real logs go in and are found by who did what; the answers with a daemon, without one, and after
`stele look-up rebuild` are the same, and --follow tells what comes until SIGINT. Method: the vectors' logs
through the real commands; what is expected is read from the records' own JSON and from the bytes."""
import json
import os
import pathlib
import signal
import subprocess
import time
import unittest

from stele_host import BIN, OK, PATIENCE, UNAVAILABLE, USAGE, Host, content, wait_until

FIELDS = ("actor", "action", "target", "outcome", "origin", "severity")
LOGS = ("loghub/OpenSSH_2k.log", "crowdsec-hub/auditd-logs/auditd-logs.log",
        "crowdsec-hub/aws-cloudtrail/aws-cloudtrail.log", "crowdsec-hub/k8s-audit-pod-exec-file/"
        "k8s-audit-pod-exec-file.log", "crowdsec-hub/opnsense-sshd/opnsense-sshd.log")


class Query(unittest.TestCase):
    def setUp(self):
        self.host = Host()
        self.addCleanup(self.host.close)

    def begin(self, **options):
        self.host.provision(**options)
        self.host.start_daemon()

    def query(self, *arguments):
        done = self.host.stele("query", "--limit", "0", "-o", "jsonl", *arguments, expect=OK)
        return [json.loads(line) for line in done.stdout.splitlines()]

    def found(self, *arguments):
        """Of events: the records of who asked for what hold the words that were asked for."""
        return [record["index"] for record in self.query(*arguments) if record["kind"] == "event"]

    def test_one_record_is_shown_with_what_was_read_out_of_it(self):
        self.begin()
        known, unknown, hostile = self.host.append(
            b"<86>1 2026-11-26T01:00:00Z web1 sshd 7 - - Accepted publickey for alice from 10.0.0.1 port 22 ssh2\n"
            b"noise\n"
            b'{"user":"mallory\\u001b[2J","action":"login"}\n')

        def page(index):
            text = self.host.stele("show", index, expect=OK).stdout
            self.assertNotIn(b"\x1b", text)
            return dict(line.split(None, 1) for line in text.decode().splitlines() if not line.startswith("read as"))

        for which in ("with a daemon", "without"):
            shown = page(known)
            self.assertEqual([shown.get(f) for f in FIELDS], ["alice", "login", "sshd", "success", "10.0.0.1", "info"], which)
            self.assertEqual(shown["time"], "2026-11-26T01:00:00.000000000Z")
            self.assertFalse(set(FIELDS) & set(page(unknown)))
            self.assertIn("mallory", page(hostile)["content"])
            self.assertNotIn("read", page(0))  # the log's own records are no events
            one = json.loads(self.host.stele("show", known, "-o", "json", expect=OK).stdout)
            self.assertEqual(one, [r for r in self.query("--begin", known, "--end", known + 1)][0])
            if which == "with a daemon":
                self.host.stop_daemon()

    @unittest.skipUnless(os.environ.get("STELE_VECTORS"), "STELE_VECTORS is not set")
    def test_real_logs_are_found_by_who_did_what(self):
        self.begin()
        root = pathlib.Path(os.environ["STELE_VECTORS"]) / "logs"
        for name in LOGS:
            self.host.append((root / name).read_bytes())
        events = [r for r in self.query() if r["kind"] == "event"]
        formats = {r["read_out"].get("format", "unparsed") for r in events}
        self.assertLessEqual({"rfc3164", "rfc5424", "audit", "cloudtrail", "kubernetes-audit"}, formats)
        values = {}
        for record in events:
            for field in FIELDS:
                if field in record["read_out"]:
                    values.setdefault((field, record["read_out"][field].lower()), []).append(record["index"])
        # The most frequent, the rarest, and some between; then two of the log's own by their bytes.
        by_count = sorted(values, key=lambda v: (len(values[v]), v))
        asked = {v: values[v] for v in by_count[:3] + by_count[::len(by_count) // 6] + by_count[-3:]}
        ask_all = lambda: {v: self.found(f"--{v[0]}", v[1].upper()) for v in asked}
        self.assertEqual(ask_all(), asked)
        failed = [r["index"] for r in events if b"]: Failed password for root from" in content(r)]
        self.assertGreater(len(failed), 100)
        root_failed = ("--actor", "root", "--action", "login", "--outcome", "failure", "--grep", "]: Failed password for ")
        self.assertEqual(self.found(*root_failed), failed)
        self.host.stop_daemon()
        self.assertEqual(ask_all(), asked, "without a daemon: by a scan")
        self.host.stele("look-up", "rebuild", expect=OK)
        self.host.start_daemon()
        self.assertEqual(ask_all(), asked, "from a look-up made anew")
        self.assertEqual(self.found(*root_failed), failed)
        print(f"vectors: {len(events)} cases of logs, found by what they say")

    def test_configured_formats_are_found_and_terminals_are_safe(self):
        self.begin(extra='[[read_out.json]]\nformat = "door"\nwhen = "/schema"\nactor = ["/badge", "/who"]\n'
                         'action = "/what"\n')
        first = self.host.append(b'{"schema":1,"who":"\\u001b[31mA","what":"Open"}\n\x1b[2Jopen\n<13>- broken')
        self.assertEqual(self.found("--action", "open"), first[:1])
        self.assertEqual(self.found("--grep", "open"), first[1:2])
        record = self.query("--begin", str(first[0]), "--end", str(first[2] + 1))
        self.assertEqual(record[0]["read_out"], {"format": "door", "actor": "\x1b[31mA", "action": "Open"})
        self.assertEqual([r["read_out"] for r in record[1:]], [{"unparsed": True}] * 2)
        text = self.host.stele("query", "--grep", "open", expect=OK).stdout
        self.assertIn(b"\\x1b[2Jopen", text)
        self.assertNotIn(b"\x1b", text)
        whole = json.loads(self.host.stele("query", "--actor", "\x1b[31ma", "-o", "json", expect=OK).stdout)
        self.assertEqual([r["index"] for r in whole["records"]], first[:1])
        self.host.stele("query", "--grep", os.fsdecode(b"\xff"), expect=USAGE)

    def test_following_tells_what_comes_until_it_is_interrupted(self):
        self.begin()
        before = self.host.append(b'{"actor":"alice","action":"a"}\n{"actor":"bob","action":"b"}')
        output = self.host.folder / "followed"
        with open(output, "wb") as out:
            follower = subprocess.Popen([BIN / "stele", "query", "--follow", "--actor", "alice", "-o", "jsonl",
                                         "--config", self.host.config], stdout=out, stdin=subprocess.DEVNULL)
        self.addCleanup(lambda: follower.poll() is None and follower.kill())
        told = lambda: [json.loads(line)["index"] for line in output.read_bytes().splitlines()]
        wait_until(lambda: told() == before[:1], "what was there is told")
        later = self.host.append(b'{"actor":"bob","action":"c"}\n{"actor":"Alice","action":"d"}')
        wait_until(lambda: told() == [before[0], later[1]], "what comes is told")
        size = self.host.status()["log"]["size"]
        time.sleep(0.5)
        self.assertEqual(self.host.status()["log"]["size"], size, "following records no access but its first")
        follower.send_signal(signal.SIGINT)
        self.assertEqual(follower.wait(PATIENCE), OK)
        done = self.host.stele("query", "--follow", "--limit", "1", "-o", "json", "--action", "d", expect=OK)
        self.assertEqual([r["index"] for r in json.loads(done.stdout)["records"]], later[1:])
        self.host.stop_daemon()
        self.host.stele("query", "--follow", expect=UNAVAILABLE)


if __name__ == "__main__":
    unittest.main()
