"""Goal: no statement of a quote anchor below a counter anchor can be dropped; its receipt's signature may be. Method:
each quote anchor, alone and with its neighbours, taken out of the journal, whose checksums are computed anew."""
import unittest

from forger import INTENT, QUOTE, RECEIPT, VOID, Forger
from scene import Scene

KEPT = b"\2"


class StatementsDropped(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.scene = Scene()
        cls.addClassCleanup(cls.scene.close)
        for _ in range(2):
            for number in range(3):
                cls.scene.say(b"event %d" % number)
                cls.scene.quote()
            cls.scene.say(b"sealed")
            cls.scene.anchor()
        cls.scene.kill()
        cls.scene.judge("verified", integrity="pass", completeness="pass")
        cls.honest = Forger(cls.scene.data)
        cls.quotes = [number for number, (kind, payload) in enumerate(cls.honest.entries)
                      if kind == INTENT and payload[11] & QUOTE]
        assert len(cls.quotes) >= 6

    def dropped(self, places):
        def change(forger):
            for place in sorted(places, reverse=True):
                assert [kind for kind, _ in forger.entries[place:place + 2]] == [INTENT, RECEIPT]
                del forger.entries[place:place + 2]
        return self.scene.forge(change)

    def test_each_alone(self):
        for place in self.quotes:
            with self.subTest(entry=place):
                self.scene.judge("tampered", self.dropped([place]), fault="statement_gap", completeness="fail",
                                 platform="unknown")

    def test_several_together(self):
        for first in range(len(self.quotes)):
            for end in range(first + 2, len(self.quotes) + 1):
                with self.subTest(first=first, end=end):
                    self.scene.judge("tampered", self.dropped(self.quotes[first:end]), fault="statement_gap",
                                     completeness="fail")

    def test_a_counter_anchors_statement_too(self):
        # Without the first one a quote anchor comes before its run's counter anchor; without the second one is skipped.
        for seq, fault, failed in (1, "statement_mismatch", "integrity"), (2, "statement_gap", "completeness"):
            with self.subTest(seq=seq):
                self.scene.judge("tampered", self.dropped([self.honest.place_of(seq)]), fault=fault, **{failed: "fail"})

    def test_a_receipt_dropped_is_no_statement_dropped_but_the_next_one_then_stands_in_an_open_intent(self):
        for place in self.quotes:
            with self.subTest(entry=place):
                self.scene.judge("tampered", self.scene.forge(lambda forger: forger.entries.pop(place + 1)),
                                 fault="statement_mismatch", integrity="fail")

    def test_a_receipt_exchanged_for_a_void_is_no_quote_coverage(self):
        for place in self.quotes:
            def change(forger):
                forger.entries[place + 1] = VOID, KEPT + forger.entries[place + 1][1][12:44]
            with self.subTest(entry=place):
                report = self.scene.judge("verified", self.scene.forge(change))
                self.assertEqual(report["anchors"]["quote"], len(self.quotes) - 1)


if __name__ == "__main__":
    unittest.main(verbosity=2)
