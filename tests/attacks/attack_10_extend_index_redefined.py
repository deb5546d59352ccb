"""Goal: with E deleted, defined again and a forged history replayed into it, the forgery is not believed.

Method: Mode B, where root knows ownerAuth: E really goes and comes back with the same Name; records are edited, every
unkeyed hash is recomputed, and the real TPM signs new receipts for the forged heads in every way root has. What is
left to root, the newest anchor, is undetermined, and tampered for a verifier that remembers. In Mode A the TPM refuses.
"""
import unittest

from forged_history import History, RECEIPT
from root import Root
from tpm_hands import BAD_AUTH, Refused
from tpm_receipts import Audit, FULL, READ_BACK, audited, quoted, read_back_extra, receipt


def forge_anchor(history, hand, kind, counter=None):
    """A statement for the forged head and a receipt by the TPM, which says `counter` instead of what C is."""
    digest = history.statement()
    hand.extend_pcr(hand.secrets.pcr, digest)
    audit = audited(hand, digest, digest) if kind == FULL else None
    if kind == READ_BACK:
        hand.extend(hand.secrets.extend_auth, digest)
        audit = audited(hand, read_back_extra(digest))
    if counter:
        audit = Audit(counter, audit.extend, audit.part)
    history.add(RECEIPT, receipt(kind, digest, audit, quoted(hand, digest)))


class ExtendIndexRedefined(unittest.TestCase):
    def forged_from(self, root, hand, anchor, index):
        """A history forged from this anchor on: one record edited, E replayed to the anchor before."""
        history = History(root.host.data).cut(anchor - 1, keep_records=True)
        history.edit(index, b"what root wants to have been logged")
        root.redefine_extend(hand, history.digests)
        root.power_cycle(hand)  # P begins anew: nothing in it contradicts the forgery
        history.boot(hand)
        return history

    def first_event_after(self, history, anchor):
        size = int.from_bytes(history.statements[anchor - 1][72:80], "big")
        return next(i for i, r in enumerate(history.records) if i >= size and r.kind == 0)

    def forge(self, make, **expected):
        """Forges from anchor 2 on; make(history, hand) gives the receipt of the forged anchor 2."""
        with Root("b") as root:
            honest = History(root.host.data)
            self.assertGreater(honest.seq, 3)
            index = self.first_event_after(honest, 1)
            with root.hand() as hand:
                history = self.forged_from(root, hand, 2, index)
                make(history, hand, honest)
            path = history.write(root.new_folder("forged"))
            root.expect("tampered", path=path, platform="unknown", at={"anchor": 2}, **expected)

    def test_the_genuine_receipts_do_not_fit_the_forged_statements(self):
        def make(history, _hand, honest):
            genuine = [payload for kind, payload in honest.entries if kind == RECEIPT and payload[10] == FULL][1]
            history.add(RECEIPT, genuine[:12] + history.statement() + genuine[44:])
        self.forge(make, defect="receipt_extra_data", integrity="fail")

    def test_a_read_back_shows_a_counter_that_went_on(self):
        self.forge(lambda history, hand, honest: forge_anchor(history, hand, READ_BACK),
                   defect="counter_mismatch", completeness="fail")

    def test_a_read_back_that_states_the_old_counter_is_not_what_the_tpm_signed(self):
        self.forge(lambda history, hand, honest: forge_anchor(history, hand, READ_BACK, history.counter + 1),
                   defect="receipt_digest", integrity="fail")

    def test_a_full_receipt_shows_a_counter_that_went_on(self):
        self.forge(lambda history, hand, honest: forge_anchor(history, hand, FULL),
                   defect="counter_mismatch", completeness="fail")

    def test_a_full_receipt_that_states_the_old_counter_is_not_what_the_tpm_signed(self):
        self.forge(lambda history, hand, honest: forge_anchor(history, hand, FULL, history.counter + 1),
                   defect="receipt_digest", integrity="fail")

    def test_the_newest_anchor_forged_is_undetermined_and_tampered_for_who_remembers(self):
        with Root("b", end="kill") as root:
            honest = History(root.host.data)
            memory = root.host.folder / "memory"
            root.expect("verified", "--memory", memory)
            remembered = memory.read_bytes()
            with root.hand() as hand:
                history = self.forged_from(root, hand, honest.seq, len(honest.records) - 1)
                forge_anchor(history, hand, READ_BACK)
                path = history.write(root.new_folder("forged"))
                unburied = {"defect": "read_back_rule", "at": {"anchor": honest.seq}, "completeness": "unknown"}
                root.expect("undetermined", path=path, integrity="pass", **unburied)
                root.challenge("undetermined", lambda nonce: history.answer(hand, nonce), path=path, **unburied)
                root.expect("tampered", "--memory", memory, path=path, defect="memory_mismatch", freshness="fail",
                            at={"anchor": honest.seq})
                for _ in range(2):
                    history.append(b"more")
                    history.anchor(hand)
            # The stated limit of Mode B: one anchor, made again before others stood behind it; memory knows it.
            path = history.write(root.new_folder("buried"))
            self.assertIn("mode_b", root.findings(root.expect("verified", path=path)))
            root.expect("tampered", "--memory", memory, path=path, defect="memory_mismatch", freshness="fail")
            self.assertEqual(memory.read_bytes(), remembered)

    def test_a_log_cut_short_with_extend_put_back_fails_its_challenge_by_the_counter(self):
        with Root("b") as root, root.hand() as hand:
            history = History(root.host.data)
            history.cut(history.seq - 2)
            root.redefine_extend(hand, history.digests)
            self.assertEqual(hand.extend_value(), history.extend)
            path = history.write(root.new_folder("cut"))
            root.expect("verified", path=path, freshness="unknown")
            root.challenge("tampered", lambda nonce: history.answer(hand, nonce), path=path,
                           defect="answer_mismatch", freshness="fail", integrity="pass", completeness="pass")

    def test_in_mode_a_the_tpm_refuses_all_of_it(self):
        with Root("a") as root:
            s = root.secrets
            # What the firmware does at every boot, and a simulator has no firmware: platform authority goes away.
            self.assertEqual(root.tool("tpm2_changeauth", "-c", "p", "firmware's").returncode, 0)
            tools = {
                ("tpm2_nvundefine", "-C", "o", hex(s.extend)): "0x9A2",
                ("tpm2_nvundefine", "-C", "o", hex(s.counter)): "0x9A2",
                ("tpm2_nvundefine", "-C", "p", hex(s.extend)): "0x9A2",
                ("tpm2_evictcontrol", "-C", "o", "-c", hex(s.ak_handle)): "0x9A2",
                ("tpm2_nvdefine", "-C", "o", "-s", "32", "0x01805399"): "0x9A2",
                ("tpm2_clear", "-c", "l"): "0x98E",
                ("tpm2_clear", "-c", "p"): "0x9A2",
                ("tpm2_changeauth", "-c", "o", "mine"): "0x9A2"}
            for command, code in tools.items():
                done = root.tool(*command)
                self.assertNotEqual(done.returncode, 0, command)
                self.assertIn(code, done.stderr.decode(), command)
            with root.hand() as hand:
                for owner_auth in (b"", s.extend_auth, s.endorsement_auth):
                    with self.assertRaises(Refused) as refused:
                        hand.undefine(s.extend, owner_auth)
                    self.assertEqual(refused.exception.code, BAD_AUTH)
                history = History(root.host.data)
                self.assertEqual((hand.counter_value(), hand.extend_value()), (history.counter, history.extend))
            root.host.start_daemon()
            root.challenge("verified", root.ask_daemon, freshness="pass")


if __name__ == "__main__":
    unittest.main(verbosity=2)
