"""Goal: the log says who read evidence out of it, and what came of that: done, refused with the reason's name, or broken
off. Method: a real daemon; each way in, each way it can end; what the log then holds."""
import json
import os
import socket
import unittest

from http_host import HttpHost
from stele_host import NO_INPUT, OK, PATIENCE, TEMPORARY, content, wait_until

NONCE = "5a" * 32


class Access(unittest.TestCase):
    def setUp(self):
        self.host = HttpHost()
        self.addCleanup(self.host.close)
        self.host.provision(quote_interval="1h", http='plain_roles = ["reader", "auditor"]')
        self.host.start_daemon()
        self.host.append(b"one\ntwo\n")
        self.host.anchor()

    def accesses(self, but="query"):
        """What the log holds of accesses, by index, but of queries: those are our own."""
        lines = self.host.stele("query", "--limit", "0", "-o", "jsonl", expect=OK).stdout.splitlines()
        found = {r["index"]: json.loads(content(r)) for r in map(json.loads, lines) if r["kind"] == "access"}
        ours = {index for index, text in found.items() if text.get("request", {}).get("do") == but}
        return {i: text for i, text in found.items() if i not in ours and text.get("asked") not in ours}

    def came_of(self, act):
        """What the log holds of what this did: (request, outcome, reason), outcomes put to what they are of."""
        before = self.accesses()
        act()
        found = []
        new = {i: text for i, text in self.accesses().items() if i not in before}
        for index, text in new.items():
            if "asked" in text:
                self.assertLess(text["asked"], index)
                self.assertIn(text["asked"], new)
                continue
            ends = [end for end in new.values() if end.get("asked") == index]
            self.assertEqual(len(ends), 0 if "outcome" in text else 1, new)
            end = ends[0] if ends else text
            who = text.get("uid", text.get("caller", {}).get("uid", text.get("caller", {}).get("address")))
            self.assertIn(who, (os.getuid(), "127.0.0.1"), text)
            found.append((text["request"].get("do") or text["request"]["target"], end["outcome"], end.get("reason")))
        return found

    def stele(self, *arguments, expect=OK):
        return lambda: self.host.stele(*arguments, expect=expect)

    def test_each_way_that_gives_something_out(self):
        folder = self.host.folder
        for arguments, what in ((("show", "3"), "show"), (("prove", "1", "-o", folder / "proof"), "prove"),
                                (("answer", "--nonce", NONCE, "-o", folder / "answer"), "answer"),
                                (("bundle", "-o", folder / "bundle"), "bundle"),
                                (("anchor", "export", "1", "-o", folder / "exported"), "export_anchor"),
                                (("trust", "--boot-policy", "exact", "-o", folder / "policed"), "boot_policy")):
            self.assertEqual(self.came_of(self.stele(*arguments)), [(what, "done", None)])
        challenge = ("challenge", f"unix:{self.host.control}", "--trust", self.host.trust())
        self.assertEqual(self.came_of(self.stele(*challenge)), [("challenge", "done", None)])
        for path in ("/v1/events/3", "/v1/events/1/proof", "/v1/anchors?from=1", "/v1/anchors/newest"):
            self.assertEqual(self.came_of(lambda path=path: self.host.curl(path)), [(path, "done", None)])
        body = json.dumps({"nonce": NONCE}).encode()
        self.assertEqual(self.came_of(lambda: self.host.curl("/v1/challenge", body=body)), [("/v1/challenge", "done", None)])
        self.host.stop_daemon()
        self.assertEqual(self.host.verify()["conclusion"], "verified")

    def test_a_bundle_says_what_it_shows_and_is_on_record_before_it_is_there(self):
        path = self.host.folder / "bundle"
        for arguments, records in (((), "all"), (("--no-records",), "none"), (("--index", 1, "--from", 3, "--to", 4), [[1, 2], [3, 4]])):
            self.host.anchor()
            before = self.accesses()
            self.host.stele("bundle", "-o", path, *arguments, expect=OK)
            begun, end = [text for i, text in self.accesses().items() if i not in before]
            self.assertEqual((begun["request"]["records"], end["outcome"]), (records, "done"))
        # Without a daemon the files are read as ever.
        self.host.stop_daemon()
        self.host.stele("bundle", "-o", path, expect=OK)

    def test_what_is_refused_is_refused_by_name(self):
        index = max(self.host.append(b"three\n"))
        bundle = ("bundle", "--index", index, "-o", self.host.folder / "bundle")
        self.assertEqual(self.came_of(self.stele(*bundle, expect=TEMPORARY)), [("bundle", "refused", "not_anchored")])
        self.host.tpm.stop()
        answer = ("answer", "--nonce", NONCE, "-o", self.host.folder / "answer")
        said = []
        found = self.came_of(lambda: said.extend(self.host.stele(*answer).stderr for _ in range(2)))
        self.assertEqual(said[0].count(b"ask again"), 1, said)
        self.assertEqual(found, [("answer", "refused", "tpm_interrupted"), ("answer", "refused", "tpm_unavailable")])
        body = json.dumps({"nonce": NONCE}).encode()
        found = self.came_of(lambda: self.host.curl("/v1/challenge", body=body))
        self.assertEqual(found, [("/v1/challenge", "refused", "tpm_unavailable")])
        # A policy of what no log of the boot says; an anchor that is not there.
        policy = ("trust", "--boot-policy", "digests", "-o", self.host.folder / "policed")
        self.assertEqual(self.came_of(self.stele(*policy, expect=NO_INPUT)), [("boot_policy", "refused", "not_in_log")])
        export = ("anchor", "export", "999", "-o", self.host.folder / "exported")
        self.assertEqual(self.came_of(self.stele(*export, expect=NO_INPUT)), [("export_anchor", "refused", "not_in_log")])
        self.assertFalse((self.host.folder / "exported").exists())
        # What is not there, or no request, was not read by anybody.
        self.assertEqual(self.came_of(lambda: self.host.stele("show", "999999")), [])
        self.assertEqual(self.came_of(lambda: self.host.curl("/v1/challenge", body=b"{}")), [])

    def talk(self, *lines):
        """The replies of one connection to the control socket, which then ends."""
        with socket.socket(socket.AF_UNIX) as control:
            control.settimeout(PATIENCE)
            control.connect(str(self.host.control))
            replies = control.makefile("rb")
            for line in lines:
                control.sendall(json.dumps(line).encode() + b"\n")
                yield json.loads(replies.readline())

    def test_a_bundle_that_ends_without_a_word_is_broken_off(self):
        def ends():
            list(self.talk({"do": "bundle", "records": "all"}))
            wait_until(lambda: any(t.get("outcome") == "broken_off" for t in self.accesses().values()), "its end on record")
        self.assertEqual(self.came_of(ends), [("bundle", "broken_off", "peer_gone")])
        # One outcome for each; of a second bundle the first is broken off.
        both = self.talk({"do": "bundle", "records": "none"}, {"do": "bundle", "records": "all"}, {"do": "outcome", "outcome": "done"})
        found = self.came_of(lambda: self.assertEqual([reply["ok"] for reply in both], [True] * 3))
        self.assertEqual(found, [("bundle", "broken_off", "peer_gone"), ("bundle", "done", None)])
        none, = self.talk({"do": "outcome", "outcome": "done"})
        self.assertEqual((none["ok"], none["exit"]), (False, 65))


if __name__ == "__main__":
    unittest.main(verbosity=2)
