"""Goal: two daemons never write one store. Method: a second one with sockets of its own, by other names of the
directory, with the lock removed or exchanged; each time it refuses, and the log holds all that was acknowledged."""
import os
import unittest

from forger import EVENT, Forger
from scene import BIN, Scene, run

TEMPORARY = 75


class SecondDaemon(unittest.TestCase):
    def setUp(self):
        self.scene = Scene()
        self.addCleanup(self.scene.close)
        self.said = dict(zip(self.scene.say(b"first"), [b"first"]))
        self.scene.anchor()
        self.scene.judge("verified")

    def second(self, data):
        """A second daemon, on sockets of its own; it must end by itself."""
        config = self.scene.new_path("second")
        text = self.scene.config.read_text().replace(str(self.scene.data), str(data))
        for socket in ("ingest.sock", "control.sock"):
            text = text.replace(socket, "second-" + socket)
        config.write_text(text)
        return run(BIN / "steled", "--config", config)

    def refused(self, data):
        before = (self.scene.data / "journal" / f"{0:016x}").read_bytes()
        done = self.second(data)
        self.assertEqual(done.returncode, TEMPORARY, done.stderr)
        self.assertIn(b"another", done.stderr.lower())
        self.assertEqual((self.scene.data / "journal" / f"{0:016x}").read_bytes(), before)
        self.assertIsNone(self.scene.daemon.poll())

    def whole(self):
        """All that was acknowledged is there, and verified."""
        self.scene.anchor()
        self.scene.judge("verified", integrity="pass", completeness="pass")
        self.scene.stop_daemon()
        records = Forger(self.scene.data).records
        events = {index: record.content for index, record in enumerate(records) if record.kind == EVENT}
        self.assertEqual(events, self.said)

    def say(self, event):
        self.said[self.scene.say(event)[0]] = event

    def test_by_any_name_of_the_directory(self):
        link = self.scene.folder / "link"
        link.symlink_to(self.scene.data)
        for data in (self.scene.data, link, self.scene.data / ".." / "data"):
            with self.subTest(data=data):
                self.refused(data)
                self.say(b"after a refusal")
        self.whole()

    def test_with_the_lock_removed(self):
        os.remove(self.scene.data / "lock")
        self.refused(self.scene.data)
        self.say(b"after a refusal")
        self.whole()

    def test_with_another_file_in_the_locks_place(self):
        os.replace(self.scene.data / "lock", self.scene.data / "old-lock")
        (self.scene.data / "lock").write_bytes(b"")
        self.refused(self.scene.data)
        self.say(b"after a refusal")
        self.whole()


if __name__ == "__main__":
    unittest.main(verbosity=2)
