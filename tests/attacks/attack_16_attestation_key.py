"""Goal: a log whose attestation key is not what enrolment demands gets no trust file, though its TPM made and signed
everything: a key of the endorsement, platform or null hierarchy, one that is not restricted, not fixedTPM or of
another curve. Method: root makes the key, C, E, genesis, receipt and answer by hand on a real TPM with its maker's
certificate, answers `stele enroll` in the daemon's place, and has the TPM activate the credential. Twin: the same
hand with a key as demanded is enrolled."""
import copy
import pathlib
import socket
import struct
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).parents[1] / "e2e"))
from auditor import LyingHost  # noqa: E402
from enroll_host import RSA_CERTIFICATE, EnrolHost, Maker  # noqa: E402
from enroll_test import ACTIVATE, IDENTITY, Identity, read_message, take16  # noqa: E402
from scene import EXITS, OK  # noqa: E402
from tpm_hands import ENDORSEMENT, EXTEND_ATTRIBUTES, COUNTER_ATTRIBUTES, NO_ALGORITHM, NULL, OWNER, PLATFORM, SHA256, \
    Fields, H, Hand, Refused, Secrets, sized  # noqa: E402
from tpm_receipts import READ_BACK, audited, quoted, read_back_extra, receipt, signed, u64  # noqa: E402

COUNTER, EXTEND = 0x01805370, 0x01805371
DEMANDED, P256, P384 = 0x00050472, 3, 4
NOT_RESTRICTED, NOT_FIXED = 0x00040472, 0x00050460  # a primary that is not fixedTPM cannot be fixedParent either
WRITTEN = 0x20000000


class Rogue:
    """Root in the daemon's place, with a log of his own, whose key is of this hierarchy and form."""

    def __init__(self, host, honest, hierarchy=OWNER, attributes=DEMANDED, curve=P256):
        self.hand = Hand(host.tpm.port)
        self.honest = Identity(honest)
        self.known = Secrets(host.data)
        self.hand.secrets = self.secrets = copy.copy(self.known)
        self.secrets.counter, self.secrets.extend, self.secrets.ak_auth = COUNTER, EXTEND, b""
        self.secrets.counter_auth = self.secrets.extend_auth = b"root's"
        self.secrets.ak_handle, self.ak = self.primary(hierarchy, self.ak_template(attributes, curve))
        self.define_indexes()
        self.genesis = self.make_genesis()
        self.hand.increment(self.secrets.counter_auth)
        self.digest = H(b"stele/v1/genesis\0", self.genesis)
        self.hand.extend(self.secrets.extend_auth, self.digest)
        self.receipt = receipt(READ_BACK, self.digest, audited(self.hand, read_back_extra(self.digest)))
        self.activations = 0

    def close(self):
        self.hand.flush(self.secrets.ak_handle)
        self.hand.socket.close()

    # -- what the log is made of

    def ak_template(self, attributes, curve):
        """The demanded key's public area, its point left to the TPM."""
        area = self.known.ak
        assert area[4:8] == struct.pack(">I", DEMANDED)
        area = area[:4] + struct.pack(">I", attributes) + area[8:-68] + sized(b"") * 2
        at = area.index(struct.pack(">HHH", 0x0018, SHA256, P256))
        return area[:at + 4] + struct.pack(">H", curve) + area[at + 6:]

    def primary(self, hierarchy, template):
        """Its handle and public area."""
        auth = self.known.endorsement_auth if hierarchy == ENDORSEMENT else b""
        body = struct.pack(">I", hierarchy)
        area = struct.pack(">IHB", 0x40000009, 0, 1) + sized(auth)
        body += struct.pack(">I", len(area)) + area + sized(sized(b"") * 2) + sized(template) + sized(b"") + bytes(4)
        response = self.hand.transmit(struct.pack(">HII", 0x8002, 10 + len(body), 0x131) + body)
        result, = struct.unpack(">I", response[6:10])
        if result:
            raise Refused(0x131, result)
        fields = Fields(response[10:])
        handle, _size = fields.get("II")
        return handle, fields.sized()

    def define_indexes(self):
        hand, s = self.hand, self.secrets
        for index in (s.counter, s.extend):
            try:
                hand.undefine(index)
            except Refused:
                pass  # the first time
        hand.define(s.counter, COUNTER_ATTRIBUTES, 8, s.counter_auth)
        hand.define(s.extend, EXTEND_ATTRIBUTES, 32, s.extend_auth)

    def make_genesis(self):
        names = b"\0\x0b" + H(self.ak) + written(COUNTER, COUNTER_ATTRIBUTES, 8) + written(EXTEND, EXTEND_ATTRIBUTES, 32)
        genesis = self.honest.parts[2]
        return genesis[:48] + names + genesis[48 + len(names):]

    # -- what it says

    def answer(self, asked):
        path, request = asked
        return {IDENTITY: lambda: self.identity(request[11:43]), ACTIVATE: lambda: self.activate(request[15:])}[path]()

    def identity(self, nonce):
        log_id = H(self.genesis)
        audit = audited(self.hand, self.extra(nonce, log_id))
        quote = quoted(self.hand, self.extra(nonce, log_id))
        answer = b"STELEANS\0\1" + nonce + log_id + bytes(16) + self.digest + u64(0)
        answer += u64(audit.counter) + audit.extend + signed(audit.part) + signed(quote.part) + b"".join(quote.pcrs)
        said = copy.copy(self.honest)
        said.head = said.head[:-8] + struct.pack(">II", COUNTER, EXTEND)
        said.parts = [self.honest.parts[0], self.ak, self.genesis, self.receipt, answer]
        lines = self.honest.trust.decode().splitlines(True)
        said.trust = "".join(f"log_id {log_id.hex()}\n" if line.startswith("log_id ") else line for line in lines).encode()
        return said.bytes()

    def extra(self, nonce, log_id):
        return H(b"stele/v1/challenge\0", nonce, log_id, bytes(16), self.digest)

    def activate(self, credential):
        """TPM2_ActivateCredential, as the daemon does it: the secret."""
        self.activations += 1
        id_object, at = take16(credential, 0)
        secret, _ = take16(credential, at)
        ek = self.honest.parts[0]
        assert ek[:2] == b"\0\1", "an RSA key, by its maker's first template"
        handle, public = self.primary(ENDORSEMENT, ek[:-258] + sized(bytes(256)))
        assert public == ek
        session = Fields(self.hand.command(0x176, (NULL, NULL), parameters=sized(bytes(16)) + sized(b"") + struct.pack(
            ">BHH", 1, NO_ALGORITHM, SHA256))).get("I")
        try:
            self.hand.command(0x151, (ENDORSEMENT, session), (self.known.endorsement_auth,), sized(b"") * 3 + bytes(4))
            reply = self.hand.command(0x147, (self.secrets.ak_handle, handle), (b"",), sized(id_object) + sized(secret),
                                      session=(session, 0))
            return Fields(reply).sized()
        finally:
            self.hand.flush(session)
            self.hand.flush(handle)


def written(index, attributes, size):
    return b"\0\x0b" + H(struct.pack(">IHI", index, SHA256, attributes | WRITTEN) + sized(b"") + struct.pack(">H", size))


class AttestationKey(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.maker = Maker()
        cls.addClassCleanup(cls.maker.close)
        cls.host = EnrolHost(cls.maker)
        cls.addClassCleanup(cls.host.close)
        cls.host.begin_log()
        cls.host.enrolled(output="honest.trust")  # what root takes the place of
        cls.honest = identity_of(cls.host)
        cls.host.stop_daemon()

    def enrol(self, **key):
        rogue = Rogue(self.host, self.honest, **key)
        try:
            with LyingHost(rogue.answer, question_of=lambda path, body: (path.encode(), body)) as liar:
                done, path = self.host.enroll(url=liar.url, output="rogue.trust")
        finally:
            rogue.close()
        return done, path, rogue

    def refused(self, fault, **key):
        done, path, rogue = self.enrol(**key)
        self.assertEqual(done.returncode, EXITS["tampered"], done.stderr)
        self.assertIn(b"not enrolled: %s: " % fault, done.stderr)
        self.assertFalse(path.exists(), "no trust file of who was refused")
        self.assertEqual(rogue.activations, 0, "refused by what the TPM signed, before anything else is asked")

    def test_a_key_of_another_hierarchy(self):
        for hierarchy in (ENDORSEMENT, PLATFORM, NULL):
            with self.subTest(hex(hierarchy)):
                self.refused(b"signer_mismatch", hierarchy=hierarchy)

    def test_a_key_of_another_form(self):
        for key in ({"attributes": NOT_RESTRICTED}, {"attributes": NOT_FIXED}, {"curve": P384}):
            with self.subTest(**key):
                self.refused(b"ak_unfit", **key)

    def test_the_twin_is_enrolled(self):
        done, path, rogue = self.enrol()
        self.assertEqual((done.returncode, rogue.activations), (OK, 1), done.stderr)
        self.assertIn(b", in that TPM, owner hierarchy\n", done.stdout)
        self.assertIn(f"\nak {rogue.ak.hex()}\n", path.read_text())
        path.unlink()


def identity_of(host):
    """What the daemon says of itself, with the RSA endorsement key."""
    request = b"STELEENQ\0\1\1" + bytes(32) + struct.pack(">I", int(RSA_CERTIFICATE, 16))
    with socket.socket(socket.AF_UNIX) as stream:
        stream.connect(str(host.http))
        stream.sendall(b"POST %s HTTP/1.1\r\nHost: h\r\nConnection: close\r\nContent-Length: %d\r\n\r\n" %
                       (IDENTITY, len(request)) + request)
        head, body = read_message(stream).split(b"\r\n\r\n", 1)
    assert head.startswith(b"HTTP/1.1 200 "), head
    return body


if __name__ == "__main__":
    unittest.main(verbosity=2)
