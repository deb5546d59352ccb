"""Goal: a TPM reset in mid-run, made to replay P up to a cut, is found, and hides no change of what C and E anchored.

Method: quote anchors are cut off, the TPM is reset and the shorter fold extended into P again; the real AK quotes it.
Presented as the same run, as a new run, as a live answer; and with a counter-anchored record changed. First what an
honest daemon makes of a reset behind its back: a finding, never tampering.
"""
import unittest

from forged_history import AFTER_RESUME, History, RECEIPT
from interposer import Interposer
from root import Root, wait_until
from tpm_hands import H
from tpm_receipts import QUOTE, quoted, receipt


class ResetToReplay(unittest.TestCase):
    def setUp(self):
        self.root = Root("a", end="kill")
        self.addCleanup(self.root.close)

    def cut_and_replayed(self, hand, keep_state=False):
        """Two quote anchors less, the TPM reset or restarted, P what it was at the cut; a memory of the whole."""
        root, whole = self.root, History(self.root.host.data)
        for number in range(4):
            whole.append(b"quote-anchored %d" % number)
            whole.anchor(hand, QUOTE)
        memory = root.host.folder / "memory"
        path = whole.write(root.new_folder("whole"))
        root.challenge("verified", lambda nonce: whole.answer(hand, nonce), "--memory", memory, path=path)
        history = History(path)
        history.cut(history.seq, quotes=2)
        root.power_cycle(hand, keep_state)
        self.assertEqual(hand.read_pcrs([root.secrets.pcr]), [bytes(32)])
        for statement in history.statements:
            hand.extend_pcr(root.secrets.pcr, history.digest_of(statement))
        self.assertEqual(hand.read_pcrs([root.secrets.pcr]), [history.fold])
        return history, memory

    def test_replayed_in_the_same_run_it_is_found_by_the_reset_count(self):
        with self.root.hand() as hand:
            history, memory = self.cut_and_replayed(hand)
            path = history.write(self.root.new_folder("cut"))
            self.root.challenge("undetermined", lambda nonce: history.answer(hand, nonce), path=path,
                                defect="answer_run_changed", freshness="unknown")
            self.root.expect("tampered", "--memory", memory, path=path, defect="memory_mismatch")
            history.append(b"in the place of what was cut")
            digest = history.statement(quote=True)
            hand.extend_pcr(self.root.secrets.pcr, digest)
            self.assertEqual(hand.read_pcrs([self.root.secrets.pcr]), [H(history.fold, digest)])
            history.add(RECEIPT, receipt(QUOTE, digest, None, quoted(hand, digest)))
            self.root.expect("tampered", path=history.write(self.root.new_folder("same-run")), defect="receipt_run",
                             integrity="fail", at={"anchor": history.seq})

    def test_as_a_new_run_it_is_an_unclean_end_and_an_unexplained_reset(self):
        with self.root.hand() as hand:
            history, memory = self.cut_and_replayed(hand)
            boot_id = next(payload[12:28] for kind, payload in history.entries if kind == 2)
            history.boot(hand, boot_id)
            history.append(b"in the place of what was cut")
            history.anchor(hand)
            path = history.write(self.root.new_folder("new-run"))
            report = self.root.challenge("verified", lambda nonce: history.answer(hand, nonce), path=path)
            self.assertLessEqual({"unclean_end", "unexplained_reset"}, self.root.findings(report))
            self.assertEqual(report["coverage"]["unclean_ends"], 1)
            self.root.challenge("undetermined", lambda nonce: history.answer(hand, nonce), "--require", "unclean_end",
                                path=path)
            self.root.expect("tampered", "--memory", memory, path=path, defect="memory_mismatch", freshness="fail")

    def test_a_restart_that_looks_like_a_resume_is_an_unclean_end_too(self):
        with self.root.hand() as hand:
            anchored = len(History(self.root.host.data).records)
            history, memory = self.cut_and_replayed(hand, keep_state=True)
            boot_id = next(payload[12:28] for kind, payload in history.entries if kind == 2)
            history.boot(hand, boot_id)  # the reset count stands, P is the fold: as after a Resume
            history.append(b"in the place of what was cut")
            history.anchor(hand, flags=AFTER_RESUME)
            path = history.write(self.root.new_folder("restarted"))
            report = self.root.challenge("verified", lambda nonce: history.answer(hand, nonce), path=path)
            end, = [f for f in report["findings"] if f["finding"] == "unclean_end"]
            self.assertIn(f"records from {anchored} on", end["detail"])
            self.root.challenge("undetermined", lambda nonce: history.answer(hand, nonce), "--require", "unclean_end",
                                path=path)
            self.root.expect("tampered", "--memory", memory, path=path, defect="memory_mismatch", freshness="fail")

    def test_what_was_counter_anchored_stays_so(self):
        with self.root.hand() as hand:
            history, _ = self.cut_and_replayed(hand)
            index = next(i for i, record in enumerate(history.records) if record.kind == 0)
            history.edit(index, b"another event")
            history.boot(hand)
            history.append(b"after the reset")
            history.anchor(hand)
            self.root.expect("tampered", path=history.write(self.root.new_folder("edited")), integrity="fail",
                             defect="tree_root_mismatch")

    def test_the_daemon_goes_on_in_a_new_run_and_the_log_says_so(self):
        root = self.root
        proxy = Interposer(root.host.tpm.port)
        self.addCleanup(proxy.close)
        root.host.write_config(tcti=proxy.tcti)
        root.host.start_daemon()
        root.host.anchor()
        before = root.host.status()["anchoring"]["counter_anchors"]
        with proxy.hand(root.secrets) as hand:
            root.power_cycle(hand)
        root.host.append(b"after the reset\n")
        wait_until(lambda: root.host.status()["anchoring"]["unanchored"] == 0, "anchored in the new run")
        self.assertGreater(root.host.status()["anchoring"]["counter_anchors"], before)
        report = root.challenge("verified", root.ask_daemon, freshness="pass")
        self.assertLessEqual({"unclean_end", "unexplained_reset"}, root.findings(report))
        self.assertEqual(report["coverage"]["unexplained_resets"], 1)
        root.end_daemon()


if __name__ == "__main__":
    unittest.main(verbosity=2)
