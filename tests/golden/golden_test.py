"""Goal: what a released version wrote is verified for ever, with the same verdict, and still not when it is bent.
Method: each committed store judged by the real commands and by the second verifier; then with one byte flipped."""
import base64
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import unittest

HERE = pathlib.Path(__file__).parent
sys.path.insert(0, str(HERE.parent / "second_verifier"))
import second_verifier  # noqa: E402

BIN = pathlib.Path(os.environ["STELE_BIN"])
STORES = sorted(HERE.glob("v*/mode-*"))
FLIPS = 24  # bytes flipped in each file, evenly spread
# Of these files one value decides; other bytes may say something else and still be true.
DECISIVE = {"trust": b"log_id ", "memory": b"digest "}


def run(command, *arguments):
    return subprocess.run([BIN / command, *map(str, arguments)], stdin=subprocess.DEVNULL, capture_output=True,
                          timeout=300)


class Golden(unittest.TestCase):
    """One copy of each golden store, with a memory that has seen all of it."""

    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="stele-golden-")
        self.addCleanup(folder.cleanup)
        self.copies = []
        for store in STORES:
            copy = pathlib.Path(folder.name) / store.parent.name / store.name
            shutil.copytree(store, copy)
            self.copies.append(copy)

    def each(self):
        for copy in self.copies:
            with self.subTest(store="/".join(copy.parts[-2:])):
                yield copy

    def verify(self, copy):
        nonce = (copy / "nonce").read_bytes().strip()
        return run("stele-verify", copy / "data", "-o", "json", "--trust", copy / "trust", "--nonce", nonce.decode(
            errors="replace"), "--answer", copy / "answer", "--memory", copy / "memory")

    def verify_proof(self, copy):
        return run("stele-verify", copy / "proof", "-o", "json", "--trust", copy / "trust")

    def test_the_whole_verdict_is_what_it_was(self):
        self.assertGreaterEqual(len(STORES), 2)
        for copy in self.each():
            for done, kept in ((self.verify(copy), "verdict"), (self.verify_proof(copy), "verdict-of-proof")):
                self.assertEqual(done.returncode, 0, done)
                self.assertEqual(json.loads(done.stdout), json.loads((copy / kept).read_bytes()))

    def test_the_second_verifier_says_the_same(self):
        for copy in self.each():
            said = second_verifier.conclude(copy / "data", copy / "trust")
            verdict = json.loads((copy / "verdict").read_bytes())
            words = f"verified: {verdict['log']['size']} records, {verdict['anchors']['counter']} counter anchors"
            self.assertEqual(said, (0, words))

    def test_every_event_comes_out_as_it_was_sent(self):
        for copy in self.each():
            sent = [json.loads(line) for line in (copy / "events").read_text().splitlines()]
            sent = {event["index"]: base64.b64decode(event["base64"]) * event["times"] for event in sent}
            done = run("stele", "query", "--data", copy / "data", "--limit", "0", "-o", "jsonl")
            self.assertEqual(done.returncode, 0, done.stderr)
            records = [json.loads(line) for line in done.stdout.splitlines()]
            self.assertEqual({r["index"]: content(r) for r in records if r["kind"] == "event"}, sent)
            self.assertIn(sent[4], (copy / "proof").read_bytes())

    def test_the_memory_goes_on(self):
        for copy in self.each():
            before = (copy / "memory").read_bytes()
            self.assertEqual(self.verify(copy).returncode, 0)
            self.assertNotEqual((copy / "memory").read_bytes(), before)
            self.assertEqual(self.verify(copy).returncode, 0)

    def test_one_flipped_byte_in_any_file_is_refused(self):
        injected, missed = 0, []
        for copy in self.each():
            self.assertEqual(self.verify(copy).returncode, 0)  # and the memory has seen all of it
            for path in sorted(path for path in copy.rglob("*") if path.is_file() and path.name in INPUTS):
                for at in places(path):
                    injected += 1
                    if self.is_accepted_flipped(copy, path, at):
                        missed.append(f"{path.relative_to(copy)} byte {at}")
        self.assertEqual(missed, [])
        self.assertGreaterEqual(injected, 10 * len(STORES))
        print(f"family 82: injected {injected}, lost 0, false alarms 0, missed {len(missed)}  "
              f"({len(STORES)} golden stores)")

    def test_what_a_newer_version_wrote_is_undetermined_and_no_daemon_opens_it(self):
        """The twin of the promise: an older program says so, and changes nothing."""
        for copy in self.each():
            for newer in (newest(copy / "data" / "segments"), newest(copy / "data" / "journal")):
                good = newer.read_bytes()
                newer.write_bytes(good[:8] + b"\0\3" + good[10:])  # of a segment 2 is a packed one
                self.assertEqual(self.verify(copy).returncode, 2, newer)
                self.assertEqual(second_verifier.conclude(copy / "data", copy / "trust")[0], 2)
                config = copy / "steled.toml"
                config.write_text(f'data = "{copy / "data"}"\n[tpm]\ntcti = "swtpm:host=127.0.0.1,port=1"\n'
                                  f'[listen.unix]\npath = "{copy / "in"}"\n[control]\npath = "{copy / "control"}"\n')
                done = run("steled", "--config", config)
                self.assertEqual(done.returncode, 65, done.stderr)
                self.assertIn(b"a newer version of Stele wrote this", done.stderr)
                self.assertEqual(newer.read_bytes(), good[:8] + b"\0\3" + good[10:])
                newer.write_bytes(good)

    def is_accepted_flipped(self, copy, path, at):
        good = path.read_bytes()
        memory = (copy / "memory").read_bytes()
        path.write_bytes(good[:at] + bytes([good[at] ^ 1]) + good[at + 1:])
        done = self.verify_proof(copy) if path.name == "proof" else self.verify(copy)
        (copy / "memory").write_bytes(memory)
        path.write_bytes(good)
        self.assertGreaterEqual(done.returncode, 0, f"stele-verify died of {path} byte {at}")
        return done.returncode == 0


INPUTS = {"trust", "answer", "nonce", "proof", "memory", *(f"{number:016x}" for number in range(16))}


def newest(room):
    return max(room.iterdir())


def places(path):
    data = path.read_bytes()
    if path.name in DECISIVE:
        start = data.index(DECISIVE[path.name]) + len(DECISIVE[path.name])
        return range(start, start + 64, 8)
    end = len(data.strip()) if path.name == "nonce" else len(data)
    return range(0, end, max(1, end // FLIPS))


def content(record):
    return record["text"].encode() if "text" in record else base64.b64decode(record["bytes"])


if __name__ == "__main__":
    unittest.main(verbosity=2)
