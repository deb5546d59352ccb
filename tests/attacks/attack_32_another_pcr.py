"""Goal: the fold replayed in a PCR that anyone can reset is not taken for P.

Method: quote anchors are cut off; root resets PCR 16 or 23, extends the shorter fold into it and has the real AK quote
it: as a live answer, as the receipt of a new quote anchor, as a boot bundle, and in selections that try to look right.
"""
import unittest

from forged_history import BUNDLE, History, QUOTE_FLAG, RECEIPT
from root import Root
from tpm_hands import H, Refused, SHA1, SHA256, selection
from tpm_receipts import QUOTE, Quoted, quoted, receipt, signed, u64

CLEARABLE = (16, 23)
FIRMWARE = [*range(8)]


class AnotherPcr(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.root = Root("a", end="kill")
        cls.addClassCleanup(cls.root.close)
        cls.hand = cls.root.hand()
        cls.addClassCleanup(cls.hand.socket.close)
        cls.whole = History(cls.root.host.data)
        for number in range(4):
            cls.whole.append(b"quote-anchored %d" % number)
            cls.whole.anchor(cls.hand, QUOTE)
        cls.path = cls.whole.write(cls.root.new_folder("whole"))
        cls.root.challenge("verified", lambda nonce: cls.whole.answer(cls.hand, nonce), path=cls.path)

    def cut(self, pcr):
        """Two quote anchors less; the PCR holds what P would hold then."""
        history = History(self.path)
        history.cut(history.seq, quotes=2)
        self.assertNotEqual(history.fold, self.whole.fold)
        self.hand.reset_pcr(pcr)
        for statement in history.statements:
            self.hand.extend_pcr(pcr, history.digest_of(statement))
        self.assertEqual(self.hand.read_pcrs([pcr]), [history.fold])
        return history

    def test_a_live_answer_with_it_is_refused(self):
        for pcr in CLEARABLE:
            history = self.cut(pcr)
            path = history.write(self.root.new_folder("cut"))
            self.root.expect("verified", path=path, freshness="unknown")
            report = self.root.challenge(
                "tampered", lambda nonce: history.answer(self.hand, nonce, lambda extra: quoted(self.hand, extra, pcr)),
                path=path, defect="pcr_selection", integrity="fail", freshness="unknown")
            self.assertIn("the quote is over other PCRs than it must be", str(report["defects"]))
            self.root.challenge("tampered", lambda nonce: history.answer(self.hand, nonce), path=path,
                                defect="answer_mismatch", freshness="fail")  # nor with P as it is

    def refused_receipt(self, make):
        history = self.cut(16)
        history.append(b"what root puts in the place of what was cut")
        digest = history.statement(quote=True)
        self.assertTrue(history.open[11] & QUOTE_FLAG)
        self.hand.extend_pcr(16, digest)
        history.add(RECEIPT, receipt(QUOTE, digest, None, make(digest)))
        self.root.expect("tampered", path=history.write(self.root.new_folder("forged")), defect="pcr_selection",
                         at={"anchor": history.seq}, integrity="fail", platform="unknown")

    def test_a_receipt_with_it_is_refused(self):
        self.refused_receipt(lambda digest: quoted(self.hand, digest, 16))

    def test_selections_that_try_to_look_right_are_refused(self):
        pcr = self.root.secrets.pcr
        selections = {
            "P in a bank of its own": [(SHA256, FIRMWARE), (SHA256, [16])],
            "P beside it": [(SHA256, [*FIRMWARE, pcr, 16])],
            "the right PCRs of another bank": [(SHA1, [*FIRMWARE, pcr])],
            "the right selection, then another": [(SHA256, [*FIRMWARE, pcr]), (SHA256, [16])],
            "it first, then the right selection": [(SHA256, [16]), (SHA256, [*FIRMWARE, pcr])],
            "the right PCRs in two entries": [(SHA256, FIRMWARE), (SHA256, [pcr])],
            "none": [(SHA256, [])],
            "P without the firmware's": [(SHA256, [pcr])]}
        for what, banks in selections.items():
            with self.subTest(what):
                values = self.hand.read_pcrs([*FIRMWARE, 16])
                self.refused_receipt(lambda digest: Quoted(self.hand.quote(digest, selection(*banks)), values))
        for size in (2, 4):
            with self.subTest(f"a bitmap of {size} bytes"):
                banks = [(SHA256, [*FIRMWARE, pcr], size)]
                try:
                    self.refused_receipt(lambda digest: quoted(self.hand, digest, 16, banks))
                except Refused as refused:
                    self.assertEqual(refused.code & 0x0BF, 0x084, refused)  # TPM_RC_VALUE: not even signed

    def test_a_bundle_with_it_is_refused(self):
        history = self.cut(16)
        history.boot(self.hand)
        kind, payload = history.entries.pop()
        self.assertEqual(kind, BUNDLE)
        boot_id = payload[12:28]
        quote = quoted(self.hand, H(b"stele/v1/boot\0", history.extend, u64(history.counter), boot_id), 16)
        history.entries.append((BUNDLE, payload[:148] + signed(quote.part) + b"".join(quote.pcrs)))
        self.root.expect("tampered", path=history.write(self.root.new_folder("forged")), defect="pcr_selection",
                         integrity="fail", at={"entry": len(history.entries) - 1})


if __name__ == "__main__":
    unittest.main(verbosity=2)
