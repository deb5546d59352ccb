"""Goal: of two histories that root shows to two verifiers, one fails its challenge.

Method: Mode A, one real TPM. The data directory is copied; the daemon goes on with one copy, root with the other: with
records alone, with a counter anchor at the value the daemon used too, with other quote anchors, and with a foreign
extend put on record to explain them.
"""
import struct
import time
import unittest

from forged_history import History, RECEIPT, REMARK
from root import Root
from tpm_hands import sized
from tpm_receipts import Audit, FULL, QUOTE, READ_BACK, audited, quoted, read_back_extra, receipt


def foreign_extend_remark(seq):
    return struct.pack(">BqQ", 1, time.time_ns(), seq) + sized(b"the PCR was extended by somebody else")


class ForkInModeA(unittest.TestCase):
    def forked(self, root):
        """The daemon's history goes on and passes its challenge; root's own begins at the copy made before."""
        other = History(root.copy_data())
        root.host.start_daemon()
        root.host.append(b"what one verifier is shown\n")
        root.host.anchor()
        root.challenge("verified", root.ask_daemon, freshness="pass")
        root.end_daemon()
        other.append(b"what the other verifier is shown")
        return other

    def test_records_alone_are_an_unanchored_tail_that_fails_a_challenge(self):
        with Root("a") as root:
            other = self.forked(root)
            path = other.write(root.new_folder("fork"))
            report = root.expect("verified", path=path, freshness="unknown")
            self.assertIn("unanchored_tail", root.findings(report))
            with root.hand() as hand:
                root.challenge("tampered", lambda nonce: other.answer(hand, nonce), path=path, freshness="fail",
                               integrity="pass", completeness="pass", defect="answer_mismatch")

    def second_anchor(self, kind, make_audit, **expected):
        """Root makes an anchor for the counter value that the daemon's history has used."""
        with Root("a") as root:
            other = self.forked(root)
            with root.hand() as hand:
                root.power_cycle(hand)
                other.boot(hand)
                digest = other.statement()
                hand.extend_pcr(hand.secrets.pcr, digest)
                other.add(RECEIPT, receipt(kind, digest, make_audit(hand, digest, other), quoted(hand, digest)))
            root.expect("tampered", path=other.write(root.new_folder("fork")), at={"anchor": other.seq}, **expected)

    def test_an_exclusive_receipt_for_the_same_counter_value_cannot_be_had(self):
        self.second_anchor(FULL, lambda hand, digest, other: audited(hand, digest, digest),
                           defect="counter_mismatch", completeness="fail")

    def test_a_read_back_for_the_same_counter_value_shows_the_other_history(self):
        def make(hand, digest, other):
            audit = audited(hand, read_back_extra(digest))
            return Audit(other.counter + 1, audit.extend, audit.part)  # C is further by now: say what is wanted
        self.second_anchor(READ_BACK, make, defect="receipt_digest", integrity="fail")

    def test_quote_anchors_of_two_histories_do_not_fit_one_pcr(self):
        with Root("a", end="kill") as root, root.hand() as hand:
            one, other = History(root.host.data), History(root.host.data)
            memory = root.host.folder / "memory"
            for history, text in (one, b"what one is shown"), (other, b"what the other is shown"):
                history.append(text)
                history.anchor(hand, QUOTE)
                if history is one:
                    path = one.write(root.new_folder("one"))
                    root.challenge("verified", lambda nonce: one.answer(hand, nonce), "--memory", memory, path=path)
            root.expect("tampered", path=other.write(root.new_folder("other")), completeness="fail",
                        defect="fold_mismatch", at={"anchor": other.seq})

            # With a foreign extend on record the fold begins anew: never verified, and memory knows better.
            explained = History(root.host.data)
            explained.add(REMARK, foreign_extend_remark(explained.seq))
            explained.boot(hand)
            explained.append(b"what the other is shown")
            explained.anchor(hand)
            explained.append(b"and more")
            explained.anchor(hand, QUOTE)
            path = explained.write(root.new_folder("explained"))
            root.challenge("undetermined", lambda nonce: explained.answer(hand, nonce), path=path,
                           defect="foreign_extend", completeness="unknown", integrity="pass", freshness="pass")
            root.expect("tampered", "--memory", memory, path=path, defect="memory_mismatch", freshness="fail")


if __name__ == "__main__":
    unittest.main(verbosity=2)
