"""Goal: a stranger who fetches entries and tiles recomputes the checkpoint's root, at every size; what is no tile is
not found; family 27 (proofs: as tlog clients make them). Method: a client written from C2SP's specification against a
real daemon; records of whole tiles, of partial ones and at their edges."""
import base64
import hashlib
import http.client
import json
import unittest

from http_host import LISTENING, HttpHost
from stele_host import OK, wait_until
from tile_client import TileClient, leaf_hash, node_hash, path_of, tree_hash

NOT_FOUND = 404


def fetch_from(host):
    def fetch(path, headers=None):
        connection = http.client.HTTPConnection("127.0.0.1", host.port, timeout=60)
        try:
            connection.request("GET", path, headers=headers or {})
            reply = connection.getresponse()
            return reply.status, {name.lower(): value for name, value in reply.getheaders()}, reply.read()
        finally:
            connection.close()
    return fetch


class Tiles(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.host = HttpHost()
        cls.addClassCleanup(cls.host.close)
        cls.host.provision(http='plain_roles = ["writer", "reader", "auditor"]', quote_interval="1h")
        cls.host.start_daemon()
        cls.fetch = staticmethod(fetch_from(cls.host))
        cls.client = TileClient(cls.fetch)

    def grow_to(self, size):
        while (missing := min(size - self.client.checkpoint().size, 16_000)) > 0:
            status, _ = self.host.post(b"\n".join([b"%d" % i for i in range(missing)]),
                                       "Content-Type: application/x-ndjson")
            self.assertEqual(status, 200)

    def test_a_stranger_recomputes_the_root_at_every_kind_of_size(self):
        small = self.client.checkpoint()
        self.client.audit(small)
        audited, missed = 0, 0
        for size in (200, 255, 256, 257, 511, 512, 1000, 65_536, 65_537, 70_000):
            self.grow_to(size)
            checkpoint = self.client.checkpoint()
            try:
                entries = self.client.audit(checkpoint)
            except AssertionError as why:
                missed += 1
                print(size, why)
                continue
            self.assertGreaterEqual(len(entries), size)
            audited += 1
        self.proofs(checkpoint, entries)
        headers, _ = self.client.get("/checkpoint", "text/plain; charset=utf-8")
        self.assertEqual(headers["cache-control"], "no-store")
        print(f"family 27: injected {audited + missed}, lost 0, false alarms 0, missed {missed} (trees recomputed from tiles)")
        self.assertEqual(missed, 0)

    def proofs(self, checkpoint, entries):
        """A proof by the daemon leads to the root that the stranger's entries have at the anchor's size."""
        anchored = json.loads(self.host.stele("anchor", "-o", "json", expect=OK).stdout)["tree_size"]
        for index in (0, 255, 256, 65_535, 65_536, 69_999):
            status, _, body = self.fetch(f"/v1/events/{index}/proof")
            self.assertEqual(status, 200, body)
            self.assertTrue(body.startswith(b"STELEPRF"))
            count, at = body[69], 70
            self.assertEqual(body[19:69], entries[index])
            proof = [body[at + 32 * i:at + 32 * i + 32] for i in range(count)]
            statement = body[at + 32 * count:at + 32 * count + 256]
            size, root = int.from_bytes(statement[72:80], "big"), statement[80:112]
            self.assertGreaterEqual(size, anchored)
            self.assertEqual(self.root_from(index, size, leaf_hash(entries[index]), proof), root)

    def root_from(self, index, size, node, proof):
        """RFC 9162, 2.1.3.2."""
        first, last = index, size - 1
        for sibling in proof:
            if first & 1 or first == last:
                node = node_hash(sibling, node)
                while not first & 1 and first:
                    first, last = first >> 1, last >> 1
            else:
                node = node_hash(node, sibling)
            first, last = first >> 1, last >> 1
        self.assertEqual(last, 0)
        return node

    def test_what_the_tree_does_not_have_is_not_found(self):
        size = self.client.checkpoint().size
        for path in (f"/tile/0/{path_of(size // 256)}", f"/tile/entries/{path_of(size // 256)}",
                     f"/tile/0/{path_of(size // 256)}.p/{size % 256 + 1}", "/tile/8/000", "/tile/63/000.p/1",
                     "/tile/0/x000/000", "/tile/0/0", "/tile/00/000", "/tile/64/000", "/tile/0/000.p/0",
                     "/tile/0/000.p/256", "/tile/entries/000.p/0", "/tile/entries", "/tile", "/tile/0/000?x=1",
                     "/tile/0/../0/000", "/tile/0/%30%30%30",
                     # the largest name there is: 2^56 - 1
                     "/tile/0/x072/x057/x594/x037/x927/935", "/tile/entries/x072/x057/x594/x037/x927/935",
                     "/tile/0/x072/x057/x594/x037/x927/935.p/255"):
            status, headers, body = self.fetch(path)
            self.assertEqual(status, NOT_FOUND, (path, body))
            self.assertEqual(headers["cache-control"], "no-store", path)

    def test_reading_tiles_and_checkpoint_leaves_no_record(self):
        before = self.client.checkpoint()
        self.client.audit(before)
        self.assertEqual(self.client.checkpoint().size, before.size)

    def test_entries_come_packed_only_to_whom_that_suits(self):
        for accepted, packed in (("gzip", True), ("", False), ("identity", False), ("gzip;q=0", False)):
            status, headers, body = self.fetch("/tile/entries/000.p/1", {"Accept-Encoding": accepted})
            self.assertEqual((status, headers.get("content-encoding") == "gzip"), (200, packed), accepted)
            self.assertEqual(headers["vary"], "Accept-Encoding")

    def test_a_record_is_read_and_the_reading_recorded(self):
        status, placed = self.host.post(b"to be read")
        self.assertEqual(status, 200)
        index = placed["first"]
        status, headers, body = self.fetch(f"/v1/events/{index}")
        self.assertEqual((status, headers["content-type"]), (200, "application/json"))
        told = json.loads(body)
        self.assertEqual(told["index"], index)
        self.assertIn(base64.b64encode(b"to be read").decode().rstrip("="), body.decode())
        newest = self.client.checkpoint().size - 1
        record = json.loads(self.host.stele("show", str(newest), "-o", "json", expect=OK).stdout)
        self.assertEqual(record["kind"], "access")
        text = json.loads(record["text"])
        self.assertEqual(text["request"], {"method": "GET", "target": f"/v1/events/{index}"})
        self.assertEqual(text["caller"]["transport"], "http")
        for path in (f"/v1/events/{newest + 1000}", "/v1/events/-1", "/v1/events/01", f"/v1/events/{2 ** 64}"):
            self.assertEqual(self.fetch(path)[0], NOT_FOUND, path)

    def test_without_the_key_there_is_no_checkpoint(self):
        host = HttpHost()
        self.addCleanup(host.close)
        host.provision()
        host.tpm.stop()
        host.start_daemon(wait=False)
        wait_until(lambda: LISTENING.search(host.daemon_words()), "HTTP is served")
        fetch = fetch_from(host)
        status, headers, body = fetch("/checkpoint")
        self.assertEqual((status, "retry-after" in headers), (503, True), body)
        host.tpm.start()
        wait_until(lambda: fetch("/checkpoint")[0] == 200, "the key is there")
        self.assertTrue(TileClient(fetch).checkpoint().signatures)

    def test_the_hash_of_no_entry_is_never_served(self):
        """A tree's hash over nothing would be a tile of width 0."""
        self.assertEqual(tree_hash([]), hashlib.sha256(b"").digest())
        self.assertEqual(self.fetch("/tile/7/000")[0], NOT_FOUND)


if __name__ == "__main__":
    unittest.main(verbosity=2)
