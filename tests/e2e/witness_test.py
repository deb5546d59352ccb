"""Goal: a log's checkpoints are witnessed, by others and for others; witnesses that are away, slow or lie hold up
nothing and are believed nothing; a log that was put back is found out (families 72 and 73).
Method: real daemons, a witness of our own to the letter of C2SP, another steled as the witness; openssl and tpm2_unseal
are root's hands."""
import base64
import re
import shutil
import unittest

import tlog_witness
from http_host import HttpHost
from sealed_seed import unseal
from stele_host import BIN, OK, TAMPERED, UNDETERMINED, Host, run, wait_until
from tlog_witness import Key, Witness, parse_vkey, signed_note, verifies


def report(family, injected, missed, alarms, what):
    print(f"family {family}: injected {injected}, lost 0, false alarms {alarms}, missed {missed} ({what})", flush=True)
    assert injected and not missed and not alarms


class Bed(unittest.TestCase):
    def make(self, kind=Host, **options):
        host = kind("b", **options)
        self.addCleanup(host.close)
        host.provision()
        return host

    def key_of(self, host):
        return host.stele("trust", "--checkpoint-key", expect=OK).stdout.decode().strip()

    def witnesses(self, host, count):
        made = [Witness(self.key_of(host), bytes([65 + i]) * 32, f"witness.example/w{i}") for i in range(count)]
        for one in made:
            self.addCleanup(one.close)
        return made

    def configure(self, host, witnesses, extra="", interval="1s", **options):
        tables = "".join(f'[[witness]]\nurl = "{w.url}"\nkey = "{w.vkey}"\ninterval = "{interval}"\n' for w in witnesses)
        host.write_config(extra=tables + extra, **options)

    def policy(self, host, witnesses, quorum):
        path = host.folder / "policy"
        names = " ".join(f"w{i}" for i in range(len(witnesses)))
        path.write_text(f"# believed\nlog {self.key_of(host)}\n" +
                        "".join(f"witness w{i} {w.vkey} {w.url}\n" for i, w in enumerate(witnesses)) +
                        f"group g {quorum} {names}\nquorum g\n")
        return path

    def places(self, host, kind="witness"):
        return [p for p in host.status()["outward"] if p["kind"] == kind]

    def wait_for_witness(self, host, number, state, through=0):
        def reached():
            place = self.places(host)[number]
            return place["state"] == state and place["through"] >= through
        wait_until(reached, f"witness {number} {state}, through {through}: {self.places(host)}")


class Witnessed(Bed):
    def test_cosignatures_are_kept_and_the_verdict_tells_the_quorum(self):
        host = self.make()
        three = self.witnesses(host, 3)
        self.configure(host, three)
        host.start_daemon()
        last = max(host.append(b"".join(b"event %d\n" % i for i in range(100))))
        for i in range(3):
            self.wait_for_witness(host, i, "working", last)
        lines = re.findall(r"(?m)^witness +(.*)", host.stele("status", expect=OK).stdout.decode())
        self.assertEqual([line.split(": ")[0] for line in lines], [w.url for w in three])
        self.assertTrue(all("working, has seen the first" in line for line in lines), lines)
        host.stop_daemon()
        verdict = host.verify("--policy", self.policy(host, three, "2"))
        self.assertEqual(verdict["conclusion"], "verified", verdict)
        self.assertEqual(verdict["witness"]["quorum"], "reached")
        self.assertGreater(verdict["witness"]["quorum_through"], last)
        self.assertEqual({w["name"] for w in verdict["witness"]["witnesses"]}, {"w0", "w1", "w2"})
        text = run(BIN / "stele-verify", host.data, "--trust", host.trust(), "--policy",
                   self.policy(host, three, "2")).stdout.decode()
        self.assertIn("quorum", text)
        # What was kept are C2SP notes: openssl verifies log and witnesses in the newest one.
        self.check_note_with_openssl(host, three)
        # Without a policy nobody is believed, and nothing is said.
        self.assertNotIn("witness", host.verify())
        self.check_proof(host, three)
        self.check_bundles(host, three)

    def test_a_key_that_comes_late_is_not_waited_for_an_interval(self):
        """The TPM gives the key that signs checkpoints; with an hour between two visits it is looked for each second."""
        host = self.make()
        ones = self.witnesses(host, 1)
        self.configure(host, ones, interval="1h")
        host.tpm.stop()
        host.start_daemon()
        self.wait_for_witness(host, 0, "waiting")
        wait_until(lambda: "no key" in self.places(host)[0]["reason"], "what it waits for is said")
        last = max(host.append(b"one\ntwo\n"))
        wait_until(lambda: self.places(host)[0]["lag"] == last + 1, "its lag is all of the log")
        self.assertEqual((self.places(host)[0]["successes"], self.places(host)[0]["failures"]), (0, 0))
        host.tpm.start()
        self.wait_for_witness(host, 0, "working")
        self.assertGreater(self.places(host)[0]["through"], last)
        host.stop_daemon()

    def check_note_with_openssl(self, host, witnesses):
        note = (host.data / "cosignatures").read_text().split("\n\n")
        text, signatures = note[-2] + "\n", note[-1].splitlines()
        keys = {self.key_of(host).split("+")[0]: parse_vkey(self.key_of(host))[2]}
        keys |= {w.name: w.key.public for w in witnesses}
        seen = set()
        for line in signatures:
            _, name, encoded = line.split(" ")
            signature = base64.b64decode(encoded)[4:]
            message = text.encode()
            if len(signature) == 72:
                seconds = int.from_bytes(signature[:8], "big")
                message, signature = f"cosignature/v1\ntime {seconds}\n{text}".encode(), signature[8:]
            self.assertTrue(verifies(keys[name], message, signature), line)
            seen.add(name)
        self.assertIn(host.origin, seen)
        self.assertGreaterEqual(len(seen), 2)

    def check_proof(self, host, witnesses):
        """A proof stands on a counter anchor's head: that is the head which is submitted first."""
        proof = host.folder / "proof"
        host.stele("prove", "1", "-o", proof, expect=OK)
        verdict = host.verify("--policy", self.policy(host, witnesses, "2"), "--cosignatures", host.data / "cosignatures",
                              path=proof)
        self.assertEqual(verdict["conclusion"], "verified", verdict)
        self.assertEqual(verdict["witness"]["quorum"], "reached")
        alone = host.verify("--policy", self.policy(host, witnesses, "2"), path=proof)
        self.assertEqual(alone["exit"], UNDETERMINED)

    def check_bundles(self, host, witnesses):
        """Somebody who was never on the host applies the policy, with the bundle alone."""
        policy, through = self.policy(host, witnesses, "2"), {}
        for name, arguments in (("whole", []), ("one", ["--index", 5]), ("none", ["--no-records"])):
            path = host.folder / name
            host.stele("bundle", "-o", path, *arguments, expect=OK)
            verdict = host.verify("--policy", policy, path=path)
            self.assertEqual((verdict["conclusion"], verdict["witness"]["quorum"]), ("verified", "reached"), verdict)
            through[name] = verdict["witness"]["quorum_through"]
            self.assertNotIn("witness", host.verify(path=path))
        self.assertEqual(len(set(through.values())), 1, through)
        # From the witness itself, in the place of what the host put in.
        verdict = host.verify("--policy", policy, "--cosignatures", host.data / "cosignatures", path=host.folder / "none")
        self.assertEqual(verdict["witness"]["quorum_through"], through["none"])
        # Taken out: not reached, and nothing is tampered with. What cannot be read is left out, and said.
        (host.data / "cosignatures").rename(host.folder / "taken")
        bare = host.folder / "bare"
        host.stele("bundle", "-o", bare, expect=OK)
        verdict = host.verify("--policy", policy, path=bare)
        self.assertEqual((verdict["exit"], [d["fault"] for d in verdict["defects"]]),
                         (UNDETERMINED, ["quorum_not_reached"]), verdict)
        (host.data / "cosignatures").write_text("noise\n")
        done = host.stele("bundle", "-o", bare, expect=OK)
        self.assertIn(b"cosignatures cannot be read", done.stderr)
        self.assertEqual(host.verify("--policy", policy, path=bare)["exit"], UNDETERMINED)
        (host.folder / "taken").rename(host.data / "cosignatures")
        # Of another history, by the same keys: two histories were shown.
        other = host.folder / "other"
        key = Key(unseal(host))
        text = f"{host.origin}\n7\n{base64.b64encode(bytes(32)).decode()}\n"
        forged = signed_note(host.origin, key, text) + witnesses[0].cosignature(text)
        other.write_text("stele-cosignatures 1\n\n" + forged)
        verdict = host.verify("--policy", policy, "--cosignatures", other, path=host.folder / "whole")
        self.assertEqual((verdict["exit"], verdict["defects"][0]["fault"]), (TAMPERED, "cosigned_head_mismatch"), verdict)

    def test_family_73_witnesses_away_slow_or_lying_hold_up_nothing_and_are_believed_nothing(self):
        host = self.make()
        faults = ["offline", "mute", "bad_signature", "other_key", "noise", "error", None]
        all_of_them = self.witnesses(host, len(faults))
        for one, fault in zip(all_of_them, faults):
            one.fault = fault
        all_of_them[-1].clock = -7200  # and right, but for its clock
        self.configure(host, all_of_them)
        host.start_daemon()
        last = max(host.append(b"".join(b"event %d\n" % i for i in range(500))))
        self.assertEqual(host.anchor()["tree_size"] > last, True)  # neither events nor anchors wait
        self.wait_for_witness(host, len(faults) - 1, "working", last)
        for i, fault in enumerate(faults[:-1]):
            if fault != "mute":
                self.wait_for_witness(host, i, "failing")
        places = self.places(host)
        self.assertLess(places[-1]["clock_off_s"], -7000)
        self.assertTrue(all(p["through"] == 0 and p["lag"] > 0 for p in places[:-1]), places)
        host.stop_daemon()  # in order, though one of them never answers
        believed = 0
        for quorum, good in (("any", True), ("2", False), ("all", False)):
            verdict = host.verify("--policy", self.policy(host, all_of_them, quorum))
            believed += verdict["conclusion"] == ("verified" if good else "undetermined")
        self.assertEqual(believed, 3)
        saw = {w["name"]: w["size"] for w in verdict["witness"]["witnesses"]}
        self.assertEqual([n for n, size in saw.items() if size], [f"w{len(faults) - 1}"])
        report(73, len(faults), 0, 0, "witnesses away, mute, lying in four ways, and one with a wrong clock")

    def test_a_witness_that_comes_back_is_led_on_from_what_it_saw(self):
        host = self.make()
        one, = self.witnesses(host, 1)
        self.configure(host, [one])
        host.start_daemon()
        first = max(host.append(b"before\n"))
        self.wait_for_witness(host, 0, "working", first)
        host.stop_daemon()
        (host.data / "cosignatures").unlink()  # forgotten here: the witness tells its size (409)
        host.start_daemon()
        second = max(host.append(b"after\n"))
        self.wait_for_witness(host, 0, "working", second)
        self.assertIn(409, one.answers)
        host.stop_daemon()
        self.assertEqual(host.verify("--policy", self.policy(host, [one], "any"))["conclusion"], "verified")

    def test_a_witness_that_saw_more_than_the_newest_anchor_is_led_on_and_not_called_ahead(self):
        host = self.make(HttpHost)
        one, = self.witnesses(host, 1)
        one.fault = "offline"
        self.configure(host, [one], quote_interval="1h", heartbeat="1h")
        host.start_daemon()
        size = max(host.append(b"behind the anchor of the start\n" * 3)) + 1
        self.wait_for_witness(host, 0, "failing")
        status, note = host.curl("/checkpoint")
        self.assertEqual((status, int(note.split(b"\n")[1])), (200, size))
        self.assertEqual(one.answer(f"old 0\n\n{note.decode()}")[0], 200)  # somebody else has shown it our head
        one.fault = None
        self.wait_for_witness(host, 0, "working", size)  # the head of just that size, cosigned again
        self.assertEqual(one.answers[:2], [409, 200])
        self.assertNotIn("put back", host.daemon_words())
        self.assertEqual(self.places(host)[0]["lag"], 0)

    def test_a_log_that_was_put_back_is_refused_by_its_witness_and_found_out_with_its_cosignatures(self):
        host = self.make()
        one, = self.witnesses(host, 1)
        self.configure(host, [one])
        host.start_daemon()
        self.wait_for_witness(host, 0, "working", max(host.append(b"one\n")))
        host.stop_daemon()
        older = host.folder / "older"
        shutil.copytree(host.data, older, ignore=shutil.ignore_patterns("look-up*"))
        host.start_daemon()
        self.wait_for_witness(host, 0, "working", max(host.append(b"two\nthree\n" * 50)))
        host.stop_daemon()
        held = host.folder / "held"
        shutil.copy(host.data / "cosignatures", held)
        policy = self.policy(host, [one], "any")
        self.assertEqual(host.verify("--policy", policy, "--cosignatures", held)["conclusion"], "verified")  # the twin
        shutil.rmtree(host.data)
        shutil.copytree(older, host.data)
        verdict = host.verify("--policy", policy, "--cosignatures", held)
        self.assertEqual(verdict["exit"], TAMPERED, verdict)
        self.assertIn("cosigned_head_mismatch", [d["fault"] for d in verdict["defects"]])
        # Anchoring is stopped, so nothing is signed that contradicts what was; and what the witness saw is known here.
        shutil.copy(held, host.data / "cosignatures")
        answers = len(one.answers)
        host.start_daemon()
        self.wait_for_witness(host, 0, "refused")
        self.assertEqual(len(one.answers), answers)
        host.stop_daemon()


class WitnessingForOthers(Bed):
    """Another steled is the witness."""

    def pair(self, **options):
        log = self.make(origin="log.example/a")
        witness = self.make(HttpHost, origin="witness.example/b")
        self.configure_witness(witness, log, **options)
        witness.start_daemon()
        return log, witness

    def configure_witness(self, witness, log, roles='["writer", "monitor", "log"]'):
        witness.write_config(http=f"plain_roles = {roles}",
                             extra=f'[[witnessed]]\nkey = "{self.key_of(log)}"\n')

    def witness_key(self, witness):
        """Of type 04, from its answer's own signature line: what its operator gives away."""
        return witness.stele("trust", "--witness-key", expect=OK).stdout.decode().strip()

    def submit(self, witness, body):
        return witness.curl("/add-checkpoint", body=body.encode())

    def checkpoint(self, size, root, origin="log.example/a"):
        return f"{origin}\n{size}\n{base64.b64encode(root).decode()}\n"

    def test_two_daemons_and_a_verifier(self):
        log, witness = self.pair()
        log.write_config(extra=f'[[witness]]\nurl = "http://127.0.0.1:{witness.port}"\nkey = "{self.witness_key(witness)}"\n'
                               'interval = "1s"\n')
        log.start_daemon()
        last = max(log.append(b"watched\n" * 20))
        self.wait_for_witness(log, 0, "working", last)
        # The witness starts anew and still knows: the next checkpoint follows from the last.
        witness.daemon.kill()
        witness.daemon.wait()
        port = witness.port
        witness.write_config(http='plain_roles = ["log", "monitor"]',
                             extra=f'[[witnessed]]\nkey = "{self.key_of(log)}"\n')
        witness.config.write_text(witness.config.read_text().replace("127.0.0.1:0", f"127.0.0.1:{port}"))
        witness.start_daemon()
        last = max(log.append(b"watched still\n" * 20))
        self.wait_for_witness(log, 0, "working", last)
        metrics = witness.curl("/metrics")[1].decode()
        self.assertRegex(metrics, r'stele_witnessed_total\{result="cosigned"\} [1-9]')
        log.stop_daemon()
        policy = log.folder / "policy"
        policy.write_text(f"log {self.key_of(log)}\nwitness b {self.witness_key(witness)}\nquorum b\n")
        verdict = log.verify("--policy", policy)
        self.assertEqual(verdict["conclusion"], "verified", verdict)
        self.assertGreater(verdict["witness"]["quorum_through"], last)

    def test_the_endpoint_answers_as_the_specification_says(self):
        log, witness = self.pair()
        key, roots = Key(unseal(log)), [bytes([i]) * 32 for i in range(4)]
        note = signed_note("log.example/a", key, self.checkpoint(5, roots[0]))
        stranger = Key(b"s" * 32)
        for status, body in (
                (400, "old 0\n"), (400, "old 6\n\n" + note), (404, "old 0\n\n" + signed_note(
                    "other.example", key, self.checkpoint(5, roots[0], "other.example"))),
                (403, "old 0\n\n" + signed_note("log.example/a", stranger, self.checkpoint(5, roots[0]))),
                (409, "old 3\n\n" + note), (422, "old 0\n" + base64.b64encode(roots[1]).decode() + "\n\n" + note)):
            self.assertEqual(self.submit(witness, body)[0], status, body)
        status, text = self.submit(witness, "old 0\n\n" + note)
        self.assertEqual(status, 200)
        _, name, encoded = text.decode().strip().split(" ")
        line = base64.b64decode(encoded)
        message = f"cosignature/v1\ntime {int.from_bytes(line[4:12], 'big')}\n{self.checkpoint(5, roots[0])}"
        self.assertTrue(verifies(parse_vkey(self.witness_key(witness))[2], message.encode(), line[12:]))
        self.assertEqual(name, "witness.example/b")
        self.assertEqual(self.submit(witness, "old 0\n\n" + note), (409, b"5\n"))
        self.assertEqual(self.submit(witness, "old 5\n\n" + note)[0], 200)  # the same again

    def test_family_72_two_heads_of_one_size_are_kept_as_evidence(self):
        log, witness = self.pair()
        key = Key(unseal(log))  # root's hands: the seed opens with what is in DIR/secrets
        honest = signed_note("log.example/a", key, self.checkpoint(7, b"\x01" * 32))
        forked = signed_note("log.example/a", key, self.checkpoint(7, b"\x02" * 32))
        self.assertEqual(self.submit(witness, "old 0\n\n" + honest)[0], 200)
        for _ in range(3):
            self.assertEqual(self.submit(witness, "old 7\n\n" + forked)[0], 409)
        kept, = (witness.data / "witnessed").glob("*.conflict")
        first, second = re.findall(r"(log\.example/a\n7\n[^\n]*\n)\n((?:— [^\n]*\n)+)", kept.read_text())
        for (text, signatures), root in ((first, b"\x01"), (second, b"\x02")):
            self.assertIn(base64.b64encode(root * 32).decode(), text)
            line, = [s for s in signatures.splitlines() if s.startswith("— log.example/a ")]
            self.assertTrue(verifies(key.public, text.encode(), base64.b64decode(line.split(" ")[2])[4:]))
        self.assertIn("signed two heads of one size", witness.daemon_words())
        # The twin: the same head again, and what follows from it, is no evidence.
        log2, witness2 = self.pair()
        note = signed_note("log.example/a", Key(unseal(log2)), self.checkpoint(7, b"\x01" * 32))
        self.assertEqual([self.submit(witness2, f"old {n}\n\n" + note)[0] for n in (0, 7, 7)], [200, 200, 200])
        self.assertEqual(list((witness2.data / "witnessed").glob("*.conflict")), [])
        report(72, 4, 0, 0, "a log shows its witness two heads of one size; the pair is kept, the twin is not")

    def test_only_the_role_log_may_ask(self):
        log, witness = self.pair(roles='["writer", "reader", "auditor", "monitor"]')
        note = signed_note("log.example/a", Key(unseal(log)), self.checkpoint(5, b"\x01" * 32))
        self.assertEqual(self.submit(witness, "old 0\n\n" + note)[0], 403)

    def test_what_was_cosigned_cannot_be_forgotten(self):
        log, witness = self.pair()
        note = signed_note("log.example/a", Key(unseal(log)), self.checkpoint(5, b"\x01" * 32))
        self.assertEqual(self.submit(witness, "old 0\n\n" + note)[0], 200)
        witness.stop_daemon()
        state, = [p for p in (witness.data / "witnessed").iterdir()]
        state.write_bytes(state.read_bytes()[:-9])
        witness.start_daemon(wait=False)
        witness.wait_for_end(78)
        self.assertIn("would vouch for a fork", witness.daemon_words())


if __name__ == "__main__":
    unittest.main(verbosity=2)
