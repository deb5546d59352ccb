"""A host, and beside it an auditor who keeps a trust file, a memory and a signing key: for eras."""
import re
import secrets
import shutil

from stele_host import OK, Host, Tpm, run, wait_until

COUNTER = "0x01805354"


class EraHost(Host):
    """A host, and beside it the auditor: a signing key, a trust file, a memory."""

    def __init__(self, mode="b"):
        super().__init__(mode)
        self.auditor = self.folder / "auditor"
        self.auditor.mkdir()
        self.memory = self.auditor / "memory"
        self.key = self.new_key("auditor")

    def new_key(self, name):
        key = self.auditor / f"{name}.pem"
        made = run("openssl", "genpkey", "-algorithm", "ed25519", "-out", key)
        assert made.returncode == OK, made.stderr
        public = self.auditor / f"{name}.vkey"
        self.stele("era", "key", "--auditor-key-file", key, "--name", f"{name}.example", "-o", public, expect=OK)
        return key

    @property
    def public(self):
        return self.auditor / "auditor.vkey"

    def begin_log(self):
        """A log with two anchors and an event after them, known to the auditor."""
        self.provision()
        self.start_daemon()
        self.first = self.append(b"one\ntwo\n")
        self.anchor()
        self.append(b"three\n")
        self.anchor()
        self.pin("trust.0")

    def pin(self, name):
        self.pinned = self.auditor / name
        self.stele("trust", "-o", self.pinned, expect=OK)

    def visit(self):
        """The auditor verifies the era that runs, and remembers."""
        report = self.verify("--memory", self.memory, trust=self.pinned)
        assert report["conclusion"] == "verified", report
        return report

    def snapshot(self):
        shutil.copytree(self.data, self.folder / "backup")

    def put_back(self):
        shutil.rmtree(self.data)
        shutil.copytree(self.folder / "backup", self.data)

    def tool(self, *arguments):
        done = run(*arguments, env={"PATH": "/usr/bin:/bin", "TPM2TOOLS_TCTI": self.tpm.tcti})
        assert done.returncode == OK, done.stderr

    def move_counter(self):
        """What somebody who reads DIR/secrets can do: C moves, no anchor says so."""
        auth = re.search(r"^counter_auth (\w+)$", (self.data / "secrets").read_text(), re.M).group(1)
        self.tool("tpm2_nvincrement", "-C", COUNTER, "-P", f"hex:{auth}", COUNTER)

    def new_tpm(self):
        self.tpm.stop()
        self.tpm.reservation.close()
        self.tpm = Tpm(self.folder / "another")
        self.tpm.start()
        self.write_config()

    def expect_stopped(self):
        """The daemon stops anchoring, and its reason names the way back."""
        self.start_daemon()
        wait_until(lambda: self.status()["anchoring"]["state"] == "stopped", "stopped")
        assert "stele era begin" in self.status()["anchoring"]["reason"]
        self.append(b"while stopped\n")
        self.stop_daemon()

    def begin_era(self, *arguments, expect=OK):
        return self.stele("era", "begin", "--yes", *arguments, expect=expect)

    def live_on(self):
        self.start_daemon()
        self.append(b"in the new era\n")
        self.anchor()
        self.stop_daemon()

    def request(self):
        path = self.auditor / "request"
        self.stele("era", "request", "-o", path, expect=OK)
        return path

    def sign(self, *arguments, key=None, previous=None, request=None):
        """stele era sign: its result, and where the signed trust file is."""
        path = self.auditor / f"signed.{secrets.token_hex(4)}"
        key = key or self.key
        done = self.stele("era", "sign", request or self.request(), "--trust", previous or self.pinned, "--auditor-key-file", key,
                          "--name", f"{key.stem}.example", "-o", path, *arguments)
        return done, path

    def approve(self, *arguments):
        done, path = self.sign(*arguments)
        assert done.returncode == OK, done.stderr.decode()
        return path

    def judge(self, trust, *arguments):
        return self.verify("--auditor-key", self.public, *arguments, trust=trust)

    def conclusions(self, signed):
        """With the approval, and without."""
        return self.judge(signed)["conclusion"], self.verify()["conclusion"]
