"""Goal: the SQLite look-up can make no answer differ from the log, and no verdict. Method: its rows edited, deleted,
exchanged and given a trigger, its file cut, zeroed, exchanged and removed; after each every query that uses it is
compared with the log's own bytes, beside the running daemon; then it is rebuilt."""
import contextlib
import json
import os
import pathlib
import shutil
import sqlite3
import unittest

from forger import Forger
from scene import OK, Scene

PAGE = 4096


class LookUpEdited(unittest.TestCase):
    def setUp(self):
        self.scene = Scene()
        self.addCleanup(self.scene.close)
        for number in range(4):
            self.scene.append(b"event %d\nsame group %d\n" % (number, number))
        self.scene.anchor()
        self.stop()
        self.rows = self.read_rows()
        self.assertTrue(all(self.rows.values()), self.rows)
        self.first = Forger(self.scene.data).records
        self.sources = sorted({record.source for record in self.first if record.kind == 0})
        self.scene.judge("verified")

    @property
    def path(self):
        return self.scene.data / "look-up.sqlite"

    def stop(self):
        self.scene.stop_daemon()

    def read_rows(self):
        with contextlib.closing(sqlite3.connect(self.path)) as database:
            return {table: database.execute(f"SELECT * FROM {table}").fetchall() for table in ("chunk", "posting")}

    def sql(self, *statements):
        database = sqlite3.connect(self.path)
        for statement in statements:
            database.execute(statement)
        database.commit()
        database.close()

    def query(self, *arguments):
        lines = self.scene.stele("query", *arguments, "--limit", "0", "-o", "jsonl", expect=OK).stdout.splitlines()
        return [(r["index"], r["leaf"]) for r in map(json.loads, lines)]

    def answers_are_the_logs(self):
        """Every query by source, over the records that were there before the look-up was touched."""
        wanted = {source: [(index, record.leaf.hex()) for index, record in enumerate(self.first)
                           if record.source == source] for source in self.sources}
        for source in self.sources:
            found = [hit for hit in self.query("--source", str(source)) if hit[0] < len(self.first)]
            self.assertEqual(found, wanted[source])

    def attacked(self, attack):
        kept = self.scene.new_path("look-up")
        shutil.copy(self.path, kept)
        before = self.path.read_bytes()
        with self.subTest(attack=getattr(attack, "__name__", attack)):
            attack()
            self.assertTrue(not self.path.exists() or self.path.read_bytes() != before, "nothing was changed")
            self.scene.start_daemon()
            self.answers_are_the_logs()
            self.stop()
            self.answers_are_the_logs()  # without the daemon too
            self.scene.judge("verified", integrity="pass", completeness="pass")
        for path in self.scene.data.glob("look-up*"):
            os.remove(path)
        shutil.copy(kept, self.path)

    def test_rows(self):
        def deleted_postings(): self.sql("DELETE FROM posting")
        def one_posting_deleted(): self.sql("DELETE FROM posting WHERE source = (SELECT min(source) FROM posting)")
        def empty_posting(): self.sql("UPDATE posting SET places = x''")
        def another_place(): self.sql("UPDATE posting SET places = x'00'")
        def exchanged(): self.sql("UPDATE posting SET source = -source - 10")
        def deleted_chunk(): self.sql("DELETE FROM chunk")
        def false_chunk(): self.sql("UPDATE chunk SET summary = zeroblob(length(summary))")
        def moved_chunk(): self.sql("UPDATE chunk SET chunk = 7")
        def a_trigger(): self.sql("CREATE TRIGGER t AFTER INSERT ON posting BEGIN DELETE FROM posting; END")
        def another_log(): self.sql("UPDATE log SET key = zeroblob(length(key))")
        for attack in (deleted_postings, one_posting_deleted, empty_posting, another_place, exchanged, deleted_chunk,
                       false_chunk, moved_chunk, a_trigger, another_log):
            self.attacked(attack)

    def test_files(self):
        def removed(): os.remove(self.path)
        def emptied(): self.path.write_bytes(b"")
        def halved(): self.path.write_bytes(self.path.read_bytes()[:PAGE + 100])
        def no_database(): self.path.write_bytes(b"look-up" * 1000)
        def each_page_inverted():
            data = bytearray(self.path.read_bytes())
            data[PAGE:] = bytes(byte ^ 0xFF for byte in data[PAGE:])
            self.path.write_bytes(data)
        def a_wal_of_nonsense(): (pathlib.Path(f"{self.path}-wal").write_bytes(b"x" * 5000), os.remove(self.path))
        for attack in (removed, emptied, halved, no_database, each_page_inverted, a_wal_of_nonsense):
            self.attacked(attack)

    def test_a_rebuilt_one_is_as_it_was(self):
        self.scene.stele("look-up", "rebuild", expect=OK)
        rebuilt = self.read_rows()
        self.sql("DELETE FROM posting", "DELETE FROM chunk")
        self.scene.stele("look-up", "rebuild", expect=OK)
        self.answers_are_the_logs()
        self.assertEqual(self.read_rows(), rebuilt)
        self.sql("DELETE FROM posting", "DELETE FROM chunk")
        self.scene.start_daemon()
        self.scene.say(b"more")
        self.stop()
        self.assertTrue(self.read_rows()["posting"], "the daemon has not fed it again")
        self.answers_are_the_logs()


if __name__ == "__main__":
    unittest.main(verbosity=2)
