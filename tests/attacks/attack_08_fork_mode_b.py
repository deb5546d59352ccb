"""Goal: in Mode B, two histories that take turns at exclusive and read-back receipts are never both verified.

Method: root knows ownerAuth and uses the one real TPM for both: at each counter value one history gets the exclusive
receipt; then E is deleted, defined again, the other history replayed into it, and its receipt read back at the same
value. Both files are judged after every round. The TPM is reset before each, so that P contradicts neither.
"""
import unittest

from forged_history import History, RECEIPT
from root import Root
from tpm_receipts import FULL, READ_BACK, audited, read_back_extra, receipt


class Fork:
    """Two histories with one past and one TPM."""

    def __init__(self, root, hand):
        self.root, self.hand = root, hand
        self.sides = {side: History(root.host.data) for side in "AB"}
        for side, history in self.sides.items():
            history.append(b"what %s is shown" % side.encode())

    def round(self, exclusive):
        """One counter value: this side's receipt is exclusive, the other's is read back."""
        other = "B" if exclusive == "A" else "A"
        self.root.power_cycle(self.hand)
        for history in self.sides.values():
            history.boot(self.hand)
        first, second = self.sides[exclusive], self.sides[other]
        self.root.redefine_extend(self.hand, first.digests)
        first.anchor(self.hand)
        digest = second.statement()
        # P holds the first history's d: a read-back must lie in a later run, or it would have to show P.
        self.root.power_cycle(self.hand)
        second.boot(self.hand)
        self.root.redefine_extend(self.hand, second.digests + [digest])
        second.add(RECEIPT, receipt(READ_BACK, digest, audited(self.hand, read_back_extra(digest))))
        assert first.counter == second.counter == self.hand.counter_value() and first.extend != second.extend

    def reports(self, *arguments):
        found = {}
        for side, history in self.sides.items():
            path = history.write(self.root.new_folder("fork"))
            found[side] = self.root.host.verify(*arguments, path=path, trust=self.root.trust)
        return found


class ForkInModeB(unittest.TestCase):
    def play(self, turns):
        """For each round, the sides that were verified; how the last round was judged."""
        with Root("b", anchors=1) as root, root.hand() as hand:
            fork, verified, final = Fork(root, hand), [], dict.fromkeys("AB", 0)
            common = fork.sides["A"].seq
            for exclusive in turns:
                fork.round(exclusive)
                reports = fork.reports()
                for report in reports.values():
                    self.assertEqual(report["integrity"], "pass", report["defects"])
                    self.assertNotEqual(report["completeness"], "fail", report["defects"])
                self.note_finality(reports, final, common)
                verified.append({side for side, report in reports.items() if report["conclusion"] == "verified"})
            kinds = {side: [payload[10] for kind, payload in history.entries if kind == RECEIPT][-len(turns):]
                     for side, history in fork.sides.items()}
            self.assertEqual(kinds["A"], [FULL if turn == "A" else READ_BACK for turn in turns])
            return verified, reports

    def note_finality(self, reports, final, common):
        """Whatever was ever called final, it never is of both sides where they differ, nor taken back."""
        for side, report in reports.items():
            through = report["anchors"]["final_through"]
            seq = through["seq"] if through else 0
            self.assertLessEqual(seq, report["anchors"]["counter"] - 2)
            self.assertGreaterEqual(seq, final[side])
            final[side] = seq
        self.assertLessEqual(min(final.values()), common, final)

    def test_turns_at_every_anchor_verify_neither(self):
        verified, reports = self.play("AB" * 10)
        self.assertEqual(verified, [{"A"}] + [set()] * 19)  # at first A alone has an exclusive receipt
        for side, report in reports.items():
            self.assertEqual((report["exit"], report["completeness"]), (2, "unknown"), side)
            self.assertIn("read_back_rule", {defect["fault"] for defect in report["defects"]})

    def test_a_history_that_keeps_the_rule_leaves_the_other_unverified(self):
        verified, _ = self.play("AAB" * 3 + "AA")
        self.assertEqual(verified, [{"A"}, {"A"}, set()] + [set(), {"A"}, set()] * 2 + [set(), {"A"}])

    def test_the_other_cannot_become_verified_once_two_anchors_differ(self):
        verified, _ = self.play("AABBB")
        self.assertEqual(verified, [{"A"}, {"A"}, set(), set(), set()])

    def test_a_fork_of_the_newest_anchor_alone_is_known_to_a_verifier_that_remembers(self):
        # The stated limit of Mode B: A was verified up to its newest anchor, B is verified once two stand behind it.
        with Root("b", anchors=1) as root, root.hand() as hand:
            fork, memory = Fork(root, hand), root.host.folder / "memory"
            fork.round("A")
            path = fork.sides["A"].write(root.new_folder("fork"))
            forked = fork.sides["A"].seq
            first = root.expect("verified", "--memory", memory, path=path)["anchors"]["final_through"]
            self.assertLess(first["seq"] if first else 0, forked)  # it was never called final
            again = root.expect("verified", "--memory", memory, path=path)["anchors"]["final_through"]
            self.assertEqual((again["seq"], again["by"]), (forked, "memory"))
            fork.round("B"), fork.round("B")
            path = fork.sides["B"].write(root.new_folder("fork"))
            self.assertIn("mode_b", root.findings(root.expect("verified", path=path)))
            root.expect("tampered", "--memory", memory, path=path, defect="memory_mismatch", at={"anchor": forked},
                        freshness="fail")
            one = fork.sides["A"]
            one.cut(forked, keep_records=True)
            root.redefine_extend(hand, one.digests)  # E as A needs it; C has gone on
            root.challenge("tampered", lambda nonce: one.answer(hand, nonce), path=one.write(root.new_folder("fork")),
                           defect="answer_mismatch", freshness="fail", integrity="pass", completeness="pass")


if __name__ == "__main__":
    unittest.main(verbosity=2)
