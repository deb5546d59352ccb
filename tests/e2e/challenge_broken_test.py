"""Goal: a challenge whose client goes away leaves its outcome in the log, gives back its place and its files, and delays
nobody; a flood of challenges that are refused fills no log. Method: a real daemon with more evidence than any socket
buffer holds; curl killed, connections reset at each point, clients that never read; the log's records counted."""
import json
import os
import signal
import socket
import struct
import subprocess
import time
import unittest

from http_host import HttpHost, read_all, statuses
from stele_host import OK, PATIENCE, UNAVAILABLE, content, wait_until

NONCE = "5a" * 32
PLACES = 4  # challenges being answered at once
BURST, REFILL_S = 20, 3  # records of one caller's refusals
BODY = json.dumps({"nonce": NONCE, "boot_logs": True}).encode()
REQUEST = (b"POST /v1/challenge HTTP/1.1\r\nHost: log\r\nContent-Length: %d\r\n\r\n" % len(BODY)) + BODY


class Bed(unittest.TestCase):
    def begin(self, log_bytes=0):
        self.host = HttpHost("b")
        self.addCleanup(self.host.close)
        event_log = self.host.folder / "event_log"
        event_log.write_bytes(os.urandom(log_bytes))
        extra = f'[boot]\nevent_log = "{event_log}"\n' if log_bytes else ""
        self.host.provision(quote_interval="1h", http='plain_roles = ["auditor", "monitor"]', extra=extra)
        self.host.start_daemon()
        self.host.append(b"one\n")
        self.host.anchor()

    def challenges(self):
        """What the log holds of challenges: each first record with its outcome put to it."""
        lines = self.host.stele("query", "--limit", "0", "-o", "jsonl", expect=OK).stdout.splitlines()
        texts = {r["index"]: json.loads(content(r)) for r in map(json.loads, lines) if r["kind"] == "access"}
        found = []
        for index, text in texts.items():
            if text.get("request", {}).get("target") != "/v1/challenge":
                continue
            ends = [end for end in texts.values() if end.get("asked") == index]
            self.assertLessEqual(len(ends) + ("outcome" in text), 1, texts)
            found.append({**text, **(ends[0] if ends else {}), "records": 1 + len(ends)})
        return found

    def outcomes(self):
        return [(one.get("outcome"), one.get("reason")) for one in self.challenges()]

    def ask(self):
        """A connection that has asked and has read nothing, its window as small as can be."""
        client = socket.socket()
        self.addCleanup(client.close)
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        client.settimeout(PATIENCE)
        client.connect(("127.0.0.1", self.host.port))
        client.sendall(REQUEST)
        return client

    def reset(self, client):
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        client.close()

    def files(self):
        """Of the log, that the daemon has open; the look-up comes and goes with queries."""
        folder = f"/proc/{self.host.daemon.pid}/fd"
        names = []
        for number in os.listdir(folder):
            try:
                names.append(os.readlink(f"{folder}/{number}"))
            except FileNotFoundError:
                pass  # closed meanwhile
        return sorted(name for name in names if name.startswith(str(self.host.data)) and "look-up" not in name)

    def answered(self):
        status, evidence = self.host.curl("/v1/challenge", body=BODY)
        self.assertEqual(status, 200)
        return evidence


class Gone(Bed):
    def setUp(self):
        self.begin(15 << 20)

    def wait_for_broken(self, count):
        wait_until(lambda: self.outcomes().count(("broken_off", "peer_gone")) == count, f"{count} broken off")

    def test_reset_in_the_middle_it_is_broken_off_and_its_place_is_free(self):
        before = self.files()
        for number in range(PLACES + 2):  # with a place lost by each, the last ones would be refused
            client = self.ask()
            self.assertTrue(client.recv(1000).startswith(b"HTTP/1.1 200"))
            self.reset(client)
            self.wait_for_broken(number + 1)
        self.assertGreater(len(self.answered()), 15 << 20)
        outcomes = self.outcomes()
        self.assertEqual(set(outcomes[:-1]), {("broken_off", "peer_gone")})
        self.assertEqual(outcomes[-1], ("done", None))
        wait_until(lambda: self.files() == before, f"files given back: {before}")
        self.host.stop_daemon()
        self.assertEqual(self.host.verify()["conclusion"], "verified")

    def test_curl_that_is_killed_and_one_that_takes_all(self):
        command = ["curl", "-sS", "--limit-rate", "10k", "-o", os.devnull, "--data-binary", "@-",
                   f"http://127.0.0.1:{self.host.port}/v1/challenge"]
        curl = subprocess.Popen(command, stdin=subprocess.PIPE)
        self.addCleanup(curl.wait)
        self.addCleanup(curl.kill)
        curl.stdin.write(BODY)
        curl.stdin.close()
        wait_until(lambda: self.outcomes() == [(None, None)], "the challenge on record")
        curl.kill()
        self.wait_for_broken(1)
        self.answered()  # the twin
        self.assertEqual(self.outcomes(), [("broken_off", "peer_gone"), ("done", None)])

    def test_clients_that_never_read_keep_their_own_places_and_nobody_else_waiting(self):
        silent = [self.ask() for _ in range(PLACES)]
        wait_until(lambda: self.outcomes() == [(None, None)] * PLACES, "all places taken")
        status, _ = self.host.curl("/v1/challenge", body=BODY)
        self.assertEqual((status, self.outcomes()[-1]), (503, ("refused", "queue_full")))
        self.assertEqual(self.challenges()[-1]["records"], 1)
        # Events, anchors and questions go on.
        self.host.append(b"more\n")
        self.host.anchor()
        self.assertEqual(self.host.curl("/readyz")[0], 200)
        self.host.stele("challenge", f"unix:{self.host.control}", "--trust", self.host.trust(), expect=OK)
        for client in silent:
            self.reset(client)
        self.wait_for_broken(PLACES)
        self.answered()


class Refused(Bed):
    def setUp(self):
        self.begin()

    def test_gone_while_the_tpm_answers(self):
        os.kill(self.host.tpm.process.pid, signal.SIGSTOP)
        try:
            client = self.ask()
            wait_until(lambda: self.outcomes() == [(None, None)], "the challenge on record")
            self.reset(client)
        finally:
            os.kill(self.host.tpm.process.pid, signal.SIGCONT)
        wait_until(lambda: self.outcomes() == [("broken_off", "peer_gone")], "broken off")
        self.answered()

    def test_a_flood_of_refused_challenges_is_counted_and_fills_no_log(self):
        flood = 150
        self.host.tpm.stop()
        wait_until(lambda: self.host.curl("/v1/challenge", body=BODY) and
                   self.outcomes()[-1] == ("refused", "tpm_unavailable"), "refused at once")
        earlier, size, begun = len(self.challenges()), self.host.status()["log"]["size"], time.monotonic()
        with self.host.connect() as client:
            client.sendall(REQUEST * flood)
            client.shutdown(socket.SHUT_WR)
            self.assertEqual(statuses(read_all(client)), [503] * flood)
        grown = self.host.status()["log"]["size"] - size
        self.assertLessEqual(grown, BURST + (time.monotonic() - begun) / REFILL_S + 1)
        recorded = self.challenges()[earlier:]
        self.assertEqual({(one["outcome"], one["reason"], one["records"]) for one in recorded},
                         {("refused", "tpm_unavailable", 1)})
        self.assertGreaterEqual(len(recorded), BURST - earlier)
        # Another caller's refusal is not hidden by it: his own bucket is full.
        answer = self.host.stele("answer", "--nonce", NONCE, "-o", self.host.folder / "answer")
        self.assertEqual(answer.returncode, UNAVAILABLE)
        self.host.curl("/v1/challenge", "--unix-socket", self.host.folder / "http.sock", body=BODY)
        other = self.challenges()[-1]
        self.assertEqual((other["outcome"], other["caller"].get("uid")), ("refused", os.getuid()))
        self.assertNotIn("unrecorded", other)
        # Whoever is let in at last tells how often he was not.
        self.host.tpm.start()
        wait_until(lambda: self.host.status()["anchoring"]["state"] == "anchoring", "anchoring again")
        self.answered()
        mine = [one for one in self.challenges()[earlier:] if "uid" not in one["caller"]]
        self.assertEqual(mine[-1]["outcome"], "done")
        self.assertEqual(len(mine) - 1 + sum(one.get("unrecorded", 0) for one in mine), flood)
        self.host.stop_daemon()
        self.assertEqual(self.host.verify()["conclusion"], "verified")

    def test_too_many_at_once_are_refused_with_one_record_each(self):
        with self.host.connect() as client:
            client.sendall(REQUEST * 40)
            client.shutdown(socket.SHUT_WR)
            codes = statuses(read_all(client))
        found = self.challenges()
        self.assertEqual((len(codes), set(codes) <= {200, 503}), (40, True), codes)
        self.assertEqual(codes.count(200), [one["outcome"] for one in found].count("done"))
        for one in found:
            self.assertEqual((one["records"], one.get("reason")),
                             (2, None) if one["outcome"] == "done" else (1, "too_often"))


if __name__ == "__main__":
    unittest.main(verbosity=2)
