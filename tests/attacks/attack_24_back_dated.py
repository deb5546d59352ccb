"""Goal: events written in bulk under old dates do not pass as old. Method: root writes records with false times behind
the last anchor and lets the daemon, which knows nothing of it, anchor them; also between two anchors of its own."""
import time
import unittest

from forger import Forger, event
from scene import Scene, detail_of

NOTE, HOUR_S, MINUTE_S, S = 5, 3600, 60, 10**9


class BackDated(unittest.TestCase):
    def setUp(self):
        self.scene = Scene()
        self.addCleanup(self.scene.close)
        self.scene.anchors(1)
        self.scene.kill()
        self.scene.judge("verified")
        self.size = len(Forger(self.scene.data).records)

    def anchored(self, shift_s, *before, count=50):
        """Writes records dated away from now; the daemon anchors them."""
        def change(forger):
            newest = max(time.time_ns(), forger.records[-1].time_ns)
            forger.append(*before, *(event(b"it was not me, %d" % n, newest + shift_s * S + n) for n in range(count)))
        self.scene.put_back(self.scene.forge(change))
        self.scene.judge("verified", finding="unanchored_tail")
        self.scene.start_daemon()
        self.scene.anchor()
        self.scene.stop_daemon()

    def places(self, report):
        return [finding["at"] for finding in report["findings"] if finding["finding"] == "back_dated"]

    def test_before_the_anchor_that_precedes_them(self):
        self.anchored(-HOUR_S)
        report = self.scene.judge("verified", finding="back_dated", integrity="pass", completeness="pass")
        self.assertEqual(self.places(report), [{"index": self.size}])  # the first of them is named
        self.assertIn("before the anchor that precedes it", detail_of(report, "back_dated"))
        self.scene.judge("undetermined", None, "--require", "back_dated")

    def test_after_the_anchor_that_covers_them_the_daemon_seals_that_the_clock_was_behind(self):
        # It cannot know who dated them: its clock is behind the log, and so it says before its first record.
        self.anchored(+HOUR_S)
        self.assertEqual(self.places(self.scene.judge("verified")), [])
        records = Forger(self.scene.data).records
        notes = [index for index, record in enumerate(records)
                 if record.kind == NOTE and record.content.startswith(b'{"note":"clock_step","by_ns":-3')]
        self.assertEqual(notes, [self.size + 50])
        without = self.scene.forge(lambda forger: forger.delete(notes[0]))
        self.scene.judge("tampered", without, fault="tree_root_mismatch", integrity="fail")

    def test_a_noted_clock_step_explains_it_and_stays_in_the_log_for_good(self):
        # The limit that the guarantee states: the note is no finding. It is a record that can no longer be removed.
        note = event(b'{"note":"clock_step","by_ns":-3600000000000}', time.time_ns())._replace(kind=NOTE)
        self.anchored(-HOUR_S, note)
        self.assertEqual(self.places(self.scene.judge("verified")), [])
        places = [index for index, record in enumerate(Forger(self.scene.data).records) if record == note]
        self.assertEqual(places, [self.size])
        without = self.scene.forge(lambda forger: forger.delete(self.size))
        self.scene.judge("tampered", without, fault="tree_root_mismatch", integrity="fail")

    def slow_commit(self, since_s):
        """The daemon's note about a group that was so long on its way to the disk, by root's hand."""
        now = time.time_ns()
        text = b'{"note":"slow_commit","since_ns":%d,"until_ns":%d}' % (now - since_s * S, now)
        return event(text, now)._replace(kind=NOTE)

    def test_a_note_of_a_slow_commit_only_makes_it_another_finding_and_for_minutes_at_most(self):
        self.anchored(-5 * MINUTE_S, self.slow_commit(6 * MINUTE_S))
        report = self.scene.judge("verified", finding="slow_commit", integrity="pass", completeness="pass")
        self.assertEqual(self.places(report), [])
        told = detail_of(report, "slow_commit")
        self.assertRegex(told, r"^dated [23]\d\d s before the anchor that precedes it; a sealed note says")
        self.assertGreaterEqual(report["coverage"]["longest_exposure_s"], 5 * MINUTE_S)
        self.scene.judge("undetermined", None, "--require", "slow_commit")

    def test_a_note_of_a_slow_commit_explains_no_hour(self):
        self.anchored(-HOUR_S, self.slow_commit(HOUR_S + MINUTE_S))
        report = self.scene.judge("verified", finding="back_dated", integrity="pass", completeness="pass")
        self.assertEqual(self.places(report), [{"index": self.size + 1}])  # behind the note

    def test_nor_what_is_older_than_it_says(self):
        self.anchored(-5 * MINUTE_S, self.slow_commit(4 * MINUTE_S))
        self.assertEqual(self.places(self.scene.judge("verified", finding="back_dated")), [{"index": self.size + 1}])

    def test_an_anchored_record_cannot_be_re_dated_at_all(self):
        for index in range(1, self.size):
            store = self.scene.forge(lambda forger: forger.change(index, time_ns=S))
            self.scene.judge("tampered", store, fault="tree_root_mismatch", integrity="fail")


if __name__ == "__main__":
    unittest.main(verbosity=2)
