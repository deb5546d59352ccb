"""Goal: whatever else the AK signs about another head at the current counter value is no receipt for it.

Method: root knows every authValue of DIR/secrets. The newest anchor's record is edited, its statement made anew with
every hash right, and the AK asked to sign the new digest d in each way that a restricted key knows: quotes, session
digests, certifications, outside data. First the hand itself is proved: an anchor that it makes honestly is verified.
"""
import unittest

from forged_history import History, RECEIPT
from root import Root
from tpm_hands import AUDIT, EXCLUSIVE, H, NOT_EXCLUSIVE, RESET, Refused
from tpm_receipts import Audit, FULL, QUOTE, READ_BACK, audited, quoted, read_back_extra, receipt

GET_RANDOM = 0x17B


def interrupted(hand, extra, digest):
    """The full session with another command inside, and without asking the TPM to stay exclusive."""
    extend = hand.extend

    def after_another(*given):
        hand.command(GET_RANDOM, parameters=b"\0\x10")
        extend(*given)
    hand.extend = after_another
    try:
        return audited(hand, extra, digest, attributes=(AUDIT | RESET, AUDIT))
    finally:
        del hand.extend


class OtherHeadSigned(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.root = Root("a", end="kill")
        cls.addClassCleanup(cls.root.close)
        cls.hand = cls.root.hand()
        cls.addClassCleanup(cls.hand.socket.close)
        cls.honest = History(cls.root.host.data)

    def forged(self):
        """The newest anchor with another head: its statement open, its digest, and what receipt would say."""
        history = History(self.root.host.data)
        history.cut(history.seq - 1, keep_records=True)
        history.edit(len(history.records) - 1, b"what root wants to have been logged")
        digest = history.statement()
        self.assertNotEqual(digest, self.honest.digests[-1])
        return history, digest, (history.counter + 1, H(history.extend, digest))

    def refused(self, history, payload, defect, **expected):
        history.add(RECEIPT, payload)
        self.root.expect("tampered", path=history.write(self.root.new_folder("forged")), defect=defect,
                         at={"anchor": self.honest.seq}, platform="unknown", **expected)

    def audit_is_refused(self, part, defect):
        """A full receipt that states the right C and E, with this for its audit's signature."""
        history, digest, stated = self.forged()
        payload = receipt(FULL, digest, Audit(*stated, part(digest)), quoted(self.hand, digest))
        self.refused(history, payload, defect, integrity="fail")

    def test_a_quote_with_the_digest_is_no_session(self):
        self.audit_is_refused(lambda digest: quoted(self.hand, digest).part, "attest_malformed")

    def test_a_certification_of_the_key_is_no_session(self):
        self.audit_is_refused(self.hand.certify_ak, "attest_malformed")

    def test_certifications_of_the_indexes_are_no_session(self):
        s = self.root.secrets
        for index, auth, size in (s.counter, s.counter_auth, 8), (s.extend, s.extend_auth, 32):
            self.audit_is_refused(lambda digest: self.hand.certify_index(index, auth, size, digest), "attest_malformed")

    def test_a_session_of_reads_is_no_session_of_writes(self):
        self.audit_is_refused(lambda digest: audited(self.hand, digest).part, "receipt_digest")

    def test_outside_data_must_not_look_like_an_attestation(self):
        genuine = audited(self.hand, b"x" * 32).part[0]
        _, digest, _ = self.forged()
        wanted = genuine.replace(b"x" * 32, digest)
        with self.assertRaises(Refused):  # the TPM gives no ticket for what begins with its own magic
            self.hand.sign_hashed(wanted)
        self.audit_is_refused(lambda digest: self.hand.sign_hashed(b"\0" + wanted[1:]), "attest_malformed")

    def test_a_read_back_shows_the_head_that_was_anchored(self):
        history, digest, stated = self.forged()
        audit = audited(self.hand, read_back_extra(digest))
        self.assertEqual((audit.counter, audit.extend), (stated[0], self.honest.extend))
        self.refused(history, receipt(READ_BACK, digest, audit), "extend_mismatch", completeness="fail")
        history, digest, stated = self.forged()
        payload = receipt(READ_BACK, digest, Audit(*stated, audited(self.hand, read_back_extra(digest)).part))
        self.refused(history, payload, "receipt_digest", integrity="fail")

    def test_a_quote_anchor_of_a_counter_anchors_statement_is_no_receipt(self):
        history, digest, _ = self.forged()
        self.refused(history, receipt(QUOTE, digest, None, quoted(self.hand, digest)), "receipt_unexpected",
                     integrity="fail")

    def test_a_quote_of_another_head_shows_a_pcr_that_does_not_hold_it(self):
        history = History(self.root.host.data)
        history.append(b"never extended into P")
        digest = history.statement(quote=True)
        self.refused(history, receipt(QUOTE, digest, None, quoted(self.hand, digest)), "fold_mismatch",
                     completeness="fail")

    def test_a_statement_without_receipt_cannot_be_answered_for(self):
        history, digest, _ = self.forged()
        path = history.write(self.root.new_folder("open"))
        claimed = History(self.root.host.data)
        claimed.statements.append(history.open)
        self.root.challenge("tampered", lambda nonce: claimed.answer(self.hand, nonce), path=path,
                            defect="answer_mismatch", freshness="fail", integrity="pass")


class NextValue(unittest.TestCase):
    def test_a_receipt_for_one_head_at_the_next_value_is_none_for_another(self):
        with Root("a", end="kill") as root, root.hand() as hand:
            anchored, other = History(root.host.data), History(root.host.data)
            anchored.append(b"anchored")
            anchored.anchor(hand)
            genuine = anchored.entries[-1][1]
            other.append(b"not anchored")
            other.add(RECEIPT, genuine[:12] + other.statement() + genuine[44:])
            root.expect("verified", path=anchored.write(root.new_folder("anchored")))
            root.expect("tampered", path=other.write(root.new_folder("other")), integrity="fail",
                        defect="receipt_extra_data", at={"anchor": other.seq})

    def test_an_exclusive_session_signed_with_another_heads_digest_is_no_receipt(self):
        with Root("a", end="kill") as root, root.hand() as hand:
            anchored, other = History(root.host.data), History(root.host.data)
            anchored.append(b"extended into E")
            other.append(b"signed over")
            into_extend, signed_over = anchored.statement(), other.statement()
            audit = audited(hand, signed_over, into_extend)
            presented = (other, signed_over, "receipt_digest"), (anchored, into_extend, "receipt_extra_data")
            for history, digest, defect in presented:
                history.add(RECEIPT, receipt(FULL, digest, audit, quoted(hand, digest)))
                root.expect("tampered", path=history.write(root.new_folder("signed")), integrity="fail", defect=defect,
                            at={"anchor": history.seq})

    def test_a_session_cannot_be_continued_twice_from_its_saved_context(self):
        with Root("a", end="kill") as root, root.hand() as hand:
            s, session = root.secrets, hand.start_session()
            hand.increment(s.counter_auth, (session, AUDIT | RESET))
            context = hand.save_context(session)
            session = hand.load_context(context)
            hand.extend(s.extend_auth, b"1" * 32, (session, AUDIT | EXCLUSIVE))  # saving does not end exclusiveness
            again = hand.save_context(session)
            with self.assertRaises(Refused):
                hand.load_context(context)
            session = hand.load_context(again)
            hand.read(s.counter, s.counter_auth, 8, (session, AUDIT))
            hand.read(s.extend, s.extend_auth, 32, (session, AUDIT))
            with self.assertRaises(Refused):
                hand.load_context(context)

    def test_a_session_that_another_command_came_into_is_no_receipt(self):
        with Root("a", end="kill") as root, root.hand() as hand:
            history = History(root.host.data)
            history.append(b"in a session that was not exclusive")
            digest = history.statement()
            hand.extend_pcr(root.secrets.pcr, digest)
            audit = interrupted(hand, digest, digest)
            self.assertEqual((audit.counter, audit.extend), (history.counter + 1, H(history.extend, digest)))
            history.add(RECEIPT, receipt(FULL, digest, audit, quoted(hand, digest)))
            root.expect("tampered", path=history.write(root.new_folder("shared")), integrity="fail",
                        defect="receipt_not_exclusive", at={"anchor": history.seq})

    def test_asked_to_stay_exclusive_the_tpm_refuses_after_another_command(self):
        with Root("a", end="kill") as root, root.hand() as hand:
            s, session = root.secrets, hand.start_session()
            hand.increment(s.counter_auth, (session, AUDIT | RESET))
            hand.command(GET_RANDOM, parameters=b"\0\x10")
            with self.assertRaises(Refused) as refused:
                hand.extend(s.extend_auth, b"x" * 32, (session, AUDIT | EXCLUSIVE))
            self.assertEqual(refused.exception.code, NOT_EXCLUSIVE)


class HonestHand(unittest.TestCase):
    def test_what_the_hand_makes_as_the_daemon_would_is_verified(self):
        with Root("a", end="kill") as root, root.hand() as hand:
            history = History(root.host.data)
            for kind in (FULL, QUOTE, QUOTE, FULL):
                history.append(b"by hand")
                history.anchor(hand, kind)
            path = history.write(root.new_folder("by-hand"))
            report = root.challenge("verified", lambda nonce: history.answer(hand, nonce), path=path, freshness="pass")
            self.assertEqual(report["coverage"]["counter_anchored"], len(history.records))


if __name__ == "__main__":
    unittest.main(verbosity=2)
