"""Goal: time without the daemon shows, and nothing anchored can be changed in it. Method: the daemon killed for what
its clock says were two hours, while the TPM runs on; another system booted in between, with the disk in its hands."""
import os
import pathlib
import struct
import sys
import time
import unittest
from unittest import mock

from forger import REMARK, Forger
from scene import Scene, detail_of, findings

sys.path.insert(0, str(pathlib.Path(__file__).parents[1] / "crash"))
from clocks import preload  # noqa: E402

PAUSE = 4  # a remark's code


class WithoutTheDaemon(unittest.TestCase):
    def setUp(self):
        self.scene = Scene(heartbeat="1h")
        self.addCleanup(self.scene.close)
        self.scene.anchors(2)
        self.newest = self.scene.status()["anchoring"]["counter_anchors"]

    def start_later(self, by):
        clock = self.scene.folder / "clock"
        clock.write_text(by + "\n")
        with mock.patch.dict(os.environ, preload(clock)):
            self.scene.start_daemon()
        self.scene.say(b"later")
        self.scene.anchor()

    def test_killed_for_two_hours(self):
        self.scene.kill()
        report = self.scene.judge("verified", integrity="pass", completeness="pass")
        self.assertNotIn("heartbeat_stale", findings(report))
        self.start_later("+2h")
        report = self.scene.judge("verified", finding="heartbeat_stale")
        places = [finding["at"] for finding in report["findings"] if finding["finding"] == "heartbeat_stale"]
        self.assertEqual(places, [{"anchor": self.newest + 1}])
        self.assertRegex(detail_of(report, "heartbeat_stale"), r"^7[12]\d\d s since the counter anchor before")
        self.scene.judge("undetermined", None, "--require", "heartbeat_stale")

    def test_a_pause_that_root_writes_into_the_journal_is_a_finding_itself(self):
        # Remarks are bound by nothing: the limit is that one finding can be exchanged for another, not for silence.
        self.scene.kill()
        self.start_later("+2h")
        self.scene.stop_daemon()
        place = Forger(self.scene.data).place_of(self.newest + 1)
        text = b"the TPM was busy"
        remark = struct.pack(">BqQH", PAUSE, time.time_ns(), self.newest, len(text)) + text
        store = self.scene.forge(lambda forger: forger.entries.insert(place, (REMARK, remark)))
        report = self.scene.judge("verified", store, finding="journal_remark")
        self.assertNotIn("heartbeat_stale", findings(report))
        self.assertEqual(detail_of(report, "journal_remark"), text.decode())
        self.scene.judge("undetermined", store, "--require", "journal_remark")

    def test_killed_for_a_minute_is_no_finding(self):
        self.scene.kill()
        self.start_later("+1m")
        self.assertNotIn("heartbeat_stale", findings(self.scene.judge("verified")))

    def test_another_system_was_booted(self):
        self.scene.stop_daemon()
        for boots in (1, 2):
            with self.subTest(without_log=boots):
                for _ in range(boots + 1):  # the last reset is the boot of our own system
                    self.scene.cut_power()
                before = self.scene.judge("verified")["coverage"]["boots_without_log"]
                self.scene.start_daemon()
                self.scene.anchor()
                self.scene.stop_daemon()
                report = self.scene.judge("verified", finding="ran_without_log", integrity="pass", completeness="pass")
                self.assertEqual(report["coverage"]["boots_without_log"], before + boots)
                self.scene.judge("undetermined", None, "--require", "ran_without_log")

    def test_another_system_edited_what_was_anchored(self):
        self.scene.stop_daemon()
        honest = self.scene.copy()
        size = len(Forger(honest).records)
        for index in range(1, size, 3):
            with self.subTest(index=index):
                self.scene.cut_power()  # the other system
                store = self.scene.forge(lambda forger: forger.change(index, content=b"edited offline"), honest)
                self.scene.cut_power()  # ours again
                self.scene.judge("tampered", store, fault="tree_root_mismatch", integrity="fail")
        # The daemon goes on: it makes nothing of it good again.
        self.scene.put_back(store)
        self.scene.start_daemon()
        self.scene.say(b"our own system again")
        self.scene.anchor()
        self.scene.stop_daemon()
        self.scene.judge("tampered", fault="tree_root_mismatch", integrity="fail")


if __name__ == "__main__":
    unittest.main(verbosity=2)
