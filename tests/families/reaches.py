"""Every way in which Debian 12 lets a program reach a TPM: one context manager for each, over the same swtpm.

Each yields a Reach: the TCTI string, and what has to stand in the environment. Where a counterpart is not to be had on this machine, it raises NotAvailable, which says what is missing.
Standard library only. What is started is ended by its own pid.
"""
import contextlib
import os
import pathlib
import pty
import shutil
import socket
import struct
import subprocess
import threading
import tty

from family import Tpm, wait_until
from luck import ask

LIBRARIES = pathlib.Path("/usr/lib/x86_64-linux-gnu")
BUS = """<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig><type>session</type><listen>unix:path={path}</listen><policy context="default">
<allow send_destination="*" eavesdrop="true"/><allow eavesdrop="true"/><allow own="*"/></policy></busconfig>
"""


class NotAvailable(Exception):
    """What is missing on this machine."""


class Reach:
    def __init__(self, tcti, environment=None):
        self.tcti, self.environment = tcti, environment or {}


@contextlib.contextmanager
def swtpm(tpm, _folder):
    yield Reach(tpm.tcti)


@contextlib.contextmanager
def tabrmd(tpm, folder):
    """tpm2-abrmd, the resource manager in user space, on a bus of its own that a file in this folder leads to."""
    for program in ("tpm2-abrmd", "dbus-daemon"):
        if not shutil.which(program):
            raise NotAvailable(f"{program} is not installed")
    bus, config = folder / "bus", folder / "bus.conf"
    config.write_text(BUS.format(path=bus))
    address = {"DBUS_SESSION_BUS_ADDRESS": f"unix:path={bus}"}
    with started(["dbus-daemon", f"--config-file={config}", "--nofork", "--nopidfile"]):
        wait_until(bus.exists, "the bus")
        manager = ["tpm2-abrmd", "--session", "--tcti", tpm.tcti] + (["--allow-root"] if os.getuid() == 0 else [])
        with started(manager, {**os.environ, **address}) as process:
            reach = Reach("tabrmd:bus_type=session", address)
            wait_until(lambda: process.poll() is not None or answers(reach), "tpm2-abrmd")
            assert process.poll() is None, "tpm2-abrmd ended"
            yield reach


@contextlib.contextmanager
def command(tpm, _folder):
    """A program on whose standard input and output the TPM speaks."""
    if not shutil.which("socat"):
        raise NotAvailable("socat is not installed")
    yield Reach(f"cmd:exec socat - TCP:127.0.0.1:{tpm.port}")


@contextlib.contextmanager
def pcap(tpm, folder):
    """Around the swtpm TCTI: writes down what goes through."""
    capture = folder / "capture.pcap"
    yield Reach(f"pcap:{tpm.tcti}", {"TCTI_PCAP_FILE": str(capture)})
    assert capture.stat().st_size > 1000, "nothing was captured"


@contextlib.contextmanager
def mssim(tpm, _folder):
    """The TCG simulator's protocol. No package of Debian 12 has that simulator; its two ports are played by a bridge,
    behind which swtpm is the TPM."""
    bridge = MssimBridge(tpm)
    try:
        yield Reach(f"mssim:host=127.0.0.1,port={bridge.port}")
    finally:
        bridge.close()


@contextlib.contextmanager
def device(tpm, _folder):
    """A character device. The kernel's own proxy for a TPM in user space is another matter (below): here a terminal in
    raw mode plays the device, so that library, path check and read-and-write manners are those of /dev/tpm0."""
    bridge = TerminalBridge(tpm)
    try:
        yield Reach(f"device:{bridge.path}")
    finally:
        bridge.close()


@contextlib.contextmanager
def kernel_device(_tpm, _folder):
    why = "left alone by this test" if os.path.exists("/dev/vtpmx") else "this kernel has no tpm_vtpm_proxy"
    raise NotAvailable(f"/dev/vtpmx: {why}")
    yield


@contextlib.contextmanager
def libtpms(_tpm, _folder):
    if not list(LIBRARIES.glob("libtss2-tcti-libtpms.so*")):
        raise NotAvailable("tpm2-tss of this Debian has no libtpms TCTI")
    yield Reach("libtpms")


EVERY = {"swtpm": swtpm, "mssim": mssim, "tabrmd": tabrmd, "device": device, "device behind the kernel's proxy":
         kernel_device, "cmd": command, "pcap": pcap, "libtpms": libtpms}


def answers(reach):
    """Whether a TPM answers there: GetRandom."""
    environment = {**os.environ, **reach.environment, "TPM2TOOLS_TCTI": reach.tcti}
    return subprocess.run(["tpm2_getrandom", "8"], env=environment, capture_output=True, timeout=120).returncode == 0


@contextlib.contextmanager
def started(arguments, environment=None):
    process = subprocess.Popen(arguments, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                               stderr=subprocess.DEVNULL)
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(60)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


class MssimBridge:
    """The simulator's two ports. A command: 8, locality, size, bytes; its response: size, bytes, 0. The other port
    says 0 to whatever is asked of the platform (power, NV). 20 ends a connection."""

    SEND, END = 8, 20

    def __init__(self, tpm):
        self.tpm, self.port = tpm, None
        names = Tpm(tpm.state)  # reserves a free pair of ports by its name
        self.port, self.reservation = names._free_pair(), names
        self.listeners = []
        for offset, serve in ((0, self._commands), (1, self._platform)):
            listener = socket.create_server(("127.0.0.1", self.port + offset))
            self.listeners.append(listener)
            threading.Thread(target=self._accept, args=(listener, serve), daemon=True).start()

    def close(self):
        for listener in self.listeners:
            listener.shutdown(socket.SHUT_RDWR)
            listener.close()
        self.reservation.reservation.close()

    @staticmethod
    def _accept(listener, serve):
        with contextlib.suppress(OSError):
            while True:
                connection, _ = listener.accept()
                threading.Thread(target=MssimBridge._until_gone, args=(serve, connection), daemon=True).start()

    @staticmethod
    def _until_gone(serve, connection):
        with contextlib.suppress(OSError, struct.error), connection, connection.makefile("rb") as stream:
            serve(connection, stream)

    def _commands(self, connection, stream):
        while (what := struct.unpack(">I", self._promptly(connection, stream, 4))[0]) == self.SEND:
            _locality, size = struct.unpack(">BI", self._promptly(connection, stream, 5))
            response = ask(self.tpm.port, stream.read(size))
            connection.sendall(struct.pack(">I", len(response)) + response + bytes(4))
        assert what == self.END, what

    @staticmethod
    def _promptly(connection, stream, count):
        """The library sends a command in small pieces and waits for the acknowledgement of each."""
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 1)
        return stream.read(count)

    def _platform(self, connection, stream):
        while struct.unpack(">I", stream.read(4))[0] != self.END:
            connection.sendall(bytes(4))


class TerminalBridge:
    """A pseudo-terminal in raw mode: what is written to it is a command, what is read from it a response."""

    def __init__(self, tpm):
        self.tpm = tpm
        self.ours, self.theirs = pty.openpty()
        tty.setraw(self.theirs)
        self.path = os.ttyname(self.theirs)
        self.thread = threading.Thread(target=self._serve, daemon=True)
        self.thread.start()

    def close(self):
        os.close(self.theirs)  # the last one: reading ours fails, and the thread ends
        self.thread.join(60)
        os.close(self.ours)

    def _serve(self):
        with contextlib.suppress(OSError):
            while True:
                command = b""
                while len(command) < 10 or len(command) < struct.unpack(">I", command[2:6])[0]:
                    command += os.read(self.ours, 4096)
                response = ask(self.tpm.port, command)
                assert os.write(self.ours, response) == len(response)
