"""Goal: a data directory put back is found out by the daemon's own answer to a challenge, with and without a memory, and
proven. Method: the copy is put back under an honest daemon, which refuses to anchor but has the TPM answer all the same."""
import unittest

from auditor import Auditor, control_of
from scene import Scene, wait_until


class Challenged(unittest.TestCase):
    def test_the_tpm_contradicts_the_log(self):
        for mode in "ab":
            with self.subTest(mode):
                scene = Scene(mode)
                self.addCleanup(scene.close)
                scene.anchors(3)
                copy = scene.copy()
                old = Auditor(scene.new_path("auditor"), scene.pinned)
                new = Auditor(scene.new_path("newcomer"), scene.pinned)
                scene.anchors(2)
                old.visit("verified", control_of(scene))
                scene.kill()
                scene.put_back(copy)
                scene.start_daemon()
                wait_until(lambda: scene.status()["anchoring"]["state"] == "stopped", "anchoring stops")
                new.visit("tampered", control_of(scene), fault="answer_mismatch", freshness="fail", integrity="pass")
                old.visit("tampered", control_of(scene), fault="memory_mismatch", freshness="fail")
                old.check_proof("rollback")
                self.assertEqual(len(new.proofs("rollback")), 1)


if __name__ == "__main__":
    unittest.main(verbosity=2)
