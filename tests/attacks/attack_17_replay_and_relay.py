"""Goal: an answer from before, or of another host's TPM, is never taken for this host's, now. Method: hosts that replay
what they once answered, whole or in parts, and that have a neighbour's TPM answer; the honest twin before and after."""
import os
import unittest

from auditor import PART_ANSWER, PART_END, PART_ENTRY, Auditor, LyingHost, ask_host, control_of, evidence_of, parts_of, with_answer
from scene import Scene

MALFORMED = 65


class ReplayAndRelay(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.here, cls.there = Scene(), Scene()
        cls.addClassCleanup(cls.here.close)
        cls.addClassCleanup(cls.there.close)
        for scene in (cls.here, cls.there):
            scene.anchors(2)

    def auditor(self, name):
        return Auditor(self.here.new_path(name), self.here.pinned)

    def lies(self, auditor, answer_to, **expected):
        with LyingHost(answer_to) as liar:
            auditor.visit("tampered", liar.url, **expected)
        self.assertTrue(auditor.proofs(), "no proof was kept")
        auditor.visit("verified", control_of(self.here), freshness="pass")  # the honest twin

    def test_an_old_answer(self):
        auditor = self.auditor("replay")
        old = ask_host(self.here, {"nonce": os.urandom(32).hex()})
        auditor.visit("verified", control_of(self.here))
        self.lies(self.auditor("replay-new"), lambda _: old, fault="nonce_mismatch", freshness="fail", integrity="pass")
        # Whoever was there meanwhile finds that it lacks what he saw.
        self.lies(auditor, lambda _: old, fault="memory_mismatch", freshness="fail")

    def test_an_old_answer_in_a_new_log(self):
        auditor = self.auditor("spliced")
        old = dict(parts_of(ask_host(self.here, {"nonce": os.urandom(32).hex()})))[PART_ANSWER]
        self.here.anchors(1)
        self.lies(auditor, lambda question: with_answer(ask_host(self.here, question), old), fault="nonce_mismatch",
                  freshness="fail")

    def test_an_old_answer_with_the_new_nonce_written_in(self):
        auditor = self.auditor("rewritten")
        old = ask_host(self.here, {"nonce": os.urandom(32).hex()})
        answer = dict(parts_of(old))[PART_ANSWER]

        def rewrite(question):
            return with_answer(old, answer[:10] + bytes.fromhex(question["nonce"]) + answer[42:])
        self.lies(auditor, rewrite, fault="nonce_mismatch", freshness="fail")

    def test_a_neighbours_tpm_answers(self):
        """The neighbour answers for its own log: that is not the log that is pinned."""
        auditor = self.auditor("relay")
        self.lies(auditor, lambda question: ask_host(self.there, {"nonce": question["nonce"]}), fault="genesis_mismatch")

    def test_a_neighbours_answer_in_this_log(self):
        auditor = self.auditor("relayed-answer")

        def relay(question):
            foreign = dict(parts_of(ask_host(self.there, {"nonce": question["nonce"]})))[PART_ANSWER]
            return with_answer(ask_host(self.here, question), foreign)
        self.lies(auditor, relay, freshness="fail")
        self.assertEqual(auditor.proofs("rollback"), [], "nothing that was signed for this log lies beyond it")

    def test_a_spoiled_signature_shows_nothing_but_itself(self):
        auditor = self.auditor("spoiled-signature")

        def spoil(question):
            ours = ask_host(self.here, question)
            answer = dict(parts_of(ours))[PART_ANSWER]
            return with_answer(ours, answer[:-1] + bytes([answer[-1] ^ 1]))
        self.lies(auditor, spoil, fault="answer_mismatch", freshness="fail")
        self.assertEqual(auditor.proofs("rollback"), [])

    def test_a_neighbours_signature_under_this_logs_numbers(self):
        auditor = self.auditor("relayed-signature")

        def relay(question):
            ours = ask_host(self.here, question)
            answer = dict(parts_of(ours))[PART_ANSWER]
            foreign = dict(parts_of(ask_host(self.there, {"nonce": question["nonce"]})))[PART_ANSWER]
            numbers = 10 + 32 + 32 + 8 + 8 + 32 + 8  # up to the signed parts
            return with_answer(ours, answer[:numbers] + foreign[numbers:])
        self.lies(auditor, relay, fault="signer_mismatch", platform="fail")

    def test_no_answer_at_all(self):
        auditor = self.auditor("silent")

        def silent(question):
            evidence = ask_host(self.here, question)
            return evidence_of([part for part in parts_of(evidence) if part[0] != PART_ANSWER], evidence)
        with LyingHost(silent) as liar:
            auditor.visit("undetermined", liar.url, fault="answer_missing", freshness="unknown")

    def test_statements_left_out_behind_the_answer(self):
        """The TPM's word is fresh; what leads to it is not shown."""
        auditor = self.auditor("cut")
        auditor.visit("verified", control_of(self.here))
        self.here.anchors(2)

        def cut(question):
            evidence = ask_host(self.here, question)
            parts = parts_of(evidence)
            entries = [i for i, part in enumerate(parts) if part[0] == PART_ENTRY]
            return evidence_of(parts[:entries[len(entries) // 2]] + [parts[-1]], evidence)
        self.lies(auditor, cut, fault="answer_mismatch", freshness="fail")
        self.assertEqual(len(auditor.proofs("rollback")), 1)

    def test_what_is_no_evidence_is_no_verdict(self):
        auditor = self.auditor("noise")
        for noise in (b"", b"<html>try again</html>", b"STELE"):
            with LyingHost(lambda _: noise) as liar:
                self.assertEqual(auditor.ask(liar.url), (MALFORMED, None), noise)
        whole = ask_host(self.here, {"nonce": os.urandom(32).hex()})
        self.assertEqual(parts_of(whole)[-1][0], PART_END)
        with LyingHost(lambda question: ask_host(self.here, question)[:-1]) as liar:
            auditor.visit("tampered", liar.url, fault="truncated")


if __name__ == "__main__":
    unittest.main(verbosity=2)
