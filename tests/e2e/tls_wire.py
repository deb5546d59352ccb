"""A wire between one TLS sender and a daemon on this host, that ends where a test says: after a record, in the middle of one, after
so many bytes; in order, or by a reset. It reads nothing but the records' headers. And a sender: openssl s_client. Standard library
only."""
import contextlib
import pathlib
import socket
import struct
import subprocess
import threading

from stele_host import PATIENCE, wait_until

CLOSE_NOTIFY = {"-tls1_2": 21, "-tls1_3": 23}  # the type that a record with an encrypted alert shows


def records(stream):
    """(type, offset, length with the header) of each whole record at the beginning of these bytes."""
    found, at = [], 0
    while len(stream) - at >= 5:
        length = 5 + struct.unpack_from("!H", stream, at + 3)[0]
        if len(stream) - at < length:
            break
        found.append((stream[at], at, length))
        at += length
    return found


class Wire:
    """limit: so many of the sender's bytes go through, then none. cut_next(): of the next record only its half goes through."""

    def __init__(self, port, limit=None):
        self.limit = limit
        self.half = False
        self.gone_through = b""
        self.going = threading.Lock()
        self.answer = b""  # of the daemon
        self.ended = None  # how the daemon ended: "fin", "rst"
        self.cut = threading.Event()  # no more of the sender's bytes go through
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.daemon_port = port
        self.daemon = None
        self.sender = None
        self.back = None
        self.thread = threading.Thread(target=self._up)
        self.thread.start()

    @property
    def given(self):
        """The sender's bytes that went through to the daemon: with all that it can have acted upon."""
        with self.going:
            return self.gone_through

    def cut_next(self):
        self.half = True

    def read_by_daemon(self):
        """Nothing that went through is on its way (not acknowledged by the kernel), nor in the daemon's receive queue."""
        here = "0100007F:%04X" % self.daemon.getsockname()[1]
        rows = [line.split() for line in pathlib.Path("/proc/net/tcp").read_text().splitlines()[1:]]
        arrived = any(row[1] == here and row[4].startswith("00000000:") for row in rows)
        return arrived and any(row[2] == here and row[4].endswith(":00000000") for row in rows)

    def end(self, how):
        """Towards the daemon. What went through before is read by then, so that a reset takes nothing along."""
        wait_until(self.read_by_daemon, "what went through is read")
        if how == "rst":
            self.daemon.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.daemon.shutdown(socket.SHUT_RD)  # the other thread lets go of it
            self.back.join(PATIENCE)
            self.daemon.close()
            self.ended = None  # by us
        else:
            self.daemon.shutdown(socket.SHUT_WR)

    def close(self):
        for one in (self.listener, self.sender, self.daemon):
            with contextlib.suppress(OSError):  # not connected, or closed
                if one:
                    one.shutdown(socket.SHUT_RDWR)
        for thread in (self.thread, self.back):
            if thread:
                thread.join(PATIENCE)
        for one in (self.listener, self.sender, self.daemon):
            if one:
                one.close()

    # -- its two threads

    def _up(self):
        try:
            self.sender, _ = self.listener.accept()
            self.daemon = socket.create_connection(("127.0.0.1", self.daemon_port), PATIENCE)
            self.daemon.settimeout(None)
            self.daemon.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        except OSError:  # closed before anybody came
            return
        self.back = threading.Thread(target=self._down)
        self.back.start()
        if self.limit == 0:
            self.cut.set()
        kept = b""
        try:
            while data := self.sender.recv(1 << 16):
                kept += data
                kept = kept[self._pass_on(kept):]
            if not self.cut.is_set():
                self.daemon.shutdown(socket.SHUT_WR)
        except OSError:  # closed by the test, or the daemon is gone
            pass

    def _pass_on(self, kept):
        """Of these, what goes through; by whole records unless a limit counts bytes. How many are done with."""
        if self.cut.is_set():
            return len(kept)
        whole = records(kept)
        done = sum(length for _, _, length in whole)
        part = kept[:done]
        if self.limit is not None:
            part, done = kept[:self.limit - len(self.gone_through)], len(kept)
        elif self.half and whole:
            part = kept[:whole[0][2] // 2]
        with self.going:
            self.daemon.sendall(part)
            self.gone_through += part
        if (self.half and whole) or len(self.gone_through) == self.limit:
            self.cut.set()
        return done

    def _down(self):
        try:
            while data := self.daemon.recv(1 << 16):
                self.answer += data
                with contextlib.suppress(OSError):  # the sender may be gone by now
                    if not self.cut.is_set():
                        self.sender.sendall(data)
            self.ended = "fin"
        except ConnectionResetError:
            self.ended = "rst"
        except OSError:  # closed by the test
            pass
        with contextlib.suppress(OSError):
            self.sender.shutdown(socket.SHUT_WR)


class Client:
    """openssl s_client over a wire. Its words: what it prints, to a file in the folder."""

    def __init__(self, wire, host, version, folder):
        certificate, key = host.sender
        self.words = pathlib.Path(folder) / f"client-{wire.port}.log"
        with open(self.words, "wb") as out:
            self.process = subprocess.Popen(
                ["openssl", "s_client", "-quiet", "-no_ign_eof", version, "-connect", f"127.0.0.1:{wire.port}",
                 "-servername", "log.example", "-CAfile", str(host.authority.pem), "-verify_return_error",
                 "-cert", str(certificate), "-key", str(key)], stdin=subprocess.PIPE, stdout=out, stderr=out)

    def write(self, data):
        """One record."""
        self.process.stdin.write(data)
        self.process.stdin.flush()

    def end(self):
        """In order: close_notify. Its exit code."""
        self.process.stdin.close()
        return self.process.wait(PATIENCE)

    def close(self):
        self.process.kill()
        self.process.wait(PATIENCE)
        with contextlib.suppress(BrokenPipeError):
            self.process.stdin.close()
