"""Goal: a host is locked in mode A by an auditor elsewhere, and the host never has the secrets; root cannot undo it.

Method: swtpm with its maker's certificate, a forwarder that records every relayed byte; the host's memory, a core of it
and its files are searched, with the same search first shown to find what is there; then root's own tools."""
import json
import os
import pathlib
import shutil
import socket
import subprocess
import tempfile
import unittest

from lock_host import HELLO, LOCKED, Between, LockHost, holds, memory_of
from stele_host import (BIN, CANNOT_CREATE, CONFIGURATION, MALFORMED, NO_INPUT, OK, PATIENCE, UNAVAILABLE, USAGE, Host,
                        content, run, wait_until)

COUNTER, EXTEND, KEY, SCRATCH = "0x01805354", "0x01805355", "0x81005354", "0x018053fd"


def files_of(folder, but=None):
    """All files' bytes; `but` is the folder that stands for the inside of the TPM."""
    for path in pathlib.Path(folder).rglob("*"):
        if path.is_file() and but not in path.parents:
            yield path.read_bytes()


class Lock(unittest.TestCase):
    def setUp(self):
        self.host = LockHost()
        self.addCleanup(self.host.close)

    def search_host(self, pid, folder, own):
        """That neither the process nor a core of it holds the auditor's secrets, though it holds its own."""
        if b"__asan_init" in (BIN / "stele").read_bytes() or b"__tsan_init" in (BIN / "stele").read_bytes():
            print("SKIPPED: a sanitizer's shadow is terabytes; memory is searched in the plain build")
            return
        pieces = list(memory_of(pid))
        self.assertTrue(holds(pieces, own), "the search does not find what is there")
        core = folder / "core"
        made = run("gcore", "-o", core, pid)
        cores = [path.read_bytes() for path in folder.glob("core.*")]
        if made.returncode == OK and cores:
            self.assertTrue(holds(cores, own), "the search does not find what is in the core")
            pieces += cores
        else:
            print("SKIPPED: gcore makes no core here; the running memory was searched")
        for secret in self.host.kept_secrets():
            self.assertFalse(holds(pieces, secret), "the host's memory holds a secret of the auditor's")

    def own_secret(self, name):
        for line in (self.host.data / "secrets").read_text().splitlines():
            if line.startswith(name + " "):
                return bytes.fromhex(line.split()[1])
        raise AssertionError(name)

    def lock_and_search(self):
        """Locks; at the last moment before the host is told so everything is searched."""
        host = self.host
        host.start_relay()
        found = {}

        def act(direction, _, message):
            if message[0] == LOCKED:
                try:
                    with tempfile.TemporaryDirectory() as folder:
                        self.search_host(host.relay.pid, pathlib.Path(folder), self.own_secret("endorsement_auth"))
                    pieces = list(memory_of(found["auditor"].pid))
                    self.assertTrue(holds(pieces, host.kept_secrets()[0]), "nor does the auditor hold them")
                except AssertionError as error:
                    found["wrong"] = error
            return [message]

        between = Between(host.between, host.socket, act)
        found["auditor"] = subprocess.Popen(host.lock_command(host.between), stdin=subprocess.DEVNULL,
                                            stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        out, error = found["auditor"].communicate(timeout=PATIENCE)
        self.assertEqual(found["auditor"].returncode, OK, error.decode())
        if "wrong" in found:
            raise found["wrong"]
        host.relay_ends()
        between.join(PATIENCE)
        self.assertIn(b"locked in mode a", out)
        self.assertEqual(between.passed["up"][0][0], HELLO)
        for secret in host.kept_secrets():
            self.assertFalse(holds(between.everything(), secret), "a secret passed in the clear")
            self.assertFalse(holds(files_of(host.folder, host.tpm.state), secret), "a secret is in the host's files")
            self.assertTrue(holds(files_of(host.auditor), secret))
        self.assertEqual(os.stat(host.secrets).st_mode & 0o777, 0o600)

    def test_locked_from_outside_the_log_runs_and_root_cannot_undo_it(self):
        host = self.host
        self.lock_and_search()
        host.start_daemon()
        host.append(b"one\ntwo\n")
        host.anchor()
        with tempfile.TemporaryDirectory() as folder:
            self.search_host(host.daemon.pid, pathlib.Path(folder), self.own_secret("counter_auth"))
        report = host.verify(trust=host.pinned)
        self.assertEqual((report["conclusion"], report["exit"]), ("verified", OK), report)
        self.assertEqual((report["anchors"]["mode"], report["anchors"].get("locked_from")), ("a", "outside"))
        text = run(BIN / "stele-verify", host.data, "--trust", host.pinned).stdout
        self.assertIn(b"set from outside, the host never had it", text)
        # The host's own trust file does not say so: it could not know.
        report = host.verify()
        self.assertNotIn("locked_from", report["anchors"])
        text = run(BIN / "stele-verify", host.data, "--trust", host.trust()).stdout
        self.assertIn(b"trust on first install", text)
        host.stop_daemon()
        self.root_tries()
        self.assertTrue(host.is_locked_with(host.kept_secrets()[0]), "and the auditor can")
        for secret in host.kept_secrets():
            self.assertFalse(holds(files_of(host.folder, host.tpm.state), secret))
        host.start_daemon()
        host.append(b"three\n")
        host.anchor()
        self.assertEqual(host.verify(trust=host.pinned)["conclusion"], "verified")

    def test_a_signed_file_says_who_vouches_and_that_it_was_locked_from_outside(self):
        host = self.host
        key, public = host.auditor / "auditor.pem", host.auditor / "auditor.vkey"
        run("openssl", "genpkey", "-algorithm", "ed25519", "-out", key)
        host.write_config()
        host.stele("era", "key", "--auditor-key-file", key, "--name", "auditor.example", "-o", public, expect=OK)
        host.start_relay()
        for part in (["--auditor-key-file", key], ["--name", "auditor.example"]):
            self.assertEqual(run(*host.lock_command(), *part).returncode, USAGE)
        done = run(*host.lock_command(), "--auditor-key-file", key, "--name", "auditor.example")
        self.assertEqual((done.returncode, b", signed" in done.stdout), (OK, True), done.stderr)
        host.relay_ends()
        host.start_daemon()
        host.append(b"one\n")
        host.anchor()
        report = host.verify("--auditor-key", public, trust=host.pinned)
        self.assertEqual((report["conclusion"], report["tpm"]["identity"], report["anchors"]["locked_from"]),
                         ("verified", "ek-chain", "outside"), report)
        # Of whom no key was given it is a claim, as after `stele enroll`.
        report = host.verify(trust=host.pinned)
        self.assertEqual((report["tpm"]["identity"], report["tpm"]["identity_claimed"]), ("pinned-key", "ek-chain"))

    def test_pins_of_another_log_are_left_and_nothing_is_done_to_the_tpm(self):
        host = self.host
        with Host("b") as another:
            another.provision()
            shutil.copy(another.trust(), host.pinned)
        pinned = host.pinned.read_bytes()
        host.start_relay()
        done = host.lock()
        self.assertEqual((done.returncode, b"pins another log" in done.stderr), (CANNOT_CREATE, True), done.stderr)
        self.assertEqual(host.pinned.read_bytes(), pinned)
        self.assertFalse(host.secrets.exists(), "no secret was made")
        host.pinned.unlink()
        self.assertEqual(host.lock().returncode, OK)
        host.relay_ends()

    def root_tries(self):
        root = self.host.root
        self.assertTrue(root("tpm2_nvreadpublic", COUNTER), "root's tools reach the TPM")
        for attempt in (("tpm2_nvundefine", COUNTER, "-C", "o"), ("tpm2_nvundefine", EXTEND, "-C", "o"),
                        ("tpm2_nvdefine", SCRATCH, "-C", "o", "-s", "8"), ("tpm2_evictcontrol", "-C", "o", "-c", KEY),
                        ("tpm2_changeauth", "-c", "owner", "root"), ("tpm2_clear",), ("tpm2_clear", "-c", "p"),
                        ("tpm2_clearcontrol", "-C", "l", "c"), ("tpm2_changeauth", "-c", "lockout", "root"),
                        ("tpm2_setprimarypolicy", "-C", "o", "-L", "policy", "-g", "sha256")):
            self.assertFalse(root(*attempt), attempt)

    def test_a_policy_that_root_left_behind_opens_nothing(self):
        host = self.host
        host.tpm.start()
        (host.folder / "policy").write_bytes(bytes(32))  # what a policy session shows that asserted nothing
        self.assertTrue(host.root("tpm2_setprimarypolicy", "-C", "o", "-L", "policy", "-g", "sha256"))
        self.assertTrue(host.root("tpm2_setprimarypolicy", "-C", "l", "-L", "policy", "-g", "sha256"))

        def by_policy(*command):
            self.assertTrue(host.root("tpm2_startauthsession", "--policy-session", "-S", "session"))
            done = host.root(*command, "-P", "session:session")
            host.root("tpm2_flushcontext", "session")
            return done

        self.assertTrue(by_policy("tpm2_nvdefine", SCRATCH, "-C", "o", "-s", "8"), "the policy does open it before")
        self.assertTrue(by_policy("tpm2_nvundefine", SCRATCH, "-C", "o"))
        host.start_relay()
        done = host.lock()
        self.assertEqual(done.returncode, OK, done.stderr)
        host.relay_ends()
        self.assertFalse(by_policy("tpm2_nvdefine", SCRATCH, "-C", "o", "-s", "8"))
        self.assertFalse(by_policy("tpm2_nvundefine", EXTEND, "-C", "o"))

    def test_a_session_that_root_bound_before_opens_nothing(self):
        """Its key was made from the empty authValue: the TPM sees that its hierarchy has another since."""
        host = self.host
        host.start_relay()
        self.assertTrue(host.root("tpm2_startauthsession", "--hmac-session", "-S", "bound", "--bind-context", "o"))
        by_session = lambda index: host.root("tpm2_nvdefine", index, "-C", "o", "-s", "8", "-P",  # noqa: E731
                                             "session:bound")
        self.assertTrue(by_session(SCRATCH), "it does open the hierarchy before")
        self.assertEqual(host.lock().returncode, OK)
        host.relay_ends()
        self.assertFalse(by_session("0x018053fc"))

    def test_it_is_run_again_without_harm_and_undone_with_the_secrets(self):
        host = self.host
        host.start_relay()
        self.assertEqual(host.lock().returncode, OK)
        host.relay_ends()
        kept, pinned = host.secrets.read_bytes(), host.pinned.read_bytes()
        host.start_relay()
        done = host.lock()
        self.assertEqual((done.returncode, b"still locked" in done.stdout), (OK, True), done.stderr)
        host.relay_ends()
        self.assertEqual((kept, pinned), (host.secrets.read_bytes(), host.pinned.read_bytes()))
        # Another log's secrets, or others for this one, are not taken for it.
        host.start_relay()
        other = host.auditor / "other"
        other.write_text(json.dumps({**json.loads(kept), "owner_auth": "ab" * 32}))
        done = host.lock(secrets=other)
        self.assertEqual(done.returncode, UNAVAILABLE, done)
        self.assertIn(b"locked with another secret", done.stderr)
        self.assertEqual(host.lock().returncode, OK)
        host.relay_ends()
        done = host.stele("deprovision", "--yes", "--escrow-plain", host.secrets)
        self.assertEqual(done.returncode, OK, done.stderr)
        self.assertTrue(host.root("tpm2_nvdefine", SCRATCH, "-C", "o", "-s", "8"))

    def records(self, kind):
        lines = self.host.stele("query", "--limit", "0", "-o", "jsonl", expect=OK).stdout.splitlines()
        return [json.loads(content(r)) for r in map(json.loads, lines) if r["kind"] == kind]

    def test_each_visit_is_in_the_log_with_what_came_of_it_and_only_a_lock_lets_the_daemon_run(self):
        host = self.host
        host.start_relay()
        with socket.socket(socket.AF_UNIX) as visitor:  # who comes, and goes again
            visitor.connect(str(host.socket))
            visitor.recv(5)
        wait_until(lambda: len(self.records("access")) == 1, "the visit on record")
        host.relay.kill()
        host.relay.wait(PATIENCE)
        daemon = run(BIN / "steled", "--config", host.config)
        self.assertEqual(daemon.returncode, CONFIGURATION, "a visit is no lock")
        self.assertIn(b"not locked yet", daemon.stderr)
        host.start_relay()
        self.assertEqual(host.lock().returncode, OK)
        host.relay_ends()
        visits = self.records("access")
        self.assertEqual([(v["request"], v["outcome"], v.get("reason"), v["uid"]) for v in visits],
                         [({"do": "lock"}, "refused", "peer_gone", os.getuid()), ({"do": "lock"}, "done", None, os.getuid())])
        host.start_daemon()
        host.anchor()
        self.assertEqual(self.records("boot")[-1]["previous_end"], "none")
        host.stop_daemon()
        host.start_relay()
        self.assertIn(b"still locked", host.lock().stdout)
        host.relay_ends()
        host.start_daemon()
        host.anchor()
        self.assertEqual(self.records("boot")[-1]["previous_end"], "clean")
        self.assertEqual(host.verify(trust=host.pinned)["conclusion"], "verified")

    def test_between_two_machines_over_mutual_tls(self):
        """The two ends carried by socat, as `ssh -L` would: who has no certificate that the host knows is refused."""
        host = self.host
        for name in ("host", "auditor", "stranger"):
            made = run("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                       "-subj", f"/CN={name}", "-days", "2", "-keyout", host.auditor / f"{name}.pem", "-out",
                       host.auditor / f"{name}.crt")
            self.assertEqual(made.returncode, OK, made.stderr)
            with open(host.auditor / f"{name}.pem", "ab") as both:
                both.write((host.auditor / f"{name}.crt").read_bytes())
        host.start_relay()
        port = self.free_port()
        listening = subprocess.Popen(
            ["socat", f"OPENSSL-LISTEN:{port},bind=127.0.0.1,reuseaddr,fork,cert={host.auditor}/host.pem,"
             f"cafile={host.auditor}/auditor.crt,verify=1", f"UNIX-CONNECT:{host.socket}"], stderr=subprocess.DEVNULL)
        self.addCleanup(lambda: (listening.kill(), listening.wait()))
        for name, code in (("stranger", UNAVAILABLE), ("auditor", OK)):
            carrying = subprocess.Popen(
                ["socat", f"UNIX-LISTEN:{host.between}", f"OPENSSL:127.0.0.1:{port},cert={host.auditor}/{name}.pem,"
                 f"cafile={host.auditor}/host.crt,verify=1,commonname=host"], stderr=subprocess.DEVNULL)
            wait_until(host.between.exists, "socat listens")
            done = host.lock(host.between)
            self.assertEqual(done.returncode, code, done)
            carrying.wait(PATIENCE)
            host.between.unlink(missing_ok=True)
        host.relay_ends()

    @staticmethod
    def free_port():
        with socket.socket() as one:
            one.bind(("127.0.0.1", 0))
            return one.getsockname()[1]

    def test_what_is_wrong_is_said(self):
        host = self.host
        done = run(BIN / "stele", "lock", "127.0.0.1:1", "--ek-roots", host.roots, "--secrets", host.secrets, "-o",
                   host.pinned)
        self.assertEqual((done.returncode, b"ssh -L" in done.stderr), (USAGE, True), done.stderr)
        done = host.lock()
        self.assertEqual((done.returncode, b"--from-outside" in done.stderr), (UNAVAILABLE, True), done.stderr)
        provision = ("provision", "--tcti", "none", "--origin", host.origin, "--from-outside", f"unix:{host.socket}")
        host.write_config(tcti="none")
        self.assertEqual(host.stele(*provision).returncode, USAGE)
        self.assertEqual(host.stele(*provision, "--mode", "a", "--escrow-plain", "x").returncode, USAGE)
        host.start_relay()
        self.assertEqual(os.stat(host.socket).st_mode & 0o777, 0o600)
        empty = host.auditor / "empty"
        empty.mkdir()
        for roots, code, words in ((empty, NO_INPUT, b"no certificate"), (empty / "x", NO_INPUT, b"no folder")):
            command = host.lock_command()
            command[command.index(host.roots)] = roots
            done = run(*command)
            self.assertEqual((done.returncode, words in done.stderr), (code, True), done.stderr)
        command = host.lock_command()
        command.remove("--allow-simulator")
        done = run(*command)
        self.assertEqual((done.returncode, b"simulator" in done.stderr), (MALFORMED, True), done.stderr)
        self.assertFalse(host.secrets.exists() or host.pinned.exists())
        # Until the auditor has come nothing runs on this log.
        host.end_relay()
        done = run(BIN / "steled", "--config", host.config)
        self.assertEqual(done.returncode, CONFIGURATION, done.stderr)

    def test_a_tpm_without_a_certificate_cannot_be_locked_from_outside(self):
        host = self.host
        shutil.rmtree(host.tpm.state)
        host.tpm.state.mkdir()
        host.start_relay()
        host.relay_ends(CONFIGURATION)
        self.assertIn("no endorsement certificate", host.relay_log.read_text())


class Local(unittest.TestCase):
    def test_the_local_variant_is_called_what_it_is(self):
        with Host("a") as host:
            made = host.provision()
            self.assertIn(b"trust on first install", made.stdout)
            self.assertNotIn("locked_from", host.trust().read_text())


if __name__ == "__main__":
    unittest.main(verbosity=2)
