"""A TPM on paper whose key everybody knows: it signs whatever a test wants to have signed.

The key is 1 and so is every nonce: its public point is the generator of P-256, r is always its x. Such
signatures verify like any other.
"""
import hashlib
import struct

from second_verifier import H, ZERO, u64

ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
X = 0x6B17D1F2E12C4247F8BCE6E563A440F277037D812DEB33A0F4A13945D898C296
Y = 0x4FE342E2FE1A7F9B8EE7EB4A7C0F9E162BCE33576B315ECECBB6406837BF51F5
AK = b"".join((bytes.fromhex("0023000b00050472000000100018000b000300100020"), X.to_bytes(32, "big"), b"\0\x20",
               Y.to_bytes(32, "big")))
AK_NAME = b"\0\x0b" + H(AK)
QUALIFIED = b"\0\x0b" + H(bytes.fromhex("40000001"), AK_NAME)
COUNTER_NAME, EXTEND_NAME = b"\0\x0b" + H(b"C"), b"\0\x0b" + H(b"E")
INCREMENT, EXTEND, READ = 0x134, 0x136, 0x14E
P = 12


def sized(data):
    return struct.pack(">H", len(data)) + data


def sign(attest):
    """s = (z + r d) / k, with d = k = 1."""
    z = int.from_bytes(hashlib.sha256(attest).digest(), "big")
    return X.to_bytes(32, "big"), ((z + X) % ORDER).to_bytes(32, "big")


class PaperTpm:
    def __init__(self, rng):
        self.counter, self.extend, self.p = rng.randrange(100), ZERO, ZERO
        self.reset, self.restart = rng.choice([7, 2**32 - 2]), rng.choice([0, 3])
        self.clock, self.safe, self.firmware = 10**6, 1, 0x20220001
        self.signed = set()  # what it has signed, as a verifier asks: attest, r, s

    def attest(self, kind, extra, body):
        attest = b"".join((struct.pack(">IH", 0xFF544347, kind), sized(QUALIFIED), sized(extra),
                           struct.pack(">QIIBQ", self.clock, self.reset, self.restart, self.safe, self.firmware), body))
        self.signed.add((attest, *sign(attest)))
        return sized(attest) + b"".join(sign(attest))

    def quote(self, extra, pcrs=(*range(8), P)):
        values = [self.p if pcr == P else ZERO for pcr in pcrs]
        bits = sum(1 << pcr for pcr in pcrs).to_bytes(3, "little")
        body = struct.pack(">IHB", 1, 0x0B, 3) + bits + sized(H(*values))
        return self.attest(0x8018, extra, body) + b"".join(values)

    def audit(self, extra, extended_with=None, exclusive=1):
        """C, E as they are, and the session that read them, after incrementing and extending them if so."""
        digest = ZERO
        if extended_with:
            for code, name, parameters in ((INCREMENT, COUNTER_NAME, b""), (EXTEND, EXTEND_NAME, sized(extended_with))):
                digest = audited(digest, code, name, parameters, b"")
        digest = audited(digest, READ, COUNTER_NAME, b"\0\x08\0\0", sized(u64(self.counter)))
        digest = audited(digest, READ, EXTEND_NAME, b"\0\x20\0\0", sized(self.extend))
        return u64(self.counter) + self.extend + self.attest(0x8016, extra, bytes([exclusive]) + sized(digest))


def audited(digest, code, name, parameters, response):
    code = struct.pack(">I", code)
    return H(digest, H(code, name, name, parameters), H(bytes(4), code, response))
