"""What befalls an honest machine, and what its log must say then; shared by the benign twins.

A Machine is a Host that remembers every acknowledged event, whose power, boots and TPM are in the
test's hands, and that keeps a tally of what the verdict has to say. Standard library only.
"""
import collections
import contextlib
import json
import os
import pathlib
import re
import secrets
import shutil
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time
import uuid

HERE = pathlib.Path(__file__).resolve().parent
for folder in ("e2e", "crash"):
    sys.path.insert(0, str(HERE.parent / folder))
# The twins take what they need of these from here.
import stele_host  # noqa: E402
from clocks import bend, preload  # noqa: E402, F401
from disks import end as end_mount, into_namespace, mount, remount, used  # noqa: E402, F401
from load import Ledger, Sender, check_records, log_id, second_verifier  # noqa: E402, F401
from stele_host import (BIN, Host, OK, TAMPERED, TEMPORARY, UNAVAILABLE, UNDETERMINED, placed, run,  # noqa: E402, F401
                        wait_until)

SECOND_VERIFIER = HERE.parent / "second_verifier" / "second_verifier.py"
SHUTDOWN, STARTUP, CLEAR, STATE = 0x145, 0x144, 0, 1
INCREMENT, EXTEND, READ, SESSION_DIGEST, PCR_EXTEND, QUOTE = 0x134, 0x136, 0x14E, 0x14D, 0x182, 0x158
GET_RANDOM = bytes.fromhex("80010000000c0000017b0008")
BOOT_ID = "/proc/sys/kernel/random/boot_id"
BOOT, NOTE = 2, 5  # kinds of records
CLOCK_FINDINGS = {"clock_inconsistent", "back_dated", "quote_gap", "heartbeat_stale"}
SKIPPED = 77  # as CMakeLists.txt has it
ALWAYS = {"simulator", "mode_b"}  # findings about the installation, not about what happened
WAITING_FINDINGS = {"quote_gap", "back_dated", "clock_inconsistent"}  # what a machine that stands still earns
LATE_RECEIPT = ("a statement waited ", "its receipt is there")  # how the daemon's remarks about it begin
STANDSTILL_S = 60  # no shared machine stands still for longer; what the twins do to clocks is hours
TRIES_STANDING = 3
LOOK_S, SEEN_S = 0.2, 1.0  # of a standstill of seconds at least one is seen from outside the daemon, else it is an alarm
LISTED = 10  # findings of a kind that a report spells out
UNFINISHED = {"unanchored_tail", "open_intent", "torn_tail", "torn_journal_tail"}
NEVER_UNASKED = ("boots_without_log", "unclean_ends", "unexplained_resets", "lost")


class StoodStill(AssertionError):
    """Records or receipts waited for seconds, as they do where a disk or a processor is others' for a while."""


class Standstills(threading.Thread):
    """Writes and syncs a little, again and again; the longest time that took is how long this machine stood still."""

    def __init__(self):
        super().__init__(daemon=True)
        self.longest = 0.0

    def run(self):
        with tempfile.TemporaryFile() as file:
            while True:
                begin = time.monotonic()
                file.write(b"a little")
                file.flush()
                os.fsync(file.fileno())
                time.sleep(LOOK_S)
                self.longest = max(self.longest, time.monotonic() - begin - LOOK_S)


STANDSTILLS = Standstills()


def unless_it_stood_still(twin, **options):
    """Lives the twin's life again where a check met StoodStill: only if the machine was seen to stand still."""
    if not STANDSTILLS.is_alive():
        STANDSTILLS.start()
    for _ in range(TRIES_STANDING - 1):
        STANDSTILLS.longest = 0.0
        try:
            return twin(**options)
        except StoodStill as told:
            print(f"once more, the machine stood still for {STANDSTILLS.longest:.1f} s: {told}", file=sys.stderr, flush=True)
    return twin(**options)


def waited_for_moments(finding):
    seconds = [int(number) for number in re.findall(r"(\d+) s\b", finding["detail"])]
    return finding["finding"] in WAITING_FINDINGS and max(seconds, default=STANDSTILL_S) < STANDSTILL_S


def says_that_it_waited(finding):
    """A finding by which the log itself explains that a disk, the TPM or the machine was slow for seconds."""
    return finding["finding"] == "slow_commit" or (
        finding["finding"] == "journal_remark" and finding["detail"].startswith(LATE_RECEIPT))


class Machine(Host):
    """Needs into_namespace() first: its boot_id is a file of its own, mounted over the kernel's."""

    def __init__(self, mode="a"):
        super().__init__(mode)
        self.ledger = Ledger()
        self.pinned = None
        self.tally = collections.Counter()     # coverage figures that the verdict must show
        self.findings = collections.Counter()  # and findings, by name
        self.new_boot()
        done = run("mount", "--bind", self.folder / "boot_id", BOOT_ID)
        assert done.returncode == 0, done.stderr

    def close(self):
        run("umount", BOOT_ID)
        super().close()

    # -- the log

    def trust(self):
        """What the auditor pinned once; later trust files of the host count for nothing."""
        if self.pinned is None:
            self.pinned = self.folder / "pinned"
            shutil.copyfile(super().trust(), self.pinned)
        return self.pinned

    def begin(self, **options):
        """Provisioned, started, first counter anchor made: the first boot of the tally."""
        self.provision(**options)
        self.start_daemon()
        self.send()
        self.anchor()
        self.tally["boots"] = 1

    def send(self, count=3):
        """Events acknowledged as durable; what was acknowledged before the daemon died counts too."""
        events = [self.ledger.next_event() for _ in range(count)]
        done = self.stele("append", "-o", "json", input=b"\n".join(events) + b"\n")
        self.ledger.acknowledged.update(zip(placed(done.stdout), events))
        return done.returncode

    def wait_until_anchored(self):
        wait_until(lambda: self.status()["anchoring"]["unanchored"] == 0, "an anchor over every record")

    def state(self):
        return self.status()["anchoring"]["state"]

    def die_at(self, failpoint, *ways):
        """Starts the daemon, goes the ways (functions) again and again until the failpoint has killed it."""
        with failing(failpoint):
            self.start_daemon(wait=False)
        wait_until(lambda: self.is_ready() or self.daemon.poll() is not None, f"steled begins or dies at {failpoint}")
        wait_until(lambda: self.daemon.poll() is not None or self.go(ways),
                   f"steled is killed at {failpoint}")
        assert self.daemon.returncode == -9, f"steled ended with {self.daemon.returncode}: {self.daemon_words()}"

    @staticmethod
    def go(ways):
        for way in ways:
            way()

    def forget(self):
        """A machine that was never provisioned: no data, a TPM as from the factory."""
        for folder in (self.data, self.tpm.state):
            shutil.rmtree(folder, ignore_errors=True)
        self.tpm.state.mkdir()
        (self.folder / "escrow").unlink(missing_ok=True)
        self.pinned = None
        self.ledger, self.tally, self.findings = Ledger(), collections.Counter(), collections.Counter()

    def records(self):
        """(kind, content) of every record, read by the second verifier's eyes."""
        for group in second_verifier.Segments(self.data / "segments", log_id(self.data)):
            yield from ((leaf[1], content[2]) for leaf, content in group)

    def notes(self, name):
        """The daemon's own notes of a kind."""
        begins = b'{"note":"' + name.encode() + b'"'
        return [json.loads(content) for kind, content in self.records() if kind == NOTE and content.startswith(begins)]

    # -- power

    def new_boot(self):
        (self.folder / "boot_id").write_text(f"{uuid.uuid4()}\n")

    def kill_daemon(self):
        if self.daemon.poll() is None:
            self.daemon.kill()
        self.daemon.wait()

    def kill_tpm(self):
        self.tpm.process.kill()
        self.tpm.process.wait()
        self.tpm.process = None

    def cut_power(self):
        """Daemon and TPM end without notice; then the machine boots."""
        self.kill_daemon()
        self.kill_tpm()
        self.new_boot()
        self.tpm.start()

    def reboot(self, stop=True):
        """As an operating system does it: services end, TPM2_Shutdown(CLEAR), power cycle."""
        if stop:
            self.stop_daemon()
        self.command(SHUTDOWN, CLEAR)
        self.kill_tpm()
        self.new_boot()
        self.tpm.start()

    def sleep(self, startup=STATE):
        """TPM2_Shutdown(STATE), the TPM without power, TPM2_Startup: STATE a resume, CLEAR a TPM Restart."""
        self.command(SHUTDOWN, STATE)
        done = run("swtpm_ioctl", "--tcp", f"127.0.0.1:{self.tpm.port + 1}", "-i")
        assert done.returncode == 0, done.stderr
        self.command(STARTUP, startup)

    def command(self, code, argument):
        """A TPM command of one u16."""
        answer = ask(self.tpm.port, struct.pack(">HIIH", 0x8001, 12, code, argument))
        assert answer[6:10] == bytes(4), f"TPM command {code:#x}: {answer.hex()}"

    def spent(self):
        """C as the TPM itself shows it: every increment ever made counts."""
        kept = dict(line.split(" ", 1) for line in (self.data / "secrets").read_text().splitlines())
        index = "0x" + kept["counter_handle"]
        done = run("tpm2_nvread", "-T", self.tpm.tcti, index, "-C", index, "-P", f"hex:{kept['counter_auth']}")
        assert done.returncode == 0, done.stderr
        return int.from_bytes(done.stdout, "big")

    def clock(self):
        """(reset, restart) as the TPM counts them."""
        return struct.unpack(">II", self.read_clock()[26:34])

    def clock_is_safe(self):
        """NO after an unclean stop, until the TPM's clock has passed all that it may have shown before."""
        return self.read_clock()[34] == 1

    def read_clock(self):
        return ask(self.tpm.port, struct.pack(">HII", 0x8001, 10, 0x181))

    # -- what must be said

    def told(self, findings=(), **coverage):
        """Adds to the tally."""
        self.tally.update(coverage)
        self.findings.update(findings)

    def check(self, conclusion=OK, fault=None, tail=False, **exact):
        """The verdict, the tally, and every acknowledged event byte for byte.

        With a tail, as beside a dead daemon, what is unfinished must be named, and nothing else. Where this machine was
        seen to stand still, the log may say that something waited.
        """
        report = self.verify()
        assert report["exit"] == conclusion, (report, self.daemon_words())
        assert {d["fault"] for d in report["defects"]} == ({fault} if fault else set()), report["defects"]
        named = collections.Counter(f["finding"] for f in report["findings"] if f["finding"] not in ALWAYS)
        unfinished = named - self.findings
        waits = collections.Counter()
        if STANDSTILLS.longest >= SEEN_S:  # then it may have waited, and has to say so
            waits = unfinished & collections.Counter(f["finding"] for f in report["findings"] if says_that_it_waited(f))
        unfinished -= waits
        untold = [f for f in report["findings"] if f["finding"] in unfinished]
        if STANDSTILLS.longest >= SEEN_S and any(map(waited_for_moments, untold)):
            raise StoodStill(untold)
        assert set(unfinished) <= (UNFINISHED if tail else set()), (unfinished, self.findings, report)
        all_of_them = self.findings + unfinished + waits
        assert named == {name: min(count, LISTED) for name, count in all_of_them.items()}, (named, all_of_them, report)
        about_site = sum(1 for f in report["findings"] if f["finding"] in ALWAYS)
        assert report["finding_count"] == all_of_them.total() + about_site, (all_of_them, report)
        assert ("unanchored_tail" in unfinished) == (report["coverage"]["unanchored"] > 0), report
        wanted = {**dict.fromkeys(NEVER_UNASKED, 0), **self.tally, **exact}
        found = {name: report["coverage"][name] for name in wanted}
        assert found == wanted, (found, wanted, report["findings"])
        self.check_events()
        return report

    def check_events(self):
        """Every acknowledged event at its index, byte for byte; nothing that nobody sent."""
        check_records(self.data, self.ledger)

    # -- no blind spot

    def copy(self, name):
        """The data directory as it is now."""
        target = self.folder / name
        shutil.rmtree(target, ignore_errors=True)
        shutil.copytree(self.data, target)
        return target

    def check_still_caught(self, older, second_opinion=True):
        """After the bad luck as before it: a flipped byte and a cut-back log are tampering. Needs the daemon."""
        index = self.ledger.newest
        event = self.ledger.acknowledged[index]
        self.anchor()
        flipped = self.copy("flipped")
        assert flip(flipped / "segments", event), f"{event!r} stands in no segment"
        report = self.verify(path=flipped)
        assert report["exit"] == TAMPERED and report["integrity"] == "fail", report
        assert report["defects"][0]["at"] == {"index": index}, report["defects"]
        nonce, answer = secrets.token_hex(32), self.folder / "answer"
        self.stele("answer", "--nonce", nonce, "-o", answer, expect=OK)
        challenge = ("--nonce", nonce, "--answer", answer)
        honest = self.verify(*challenge)
        assert (honest["exit"], honest["freshness"]) == (OK, "pass"), honest
        rolled_back = self.verify(*challenge, path=older)
        assert (rolled_back["exit"], rolled_back["freshness"]) == (TAMPERED, "fail"), rolled_back
        opinions = ((self.copy("second"), OK), (flipped, TAMPERED)) if second_opinion else ()
        for path, verdict in opinions:
            done = run(sys.executable, "-B", SECOND_VERIFIER, path, "--trust", self.trust())
            assert done.returncode == verdict, (path, done)


class Bent(Machine):
    """Its daemon's wall clock is what bend() says, through libfaketime; the TPM's clock goes on."""

    def bend(self, offset):
        bend(self.folder / "clock", offset)

    def start_bent(self):
        added = preload(self.folder / "clock")
        os.environ.update(added)
        try:
            self.start_daemon()
        finally:
            for name in added:
                del os.environ[name]


@contextlib.contextmanager
def failing(failpoint, action="kill"):
    """What is started within dies at the failpoint NAME or, at its n-th pass, NAME:n."""
    name, _, count = failpoint.partition(":")
    os.environ["STELE_FAILPOINT"] = f"{name}={action}:{count or 1}"
    try:
        yield
    finally:
        del os.environ["STELE_FAILPOINT"]


def need_failpoints():
    """Ends the script as skipped, and says so, where the daemon was built without its failpoints."""
    if b"STELE_FAILPOINT" not in (BIN / "steled").read_bytes():
        print("SKIPPED: steled was built without failpoints (-DSTELE_FAILPOINTS=ON)")
        sys.exit(SKIPPED)


def flip(segments, event):
    for path in sorted(segments.iterdir()):
        data = bytearray(path.read_bytes())
        at = data.find(event)
        if at >= 0:
            data[at] ^= 1
            path.write_bytes(data)
            return True
    return False


def receive(connection):
    """One TPM command or response; None when the other side is gone."""
    data = b""
    while len(data) < 10 or len(data) < struct.unpack(">I", data[2:6])[0]:
        more = connection.recv(4096)
        if not more:
            return None
        data += more
    return data


def ask(port, command):
    with socket.create_connection(("127.0.0.1", port), timeout=30) as connection:
        connection.sendall(command)
        answer = receive(connection)
        assert answer, "the TPM does not answer"
        return answer


class TpmBetween:
    """Stands between the daemon and the TPM and lets a test decide about each command.

    meddle(code, command, forward) returns the response, or None: then the connection breaks. Commands go to the
    TPM one after another, as through a resource manager. Listens on a pair of ports of its own, as swtpm does.
    """

    def __init__(self, tpm, meddle):
        self.tpm, self.meddle, self.lock = tpm, meddle, threading.Lock()
        self.port, self.listeners = self._listen()
        for listener, work in zip(self.listeners, (self._data, self._control)):
            threading.Thread(target=self._accept, args=(listener, work), daemon=True).start()

    @property
    def tcti(self):
        return f"swtpm:host=127.0.0.1,port={self.port}"

    def _listen(self):
        self.names = type(self.tpm)(self.tpm.state)  # reserves a free pair by its name
        while True:
            port = self.names._free_pair()
            pair = [socket.socket(), socket.socket()]
            try:
                for offset, listener in enumerate(pair):
                    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                    listener.bind(("127.0.0.1", port + offset))
                    listener.listen(16)
                return port, pair
            except OSError:
                for listener in pair:
                    listener.close()

    def close(self):
        for listener in self.listeners:
            listener.close()

    def _accept(self, listener, work):
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(connection, work), daemon=True).start()

    @staticmethod
    def _serve(connection, work):
        with connection:
            try:
                work(connection)
            except OSError:
                pass  # the TPM or the daemon is gone: so is this connection

    def _data(self, connection):
        while command := receive(connection):
            code = struct.unpack(">I", command[6:10])[0]
            with self.lock:
                response = self.meddle(code, command, lambda: ask(self.tpm.port, command))
            if response is None:
                return
            connection.sendall(response)

    def _control(self, connection):
        with socket.create_connection(("127.0.0.1", self.tpm.port + 1), timeout=30) as other:
            back = threading.Thread(target=pump, args=(other, connection), daemon=True)
            back.start()
            pump(connection, other)


class Executioner:
    """Kills the TPM at the n-th next command of a kind, before it hears it or before its answer is heard."""

    def __init__(self, machine):
        self.machine, self.deaths, self.code = machine, 0, None

    def order(self, code, moment, count=1):
        self.code, self.moment, self.count = code, moment, count

    def __call__(self, code, _command, forward):
        if code != self.code:
            return forward()
        self.count -= 1
        if self.count:
            return forward()
        self.code = None
        if self.moment == "unheard":
            forward()
        self.machine.kill_tpm()
        self.machine.tpm.start()
        self.deaths += 1
        return None


def pump(source, target):
    try:
        while data := source.recv(4096):
            target.sendall(data)
        target.shutdown(socket.SHUT_WR)
    except OSError:
        pass


def said(code):
    """A response of nothing but a code."""
    return struct.pack(">HII", 0x8001, 10, code)
