"""Goal: real input goes in and comes out byte-exact. Method: every file under the vectors' logs, line by
line or whole where it is one document, and the hard cases by hand, through `stele append`, read back
through `stele query` while the daemon runs and once more from the files when it has ended."""
import json
import os
import pathlib
import unittest

from stele_host import MALFORMED, OK, Host, lines_of, placed

# One document a file: several lines belong together.
DOCUMENTS = {".json", ".yaml", ".yml", ".golden", ".evtx", ".ksisig", ".xml"}
LIMIT = 1 << 20


def is_document(path, data):
    return path.suffix in DOCUMENTS or b"\0" in data


class Logs(unittest.TestCase):
    def setUp(self):
        self.host = Host()
        self.addCleanup(self.host.close)
        self.host.provision()
        self.host.start_daemon()
        self.expected = {}  # index -> bytes

    def append(self, data, *arguments):
        events = [data] if "--whole" in arguments else lines_of(data)
        indices = self.host.append(data, *arguments)
        self.assertEqual(len(indices), len(events))
        self.expected.update(zip(indices, events))

    def check(self):
        self.assertEqual(self.host.events(), self.expected)
        self.host.stop_daemon()
        self.assertEqual(self.host.events(), self.expected)
        report = self.host.verify()
        self.assertEqual((report["conclusion"], report["exit"]), ("verified", OK), report)

    @unittest.skipUnless(os.environ.get("STELE_VECTORS"), "STELE_VECTORS is not set")
    def test_every_log_of_the_vectors_comes_back_byte_exact(self):
        root = pathlib.Path(os.environ["STELE_VECTORS"]) / "logs"
        files = sorted(p for p in root.rglob("*") if p.is_file())
        self.assertTrue(files, f"no file under {root}")
        for path in files:
            data = path.read_bytes()
            with self.subTest(path.relative_to(root)):
                self.append(data, *(["--whole"] if is_document(path, data) else []))
        self.check()
        print(f"vectors: {len(files)} cases of logs")

    def test_hard_lines_come_back_byte_exact(self):
        self.append(b"NUL \0 in a line\n\0\n\0\0\0")
        self.append(b"CRLF\r\n\r\nbare CR\rinside\n")
        self.append(b"\xff\xfe invalid \xc3( UTF-8\n\xed\xa0\x80\n\x1b[2J\x9b\n")
        self.append(b"no final newline")
        self.append(b"\n\n\nempty lines are events\n\n")
        self.append(b"")
        self.append(b"STELE/1 looks like an opening line\nSTELE/1 frame=len32 ack=none\n")
        self.append(b"x" * LIMIT + b"\n" + b"y" * LIMIT)
        self.append(bytes(range(256)) * 64, "--whole")
        self.append(b"", "--whole")
        self.append(b"z" * LIMIT, "--whole")
        self.check()

    def test_a_line_over_the_limit_is_refused_and_its_neighbours_are_untouched(self):
        before, after = [b"before %d" % i for i in range(1000)], [b"after %d" % i for i in range(1000)]
        data = b"\n".join([*before, b"x" * (LIMIT + 1), *after, b"y" * (3 * LIMIT)])
        done = self.host.stele("append", "-o", "json", input=data, expect=MALFORMED)
        self.expected.update(zip(placed(done.stdout), before + after))
        self.assertEqual(len(self.expected), 2000)
        refused = [r for line in done.stdout.splitlines() for r in json.loads(line).get("refused", [])]
        self.assertEqual([r["line"] for r in refused], [1001, 2002])
        self.assertIn(b"line 1001 was refused: too_long (the limit is 1048576 bytes)", done.stderr)
        whole = self.host.stele("append", "--whole", input=b"x" * (LIMIT + 1), expect=MALFORMED)
        self.assertIn(b"the event was refused: too_long", whole.stderr)
        self.assertEqual(whole.stdout, b"")
        self.check()

    def test_what_a_terminal_obeys_reaches_it_only_when_asked(self):
        event = b"\x1b]0;title\x07\x1b[31mred\r\x9b2J\xe2\x80\xae"
        index, = self.host.append(event + b"\n")
        for arguments in (["show", index], ["query", "--begin", index, "--end", index + 1],
                          ["query", "-o", "jsonl"], ["query", "-o", "json"], ["show", index, "-o", "json"]):
            text = self.host.stele(*arguments, expect=OK).stdout
            self.assertFalse({b for b in text if b < 32 or b > 126} - {10}, arguments)
        self.assertEqual(self.host.stele("show", index, "--raw", expect=OK).stdout, event)


if __name__ == "__main__":
    unittest.main(verbosity=2)
