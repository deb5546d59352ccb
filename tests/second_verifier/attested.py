"""What the TPM must have signed, under the key that a trust file pins (attest/README.md, "Attestations")."""
import struct
import subprocess
import tempfile

from fields import Bytes, H, Unknown, ZERO, need, u64

INCREMENT, EXTEND, READ = 0x134, 0x136, 0x14E
IMA_PCR = 10


def read_signed(field):
    return field.sized16(), field.take(32), field.take(32)


def read_quote(field, pcrs=9):
    return read_signed(field), [field.take(32) for _ in range(pcrs)]


def read_audit(field):
    return *field.get("Q32s"), read_signed(field)


class Trust:
    def __init__(self, text):
        lines = text.split("\n\n")[0].strip("\n").split("\n")
        if lines.count("stele-trust 1") > 1:
            raise Unknown("a log of several eras: this verifier judges the first one alone")
        self.field = dict(line.split(" ", 1) for line in lines)
        for key in ("log_id", "ak", "counter_name", "extend_name", "first_extend"):
            setattr(self, key, bytes.fromhex(self.field[key]))
        for key in ("era", "pcr", "first_counter", "base_reset", "base_restart", "clock_update_ms"):
            setattr(self, key, int(self.field[key]))
        self.known = {}
        self.qualified = b"\x00\x0b" + H(bytes.fromhex("40000001000b"), H(self.ak))  # owner hierarchy
        point = b"\x04" + self.ak[-66:-34] + self.ak[-32:]  # TPMT_PUBLIC ends in sized x, sized y
        self.der = bytes.fromhex("3059301306072a8648ce3d020106082a8648ce3d030107034200") + point

    def verifies(self, attest, *numbers):
        """ECDSA-SHA256 by the openssl command."""
        integers = [int.from_bytes(n, "big") for n in numbers]
        integers = [n.to_bytes(n.bit_length() // 8 + 1, "big") for n in integers]  # DER: a clear sign bit
        body = b"".join(b"\x02" + bytes([len(n)]) + n for n in integers)
        with tempfile.NamedTemporaryFile(buffering=0) as public, tempfile.NamedTemporaryFile(buffering=0) as signature:
            public.write(self.der)
            signature.write(b"\x30" + bytes([len(body)]) + body)
            command = ["openssl", "dgst", "-sha256", "-keyform", "DER", "-verify", public.name]
            done = subprocess.run(command + ["-signature", signature.name], input=attest, capture_output=True)
        return done.returncode == 0

    def check_signature(self, *signed):
        if signed not in self.known:
            self.known[signed] = self.verifies(*signed)
        need(self.known[signed], "a signature does not verify")

    def attestation(self, signed, kind, extra):
        """A TPMS_ATTEST but for what is particular to its kind: its clock, with the run, and the rest."""
        field = Bytes(signed[0], "TPMS_ATTEST")
        found = field.get("IH"), field.sized16(), field.sized16()
        need(found == ((0xFF544347, kind), self.qualified, extra), "TPMS_ATTEST: magic, type, signer or extraData")
        clock = field.fields(ms="Q", reset="I", restart="I", safe="B", firmware="Q")
        need(clock.safe < 2 and len(signed[0]) <= 512, "TPMS_ATTEST: safe, or its length")
        self.check_signature(*signed)
        clock.run = clock.reset, clock.restart
        return clock, field

    def check_quote(self, signed, values, extra):
        """A quote of PCRs 0-7 and P; of one value, of IMA's."""
        clock, field = self.attestation(signed, 0x8018, extra)
        pcrs = [*range(8), self.pcr] if len(values) > 1 else [IMA_PCR]
        selection = struct.pack(">IHB3s", 1, 0x0B, 3, sum(1 << n for n in pcrs).to_bytes(3, "little"))
        need((field.take(10), field.sized16()) == (selection, H(*values)), "a quote's PCRs or their digest")
        field.end()
        return clock

    def check_audit(self, counter, extend, signed, extra, extended_with=None):
        """An exclusive session: [Increment C, Extend E with d,] Read C, Read E."""
        clock, field = self.attestation(signed, 0x8016, extra)
        C, E = self.counter_name, self.extend_name
        commands = [(READ, C, b"\0\x08\0\0", b"\0\x08" + u64(counter)), (READ, E, b"\0\x20\0\0", b"\0\x20" + extend)]
        if extended_with:
            commands = [(INCREMENT, C, b"", b""), (EXTEND, E, b"\0\x20" + extended_with, b"")] + commands
        digest = ZERO
        for code, name, parameters, response in commands:
            code = struct.pack(">I", code)
            digest = H(digest, H(code, name, name, parameters), H(bytes(4), code, response))
        need((field.get("B"), field.sized16()) == ((1,), digest), "an audit session is not exclusive, or not that one")
        field.end()
        return clock
