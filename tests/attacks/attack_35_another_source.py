"""Goal: nobody can make an event look as if another sender had sent it. Method: two senders of different users; each
event re-pointed to the other's source record, to none, and to itself, with every unkeyed hash recomputed."""
import json
import os
import unittest

from forger import EVENT, NO_SOURCE, SOURCE, Forger
from on_disk import spots
from scene import BIN, OK, Scene, run


class AnotherSource(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.scene = Scene()
        cls.addClassCleanup(cls.scene.close)
        cls.scene.say(b"of root", b"of root too")
        cls.scene.anchor()
        cls.say_as_another(b"of nobody\n")
        cls.say_as_another(b"of nobody too\n")
        cls.scene.anchor()
        cls.scene.kill()
        cls.scene.judge("verified", integrity="pass")
        cls.records = Forger(cls.scene.data).records
        cls.sources = [index for index, record in enumerate(cls.records) if record.kind == SOURCE]
        assert len(cls.sources) == 4

    @classmethod
    def say_as_another(cls, event):
        """Another process: a source of its own."""
        done = run(BIN / "stele", "append", "-o", "json", "--config", cls.scene.config, input=event,
                   env={**os.environ, "LANG": "C"})
        assert done.returncode == OK, done.stderr

    def test_with_everything_recomputed(self):
        self.assertEqual(len({json.loads(self.records[index].content)["pid"] for index in self.sources}), 4)
        for index, record in enumerate(self.records):
            if record.kind != EVENT:
                continue
            for source in [*self.sources, NO_SOURCE, index]:
                if source == record.source:
                    continue
                with self.subTest(index=index, source=source):
                    store = self.scene.forge(lambda forger: forger.change(index, source=source))
                    # Only a source before the record could be one; another is refused by itself.
                    fault = "tree_root_mismatch" if source == NO_SOURCE or source < index else "source_invalid"
                    self.scene.judge("tampered", store, fault=fault, integrity="fail")

    def test_what_the_source_record_says_of_the_sender(self):
        for index in self.sources:
            about = json.loads(self.records[index].content)
            lie = json.dumps({**about, "uid": about["uid"] + 1}, separators=(",", ":"), sort_keys=True).encode()
            with self.subTest(index=index):
                store = self.scene.forge(lambda forger: forger.change(index, content=lie))
                self.scene.judge("tampered", store, fault="tree_root_mismatch", integrity="fail")

    def test_as_bytes_alone(self):
        for spot in spots(self.scene.data):
            if self.records[spot.index].kind != EVENT:
                continue
            with self.subTest(index=spot.index):
                copy = self.scene.copy()
                other = [source for source in self.sources if source != self.records[spot.index].source][0]
                path = copy / "segments" / spot.path.name
                data = bytearray(path.read_bytes())
                data[spot.leaf + 10:spot.leaf + 18] = other.to_bytes(8, "big")
                path.write_bytes(data)
                self.scene.judge("tampered", copy, integrity="fail")


if __name__ == "__main__":
    unittest.main(verbosity=2)
