"""Root's own hand on the TPM: raw TPM 2.0 commands to swtpm's command port, sharing no code with the daemon.

What root can do, no more: the authValues are those of DIR/secrets. An audit session is opened without salt and
bind, so that its HMAC key is empty; the index is authorised by password beside it. Standard library only.
"""
import hashlib
import os
import socket
import struct

PASSWORD = 0x40000009
OWNER, NULL, LOCKOUT, ENDORSEMENT, PLATFORM = 0x40000001, 0x40000007, 0x4000000A, 0x4000000B, 0x4000000C
SHA1, SHA256, NO_ALGORITHM = 0x0004, 0x000B, 0x0010
CONTINUE, EXCLUSIVE, RESET, AUDIT = 0x01, 0x02, 0x04, 0x80  # session attributes
COUNTER_ATTRIBUTES, EXTEND_ATTRIBUTES, ORDINARY_ATTRIBUTES = 0x02060014, 0x02060044, 0x02060004
NOT_EXCLUSIVE, UNWRITTEN, NO_SUCH_HANDLE, BAD_AUTH, RETRY = 0x121, 0x14A, 0x18B, 0x9A2, 0x922
MOST_RETRIES = 100  # of a busy TPM: the command had no effect and may be sent again


def H(*parts):
    return hashlib.sha256(b"".join(parts)).digest()


def sized(data):
    return struct.pack(">H", len(data)) + data


def selection(*banks):
    """TPML_PCR_SELECTION; each bank is (algorithm, PCR numbers) with or without the bitmap's size."""
    out = struct.pack(">I", len(banks))
    for algorithm, numbers, *size in banks:
        size = size[0] if size else 3
        out += struct.pack(">HB", algorithm, size) + sum(1 << n for n in numbers).to_bytes(size, "little")
    return out


class Refused(Exception):
    """The TPM's response code."""

    def __init__(self, command, code):
        super().__init__(f"command {command:#x}: the TPM refuses with {code:#x}")
        self.code = code


class Fields:
    """Reads a response from its front."""

    def __init__(self, data):
        self.data, self.at = data, 0

    def get(self, form):
        values = struct.unpack_from(">" + form, self.data, self.at)
        self.at += struct.calcsize(">" + form)
        return values if len(values) > 1 else values[0]

    def sized(self):
        size = self.get("H")
        self.at += size
        return self.data[self.at - size:self.at]


class Secrets:
    """DIR/secrets, which root can read."""

    def __init__(self, directory):
        lines = (directory / "secrets").read_text().splitlines()[1:]
        field = dict(line.split(" ") for line in lines)
        self.ak_handle, self.counter, self.extend = (int(field[k], 16) for k in ("ak_handle", "counter_handle",
                                                                                 "extend_handle"))
        for key in ("ak_auth", "counter_auth", "extend_auth", "endorsement_auth", "counter_name", "extend_name", "ak"):
            setattr(self, key, bytes.fromhex(field[key]))
        self.pcr = int(field["pcr"])
        self.ak_name = b"\x00\x0b" + H(self.ak)


class Hand:
    """One connection to a TPM; swtpm serves one at a time."""

    def __init__(self, port, secrets=None):
        self.socket, self.secrets = socket.create_connection(("127.0.0.1", port), timeout=120), secrets

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    # -- the wire

    def transmit(self, command):
        self.socket.sendall(command)
        head = self._read(10)
        return head + self._read(struct.unpack(">I", head[2:6])[0] - 10)

    def _read(self, count):
        data = b""
        while len(data) < count:
            more = self.socket.recv(count - len(data))
            if not more:
                raise ConnectionError("the TPM is gone")
            data += more
        return data

    def command(self, code, handles=(), auths=(), parameters=b"", session=None):
        """The response's parameters. auths: passwords of the first handles; session: (handle, attributes)."""
        body = b"".join(struct.pack(">I", handle) for handle in handles)
        area = b"".join(struct.pack(">IHB", PASSWORD, 0, CONTINUE) + sized(auth) for auth in auths)
        if session:
            area += struct.pack(">I", session[0]) + sized(os.urandom(16)) + bytes([session[1] | CONTINUE]) + sized(b"")
        if area:
            body += struct.pack(">I", len(area)) + area
        body += parameters
        for _ in range(MOST_RETRIES):
            response = self.transmit(struct.pack(">HII", 0x8002 if area else 0x8001, 10 + len(body), code) + body)
            result = struct.unpack(">I", response[6:10])[0]
            if result != RETRY:
                break
        if result:
            raise Refused(code, result)
        if not area:
            return response[10:]
        return response[14:14 + struct.unpack(">I", response[10:14])[0]]

    # -- NV indexes; auth and session as in command()

    def increment(self, auth, session=None):
        index = self.secrets.counter
        self.command(0x134, (index, index), (auth,), session=session)

    def extend(self, auth, digest, session=None):
        index = self.secrets.extend
        self.command(0x136, (index, index), (auth,), sized(digest), session)

    def read(self, index, auth, size, session=None):
        return Fields(self.command(0x14E, (index, index), (auth,), struct.pack(">HH", size, 0), session)).sized()

    def write(self, index, auth, data):
        self.command(0x137, (index, index), (auth,), sized(data) + b"\0\0")

    def undefine(self, index, owner_auth=b""):
        self.command(0x122, (OWNER, index), (owner_auth,))

    def define(self, index, attributes, size, auth, owner_auth=b""):
        public = struct.pack(">IHI", index, SHA256, attributes) + sized(b"") + struct.pack(">H", size)
        self.command(0x12A, (OWNER,), (owner_auth,), sized(auth) + sized(public))

    def index_name(self, index):
        fields = Fields(self.command(0x169, (index,)))
        fields.sized()
        return fields.sized()

    def counter_value(self):
        return int.from_bytes(self.read(self.secrets.counter, self.secrets.counter_auth, 8), "big")

    def extend_value(self):
        return self.read(self.secrets.extend, self.secrets.extend_auth, 32)

    # -- PCRs and the clock

    def extend_pcr(self, pcr, digest):
        self.command(0x182, (pcr,), (b"",), struct.pack(">IH", 1, SHA256) + digest)

    def reset_pcr(self, pcr):
        self.command(0x13D, (pcr,), (b"",))

    def read_pcrs(self, numbers, algorithm=SHA256):
        values = []
        while len(values) < len(numbers):
            fields = Fields(self.command(0x17E, parameters=selection((algorithm, numbers[len(values):]))))
            fields.get("I")
            for _ in range(fields.get("I")):
                fields.get("HB"), fields.get("3s")
            values += [fields.sized() for _ in range(fields.get("I"))]
        return values

    def run(self):
        fields = Fields(self.command(0x181))
        _time, _clock, reset, restart, _safe = fields.get("QQIIB")
        return reset, restart

    # -- sessions and signatures

    def start_session(self):
        parameters = sized(os.urandom(16)) + sized(b"") + struct.pack(">BHH", 0, NO_ALGORITHM, SHA256)
        return Fields(self.command(0x176, (NULL, NULL), parameters=parameters)).get("I")

    def save_context(self, handle):
        return self.command(0x162, (handle,))

    def load_context(self, context):
        return Fields(self.command(0x161, parameters=context)).get("I")

    def flush(self, handle):
        self.command(0x165, parameters=struct.pack(">I", handle))

    @staticmethod
    def _signed(response):
        """(TPMS_ATTEST, r, s), r and s padded to 32 bytes."""
        fields = Fields(response)
        attest = fields.sized()
        fields.get("HH")
        return attest, fields.sized().rjust(32, b"\0"), fields.sized().rjust(32, b"\0")

    def audit_digest(self, session, extra):
        s = self.secrets
        return self._signed(self.command(0x14D, (ENDORSEMENT, s.ak_handle, session), (s.endorsement_auth, s.ak_auth),
                                         sized(extra) + struct.pack(">H", NO_ALGORITHM)))

    def quote(self, extra, selected):
        return self._signed(self.command(0x158, (self.secrets.ak_handle,), (self.secrets.ak_auth,),
                                         sized(extra) + struct.pack(">H", NO_ALGORITHM) + selected))

    def certify_ak(self, extra):
        ak, auth = self.secrets.ak_handle, self.secrets.ak_auth
        return self._signed(self.command(0x148, (ak, ak), (auth, auth), sized(extra) + struct.pack(">H", NO_ALGORITHM)))

    def certify_index(self, index, auth, size, extra):
        return self._signed(self.command(
            0x184, (self.secrets.ak_handle, index, index), (self.secrets.ak_auth, auth),
            sized(extra) + struct.pack(">HHH", NO_ALGORITHM, size, 0)))

    def sign_hashed(self, data):
        """The AK's signature over data that the TPM hashed itself: (data, r, s)."""
        fields = Fields(self.command(0x17D, parameters=sized(data) + struct.pack(">HI", SHA256, OWNER)))
        digest, ticket = fields.sized(), fields.data[fields.at:]
        response = self.command(0x15D, (self.secrets.ak_handle,), (self.secrets.ak_auth,),
                                sized(digest) + struct.pack(">H", NO_ALGORITHM) + ticket)
        return self._signed(sized(data) + response)
