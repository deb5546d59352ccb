"""Goal: one identity on two hosts is shown for what it is: two statements of one number, both signed. Family 40.

Method: a simulator's state and the data directory are copied, as only the owner of a simulator can, and both live on;
an auditor with one memory visits the one, then the other, in both orders and after different lives. Every proof is
checked by openssl and stele-verify alone. Twins: the copy that is the only one to live on, and the host that is visited
again. Mode A and B."""
import shutil
import unittest

from auditor import Auditor, control_of
from root import Root
from stele_host import Host


def clone(host):
    """Another host with the same TPM and the same data; both have ended."""
    twin = Host(host.mode, host.origin)
    twin.tpm.stop()
    shutil.rmtree(twin.tpm.state)
    shutil.copytree(host.tpm.state, twin.tpm.state)
    shutil.copytree(host.data, twin.data)
    twin.tpm.start()
    twin.write_config(quote_interval="1h")
    return twin


def close(host):
    host.close()
    if host.tpm.reservation:
        host.tpm.reservation.close()


def live(host, anchors, name):
    for number in range(anchors):
        host.append(b"%s %d\n" % (name, number))
        host.anchor()


class TwoHosts(unittest.TestCase):
    def test_both_live_on(self):
        injected, kinds = 0, {}
        for mode in "ab":
            with self.subTest(mode), Root(mode, quote_interval="1h") as root:
                first = root.host
                first.tpm.stop()
                twins = []
                for _ in range(5):
                    twins.append(clone(first))
                    self.addCleanup(close, twins[-1])
                first.tpm.start()
                first.start_daemon()
                live(first, 2, b"the first host")
                for number, twin in enumerate(twins):
                    twin.start_daemon()
                    live(twin, number, b"the second host")  # behind, level, and ahead
                    for one, other in ((first, twin), (twin, first)):
                        auditor = Auditor(root.new_folder("auditor"), root.trust)
                        auditor.visit("verified", control_of(one))
                        auditor.visit("verified", control_of(one))  # the honest twin: nothing wrong with a second visit
                        auditor.visit("tampered", control_of(other), fault="memory_mismatch")
                        proof = auditor.proofs()[-1]
                        kind = proof.name.split("-")[1]
                        kinds[kind] = kinds.get(kind, 0) + 1
                        auditor.check_proof(kind)
                        injected += 1
        self.assertEqual(set(kinds) - {"equivocation", "rollback", "fork"}, set())
        self.assertGreaterEqual(kinds.get("equivocation", 0), 8, kinds)
        told = ", ".join(f"{kinds[kind]} {kind}" for kind in sorted(kinds))
        print(f"family 40: injected {injected}, lost 0, false alarms 0, missed 0 (one identity on two hosts: {told})")
        self.assertGreaterEqual(injected, 20)

    def test_a_host_that_moved_is_the_same_host(self):
        """The twin: state and data are carried over, and only the copy lives on."""
        with Root("a", quote_interval="1h") as root:
            auditor = Auditor(root.new_folder("auditor"), root.trust)
            root.host.start_daemon()
            auditor.visit("verified", control_of(root.host))
            root.host.stop_daemon()
            root.host.tpm.stop()
            moved = clone(root.host)
            self.addCleanup(close, moved)
            moved.start_daemon()
            live(moved, 2, b"after the move")
            auditor.visit("verified", control_of(moved))
            self.assertEqual(auditor.proofs(), [])


if __name__ == "__main__":
    unittest.main(verbosity=2)
