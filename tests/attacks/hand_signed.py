"""What root has the TPM sign without the daemon: live answers and the anchors of a forged history.

Raw TPM 2.0 commands to swtpm's command port, with the authValues of DIR/secrets, which root can read. An audit
session without salt and bind has an empty HMAC key. The daemon must have ended: swtpm serves one client at a time.
"""
import os
import pathlib
import socket
import struct

from forger import INTENT, QUOTE, RECEIPT, H, audit_of, root_of, u64

PASSWORD, NULL, ENDORSEMENT, NO_ALGORITHM, SHA256 = 0x40000009, 0x40000007, 0x4000000B, 0x0010, 0x000B
AUDIT, EXCLUSIVE = 0x81, 0x83  # session attributes, each with continueSession


def sized(data):
    return struct.pack(">H", len(data)) + data


def take_sized(data, at=0):
    length, = struct.unpack_from(">H", data, at)
    return data[at + 2:at + 2 + length], at + 2 + length


class Signer:
    def __init__(self, port, data):
        lines = (pathlib.Path(data) / "secrets").read_text().splitlines()[1:]
        secret = dict(line.split(" ", 1) for line in lines)
        self.ak, self.counter, self.extend = (int(secret[f"{name}_handle"], 16) for name in ("ak", "counter", "extend"))
        self.auth = {getattr(self, name): bytes.fromhex(secret[f"{name}_auth"]) for name in ("ak", "counter", "extend")}
        self.auth[ENDORSEMENT] = bytes.fromhex(secret["endorsement_auth"])
        self.numbers = [*range(8), int(secret["pcr"])]
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=120)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    # -- commands

    def command(self, code, handles=(), auths=(), parameters=b"", audit=None):
        """The response's parameters; audit is (session, attributes)."""
        area = b"".join(struct.pack(">IHB", PASSWORD, 0, 1) + sized(auth) for auth in auths)
        if audit:
            area += struct.pack(">I", audit[0]) + sized(os.urandom(16)) + bytes([audit[1]]) + sized(b"")
        body = b"".join(struct.pack(">I", handle) for handle in handles)
        body += (struct.pack(">I", len(area)) + area if area else b"") + parameters
        self.socket.sendall(struct.pack(">HII", 0x8002 if area else 0x8001, 10 + len(body), code) + body)
        stream = self.socket.makefile("rb")
        _tag, size, result = struct.unpack(">HII", stream.read(10))
        response = stream.read(size - 10)
        assert result == 0, f"command {code:#x}: the TPM says {result:#x}"
        return response[4:4 + struct.unpack_from(">I", response)[0]] if area else response

    def on_index(self, code, index, parameters=b"", audit=None):
        return self.command(code, (index, index), (self.auth[index],), parameters, audit)

    def read(self, index, size, audit=None):
        return take_sized(self.on_index(0x14E, index, struct.pack(">HH", size, 0), audit))[0]

    def state(self):
        """C and E."""
        return int.from_bytes(self.read(self.counter, 8), "big"), self.read(self.extend, 32)

    def extend_pcr(self, digest):
        self.command(0x182, (self.numbers[8],), (b"",), struct.pack(">IH", 1, SHA256) + digest)

    def write_indexes(self, digest, audits=(None, None)):
        self.on_index(0x134, self.counter, audit=audits[0])
        self.on_index(0x136, self.extend, sized(digest), audits[1])

    # -- what the AK signs

    @staticmethod
    def _signed(response):
        """A signed part: sized attest, r and s padded to 32 bytes."""
        attest, at = take_sized(response)
        r, at = take_sized(response, at + 4)
        return sized(attest) + r.rjust(32, b"\0") + take_sized(response, at)[0].rjust(32, b"\0")

    def audit_part(self, extra, digest=None):
        """An exclusive session that reads C and E; with a digest it increments and extends them first."""
        parameters = sized(os.urandom(16)) + sized(b"") + struct.pack(">BHH", 0, NO_ALGORITHM, SHA256)
        session, = struct.unpack_from(">I", self.command(0x176, (NULL, NULL), (), parameters))
        first, later = (session, AUDIT), (session, EXCLUSIVE)
        if digest:
            self.write_indexes(digest, (first, later))
        counter, extend = self.read(self.counter, 8, later if digest else first), self.read(self.extend, 32, later)
        handles, auths = (ENDORSEMENT, self.ak, session), (self.auth[ENDORSEMENT], self.auth[self.ak])
        signed = self.command(0x14D, handles, auths, sized(extra) + struct.pack(">H", NO_ALGORITHM))
        self.command(0x165, parameters=struct.pack(">I", session))
        return counter + extend + self._signed(signed)

    def quote_part(self, extra):
        bits = sum(1 << n for n in self.numbers).to_bytes(3, "little")
        selection = struct.pack(">IHB3s", 1, SHA256, 3, bits)
        pcrs = []
        for number in self.numbers:
            one = struct.pack(">IHB3s", 1, SHA256, 3, (1 << number).to_bytes(3, "little"))
            pcrs.append(self.command(0x17E, parameters=one)[-32:])
        parameters = sized(extra) + struct.pack(">H", NO_ALGORITHM) + selection
        return self._signed(self.command(0x158, (self.ak,), (self.auth[self.ak],), parameters)) + b"".join(pcrs)

    def answer(self, forger, nonce, statement=None):
        """An answer for a statement of this history, by default its newest: the TPM's true state, freshly signed."""
        s = statement or forger.statements[-1]
        extra = H(b"stele/v1/challenge\0", nonce, s.log_id, u64(s.seq), u64(s.quote_seq), s.digest)
        return (b"STELEANS" + struct.pack(">H", 1) + nonce + s.log_id + u64(s.seq) + u64(s.quote_seq) + s.digest
                + u64(s.size) + self.audit_part(extra) + self.quote_part(extra))

    def anchor(self, forger, flags=0, receipt="full"):
        """A counter anchor over all of a forged history, as the daemon would make it in the newest statement's run.

        receipt: full; unquoted, which only leaves the quote out; read-back, without a quote; none, as if power
        failed when C and E had been written.
        """
        statement = next_statement(forger)._replace(flags=flags)
        digest = statement.digest
        forger.entries.append((INTENT, statement.payload))
        self.extend_pcr(digest)
        if receipt in ("none", "read-back"):
            self.write_indexes(digest)
        if receipt == "none":
            return
        if receipt == "read-back":
            kind, parts, signed = 2, 1, self.audit_part(H(b"stele/v1/readback\0", digest))
        else:
            kind, parts, signed = 1, 1, self.audit_part(digest, digest)
        if receipt == "full":
            parts, signed = 3, signed + self.quote_part(digest)
        forger.entries.append((RECEIPT, b"STELERCP" + struct.pack(">HBB", 1, kind, parts) + digest + signed))

    def quote_anchor(self, forger):
        """A quote anchor over all of a forged history."""
        newest, statement = forger.statements[-1], next_statement(forger)
        before = max(s.quote_seq for s in forger.statements if (s.reset, s.restart) == (newest.reset, newest.restart))
        statement = statement._replace(flags=QUOTE, seq=newest.seq, counter=newest.counter, quote_seq=before + 1)
        self.extend_pcr(statement.digest)
        forger.entries += [(INTENT, statement.payload), (RECEIPT, b"STELERCP" + struct.pack(">HBB", 1, 3, 2)
                                                         + statement.digest + self.quote_part(statement.digest))]


def next_statement(forger):
    """The counter anchor that the newest statement of the history demands next, in the same run."""
    newest = forger.statements[-1]
    extend = newest.prev_extend if newest.is_quote else H(newest.prev_extend, newest.digest)
    receipt = [audit_of(payload) for kind, payload in forger.entries if kind == RECEIPT and audit_of(payload)][-1]
    records = forger.records
    return newest._replace(
        flags=0, seq=newest.seq + 1, quote_seq=0, counter=newest.counter + 1, size=len(records), root=root_of(records),
        chain_head=H(newest.chain_head, newest.digest), prev_extend=extend, prev_receipt=H(receipt),
        wallclock_ns=max(newest.wallclock_ns, records[-1].time_ns))
