"""Goal: bad input gets a clear message and a sysexits code. Method: every command with its help, with
nonsense, and in every place where what it needs is missing, wrong or somebody else's."""
import re
import unittest

from stele_host import (BIN, CANNOT_CREATE, CONFIGURATION, IO_ERROR, MALFORMED, NO_INPUT, OK, TAMPERED, TEMPORARY, UNAVAILABLE, USAGE, Host, run,
                        wait_until)

COMMANDS = [["provision"], ["append"], ["anchor"], ["anchor", "export"], ["answer"], ["status"], ["show"], ["prove"],
            ["query"], ["trust"], ["config"], ["config", "check"], ["look-up"], ["look-up", "rebuild"], ["deprovision"],
            ["tpm"], ["tpm", "show"], ["tpm", "selftest"]]
NONCE = "5a" * 32


class Usage(unittest.TestCase):
    def test_every_command_has_a_help_that_names_its_options(self):
        for program in (["stele"], ["stele-verify"], ["steled"]):
            self.assert_help(program)
        for command in COMMANDS:
            self.assert_help(["stele", *command])

    def assert_help(self, command):
        done = run(BIN / command[0], *command[1:], "--help")
        self.assertEqual(done.returncode, OK, command)
        self.assertIn(b"--help", done.stdout)
        self.assertEqual(done.stderr, b"")

    def test_every_program_tells_its_version(self):
        for command in (["stele"], ["stele", "status"], ["stele-verify"], ["steled"]):
            done = run(BIN / command[0], *command[1:], "--version")
            self.assertEqual(done.returncode, OK, command)
            self.assertRegex(done.stdout, rb"\d+\.\d+\.\d+")

    def test_nonsense_ends_with_64_and_says_what_is_wrong(self):
        for arguments in ([], ["nonsense"], ["show"], ["show", "x"], ["show", "-1"], ["show", "1", "--nonsense"],
                          ["query", "--since", "yesterday"], ["query", "--since", "2026-11-23 07:50:00Z"],
                          ["query", "-o", "xml"], ["answer", "--nonce", "5a"], ["answer", "--nonce", "zz" * 32],
                          ["answer"], ["anchor", "export"], ["append", "--wait", "forever"], ["config"],
                          ["look-up"], ["provision"]):
            done = run(BIN / "stele", *arguments)
            self.assertEqual(done.returncode, USAGE, (arguments, done.stderr))
            self.assertNotEqual(done.stderr, b"", arguments)
        for arguments in (["nonsense"], ["nonsense", "--data", "x"], ["tpm", "nonsense"], ["--nonsense"]):
            self.assertIn(b"nonsense' is no command or option", run(BIN / "stele", *arguments).stderr, arguments)
        self.assertEqual(run(BIN / "stele-verify").returncode, USAGE)
        self.assertEqual(run(BIN / "steled", "--nonsense").returncode, USAGE)


class Places(unittest.TestCase):
    """Nothing was provisioned here."""

    def setUp(self):
        self.host = Host()
        self.addCleanup(self.host.close)
        self.host.write_config(tcti="swtpm:host=127.0.0.1,port=1")

    def refused(self, code, words, *arguments):
        done = self.host.stele(*arguments, input=b"")
        self.assertEqual(done.returncode, code, (arguments, done.stderr))
        self.assertRegex(done.stderr.decode(), words)

    def provision(self, tcti, *arguments):
        return ["provision", "--tcti", tcti, "--origin", "test.example/log", "--mode", "b", *arguments]

    def test_without_a_daemon_69_says_how_to_start_it(self):
        for arguments in (["append"], ["anchor"], ["answer", "--nonce", NONCE]):
            self.refused(UNAVAILABLE, "no daemon listens at .*steled --config", *arguments)

    def test_without_a_log_66_says_how_to_make_one(self):
        reads = (["show", 0], ["query"], ["prove", 0], ["status"], ["trust"], ["look-up", "rebuild"],
                 ["anchor", "export", 1, "-o", self.host.folder / "export"])
        for arguments in reads:
            self.refused(NO_INPUT, "does not exist.*stele provision", *arguments)
        self.host.data.mkdir()
        (self.host.data / "somebody-elses-file").write_text("not ours")
        for arguments in reads:
            self.refused(NO_INPUT, "holds no log.*stele provision", *arguments)

    def test_the_monitoring_plugin_answers_unknown_without_a_log(self):
        done = self.host.stele("status", "--check")
        self.assertEqual(done.returncode, 3)
        self.assertRegex(done.stdout, rb"^STELE UNKNOWN - .*\n$")

    def test_no_daemon_starts_on_what_is_no_log(self):
        for _ in ("missing", "foreign"):
            done = run(BIN / "steled", "--config", self.host.config)
            self.assertIn(done.returncode, (NO_INPUT, CONFIGURATION), done.stderr)
            self.assertIn(b"provision", done.stderr + done.stdout)
            self.host.data.mkdir(exist_ok=True)
            (self.host.data / "somebody-elses-file").write_text("not ours")
        self.assertEqual([p.name for p in self.host.data.iterdir()], ["somebody-elses-file"])

    def test_a_missing_tpm_and_a_wrong_tcti_are_69_and_named(self):
        self.refused(UNAVAILABLE, "TPM|tcti|TCTI", *self.provision("swtpm:host=127.0.0.1,port=1"))
        self.refused(UNAVAILABLE, "TPM|tcti|TCTI", *self.provision("device:/dev/no-such-tpm"))
        self.refused(UNAVAILABLE, "TPM|tcti|TCTI", *self.provision("nonsense:x=y"))

    def test_provision_refuses_a_foreign_directory_and_leaves_it_as_it_was(self):
        self.host.data.mkdir()
        (self.host.data / "somebody-elses-file").write_text("not ours")
        self.host.tpm.start()
        done = self.host.stele(*self.provision(self.host.tpm.tcti))
        self.assertNotEqual(done.returncode, OK)
        self.assertIn(str(self.host.data).encode(), done.stderr)
        self.assertEqual([p.name for p in self.host.data.iterdir()], ["somebody-elses-file"])

    def test_an_unknown_key_is_78_with_file_line_and_column(self):
        good = self.host.config.read_text()
        for text, place in ((f"nonsense = 1\n{good}", "1:1"), (f"{good}\n[limits]\n  max_evnt_bytes = 1\n", ":3"),
                            (f"{good}\nheart = = \n", ":"), (f"{good}\n[limits]\nmax_connections = 0\n", ":")):
            self.host.config.write_text(text)
            for command in ([BIN / "stele", "config", "check"], [BIN / "stele", "status"], [BIN / "steled", "--check-config"],
                            [BIN / "steled"]):
                done = run(*command, "--config", self.host.config)
                self.assertEqual(done.returncode, CONFIGURATION, (text, command, done.stderr))
                self.assertRegex(done.stderr.decode(), re.escape(str(self.host.config)) + r":\d+:\d+: ")
                self.assertIn(place, done.stderr.decode())
        self.host.config.write_text(good)
        self.assertEqual(self.host.stele("config", "check").returncode, OK)
        self.assertEqual(run(BIN / "steled", "--check-config", "--config", self.host.config).returncode, OK)

    def test_a_configuration_that_is_not_there_is_78_when_it_was_named(self):
        done = run(BIN / "stele", "status", "--config", self.host.folder / "missing.toml")
        self.assertEqual(done.returncode, CONFIGURATION, done.stderr)
        self.assertIn(b"missing.toml", done.stderr)


class Log(unittest.TestCase):
    """One provisioned log, its daemon running."""

    @classmethod
    def setUpClass(cls):
        cls.host = Host()
        cls.addClassCleanup(cls.host.close)
        cls.host.provision()
        cls.host.start_daemon()
        cls.host.append(b"one\ntwo\n")

    def test_a_second_daemon_is_refused_and_the_first_goes_on(self):
        done = run(BIN / "steled", "--config", self.host.config)
        self.assertEqual(done.returncode, TEMPORARY, done.stderr)
        self.assertIn(str(self.host.data).encode(), done.stderr + done.stdout)
        self.host.append(b"still here\n")

    def test_records_files_and_anchors_that_are_not_there_are_66(self):
        for arguments in (["show", 10**9], ["prove", 10**9], ["append", self.host.folder / "missing"],
                          ["append", self.host.folder], ["anchor", "export", 10**6, "-o", self.host.folder / "export"]):
            done = self.host.stele(*arguments)
            self.assertEqual(done.returncode, NO_INPUT, (arguments, done.stderr))
            self.assertNotEqual(done.stderr, b"")

    def test_a_look_up_is_not_rebuilt_under_a_running_daemon(self):
        self.assertEqual(self.host.stele("look-up", "rebuild").returncode, TEMPORARY)

    def test_an_output_that_cannot_be_made_is_73(self):
        done = self.host.stele("answer", "--nonce", NONCE, "-o", self.host.folder / "missing" / "answer")
        self.assertEqual(done.returncode, CANNOT_CREATE, done.stderr)

    def test_other_data_than_the_daemons_is_not_asked_of_it(self):
        done = self.host.stele("anchor", "--data", self.host.folder / "elsewhere")
        self.assertEqual(done.returncode, UNAVAILABLE)
        self.assertIn(b"another directory", done.stderr)

    def test_an_unreadable_trust_file_is_named(self):
        trust = self.host.trust()
        for path, code in ((self.host.folder / "missing", NO_INPUT), (self.host.folder, IO_ERROR)):
            done = run(BIN / "stele-verify", self.host.data, "--trust", path)
            self.assertEqual(done.returncode, code, done.stderr)
            self.assertIn(str(path).encode(), done.stderr)
        broken = self.host.folder / "broken-trust"
        broken.write_text(trust.read_text().replace("mode a", "mode z"))
        done = run(BIN / "stele-verify", self.host.data, "--trust", broken)
        self.assertEqual(done.returncode, MALFORMED, done.stderr)
        self.assertIn(b"broken-trust", done.stderr)


class Damaged(unittest.TestCase):
    """Bytes that no crash leaves behind: 65 from both programs, the verdict from stele-verify alone."""

    def damage(self, folder):
        path = self.host.data / folder / ("0" * 16)
        bytes_ = bytearray(path.read_bytes())
        # Of the segments many places: which groups a start or a reader looks into is their affair.
        for at in range(len(bytes_) // 8, len(bytes_), 16) if folder == "segments" else [len(bytes_) // 2]:
            bytes_[at] ^= 1
        path.write_bytes(bytes_)

    def test_both_programs_end_with_65_and_name_the_verifier(self):
        for folder, commands in (("segments", (["show", 0], ["query"], ["status"])),
                                 ("journal", (["status"],))):
            with self.subTest(folder), Host() as self.host:
                self.host.provision()
                self.host.start_daemon()
                for number in range(20):
                    self.host.append(b"event %d\n" % number)
                self.host.stop_daemon()
                trust = self.host.trust()
                self.damage(folder)
                for command in ([BIN / "steled"], *([BIN / "stele", *c] for c in commands)):
                    done = run(*command, "--config", self.host.config)
                    self.assertEqual(done.returncode, MALFORMED, (command, done.stderr))
                    self.assertIn(b"stele-verify", done.stderr)
                self.assertEqual(self.host.verify(trust=trust)["exit"], TAMPERED)


class Halt(unittest.TestCase):
    def test_on_tpm_failure_halt_ends_the_daemon_with_69(self):
        with Host() as host:
            host.provision(extra='[on]\ntpm_failure = "halt"\n')
            host.tpm.stop()
            host.start_daemon(wait=False)
            wait_until(lambda: host.daemon.poll() is not None, "the end of steled")
            self.assertEqual(host.daemon.returncode, UNAVAILABLE, host.daemon_words())


if __name__ == "__main__":
    unittest.main(verbosity=2)
