"""Goal: a software TPM whose state file was put back is noticed: by the daemon where the log is further, and where the
log was put back with it, by a verifier that remembers, and by nobody else.

Method: swtpm's state is copied and put back, alone and together with the data directory; both modes. The second half
shows a limit that the verdict states (`simulator`): without memory the older pair is a good log.
"""
import os
import unittest

from forged_history import History
from root import Root


class TpmPutBack(unittest.TestCase):
    def aged(self, root, anchors=2):
        """The copies of a younger TPM and data directory; the log has gone on since, and a verifier has seen it."""
        tpm, data = root.copy_tpm(), root.copy_data()
        root.host.start_daemon()
        for number in range(anchors):
            root.host.append(b"later %d\n" % number)
            root.host.anchor()
        root.end_daemon()
        memory = root.host.folder / "memory"
        root.expect("verified", "--memory", memory)
        return tpm, data, memory

    def test_alone_the_daemon_says_that_the_tpm_went_back(self):
        for mode in "ab":
            with self.subTest(mode), Root(mode) as root:
                tpm, _, memory = self.aged(root)
                newest = History(root.host.data)
                root.put_tpm_back(tpm)
                with root.hand() as hand:
                    self.assertLess(hand.counter_value(), newest.counter)
                    path = newest.write(root.new_folder("presented"))
                    root.challenge("tampered", lambda nonce: newest.answer(hand, nonce), path=path,
                                   defect="answer_mismatch", freshness="fail")
                for _ in range(2):
                    root.expect_stopped("the TPM was put back")
                root.expect("verified", "--memory", memory)  # the log itself is whole
                self.assertEqual(History(root.host.data).seq, newest.seq)

    def test_with_the_data_directory_only_a_verifier_that_remembers_knows(self):
        for mode in "ab":
            with self.subTest(mode), Root(mode) as root:
                tpm, data, memory = self.aged(root)
                seen, remembered = History(root.host.data), memory.read_bytes()
                root.put_tpm_back(tpm)
                root.put_data_back(data)
                root.host.start_daemon()
                root.host.append(b"another history from here on\n")
                root.host.anchor()
                report = root.challenge("verified", root.ask_daemon, freshness="pass")
                self.assertIn("simulator", root.findings(report))
                forgets = {"defect": "memory_mismatch", "at": {"anchor": seen.seq}, "freshness": "fail"}
                root.expect("tampered", "--memory", memory, integrity="pass", completeness="pass", **forgets)
                while History(root.host.data).seq < seen.seq + 2:  # nor once it is longer than what was seen
                    root.host.append(os.urandom(8).hex().encode())
                    root.host.anchor()
                root.challenge("tampered", root.ask_daemon, "--memory", memory, **forgets)
                self.assertEqual(memory.read_bytes(), remembered)


if __name__ == "__main__":
    unittest.main(verbosity=2)
