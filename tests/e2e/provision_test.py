"""Goal: what provision makes can be asked for again, escrowed, and taken away; nothing is taken by itself.
Method: the commands against a software TPM, the escrow opened with openssl as an auditor would."""
import unittest

from stele_host import CONFIGURATION, OK, TEMPORARY, USAGE, Host, run


class Provision(unittest.TestCase):
    def make(self, mode):
        host = Host(mode)
        self.addCleanup(host.close)
        host.provision()
        return host

    def open_escrow(self, host):
        plain = host.folder / "escrow.plain"
        opened = run("openssl", "cms", "-decrypt", "-inform", "PEM", "-in", host.folder / "escrow", "-inkey",
                     host.folder / "auditor.key", "-out", plain)
        self.assertEqual(opened.returncode, OK, opened.stderr)
        return plain

    def provision_again(self, host, *arguments):
        return host.stele("provision", "--tcti", host.tpm.tcti, "--origin", host.origin, "--mode", host.mode, *arguments)

    def test_asked_again_it_changes_nothing(self):
        for mode in "ab":
            host = self.make(mode)
            before = {p: p.read_bytes() for p in host.data.rglob("*") if p.is_file()}
            escrow = ["--escrow", host.folder / "escrow", "--escrow-key", host.folder / "auditor.pem"] if mode == "a" else []
            done = self.provision_again(host, *escrow)
            self.assertEqual(done.returncode, OK, done.stderr)
            self.assertIn(b"already provisioned", done.stdout)
            self.assertEqual({p: p.read_bytes() for p in host.data.rglob("*") if p.is_file()}, before)

    def test_secrets_of_mode_a_lie_nowhere_in_clear_on_the_host(self):
        host = self.make("a")
        plain = self.open_escrow(host).read_text()
        (host.folder / "escrow.plain").unlink()
        for name in ("owner_auth", "lockout_auth"):
            secret = plain.split(f'"{name}":"')[1][:64]
            for path in host.folder.rglob("*"):
                if path.is_file() and host.tpm.state not in path.parents:
                    data = path.read_bytes()
                    self.assertNotIn(secret.encode(), data, path)
                    self.assertNotIn(bytes.fromhex(secret), data, path)

    def test_deprovision_asks_first_and_gives_the_tpm_back(self):
        host = self.make("a")
        done = host.stele("deprovision", "--tcti", host.tpm.tcti)
        self.assertEqual(done.returncode, USAGE)
        self.assertIn(b"--yes", done.stderr)
        host.start_daemon()
        host.append(b"sealed before the end\n")
        self.assertEqual(host.stele("deprovision", "--yes").returncode, TEMPORARY)
        host.stop_daemon()
        trust = host.trust()
        host.stele("deprovision", "--yes", "--escrow-plain", self.open_escrow(host), expect=OK)
        report = host.verify(trust=trust)
        self.assertEqual(report["conclusion"], "verified", report)  # what was sealed stays sealed
        host.data.rename(host.folder / "archive")
        host.mode = "b"
        self.assertEqual(self.provision_again(host).returncode, OK)
        host.start_daemon()
        host.append(b"a new log in the same TPM\n")
        host.stop_daemon()
        self.assertEqual(host.verify()["exit"], OK)

    def test_a_second_log_does_not_take_the_first_ones_place_in_the_tpm(self):
        host = self.make("b")
        other = host.folder / "other"
        done = host.stele("provision", "--data", other, "--tcti", host.tpm.tcti, "--origin", "other.example/log")
        self.assertEqual(done.returncode, CONFIGURATION, done.stderr)
        host.start_daemon()
        host.append(b"untouched\n")
        host.stop_daemon()
        self.assertEqual(host.verify()["exit"], OK)

    def test_a_handle_that_no_owner_can_have_is_refused_before_anything_is_made(self):
        host = Host("b")
        self.addCleanup(host.close)
        host.tpm.start()
        host.write_config()
        here = ("provision", "--tcti", host.tpm.tcti, "--origin", host.origin, "--data", host.data)
        places = {"--ak-handle": ("0x40000001", "0x80ffffff", "0x81800000", "0x817fffff", "4294967296", "key"),
                  "--counter-handle": ("0x01c00002", "0x01400000", "0x0", "-1"),
                  "--extend-handle": ("0x01c0000a", "0x017fffff", "0x01805354", "0x01805356")}
        for option, handles in places.items():
            for handle in handles:
                with self.subTest(option, handle=handle):
                    done = host.stele(*here, f"{option}={handle}")
                    self.assertEqual((done.returncode, done.stdout), (USAGE, b""), done.stderr)
                    self.assertIn(option.encode(), done.stderr)
                    self.assertNotIn(b"steled.toml", done.stderr)
        self.assertFalse(host.data.exists())
        done = host.stele(*here, "--ak-handle=0x81000000", "--counter-handle=0x01bffffd", "--extend-handle=25165824")
        self.assertEqual(done.returncode, OK, done.stderr)
        self.assertIn(b"extend index E at 0x01800000", done.stdout)


if __name__ == "__main__":
    unittest.main(verbosity=2)
