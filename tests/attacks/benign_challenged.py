"""Goal: nothing that befalls an honest host makes its challenge an alarm. Method: one auditor, one memory, visits in
between: a grown log, a restart of the daemon, a kill, a clean reset, a power cut, hundreds of anchors, no change at all."""
import unittest

from auditor import Auditor, control_of
from scene import Scene

SMALL = 4096  # a visit's evidence does not grow with the log; what it lacks is some statements


class Challenged(unittest.TestCase):
    def setUp(self):
        self.scene = Scene("a")
        self.addCleanup(self.scene.close)
        self.scene.anchors(3)
        self.auditor = Auditor(self.scene.new_path("auditor"), self.scene.pinned)

    def visit(self):
        report = self.auditor.visit("verified", control_of(self.scene), integrity="pass", completeness="pass",
                                    freshness="pass", platform="unknown")
        self.assertEqual(self.auditor.proofs(), [])
        return report

    def test_one_life(self):
        self.visit()
        self.visit()
        self.scene.anchors(5)
        self.visit()
        self.scene.stop_daemon()
        self.scene.start_daemon()
        self.visit()
        self.scene.say(b"not anchored when the daemon dies")
        self.scene.kill()
        self.scene.start_daemon()
        self.visit()
        self.scene.stop_daemon()
        self.scene.tpm.stop()
        self.scene.tpm.start()
        self.scene.start_daemon()
        self.visit()
        self.scene.say(b"before the power cut")
        self.scene.cut_power()
        self.scene.start_daemon()
        self.visit()
        self.scene.cut_power()
        self.scene.start_daemon()
        self.scene.anchors(2)
        self.visit()

    def test_the_memory_is_stele_verifys_too(self):
        self.visit()
        self.scene.anchors(1)
        self.scene.judge("verified", None, "--memory", self.auditor.memory)
        self.visit()  # remembers what stele-verify saw, without its signed half
        self.scene.anchors(1)
        self.scene.judge("verified", None, "--memory", self.auditor.memory)

    def test_a_visit_shows_what_is_new(self):
        save = self.scene.new_path("saved")
        self.auditor.visit("verified", control_of(self.scene), "--save", save)
        self.scene.anchors(20)
        self.auditor.visit("verified", control_of(self.scene), "--save", save)
        self.auditor.visit("verified", control_of(self.scene), "--save", save)
        first, grown, same = (path / "evidence" for path in sorted(save.iterdir(), key=lambda path: path.stat().st_mtime_ns))
        self.assertLess(same.stat().st_size, SMALL)
        self.assertLess(same.stat().st_size, grown.stat().st_size)
        self.assertTrue(first.exists())


if __name__ == "__main__":
    unittest.main(verbosity=2)
