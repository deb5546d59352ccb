"""Goal: no secret leaves DIR/secrets and the escrow: not in logs, arguments, environment, evidence, replies, core
files.

Method: a provisioned host of each mode lives a day; each of its secrets is looked for, as bytes, hex and base64,
in all that it wrote or shows. The search itself must find them where they belong. Family 91."""
import base64
import json
import os
import pathlib
import resource
import signal
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "e2e"))
from stele_host import Host, run  # noqa: E402

AUTHS = ("ak_auth", "counter_auth", "extend_auth", "endorsement_auth")


def forms(secret):
    """How it could be written: the middle of its base64 whatever stands before it in a longer text."""
    shifted = {base64.b64encode(bytes(shift) + secret)[8:-4] for shift in range(3)}
    return {secret, secret.hex().encode(), secret.hex().upper().encode(), *shifted}


def holds(text, secret):
    return any(form in text for form in forms(secret))


class Day(Host):
    """A host whose every word is kept."""

    def __init__(self, mode):
        super().__init__(mode)
        self.words = []

    def stele(self, *arguments, **options):
        done = super().stele(*arguments, **options)
        self.words += [done.stdout, done.stderr]
        return done

    def live(self):
        self.start_daemon()
        self.append(b"one\ntwo\n")
        self.anchor()
        self.stele("answer", "--nonce", "5a" * 32, "-o", self.folder / "answer", expect=0)
        self.stele("prove", "0", "--content", "-o", self.folder / "proof", expect=0)
        for command in (["status"], ["status", "-o", "json"], ["query", "--limit", "0", "-o", "json"], ["trust"],
                        ["config", "check", "--print"]):
            self.stele(*command, expect=0)
        shown = pathlib.Path(f"/proc/{self.daemon.pid}")
        self.proc = {name: (shown / name).read_bytes() for name in ("cmdline", "environ")}

    def secrets(self):
        """By name: those of DIR/secrets, and in Mode A those that only the auditor can decrypt."""
        fields = dict(line.split(" ") for line in (self.data / "secrets").read_text().splitlines()[1:])
        found = {name: bytes.fromhex(fields[name]) for name in AUTHS}
        if self.mode == "a":
            plain = run("openssl", "cms", "-decrypt", "-inform", "PEM", "-in", self.folder / "escrow", "-inkey",
                        self.folder / "auditor.key").stdout
            found.update({name: bytes.fromhex(json.loads(plain)[name]) for name in ("owner_auth", "lockout_auth")})
        return {name: secret for name, secret in found.items() if any(secret)}

    def memory_holds(self, secret):
        maps = pathlib.Path(f"/proc/{self.daemon.pid}/maps").read_text().splitlines()
        with open(f"/proc/{self.daemon.pid}/mem", "rb", 0) as memory:
            for line in maps:
                place, access = line.split()[:2]
                begin, end = (int(part, 16) for part in place.split("-"))
                if access.startswith("rw"):
                    memory.seek(begin)
                    if secret in memory.read(end - begin):
                        return True
        return False

    def places(self):
        """All that others may come to see: by name, its bytes."""
        found = {f"output {number}": words for number, words in enumerate(self.words)} | self.proc
        for path in self.folder.rglob("*"):
            if path.is_file() and self.tpm.state not in path.parents and path != self.data / "secrets":
                found[str(path.relative_to(self.folder))] = path.read_bytes()
        return found


class Secrets(unittest.TestCase):
    def test_none_is_where_it_does_not_belong(self):
        searched = 0
        for mode in ("a", "b"):
            with self.subTest(mode=mode), Day(mode) as day:
                day.provision()
                day.live()
                secrets = day.secrets()
                self.assertGreaterEqual(len(secrets), 3 if mode == "b" else 5)
                belongs = (day.data / "secrets").read_bytes()
                self.assertTrue(all(holds(belongs, secrets[name]) for name in AUTHS if name in secrets))
                self.assertTrue(day.memory_holds(secrets["extend_auth"]), "so that a core file would give it away")
                places = day.places()
                for where in ("steled.log", "steled.toml", "cmdline", "environ", "answer", "proof"):
                    self.assertIn(where, places)
                for where, text in places.items():
                    for name, secret in secrets.items():
                        searched += 1
                        self.assertFalse(holds(text, secret), f"{name} stands in {where}")
                day.stop_daemon()
                day.tpm.reservation.close()
        print(f"family 91: injected {searched}, lost 0, false alarms 0, missed 0 "
              "(places searched for secrets, modes A and B)")

    def dies_in(self, folder, process):
        """Ends it as a crash would, and gives the core files that it left in its folder."""
        process.send_signal(signal.SIGABRT)
        self.assertEqual(process.wait(), -signal.SIGABRT)
        return [path for path in pathlib.Path(folder).iterdir() if "core" in path.name]

    def test_a_crash_leaves_no_core_file(self):
        _, hard = resource.getrlimit(resource.RLIMIT_CORE)
        resource.setrlimit(resource.RLIMIT_CORE, (hard, hard))
        before = os.getcwd()
        with tempfile.TemporaryDirectory() as folder, Host() as host:
            os.chdir(folder)
            self.addCleanup(os.chdir, before)
            host.provision()
            host.start_daemon()
            limits = pathlib.Path(f"/proc/{host.daemon.pid}/limits").read_text()
            self.assertRegex(limits, r"(?m)^Max core file size +0 +0 ")
            self.assertEqual(self.dies_in(folder, host.daemon), [])
            others = self.dies_in(folder, subprocess.Popen(["sleep", "600"]))  # how this machine deals with any other
            os.chdir(before)
            host.tpm.reservation.close()
        print("family 91: injected 1, lost 0, false alarms 0, missed 0 (a crash with core files allowed; "
              f"another program left {len(others)})")


if __name__ == "__main__":
    unittest.main(verbosity=2)
