"""The ground of attacks on files: a host that lives honestly until root comes, and the auditor who judges stores."""
import json
import os
import pathlib
import shutil
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parents[1] / "e2e"))
from forger import Forger  # noqa: E402
from hand_signed import Signer  # noqa: E402
from stele_host import OK, TAMPERED, UNDETERMINED, BIN, Host, run, wait_until  # noqa: E402,F401

EXITS = {"verified": OK, "tampered": TAMPERED, "undetermined": UNDETERMINED}
# Plain ones: the hands of these tests read and write records, not zstd.
SMALL_SEGMENTS = '[limits]\nsegment_bytes = "64KiB"\n[storage]\npack = false\n'
FILLS_A_SEGMENT = b"x" * 70_000


class Scene(Host):
    def __init__(self, mode="a", **config):
        super().__init__(mode)
        try:
            # Quote anchors come when the scene asks for them; one more may come by itself in the daemon's first moments.
            config.setdefault("quote_interval", "1h")
            self.provision(**config)
            self.pinned = self.trust()
            self.start_daemon()
        except BaseException:
            self.close()
            raise
        self.made = 0

    def close(self):
        super().close()
        if self.tpm.reservation:
            self.tpm.reservation.close()

    # -- the honest life

    def say(self, *events):
        """Each event in a group of its own; their indices."""
        return [index for event in events for index in self.append(event + b"\n")]

    def quote(self):
        """A quote anchor over all that is durable: an auditor's question makes one. The record that says who asked is
        under it, the one that says what came of it behind it, unanchored."""
        return self.ask(os.urandom(32))

    def ask(self, nonce):
        return self.stele("answer", "--nonce", nonce.hex(), "-o", "-", expect=OK).stdout

    def anchors(self, count, text="anchored"):
        """So many rounds of an event, a quote anchor, an event, a counter anchor."""
        for number in range(count):
            self.say(b"%s %d, quoted" % (text.encode(), number))
            self.quote()
            self.say(b"%s %d, sealed" % (text.encode(), number))
            self.anchor()

    def kill(self):
        self.daemon.kill()
        self.daemon.wait()

    # -- root

    def new_path(self, name):
        self.made += 1
        return self.folder / f"{name}-{self.made}"

    def copy(self, store=None):
        return pathlib.Path(shutil.copytree(store or self.data, self.new_path("copy")))

    def put_back(self, store):
        """The data directory becomes this store."""
        shutil.rmtree(self.data)
        shutil.copytree(store, self.data)

    def forge(self, change, store=None):
        """A store after change(forger), every unkeyed hash recomputed; checks that something was changed."""
        forger = Forger(store or self.data)
        before = forger.records, list(forger.entries)
        change(forger)
        assert (forger.records, forger.entries) != before, "the attack changed nothing"
        return forger.write(self.new_path("forged"))

    def signer(self):
        return Signer(self.tpm.port, self.data)

    def cut_power(self):
        """The TPM loses power without TPM2_Shutdown, and comes back: an unclean TPM Reset."""
        if self.daemon.poll() is None:
            self.kill()
        self.tpm.stop()
        self.tpm.start()
        with self.signer() as signer:
            signer.state()  # it has come up: a reset that is not through does not count

    # -- the auditor

    def judge(self, conclusion, store=None, *arguments, fault=None, at=None, finding=None, **verdicts):
        """stele-verify's report, after asserting conclusion, exit code, verdicts, fault (with its place), finding."""
        report = self.verify(*arguments, path=store or self.data, trust=self.pinned)
        told = json.dumps(report, indent=1)
        assert (report["conclusion"], report["exit"]) == (conclusion, EXITS[conclusion]), f"{conclusion}? {told}"
        for verdict, expected in verdicts.items():
            assert report[verdict] == expected, f"{verdict} {expected}? {told}"
        places = [defect["at"] for defect in report["defects"] if defect["fault"] == fault]
        assert fault is None or places, f"{fault}? {told}"
        assert at is None or at in places, f"{fault} at {at}? {told}"
        assert finding is None or finding in findings(report), f"{finding}? {told}"
        return report

    def challenge(self, conclusion, answer_to, store=None, *arguments, **expected):
        """A fresh nonce, answered by answer_to(nonce), judged over a store."""
        nonce, path = os.urandom(32), self.new_path("answer")
        path.write_bytes(answer_to(nonce))
        return self.judge(conclusion, store, "--nonce", nonce.hex(), "--answer", path, *arguments, **expected)


def findings(report):
    return {finding["finding"] for finding in report["findings"]}


def detail_of(report, name):
    """What the report says about one finding."""
    return [finding["detail"] for finding in report["findings"] if finding["finding"] == name][0]
