"""The ground of root's attacks: a host that lived honestly until root came, and what an auditor says of it then."""
import json
import os
import pathlib
import shutil
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parents[1] / "e2e"))
from stele_host import OK, TAMPERED, UNDETERMINED, Host, run, wait_until  # noqa: E402
from tpm_hands import EXTEND_ATTRIBUTES, H, NO_SUCH_HANDLE, Hand, Refused, Secrets  # noqa: E402

EXITS = {"verified": OK, "tampered": TAMPERED, "undetermined": UNDETERMINED}
VERDICTS = ("integrity", "completeness", "freshness", "platform")


class Root:
    """A host with some anchored events; its daemon has ended when root begins."""

    def __init__(self, mode="b", anchors=3, end="stop", **options):
        self.host = Host(mode)
        try:
            self.host.provision(**options)
            self.host.start_daemon()
            for number in range(anchors):
                self.host.append(b"anchored %d\n" % number)
                self.host.anchor()
            self.trust = self.host.trust()
            self.end_daemon(end)
            self.secrets = Secrets(self.host.data)
            self.expect("verified")
        except BaseException:
            self.close()
            raise
        self.copies = 0

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.host.close()
        if self.host.tpm.reservation:
            self.host.tpm.reservation.close()

    def end_daemon(self, how="stop"):
        if how == "stop":
            self.host.stop_daemon()
        elif how == "kill":
            self.host.daemon.kill()
            self.host.daemon.wait()

    def new_folder(self, name):
        self.copies += 1
        return self.host.folder / f"{name}-{self.copies}"

    def hand(self):
        return Hand(self.host.tpm.port, self.secrets)

    def tool(self, *command, **options):
        """One of tpm2-tools against this TPM."""
        return run(*command, env={**os.environ, "TPM2TOOLS_TCTI": self.host.tpm.tcti}, **options)

    def power_cycle(self, hand, keep_state=False):
        """TPM Reset without ending swtpm; or, when the state was kept, TPM Restart."""
        run_before, port = hand.run(), self.host.tpm.port
        if keep_state:
            hand.command(0x145, parameters=b"\0\1")
        done = run("swtpm_ioctl", "--tcp", f"127.0.0.1:{port + 1}", "-i")
        assert done.returncode == OK, done.stderr
        hand.command(0x144, parameters=b"\0\0")
        step = (0, 1) if keep_state else (1, -run_before[1])
        assert hand.run() == (run_before[0] + step[0], run_before[1] + step[1]), (run_before, hand.run())

    def redefine_extend(self, hand, digests):
        """Undefines E with the ownerAuth that root knows in Mode B, defines it alike, replays these digests."""
        s, before = self.secrets, hand.index_name(self.secrets.extend)
        hand.undefine(s.extend)
        try:
            hand.index_name(s.extend)
            raise AssertionError("E was not undefined")
        except Refused as refused:
            assert refused.code == NO_SUCH_HANDLE, refused
        hand.define(s.extend, EXTEND_ATTRIBUTES, 32, s.extend_auth)
        value = bytes(32)
        for digest in digests:
            hand.extend(s.extend_auth, digest)
            value = H(value, digest)
        assert hand.extend_value() == value and hand.index_name(s.extend) == before == s.extend_name

    def copy_tpm(self):
        """A copy of the TPM's state file, as only the owner of a simulator can make it; swtpm is stopped for it."""
        copy = self.new_folder("tpm-copy")
        self.host.tpm.stop()
        shutil.copytree(self.host.tpm.state, copy)
        self.host.tpm.start()
        return copy

    def put_tpm_back(self, copy):
        self.host.tpm.stop()
        shutil.rmtree(self.host.tpm.state)
        shutil.copytree(copy, self.host.tpm.state)
        self.host.tpm.start()

    def put_data_back(self, copy):
        shutil.rmtree(self.host.data)
        shutil.copytree(copy, self.host.data)

    def copy_data(self, name="copy"):
        copy = self.new_folder(name)
        shutil.copytree(self.host.data, copy)
        return copy

    # -- the auditor

    def expect(self, conclusion, *arguments, path=None, defect=None, at=None, unless=(), **verdicts):
        """Verifies, and asserts the conclusion; with a defect, that it is among the defects, at this place."""
        report = self.host.verify(*arguments, path=path, trust=self.trust)
        told = json.dumps({key: report[key] for key in ("conclusion", *VERDICTS, "defects", "findings")})
        assert (report["conclusion"], report["exit"]) == (conclusion, EXITS[conclusion]), told
        for verdict, expected in verdicts.items():
            assert report[verdict] == expected, f"{verdict} is not {expected}: {told}"
        found = [d for d in report["defects"] if d["fault"] == defect]
        assert not defect or found, f"no {defect}: {told}"
        assert at is None or any(d["at"] == at for d in found), f"{defect} not at {at}: {told}"
        return report

    def findings(self, report):
        return {finding["finding"] for finding in report["findings"]}

    def challenge(self, conclusion, answer_of, *arguments, path=None, **expected):
        """A fresh nonce, answered by answer_of(nonce), judged."""
        nonce = os.urandom(32)
        answer = self.new_folder("answer")
        answer.write_bytes(answer_of(nonce))
        return self.expect(conclusion, "--nonce", nonce.hex(), "--answer", answer, *arguments, path=path, **expected)

    def ask_daemon(self, nonce):
        return self.host.stele("answer", "--nonce", nonce.hex(), "-o", "-", expect=OK).stdout

    # -- the daemon

    def expect_stopped(self, *words):
        """Starts the daemon: it must say that anchoring stopped, and why; nothing in C and E moves."""
        with self.hand() as hand:
            before = state_of(hand)
        self.host.start_daemon()
        wait_until(lambda: self.host.status()["anchoring"]["state"] == "stopped", "the daemon stops anchoring")
        reason = self.host.status()["anchoring"]["reason"]
        for word in words:
            assert word in reason, reason
        # The start's own configuration record is a critical event: no refill will ever anchor it.
        assert "refill" not in self.host.stele("status").stdout.decode(), "status promises an anchor"
        assert self.host.stele("anchor").returncode == 69
        assert self.host.stele("answer", "--nonce", "5a" * 32, "-o", "-").returncode == 69
        self.end_daemon()
        with self.hand() as hand:
            assert state_of(hand) == before, "the daemon wrote to C or E after it had stopped"


def state_of(hand):
    """C and E as raw reads or refusals give them."""
    state = []
    for read in (hand.counter_value, hand.extend_value):
        try:
            state.append(read())
        except Refused as refusal:  # an index that is gone is a state too
            state.append(str(refusal))
    return state
