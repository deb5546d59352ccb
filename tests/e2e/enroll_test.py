"""Goal: an auditor who knows nothing but a TPM maker's root enrols a host, and no other TPM, key, maker or era gets
in. Method: real binaries, real TPMs of two makers made with swtpm_setup, HTTP and the control socket; each refusal
beside the enrolment that must go through; a forging host by a relay that alters what passes."""
import json
import os
import secrets
import shutil
import socket
import struct
import threading
import unittest

from enroll_host import P384_CERTIFICATE, EnrolHost, Maker
from stele_host import (BIN, CANNOT_CREATE, IO_ERROR, MALFORMED, NO_INPUT, OK, TAMPERED, TEMPORARY, UNAVAILABLE,
                        UNDETERMINED, USAGE, content, run)

IDENTITY, ACTIVATE = b"/v1/enroll/identity", b"/v1/enroll/activate"


class Relay:
    """Stands between auditor and hosts on a Unix socket of its own: `route` names the host's socket for a request's
    target, `alter` changes the body of an answer, `instead` is the whole answer where it gives one."""

    def __init__(self, path, route, alter=lambda target, body: body, instead=lambda target: None):
        self.path, self.route, self.alter, self.instead = path, route, alter, instead
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(str(path))
        self.listener.listen()
        self.thread = threading.Thread(target=self.serve, daemon=True)
        self.thread.start()

    def serve(self):
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            with client:
                self.pass_on(client)

    def pass_on(self, client):
        request = read_message(client)
        target = request.split(b" ")[1]
        if (answer := self.instead(target)) is not None:
            return client.sendall(answer)
        with socket.socket(socket.AF_UNIX) as host:
            host.connect(str(self.route(target)))
            host.sendall(request)
            answer = read_message(host)
        head, body = answer.split(b"\r\n\r\n", 1)
        if head.split(b" ")[1] == b"200":
            body = self.alter(target, body)
            lines = [line for line in head.split(b"\r\n") if not line.lower().startswith(b"content-length")]
            head = b"\r\n".join(lines + [b"Content-Length: %d" % len(body)])
        client.sendall(head + b"\r\n\r\n" + body)

    def close(self):
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        self.thread.join()


def read_message(stream):
    data = b""
    while b"\r\n\r\n" not in data:
        data += stream.recv(65536)
    head, _ = data.split(b"\r\n\r\n", 1)
    length = next(int(line.split(b":")[1]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length"))
    while len(data) < len(head) + 4 + length:
        data += stream.recv(65536)
    return data


class Identity:
    """An identity reply taken apart, so that its parts can be exchanged (attest/README.md, "Enrolment")."""

    def __init__(self, body):
        self.head, at = body[:22], 22  # the NV indexes of C and E end it
        self.certificates, self.between = [], []
        count, at = body[at], at + 1
        for _ in range(count):
            handle, at = body[at:at + 4], at + 4
            der, at = take16(body, at)
            self.certificates.append((handle, der))
        count, at = body[at], at + 1
        for _ in range(count):
            der, at = take16(body, at)
            self.between.append(der)
        self.parts = []  # ek, ak, genesis, genesis receipt, answer
        for _ in range(5):
            part, at = take16(body, at)
            self.parts.append(part)
        self.trust = body[at + 4:]

    def bytes(self):
        out = self.head + bytes([len(self.certificates)])
        out += b"".join(handle + sized16(der) for handle, der in self.certificates)
        out += bytes([len(self.between)]) + b"".join(map(sized16, self.between))
        out += b"".join(map(sized16, self.parts))
        return out + struct.pack(">I", len(self.trust)) + self.trust


def take16(body, at):
    size = struct.unpack(">H", body[at:at + 2])[0]
    return body[at + 2:at + 2 + size], at + 2 + size


def sized16(part):
    return struct.pack(">H", len(part)) + part


class P256Maker:
    """Vouches, with openssl, for a TPM's P-256 endorsement key, in the NV index where such a certificate belongs."""

    INDEX = "0x1c0000a"
    EXTENSIONS = ("basicConstraints=critical,CA:false\nkeyUsage=critical,keyAgreement\nextendedKeyUsage=2.23.133.8.1\n"
                  "subjectAltName=critical,dirName:tpm\n[tpm]\n1.2.23.133.2.1=id:494E5443\n2.2.23.133.2.2=Model\n"
                  "3.2.23.133.2.3=id:00010002\n")

    def __init__(self, host):
        self.host, self.folder, self.is_defined = host, host.folder / "p256", False
        self.roots = self.folder / "roots"
        self.roots.mkdir(parents=True)
        host.tool("tpm2_createek", "-G", "ecc", "-u", self.folder / "ek.pem", "-f", "pem", "-c", self.folder / "ek.ctx")
        self.openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "30", "-subj",
                     "/CN=Maker", "-keyout", "maker.key", "-out", "roots/maker.pem")
        self.openssl("req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", "/CN=Board",
                     "-keyout", "board.key", "-out", "board.csr")

    def openssl(self, *arguments):
        done = run("openssl", *arguments, cwd=self.folder)
        assert done.returncode == OK, done.stderr

    def issue(self, old="", new="", days=30):
        """Its certificate in DER, with that part of the extensions changed."""
        (self.folder / "extensions").write_text(self.EXTENSIONS.replace(old, new) if old else self.EXTENSIONS)
        self.openssl("x509", "-req", "-in", "board.csr", "-CA", "roots/maker.pem", "-CAkey", "maker.key", "-set_serial", "1",
                     "-force_pubkey", "ek.pem", "-extfile", "extensions", "-days", str(days), "-outform", "DER", "-out", "ek.der")
        return self.folder / "ek.der"

    def put(self, certificate):
        if self.is_defined:
            self.host.tool("tpm2_nvundefine", "-C", "p", self.INDEX)
        self.host.tool("tpm2_nvdefine", "-C", "p", self.INDEX, "-s", str(certificate.stat().st_size), "-a",
                       "ppread|ppwrite|ownerread|authread|no_da|platformcreate")
        self.host.tool("tpm2_nvwrite", "-C", "p", self.INDEX, "-i", certificate)
        self.is_defined = True


class Enrolment(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.maker, cls.other_maker = Maker(), Maker("other")
        cls.host = EnrolHost(cls.maker)
        cls.host.begin_log()
        cls.second = EnrolHost(cls.maker)
        cls.second.begin_log()

    @classmethod
    def tearDownClass(cls):
        for made in (cls.host, cls.second, cls.maker, cls.other_maker):
            made.close()

    def setUp(self):
        # A bucket limits enrolments; each test begins with a full one.
        for host in (self.host, self.second):
            host.stop_daemon()
            host.start_daemon()

    def check_refused(self, result, code, word):
        done, path = result
        self.assertEqual(done.returncode, code, done.stderr)
        self.assertIn(word, done.stderr)
        self.assertFalse(path.exists() and path.read_bytes(), "no trust file of who was refused")

    def relayed(self, route=None, **what):
        path = self.host.folder / f"relay.{secrets.token_hex(4)}"
        relay = Relay(path, route or (lambda target: self.host.http), **what)
        self.addCleanup(relay.close)
        return f"unix:{path}"

    def altered(self, change, **options):
        """Enrols through a host that changes its identity by this function."""
        def alter(target, body):
            if target != IDENTITY:
                return body
            identity = Identity(body)
            self.assertEqual(identity.bytes(), body, "the page and the program agree")
            change(identity)
            return identity.bytes()
        return self.host.enroll(url=self.relayed(alter=alter), output=secrets.token_hex(4), **options)

    def test_what_is_signed_agrees_with_what_provisioning_left(self):
        trust = self.host.enrolled(*self.host.signing)
        own = self.host.trust().read_text()
        text = trust.read_text()
        # Who made the TPM comes from the certificate.
        for line in own.splitlines():
            if line.startswith(("tpm_", "stele-trust ")):
                continue
            self.assertIn(line + "\n", text)
        self.assertIn("tpm_kind simulator\ntpm_manufacturer id:00001014\ntpm_model swtpm\nidentity ek-chain\n", text)
        self.assertNotIn("identity", own)
        nonce = secrets.token_hex(32)
        answer = self.host.folder / "answer"
        self.host.stele("answer", "--nonce", nonce, "-o", answer, expect=OK)
        report = self.host.verify("--auditor-key", self.host.public, "--nonce", nonce, "--answer", answer, trust=trust)
        self.assertEqual((report["conclusion"], report["freshness"], report["tpm"]["kind"]),
                         ("verified", "pass", "simulator"), report)
        self.assertIn("simulator", [finding["finding"] for finding in report["findings"]])
        self.assertEqual(report["tpm"]["identity"], "ek-chain")
        self.check_identity(trust, own)

    def check_identity(self, enrolled, own):
        """That the TPM's maker vouched for it is the auditor's word, and nobody else's."""
        claim = self.host.folder / "claim"
        # Whoever writes it, unsigned: a claim. Without the line: trust on first use.
        claim.write_text(own.replace("stele-trust 1\n", "stele-trust 2\n") + "identity ek-chain\n")
        tpm = self.host.verify(trust=claim)["tpm"]
        self.assertEqual((tpm["identity"], tpm.get("identity_claimed")), ("pinned-key", "ek-chain"))
        tpm = self.host.verify(trust=enrolled)["tpm"]  # nobody has looked at the signature
        self.assertEqual((tpm["identity"], tpm.get("identity_claimed")), ("pinned-key", "ek-chain"))
        tpm = self.host.verify()["tpm"]
        self.assertEqual((tpm["identity"], "identity_claimed" in tpm), ("pinned-key", False))
        words = run(BIN / "stele-verify", self.host.data, "--trust", claim).stdout.decode()
        self.assertIn("trust on first use", words)
        self.assertIn("is claimed there", words)
        words = run(BIN / "stele-verify", self.host.data, "--trust", enrolled, "--auditor-key", self.host.public)
        self.assertRegex(words.stdout.decode(), "ek-chain: the auditor signed .* a simulator's")
        # Signed by another, or by nobody, with the key asked for.
        foreign, key = self.host.folder / "foreign.vkey", self.host.folder / "foreign.pem"
        run("openssl", "genpkey", "-algorithm", "ed25519", "-out", key)
        self.host.stele("era", "key", "--auditor-key-file", key, "--name", "auditor.example", "-o", foreign, expect=OK)
        for trust, public in ((enrolled, foreign), (claim, self.host.public)):
            done = run(BIN / "stele-verify", self.host.data, "--trust", trust, "--auditor-key", public)
            self.assertEqual((done.returncode, b"trust_signature" in done.stderr), (MALFORMED, True), done)

    def test_over_the_control_socket_too(self):
        done, path = self.host.enroll(url=f"unix:{self.host.control}", output="by-control")
        self.assertEqual(done.returncode, OK, done.stderr)
        self.assertEqual(self.host.verify(trust=path)["conclusion"], "verified")
        self.assertIn(b"only claimed by the host", done.stdout)

    def test_an_enrolment_is_recorded_before_it_is_answered(self):
        for url, asked in ((None, ["/v1/enroll/identity", "/v1/enroll/activate"]),
                           (f"unix:{self.host.control}", ["enroll", "enroll"])):
            before = self.host.status()["log"]["size"]
            self.host.enrolled(url=url, output=secrets.token_hex(4))
            lines = self.host.stele("query", "--after", before - 1, "-o", "jsonl", expect=OK).stdout.splitlines()
            texts = [json.loads(content(r)) for r in map(json.loads, lines) if r["kind"] == "access"]
            begun = [text for text in texts if "request" in text]
            self.assertEqual([r.get("target") or r["do"] for r in (t["request"] for t in begun)][:2], asked, texts)
            self.assertEqual({text.get("uid", text.get("caller", {}).get("uid")) for text in begun}, {os.getuid()}, texts)
            self.assertEqual([text["outcome"] for text in texts if "asked" in text][:2], ["done"] * 2, texts)

    def test_a_simulator_is_not_believed_unasked(self):
        self.check_refused(self.host.enroll(simulator=False, output="unasked"), UNDETERMINED, b"simulator_refused")

    def test_another_makers_root_is_foreign(self):
        self.other_maker.make(self.host.folder / "unused")
        self.check_refused(self.host.enroll(roots=self.other_maker.roots(), output="foreign"), UNDETERMINED,
                           b"ek_certificate_foreign")

    def test_a_folder_of_roots_is_read_strictly(self):
        empty = self.host.folder / "empty"
        empty.mkdir()
        self.check_refused(self.host.enroll(roots=empty, output="none"), NO_INPUT, b"holds no certificate")
        (empty / "notes.txt").write_text("not a certificate")
        self.check_refused(self.host.enroll(roots=empty, output="none"), MALFORMED, b"notes.txt")
        self.check_refused(self.host.enroll(roots=empty / "gone", output="none"), NO_INPUT, b"no folder")

    def test_usage_and_absence_are_told_apart(self):
        self.check_refused(self.host.enroll("--name", "x", output="none"), USAGE, b"go together")
        self.check_refused(self.host.enroll(url="ftp://host", output="none"), USAGE, b"neither")
        self.check_refused(self.host.enroll(url=f"unix:{self.host.folder}/nobody", output="none"), UNAVAILABLE,
                           b"nobody")

    def test_what_is_of_a_later_era_alone_is_not_ignored_for_a_first_one(self):
        for option, value in (("--boot-policy", "policy"), ("--memory", "memory"), ("--nonce", "5a" * 32), ("--accept-lost", 1)):
            self.check_refused(self.host.enroll(option, value, output="none"), USAGE, b"--succeeds")
        # With it: what is no nonce, and files that are none, before the host is asked for anything.
        size = self.host.status()["log"]["size"]
        for arguments, code, word in ((["gone"], NO_INPUT, b"gone"), ([self.host.config], MALFORMED, b"steled.toml"),
                                      ([self.host.trust(), "--nonce", "5a"], USAGE, b"64 hex"),
                                      ([self.host.trust(), "--memory", "gone"], NO_INPUT, b"gone"),
                                      ([self.host.trust(), "--boot-policy", self.host.config], MALFORMED, b"")):
            self.check_refused(self.host.enroll("--succeeds", *arguments, *self.host.signing, output="none"), code, word)
        self.assertEqual(self.host.status()["log"]["size"], size)

    def test_another_log_at_the_address_costs_the_auditor_no_pins(self):
        path = self.host.enrolled(output="kept.trust")
        pinned = path.read_bytes()
        done, _ = self.host.enroll(url=f"unix:{self.second.http}", output="kept.trust")
        self.assertEqual(done.returncode, CANNOT_CREATE, done.stderr)
        self.assertIn(b"pins another log", done.stderr)
        self.assertEqual(path.read_bytes(), pinned)
        # The same log again, and what pins nothing, are replaced; whole, for whoever may read what he makes.
        self.host.enrolled(*self.host.signing, output="kept.trust")
        self.assertTrue(path.read_bytes().startswith(pinned))
        path.write_bytes(b"noise")
        self.host.enrolled(output="kept.trust")
        self.assertEqual(path.read_bytes(), pinned)

    def test_a_policy_is_set_and_signed_for_and_a_new_enrolment_does_not_cost_it(self):
        path = self.host.enrolled(*self.host.signing, output="with_policy")
        changed = self.host.auditor / "changed.trust"
        done = self.host.stele("trust", "--trust", path, "--boot-policy", "exact", "-o", changed, expect=OK)
        self.assertIn(b"in one step", done.stderr)
        # What the host has changed, or made up, no signature vouches for: it might say that it was enrolled.
        done = self.host.stele("trust", "--trust", changed, *self.host.signing, "-o", self.host.auditor / "never")
        self.assertEqual((done.returncode, b"key has not signed that" in done.stderr), (UNDETERMINED, True), done.stderr)
        self.assertFalse((self.host.auditor / "never").exists())
        # The policy's lines are read by the auditor; on his machine there is neither a configuration nor a log.
        lines = self.host.auditor / "policy"
        lines.write_text("".join(line for line in changed.read_text().splitlines(True) if line.startswith("boot_")))
        nowhere = ("--config", self.host.folder / "no_configuration")
        done = run(BIN / "stele", "trust", "--trust", path, "--boot-policy", lines, *self.host.signing, "-o", path, *nowhere)
        self.assertEqual(done.returncode, OK, done.stderr)
        self.assertIn(self.host.public.read_bytes(), done.stderr)
        judged = lambda: self.host.verify("--auditor-key", self.host.public, trust=path)  # noqa: E731
        report = judged()
        self.assertEqual((report["conclusion"], report["platform"], report["tpm"]["identity"]),
                         ("verified", "pass", "ek-chain"), report)
        signed = path.read_bytes()
        done, _ = self.host.enroll(*self.host.signing, output="with_policy")
        self.assertEqual((done.returncode, b"which boots are known" in done.stderr), (CANNOT_CREATE, True), done.stderr)
        self.assertEqual(path.read_bytes(), signed)
        # A copy that came off the host by another way, as provisioned: trust on first use, signed.
        copy = self.host.auditor / "copy.trust"
        done = run(BIN / "stele", "trust", "--trust", self.host.trust(), *self.host.signing, "-o", copy, *nowhere)
        self.assertEqual(done.returncode, OK, done.stderr)
        report = self.host.verify("--auditor-key", self.host.public, trust=copy)
        self.assertEqual((report["conclusion"], report["tpm"]["identity"]), ("verified", "pinned-key"), report)
        for arguments in (["--trust", path], ["--name", "x"], ["--auditor-key-file", self.host.key],
                          ["--checkpoint-key", *self.host.signing]):
            self.assertEqual(self.host.stele("trust", *arguments).returncode, USAGE, arguments)

    def test_on_standard_output_stands_the_trust_file_alone(self):
        done = run(BIN / "stele", "enroll", f"unix:{self.host.http}", "--ek-roots", self.host.maker.roots(),
                   "--allow-simulator", "-o", "-")
        self.assertEqual(done.returncode, OK, done.stderr)
        self.assertEqual(done.stdout, self.host.enrolled(output="as_file").read_bytes())
        self.assertIn(b"only claimed by the host", done.stderr)

    def test_a_file_that_cannot_be_written_leaves_the_one_before(self):
        path = self.host.enrolled(output="before.trust")
        pinned = path.read_bytes()
        done = run("bash", "-c", 'ulimit -f 0; trap "" XFSZ; exec "$0" "$@"', BIN / "stele", "enroll",
                   f"unix:{self.host.http}", "--ek-roots", self.host.maker.roots(), "--allow-simulator", "-o", path)
        self.assertEqual(done.returncode, IO_ERROR, done.stderr)
        self.assertEqual(path.read_bytes(), pinned)

    def test_an_activation_by_another_tpm_is_refused(self):
        """The second host's TPM, of the same maker, cannot open what was made for the first's endorsement key."""
        url = self.relayed(route=lambda target: self.second.http if target == ACTIVATE else self.host.http)
        self.check_refused(self.host.enroll(url=url, output="relayed"), TAMPERED, b"credential_refused")

    def test_what_only_the_way_there_did_is_no_refusal_of_the_tpm(self):
        """A proxy's redirect, its time-out, or bytes that are not HTTP, in the place of an activation's answer."""
        for answer in (b"HTTP/1.1 301 Moved\r\nLocation: /\r\nContent-Length: 0\r\n\r\n",
                       b"HTTP/1.1 407 Proxy\r\nContent-Length: 0\r\n\r\n",
                       b"HTTP/1.1 408 Late\r\nContent-Length: 0\r\n\r\n", b"SSH-2.0-OpenSSH_9.2p1\r\n"):
            url = self.relayed(instead=lambda target: answer if target == ACTIVATE else None)
            refused = self.host.enroll(url=url, output="never")
            self.check_refused(refused, MALFORMED, b"answers")
            self.assertNotIn(b"credential_refused", refused[0].stderr)

    def test_an_attestation_key_of_another_tpm_is_refused(self):
        """All of the second host but its endorsement: the certificate and key are genuine, the log is elsewhere."""
        second = Identity(self.identity_of(self.second))

        def change(identity):
            identity.parts[1:4] = second.parts[1:4]
            identity.trust = second.trust
        self.check_refused(self.altered(change), TAMPERED, b"answer_mismatch")
        # With the second host's live answer to the very nonce too, only the credential is left to tell.
        url = self.relayed(alter=self.with_log_of_second)
        self.check_refused(self.host.enroll(url=url, output="married"), TAMPERED, b"credential_refused")

    def with_log_of_second(self, target, body):
        if target != IDENTITY:
            return body
        mine = Identity(body)
        theirs = Identity(self.identity_of(self.second, mine.parts[4][10:42]))
        mine.parts[1:5] = theirs.parts[1:5]
        mine.trust = theirs.trust
        return mine.bytes()

    def identity_of(self, host, nonce=bytes(32)):
        request = b"STELEENQ\0\1\1" + nonce + bytes(4)
        with socket.socket(socket.AF_UNIX) as stream:
            stream.connect(str(host.http))
            stream.sendall(b"POST /v1/enroll/identity HTTP/1.1\r\nHost: h\r\nConnection: close\r\n"
                           b"Content-Length: %d\r\n\r\n" % len(request) + request)
            head, body = read_message(stream).split(b"\r\n\r\n", 1)
        self.assertIn(b" 200 ", head.split(b"\r\n")[0] + b" ", head)
        return body

    def test_a_key_that_the_certificate_does_not_vouch_for_is_refused(self):
        """The same attestation key, but the other TPM's endorsement key under the first one's certificate."""
        second = Identity(self.identity_of(self.second))

        def change(identity):
            identity.parts[0] = second.parts[0]
        self.check_refused(self.altered(change), TAMPERED, b"ek_mismatch")

    def test_an_attestation_key_that_is_not_the_logs_form_is_refused(self):
        def with_ak(alter):
            def change(identity):
                identity.parts[1] = alter(identity.parts[1])
            return change
        attributes = {"not restricted": 0x00040472, "not fixedTPM": 0x00050470, "not noDA": 0x00050072,
                      "decrypts too": 0x00070472, "with a policy": 0x000504f2}
        for name, value in attributes.items():
            with self.subTest(name):
                bent = with_ak(lambda ak, value=value: ak[:4] + struct.pack(">I", value) + ak[8:])
                self.check_refused(self.altered(bent), TAMPERED, b"ak_unfit")
            self.setUp()
        self.check_refused(self.altered(with_ak(lambda ak: ak[:16] + b"\0\4" + ak[18:])), TAMPERED, b"ak_unfit")

    def test_indexes_that_are_no_counter_or_no_extend_index_where_they_are_said_to_be_are_refused(self):
        def with_indexes(alter):
            def change(identity):
                counter, extend = struct.unpack(">II", identity.head[14:])
                identity.head = identity.head[:14] + struct.pack(">II", *alter(counter, extend))
            return change
        for alter in (lambda c, e: (e, c), lambda c, e: (c + 16, e), lambda c, e: (c, 0)):
            self.check_refused(self.altered(with_indexes(alter)), TAMPERED, b"index_unfit")
            self.setUp()
        self.assertEqual(self.altered(with_indexes(lambda c, e: (c, e)))[0].returncode, OK)

    def test_a_replayed_identity_is_refused(self):
        old = self.identity_of(self.host)
        url = self.relayed(alter=lambda target, body: old if target == IDENTITY else body)
        self.check_refused(self.host.enroll(url=url, output="replayed"), TAMPERED, b"nonce_mismatch")

    def test_claims_are_bounded(self):
        def change(identity):
            identity.trust = identity.trust.replace(b"heartbeat_s 3600", b"heartbeat_s 31000000")
        done, path = self.altered(change)
        self.assertEqual(done.returncode, OK, done.stderr)
        self.assertIn(b"heartbeat_s 31000000 claimed, 86400 pinned", done.stdout)
        self.assertIn("heartbeat_s 86400\n", path.read_text())

    def test_any_cut_or_spoiled_identity_is_refused(self):
        whole = self.identity_of(self.host)
        for name, body in {"cut": whole[:-1], "longer": whole + b"\0", "empty": b"", "other": b"STELEENQ" + whole[8:],
                           "version": whole[:8] + b"\0\2" + whole[10:]}.items():
            with self.subTest(name):
                url = self.relayed(alter=lambda target, _, body=body: body)
                done, _ = self.host.enroll(url=url, output="spoiled")
                self.assertIn(done.returncode, (MALFORMED, UNDETERMINED), done.stderr)

    def test_requests_are_limited_and_anchoring_goes_on(self):
        codes = [self.host.enroll(output="often")[0].returncode for _ in range(8)]
        self.assertIn(TEMPORARY, codes)
        self.assertEqual(set(codes), {OK, TEMPORARY})
        self.host.append(b"between\n")
        self.host.anchor()
        self.assertEqual(self.host.status()["anchoring"]["state"], "anchoring")

    def test_enrolments_that_come_to_nothing_are_bounded_and_those_that_succeed_are_not(self):
        host = EnrolHost(self.maker)
        self.addCleanup(host.close)
        host.begin_log()
        request = b"STELEENQ\0\1\2" + struct.pack(">I", 0x1C00016) + sized16(b"x" * 300) + sized16(b"y" * 300)

        def activate():
            done = run("curl", "-sD", "-", "--unix-socket", host.http, "--data-binary", "@-", "http://h/v1/enroll/activate",
                       input=request)
            return int(done.stdout.split()[1]), done.stdout
        self.assertEqual(host.enroll(output="first")[0].returncode, OK)  # and owes nothing
        self.assertEqual([activate()[0] for _ in range(6)], [422] * 6)
        size = host.status()["log"]["size"]
        status, text = activate()
        self.assertEqual(status, 429)
        self.assertRegex(text, rb"(?i)retry-after: [1-6]?[0-9]\r\n")
        self.assertIn(b"limits.unfinished_enrolments", text)
        done, _ = host.enroll(output="second")
        self.assertEqual(done.returncode, TEMPORARY, done.stderr)
        self.assertIn(b"came to nothing", done.stderr)
        self.assertEqual(host.status()["log"]["size"], size, "who is shut out costs the log nothing either")
        # The host's own user, by another way, is not shut out; nor is anchoring.
        self.assertEqual(host.enroll(url=f"unix:{host.control}", output="third")[0].returncode, OK)
        host.anchor()
        shown = host.stele("config", "check", "--print", expect=OK).stdout
        self.assertIn(b"unfinished_enrolments = 6", shown)

    def test_a_host_whose_tpm_is_gone_says_so(self):
        host = EnrolHost(self.maker)
        self.addCleanup(host.close)
        host.provision(quote_interval="1h")  # only the enrolment meets the TPM
        host.start_daemon()
        host.anchor()
        host.tpm.stop()
        self.check_refused(host.enroll(), TEMPORARY, b"ask again")  # it went while it was asked
        self.check_refused(host.enroll(), UNAVAILABLE, b"503")
        self.check_refused(host.enroll(url=f"unix:{host.control}"), UNAVAILABLE, b"TPM")

    def test_a_credential_of_anybody_is_refused_and_harms_nothing(self):
        request = b"STELEENQ\0\1\2" + struct.pack(">I", 0x1C00016) + sized16(b"x" * 300) + sized16(b"y" * 300)
        for _ in range(2):
            answer = run("curl", "-s", "--unix-socket", self.host.http, "-o", "/dev/null", "-w", "%{http_code}",
                         "--data-binary", "@-", "http://h/v1/enroll/activate", input=request)
            self.assertEqual(answer.stdout, b"422")
        self.assertEqual(self.host.status()["anchoring"]["state"], "anchoring")

    def test_an_rsa_endorsement_key_alone(self):
        host = EnrolHost(self.maker)
        self.addCleanup(host.close)
        host.tpm.start()
        host.tool("tpm2_nvundefine", "-C", "p", P384_CERTIFICATE)
        host.begin_log()
        done, path = host.enroll()
        self.assertEqual(done.returncode, OK, done.stderr)
        self.assertIn(b"endorsement key RSA 2048", done.stdout)
        self.assertEqual(host.verify(trust=path)["conclusion"], "verified")

    def test_a_p256_endorsement_key_alone_whose_certificate_openssl_made(self):
        """By a maker of this test's own, so no simulator's; and the same key under certificates that vouch for none."""
        host = EnrolHost(self.maker)
        self.addCleanup(host.close)
        host.tpm.start()
        for index in ("0x1c00002", P384_CERTIFICATE):
            host.tool("tpm2_nvundefine", "-C", "p", index)
        maker = P256Maker(host)
        maker.put(maker.issue())
        host.begin_log()
        done, path = host.enroll(*host.signing, simulator=False, roots=maker.roots)
        self.assertEqual(done.returncode, OK, done.stderr)
        self.assertIn(b"endorsement key ECC P-256", done.stdout)
        self.assertIn(b"vouched for by    CN=Maker", done.stdout)
        report = host.verify("--auditor-key", host.public, trust=path)
        self.assertEqual((report["conclusion"], report["tpm"]["kind"], report["tpm"]["identity"]),
                         ("verified", "firmware", "ek-chain"), report)
        for change in (("8.1\n", "8.3\n"), ("CA:false", "CA:true"), ("critical,dirName", "dirName"), ("1.2.23.133.2.1", "CN")):
            maker.put(maker.issue(*change))
            self.check_refused(host.enroll(simulator=False, roots=maker.roots, output="never"), UNDETERMINED,
                               b"ek_certificate_unfit")
        maker.put(maker.issue(days=-1))
        self.check_refused(host.enroll(simulator=False, roots=maker.roots, output="never"), UNDETERMINED,
                           b"ek_certificate_expired")

    def test_of_two_certificates_the_one_that_the_host_chose_will_do(self):
        """RSA 2048 by one maker, P-256 by another, listed in either order: where both are pinned the quicker key, which the
        host shows unasked, will do; where it will not, the other one is asked for."""
        host = EnrolHost(self.maker)
        self.addCleanup(host.close)
        host.tpm.start()
        host.tool("tpm2_nvundefine", "-C", "p", P384_CERTIFICATE)
        maker = P256Maker(host)
        maker.put(maker.issue())
        host.begin_log()
        both = host.folder / "both"
        shutil.copytree(self.maker.roots(), both)
        shutil.copy(maker.roots / "maker.pem", both)
        for number, (roots, key, questions) in enumerate(((both, b"ECC P-256", 1), (maker.roots, b"ECC P-256", 1),
                                                          (self.maker.roots(), b"RSA 2048", 2))):
            with self.subTest(roots=roots.name, number=number):
                if number:  # a full bucket
                    host.stop_daemon()
                    host.start_daemon()
                for order in (1, -1):
                    asked = []

                    def count(target, body, order=order, asked=asked):
                        asked.append(target)
                        if target != IDENTITY:
                            return body
                        identity = Identity(body)
                        self.assertEqual(len(identity.certificates), 2)
                        identity.certificates = identity.certificates[::order]
                        return identity.bytes()
                    url = self.relayed(route=lambda target: host.http, alter=count)
                    done, _ = host.enroll(url=url, roots=roots, output=f"{number}.trust")
                    self.assertEqual(done.returncode, OK, done.stderr)
                    self.assertIn(b"endorsement key " + key, done.stdout)
                    self.assertEqual(asked, [IDENTITY] * questions + [ACTIVATE])

    def test_a_tpm_without_a_certificate(self):
        host = EnrolHost(self.maker)
        self.addCleanup(host.close)
        host.tpm.start()
        for index in ("0x1c00002", P384_CERTIFICATE):
            host.tool("tpm2_nvundefine", "-C", "p", index)
        host.begin_log()
        self.check_refused(host.enroll(), UNDETERMINED, b"holds no certificate of its maker")


if __name__ == "__main__":
    unittest.main()
