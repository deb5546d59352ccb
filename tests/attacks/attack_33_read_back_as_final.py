"""Goal: a run whose quote anchors were cut never ends cleanly. Method: root cuts them, writes a final anchor's intent
over what is left, increments C and extends E by hand, pulls the plug; the next daemon finishes that anchor by a
read-back, the one receipt that needs no P."""
import unittest

from forger import FINAL, RECEIPT, Forger
from scene import Scene, detail_of

READ_BACK = 2


class ReadBackAsFinal(unittest.TestCase):
    def prepared(self, scene, flags):
        """The log as it is when the plug is pulled; its size."""
        scene.anchors(2)
        scene.say(b"what root wants to hide")
        scene.quote()
        scene.judge("verified", integrity="pass", completeness="pass")
        scene.kill()
        store = scene.new_path("cut")
        forger = Forger(scene.data)
        forger.keep_anchors(3)
        with scene.signer() as signer:
            signer.anchor(forger, flags, finish=False)
        scene.put_back(forger.write(store))
        scene.cut_power()
        assert b"hide" not in b"".join(record.content for record in forger.records)
        return len(forger.records)

    def finished(self, scene):
        """The daemon's next life finishes the intent by a read-back."""
        scene.start_daemon()
        scene.say(b"the next run")
        scene.anchor()
        receipts = [payload for kind, payload in Forger(scene.data).entries if kind == RECEIPT]
        self.assertEqual([payload[10] for payload in receipts].count(READ_BACK), 2)  # the genesis' and this one

    def test_it_is_an_unclean_end_with_its_window(self):
        with Scene() as scene:
            size = self.prepared(scene, FINAL)
            self.finished(scene)
            report = scene.judge("verified", finding="unclean_end", integrity="pass", completeness="pass")
            self.assertEqual(report["coverage"]["unclean_ends"], 1)
            self.assertIn(f"records from {size} on", detail_of(report, "unclean_end"))
            places = [f["at"] for f in report["findings"] if f["finding"] == "read_back_receipt"]
            self.assertEqual(places, [{"anchor": 4}])
            scene.judge("undetermined", None, "--require", "unclean_end")

    def test_with_a_quote_made_by_hand_p_is_not_the_fold(self):
        with Scene() as scene:
            scene.anchors(2)
            scene.say(b"what root wants to hide")
            scene.quote()
            scene.judge("verified")
            scene.kill()

            def change(forger):
                forger.keep_anchors(3)
                with scene.signer() as signer:
                    signer.anchor(forger, FINAL)
            scene.judge("tampered", scene.forge(change), fault="fold_mismatch", at={"anchor": 4}, completeness="fail")


if __name__ == "__main__":
    unittest.main(verbosity=2)
