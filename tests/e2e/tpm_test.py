"""Goal: `stele tpm` tells what the TPM holds and whether it is fit, and leaves it as it was. Method: a swtpm before
and after provisioning, beside a daemon, with another TPM in its place; tpm2-tools look at what is left."""
import json
import unittest

from stele_host import MALFORMED, NO_INPUT, OK, TEMPORARY, UNAVAILABLE, USAGE, Host, Tpm, run

PERMISSION = 77


class TpmCommands(unittest.TestCase):
    def setUp(self):
        self.host = Host()
        self.addCleanup(self.host.close)

    def fresh(self):
        self.host.tpm.start()
        self.host.write_config()

    def indexes(self):
        listed = run("tpm2_getcap", "-T", self.host.tpm.tcti, "handles-nv-index")
        self.assertEqual(listed.returncode, OK, listed.stderr)
        return listed.stdout

    def json(self, *arguments, expect=OK):
        return json.loads(self.host.stele("tpm", *arguments, "-o", "json", expect=expect).stdout)

    def owner_auth(self):
        plain = run("openssl", "cms", "-decrypt", "-inform", "PEM", "-in", self.host.folder / "escrow", "-inkey",
                    self.host.folder / "auditor.key")
        path = self.host.folder / "owner"
        path.write_text(json.loads(plain.stdout)["owner_auth"])
        return path

    def test_a_fresh_simulator_passes_and_nothing_is_left(self):
        self.fresh()
        before = self.indexes()
        report = self.json("selftest", "--samples", "3")
        self.assertTrue(report["passed"])
        self.assertEqual([c["passed"] for c in report["checks"]], [True] * 5, report)
        self.assertIn("counter anchor", [one["command"] for one in report["latencies"]])
        self.assertTrue(all(one["median_ms"] > 0 and one["samples"] == 3 for one in report["latencies"]))
        self.assertGreater(report["clock_update_interval_ms"], 0)
        self.assertEqual(self.indexes(), before)
        text = self.host.stele("tpm", "selftest", "--samples", "1", expect=OK).stdout.decode()
        self.assertRegex(text, r"(?m)^pass  redefined_counter_never_repeats: deleted at \d+, defined anew")
        self.assertRegex(text, r"(?m)^counter anchor +median +\d+\.\d\d ms")
        self.assertIn("--before-power-cycle", text)

    def test_a_power_cycle_is_tried_in_two_steps(self):
        self.fresh()
        before = self.indexes()
        kept = self.host.folder / "kept"
        self.host.stele("tpm", "selftest", "--before-power-cycle", kept, expect=OK)
        self.assertNotEqual(self.indexes(), before)
        early = self.host.stele("tpm", "selftest", "--after-power-cycle", kept, expect=PERMISSION)
        self.assertIn(b"power the machine off", early.stderr)
        self.host.tpm.stop()
        self.host.tpm.start()
        report = self.json("selftest", "--after-power-cycle", kept)
        self.assertEqual([c["passed"] for c in report["checks"]], [True] * 3, report)
        self.assertEqual(self.indexes(), before)
        kept.write_text("{}")
        self.host.stele("tpm", "selftest", "--after-power-cycle", kept, expect=MALFORMED)
        self.host.stele("tpm", "selftest", "--after-power-cycle", self.host.folder / "missing", expect=NO_INPUT)

    def test_what_an_interrupted_selftest_left_is_named_and_removed(self):
        self.fresh()
        before = self.indexes()
        self.host.stele("tpm", "selftest", "--before-power-cycle", self.host.folder / "kept", expect=OK)
        refused = self.host.stele("tpm", "selftest", expect=PERMISSION)
        self.assertIn(b"--clean", refused.stderr)
        self.host.stele("tpm", "selftest", "--clean", expect=OK)
        self.assertEqual(self.indexes(), before)

    def test_show_names_locks_objects_and_wear(self):
        self.fresh()
        self.assertIsNone(self.json("show")["log"])
        self.host.provision()
        shown = self.json("show")
        self.assertEqual(shown["tpm"]["kind"], "simulator")
        self.assertEqual(shown["tpm"]["hierarchies"], {"owner_locked": True, "endorsement_locked": True,
                                                       "lockout_locked": True, "clear_disabled": True})
        self.assertEqual(shown["tpm"]["lockout"]["failed_tries"], 0)
        for part in ("ak", "c", "e"):
            self.assertEqual(shown["log"][part]["state"], "ok", shown)
            self.assertTrue(shown["log"][part]["trust_agrees"], shown)
            self.assertEqual(shown["log"][part]["name"], shown["log"][part]["expected"])
        self.assertEqual(shown["log"]["wear"]["odometer"], 0)
        self.host.start_daemon()
        seq = self.host.anchor()["seq"]
        busy = self.host.stele("tpm", "show", expect=TEMPORARY)
        self.assertIn(b"one program at a time", busy.stderr)
        self.host.stele("tpm", "selftest", expect=TEMPORARY)
        self.host.stop_daemon()
        self.assertGreaterEqual(self.json("show")["log"]["wear"]["odometer"], seq)
        text = self.host.stele("tpm", "show", expect=OK).stdout.decode()
        self.assertRegex(text, r"(?m)^  owner locked +yes$")
        self.assertRegex(text, r"(?m)^  odometer +\d+$")

    def test_another_tpm_does_not_hold_the_log(self):
        self.host.provision()
        other = Tpm(self.host.folder / "other")
        other.start()
        self.addCleanup(other.stop)
        shown = self.json("show", "--tcti", other.tcti, expect=UNAVAILABLE)
        self.assertEqual([shown["log"][part]["state"] for part in ("ak", "c", "e")], ["missing"] * 3)

    def test_in_mode_a_the_selftest_needs_the_auditors_secret(self):
        self.host.provision()
        before = self.indexes()
        refused = self.host.stele("tpm", "selftest", expect=PERMISSION)
        self.assertIn(b"--owner-auth", refused.stderr)
        report = self.json("selftest", "--samples", "1", "--owner-auth", self.owner_auth())
        self.assertTrue(report["passed"] and report["latencies"], report)
        self.assertEqual(self.indexes(), before)
        self.host.start_daemon()
        self.host.anchor()
        self.host.stop_daemon()
        self.assertEqual(self.host.verify()["exit"], OK)

    def test_bad_arguments_and_a_missing_tpm_are_named(self):
        self.host.write_config(tcti="swtpm:host=127.0.0.1,port=1")
        for arguments in ([], ["selftest", "--samples", "0"], ["show", "-o", "xml"],
                          ["selftest", "--clean", "--after-power-cycle", "x"]):
            self.host.stele("tpm", *arguments, expect=USAGE)
        for command in ("show", "selftest"):
            self.assertIn(b"TPM", self.host.stele("tpm", command, expect=UNAVAILABLE).stderr)


if __name__ == "__main__":
    unittest.main(verbosity=2)
