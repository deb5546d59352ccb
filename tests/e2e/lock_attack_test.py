"""Goal: whoever is between the auditor and the TPM, root on the host included, reads no secret and makes no lock that
is none. Method: every message of a visit changed, dropped, repeated and swapped, each way; keys and certificates of the
attacker's own in place of the TPM's; afterwards the TPM is asked by root's tools what is true."""
import hashlib
import struct
import unittest

from enroll_host import Maker
from lock_host import (AUTHORISED, CHANGE_AUTH, COMMAND, HELLO, LOCKOUT, READ_PUBLIC, RESPONSE, Between, LockHost,
                       holds, tag_and_code)
from stele_host import MALFORMED, OK, PATIENCE, UNAVAILABLE, run


def flipped(payload, share):
    """One bit changed, at this share of its length."""
    at = min(int(len(payload) * share), len(payload) - 1)
    return payload[:at] + bytes([payload[at] ^ 0x10]) + payload[at + 1:]


class Attack(unittest.TestCase):
    def setUp(self):
        self.host = LockHost()
        self.addCleanup(self.host.close)

    def visit(self, act):
        """One visit through somebody who acts; what the auditor's command said."""
        between = Between(self.host.between, self.host.socket, act)
        done = self.host.lock(self.host.between)
        between.join(PATIENCE)
        return done, between

    def never_locked(self, done, what):
        self.assertNotEqual(done.returncode, OK, what)
        self.assertIn(done.returncode, (UNAVAILABLE, MALFORMED), (what, done))
        self.assertTrue(done.stderr.strip(), what)
        self.assertFalse(self.host.pinned.exists(), f"{what}: a trust file says that it is locked")

    def found_out(self, act, what, must_fail=lambda: True):
        """The visit fails; where what was done has no consequence it may also succeed, and then be true."""
        done, _ = self.visit(act)
        if done.returncode == OK and not must_fail():
            self.assertTrue(self.host.is_locked_with(self.host.kept_secrets()[0]), what)
            self.host.pinned.unlink()
            return False
        self.never_locked(done, what)
        return True

    def honest_visit(self):
        self.host.start_relay()
        done, between = self.visit(lambda direction, number, message: [message])
        self.assertEqual(done.returncode, OK, done.stderr)
        self.host.relay_ends()
        self.host.pinned.unlink()
        return between.passed

    def test_every_response_changed_dropped_repeated_swapped_is_found_out(self):
        host = self.host
        host.start_relay()
        host.end_relay()
        host.keep_copy("pending")
        passed = self.honest_visit()["up"]
        authorised = {n for n, m in enumerate(passed) if m[0] == RESPONSE and tag_and_code(m)[0] == AUTHORISED}
        self.assertGreaterEqual(len(authorised), 10)
        tricks = {
            **{f"bit at {share}": lambda now, before, share=share: [(now[0], flipped(now[1], share))]
               for share in (0.0, 0.2, 0.45, 0.7, 0.999)},
            "dropped": lambda now, before: None,
            "the one before once more": lambda now, before: [before] if before else None,
            "repeated": lambda now, before: [now, now],
        }
        caught = {trick: 0 for trick in tricks}
        last = len(passed) - 2  # after it only the host's own word that it has kept it
        for number in range(1, last + 1):
            # While it is locked for the first time, and of one that is locked already.
            for turn, (trick, change) in enumerate(tricks.items()):
                if turn == number % len(tricks):
                    host.end_relay()
                    host.put_back("pending")
                host.need_relay()
                seen = {}

                def act(direction, n, message):
                    if direction == "down":
                        return [message]
                    before, seen["before"] = seen.get("before"), message
                    if n != number or message[0] != RESPONSE:
                        return [message]
                    seen["authorised"] = tag_and_code(message)[0] == AUTHORISED
                    return change(message, before)

                # A response without HMAC may be harmless, as the one to FlushContext is; and one too many behind
                # the last that anybody waits for.
                harmless = trick == "repeated" and number >= max(authorised) - 1
                caught[trick] += self.found_out(act, f"response {number}: {trick}",
                                                lambda: seen.get("authorised") and not harmless)
        for trick, count in caught.items():
            self.assertGreaterEqual(count, len(authorised) - 2, trick)
        host.end_relay()
        host.start_relay()
        self.assertEqual(host.lock().returncode, OK, "undisturbed it goes on where it was")
        host.relay_ends()
        self.assertTrue(host.is_locked_with(host.kept_secrets()[0]))

    def test_swapped_with_the_answer_of_an_earlier_visit(self):
        """All that was recorded in an honest visit, played to an auditor by a host without its TPM."""
        recorded = self.honest_visit()["up"]
        self.host.start_relay()

        def act(direction, number, message):
            if direction == "down":
                return [message]
            return [recorded[number]] if number < len(recorded) else [message]

        done, _ = self.visit(act)
        self.never_locked(done, "a replayed visit")
        self.assertIn(b"alters, drops or repeats", done.stderr)

    def test_every_command_changed_dropped_or_repeated_is_found_out(self):
        host = self.host
        commands = self.honest_visit()["down"]
        host.keep_copy("locked")
        locked_out = 0
        for number, message in enumerate(commands):
            if message[0] != COMMAND or tag_and_code(message)[0] != AUTHORISED:
                continue
            tricks = {"dropped": lambda now: None, "repeated": lambda now: [now, now],
                      **{f"bit at {share}": lambda now, share=share: [(now[0], flipped(now[1], share))]
                         for share in (0.5, 0.999)}}
            for trick, change in tricks.items():
                host.need_relay()

                def act(direction, n, passing):
                    return change(passing) if (direction, n) == ("down", number) else [passing]

                # The TPM refuses a command that it has seen; behind the last nobody waits for that.
                self.found_out(act, f"command {number}: {trick}", lambda: trick != "repeated")
            # To the TPM what reaches it so may be a wrong lockoutAuth: then it takes none for a while, and says so.
            if struct.unpack(">I", message[1][10:14])[0] == LOCKOUT:
                done = host.lock()
                if done.returncode == OK:
                    host.relay_ends()
                    host.pinned.unlink()
                else:
                    locked_out += 1
                    self.assertIn(b"dictionary-attack lockout", done.stderr)
                    self.never_locked(done, "lockout")
                    host.end_relay()
                    host.put_back("locked", forget=False)
        self.assertGreater(locked_out, 0)
        host.need_relay()  # the last visit may have ended well
        self.assertEqual(host.lock().returncode, OK)

    def test_a_key_of_the_attackers_in_place_of_the_endorsement_key(self):
        """The host answers ReadPublic: with the attacker's key always, or only the first time, for ESYS to remember."""
        host = self.host
        host.start_relay()
        for times, words in ((1, b"two different endorsement keys"), (9, b"not the certificate's")):
            state = {"asked": None, "done": 0}

            def act(direction, _, message):
                if direction == "down":
                    state["asked"] = tag_and_code(message)[1] if message[0] == COMMAND else None
                elif message[0] == RESPONSE and state["asked"] == READ_PUBLIC and state["done"] < times:
                    state["done"] += 1
                    return [(RESPONSE, self.with_another_key(message[1]))]
                return [message]

            done, between = self.visit(act)
            self.never_locked(done, f"{times} answers with the attacker's key")
            self.assertIn(words, done.stderr)
            sent = [tag_and_code(m)[1] for m in between.passed["down"] if m[0] == COMMAND]
            self.assertNotIn(CHANGE_AUTH, sent, "nothing was sent under that key")
            self.assertFalse(host.secrets.exists(), "not even made")

    def with_another_key(self, response):
        """The public area in this response with another key of the same kind, and the Name that follows."""
        size = struct.unpack(">H", response[10:12])[0]
        area = bytearray(response[12:12 + size])
        kind, name_algorithm = struct.unpack(">HH", area[:4])
        if kind == 1:  # RSA: any odd modulus of that length
            area[-256:] = bytes([0xC1]) + hashlib.shake_256(b"another").digest(254) + b"\x01"
        else:
            length = struct.unpack(">H", area[-34:-32])[0] if area[-34:-32] == b"\x00\x20" else 48
            curve = {32: "P-256", 48: "P-384"}[length]
            made = run("openssl", "genpkey", "-algorithm", "EC", "-pkeyopt", f"ec_paramgen_curve:{curve}", "-outform",
                       "DER")
            public = run("openssl", "pkey", "-inform", "DER", "-pubout", "-outform", "DER", input=made.stdout).stdout
            area[-2 * length - 2:-length - 2], area[-length:] = public[-2 * length:-length], public[-length:]
        digest = {0x000B: hashlib.sha256, 0x000C: hashlib.sha384}[name_algorithm]
        name = struct.pack(">H", name_algorithm) + digest(area).digest()
        rest = response[12 + size + 2 + len(name):]
        return response[:12] + bytes(area) + struct.pack(">H", len(name)) + name + rest

    def test_another_makers_certificate_is_refused(self):
        host = self.host
        host.start_relay()
        other = Maker("other")
        self.addCleanup(other.close)
        other.make(host.auditor / "other-tpm")
        command = host.lock_command()
        command[command.index(host.roots)] = other.roots()
        done = run(*command)
        self.never_locked(done, "another maker's TPM")
        self.assertIn(b"ek_certificate_foreign", done.stderr)
        self.assertFalse(host.secrets.exists())

    def test_what_the_host_says_of_itself_is_held_against_its_tpm(self):
        host = self.host
        host.start_relay()
        seen = {}
        between = Between(host.between, host.socket, lambda d, n, m: None if seen.setdefault(d, m) else None)
        self.assertNotEqual(host.lock(host.between).returncode, OK)
        between.join(PATIENCE)
        hello = seen["up"][1]
        trust_at = hello.index(b"stele-trust 1\n")

        def say(changed):
            payload = changed(hello)
            done, _ = self.visit(lambda d, n, m: [(HELLO, payload)] if m[0] == HELLO else [m])
            self.never_locked(done, "another hello")
            self.assertFalse(host.secrets.exists())
            return done.stderr

        def replacing(old, new):
            def change(payload):
                text = payload[trust_at:].replace(old, new)
                return payload[:trust_at - 4] + struct.pack(">I", len(text)) + text
            return change

        for old, new in ((b"\nmode a\n", b"\nmode b\n"), (b"first_counter ", b"first_counter 1"),
                         (b"\nera 0", b"\nera 1"), (b"base_reset ", b"base_reset 1"), (b"origin test", b"origin best")):
            self.assertTrue(say(replacing(old, new)))
        text = hello[trust_at:]
        second = text.replace(b"stele-trust 1\n", b"stele-trust 2\n")
        for line in (b"identity ek-chain\n", b"locked_from outside\n", b"boot_policy record\n"):
            self.assertIn(b"only an auditor's own", say(replacing(text, second + line)))
        # Another counter, key or endorsement key than where they are.
        for at, handle in ((2, 0x81005354), (6, 0x81010016), (10, 0x01805355), (14, 0x01805354)):
            say(lambda payload: payload[:at] + struct.pack(">I", handle) + payload[at + 4:])
        self.assertEqual(host.lock().returncode, OK)

    def test_what_root_set_or_moved_before_the_auditor_came_is_seen(self):
        host = self.host
        host.start_relay()
        host.end_relay()
        host.keep_copy("pending")
        secrets = dict(line.split(" ", 1) for line in (host.data / "secrets").read_text().splitlines())
        moved = ("tpm2_nvincrement", "0x01805354", "-C", "0x01805354", "-P", f"hex:{secrets['counter_auth']}")
        for root, words in ((("tpm2_changeauth", "-c", "lockout", "root"), b"none of yours"),
                            (("tpm2_changeauth", "-c", "owner", "root"), b"locked with another secret"),
                            (("tpm2_nvundefine", "0x01805355", "-C", "o"), None), (moved, b"has moved")):
            host.put_back("pending")
            host.start_relay()
            self.assertTrue(host.root(*root), root)
            done = host.lock()
            self.never_locked(done, root)
            if words:
                self.assertIn(words, done.stderr)
            host.end_relay()

    def test_strangers_at_the_relay_can_do_nothing_else(self):
        """What no auditor sends is refused before the TPM hears it; the visit is over, the next one is welcome."""
        host = self.host
        host.start_relay()
        password = bytes.fromhex("00000009" "40000009" "0000" "01" "0000")
        refused = {
            "clear by lockout": (0x126, struct.pack(">I", 0x4000000A) + password),
            "undefine C by the owner": (0x122, struct.pack(">II", 0x40000001, 0x01805354) + password),
            "change ownerAuth by password": (0x129, struct.pack(">I", 0x40000001) + password + b"\x00\x02xx"),
            "enable clear": (0x127, struct.pack(">I", 0x4000000A) + password + b"\x00"),
            "read C by password": (0x14E, struct.pack(">II", 0x40000001, 0x01805354) + password + b"\x00\x08\x00\x00"),
            "reset a PCR": (0x13D, struct.pack(">I", 23) + password),
        }
        for what, (code, rest) in refused.items():
            command = struct.pack(">HII", AUTHORISED, 10 + len(rest), code) + rest
            done, between = self.visit(lambda d, n, m: [(COMMAND, command)] if d == "down" else [m])
            self.never_locked(done, what)
            self.assertIn(b"goes no further", done.stderr, what)
        # Nor bytes that are no messages at all.
        done, _ = self.visit(lambda d, n, m: [(9, b"x" * 70000)] if d == "down" else [m])
        self.never_locked(done, "no message")
        self.assertEqual(host.lock().returncode, OK)
        host.relay_ends()

    def test_nothing_that_passes_tells_a_secret_in_a_later_visit_either(self):
        passed = self.honest_visit()
        again = self.honest_visit()
        for secret in self.host.kept_secrets():
            for visit in (passed, again):
                self.assertFalse(holds([m[1] for messages in visit.values() for m in messages], secret))


if __name__ == "__main__":
    unittest.main(verbosity=2)
