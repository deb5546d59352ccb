"""Goal: GET /v1/anchors gives every counter anchor once, page by page, with what the TPM signed. Method: more anchors than a
page holds, quote anchors among them, across a restart; statements compared with those that `stele anchor export` writes,
signatures checked by openssl."""
import base64
import json
import unittest

from http_host import HttpHost
from stele_host import OK, run

PAGE, BAD_REQUEST, NOT_FOUND = 100, 400, 404


class Anchors(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.host = HttpHost()
        cls.addClassCleanup(cls.host.close)
        cls.host.provision(http='plain_roles = ["writer", "auditor"]', quote_interval="20ms")
        cls.host.start_daemon()
        for number in range(60):
            cls.host.append(b"%d\n" % number)
            cls.host.anchor()
        cls.host.stop_daemon()
        cls.host.start_daemon()
        for number in range(50):
            cls.host.append(b"%d\n" % number)
            cls.host.anchor()

    def get(self, path):
        status, body = self.host.curl(path)
        return status, json.loads(body)

    def test_pages_lead_from_the_first_to_the_newest(self):
        newest = self.host.status()["anchoring"]["counter_anchors"]
        self.assertGreater(newest, PAGE)
        anchors, at, pages = [], 1, 0
        while at is not None:
            status, page = self.get(f"/v1/anchors?from={at}")
            self.assertEqual((status, page["newest"]), (200, newest))
            self.assertLessEqual(len(page["anchors"]), PAGE)
            anchors, at, pages = anchors + page["anchors"], page["next"], pages + 1
        self.assertEqual([anchor["seq"] for anchor in anchors], list(range(1, newest + 1)))
        self.assertEqual(pages, -(-newest // PAGE))
        self.assertEqual(self.get("/v1/anchors/newest")[1], anchors[-1])
        for anchor in (anchors[0], anchors[59], anchors[-1]):
            self.is_what_was_signed(anchor)

    def is_what_was_signed(self, anchor):
        exported = self.host.folder / f"exported-{anchor['seq']}"
        self.host.stele("anchor", "export", str(anchor["seq"]), "-o", exported, expect=OK)
        self.assertEqual(base64.b64decode(anchor["statement"]), (exported / "statement").read_bytes())
        self.assertIn((exported / "audit.attest").read_bytes(), base64.b64decode(anchor["receipt"]))
        done = run("openssl", "dgst", "-sha256", "-verify", exported / "ak.pem", "-signature", exported / "audit.sig.der",
                   exported / "audit.attest")
        self.assertEqual(done.returncode, OK, done.stderr)

    def test_what_is_not_there_is_an_empty_page(self):
        status, page = self.get("/v1/anchors?from=1000000")
        self.assertEqual((status, page["anchors"], page["next"]), (200, [], None))

    def test_other_questions_are_refused(self):
        for query in ("from=0", "from=-1", "from=01", "from=x", "to=1", "from=1&to=2"):
            self.assertEqual(self.get(f"/v1/anchors?{query}")[0], BAD_REQUEST, query)
        self.assertEqual(self.get("/v1/anchors/1")[0], NOT_FOUND)


if __name__ == "__main__":
    unittest.main(verbosity=2)
