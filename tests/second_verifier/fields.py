"""What all parts of the second verifier share: its two exceptions, SHA-256, and reading fields from bytes."""
import contextlib
import hashlib
import struct
from types import SimpleNamespace

ZERO = bytes(32)


class Tampered(Exception):
    """A verdict fails."""


class Unknown(Exception):
    """Something that this verifier cannot judge."""


def H(*parts):
    return hashlib.sha256(b"".join(parts)).digest()


def u64(value):
    return struct.pack(">Q", value)


def need(condition, why):
    if not condition:
        raise Tampered(why)


@contextlib.contextmanager
def noting(doubts):
    """What cannot be judged is noted, and the rest is judged all the same."""
    try:
        yield
    except Unknown as why:
        doubts.append(str(why))


class Bytes:
    """Reads fields from the front, as Python's struct names them, big-endian; a short read is damage."""

    def __init__(self, data, what):
        self.data, self.at, self.what = data, 0, what

    def take(self, count):
        need(self.at + count <= len(self.data), f"{self.what} ends too early")
        self.at += count
        return self.data[self.at - count:self.at]

    def get(self, form):
        return struct.unpack(">" + form, self.take(struct.calcsize(">" + form)))

    def fields(self, **forms):
        return SimpleNamespace(**dict(zip(forms, self.get("".join(forms.values())))))

    def sized16(self):
        return self.take(*self.get("H"))

    def sized32(self):
        return self.take(*self.get("I"))

    def begins(self, magic):
        need(self.take(8) == magic, f"{self.what} has a wrong magic")
        if self.get("H") != (1,):
            raise Unknown(f"{self.what} has an unknown version")
        return self

    def end(self):
        need(self.at == len(self.data), f"{self.what} has trailing bytes")
