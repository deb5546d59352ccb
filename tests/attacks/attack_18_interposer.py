"""Goal: whoever stands between daemon and TPM cannot make it believe that an anchor was made.

Method: a proxy on both of swtpm's ports. Responses are forged, taken from earlier, held back, swallowed, commands sent
late or not at all, one kind at a time, while an event waits for its anchor. Meanwhile nothing is stored that does not
verify, nothing is called sealed, the status says so and C is not worn; once the proxy passes everything through again,
the log is anchored, verified and fresh.
"""
import unittest

from forged_history import History, RECEIPT
from interposer import Interposer
from root import Root, wait_until
from stele_host import OK
from tpm_receipts import READ_BACK

NV_INCREMENT, NV_EXTEND, NV_READ, AUDIT_DIGEST = 0x134, 0x136, 0x14E, 0x14D
QUOTE, PCR_EXTEND, PCR_READ, READ_CLOCK, NV_READ_PUBLIC, START_SESSION = 0x158, 0x182, 0x17E, 0x181, 0x169, 0x176
SUCCESS = b"\x80\x02\0\0\0\x13\0\0\0\0\0\0\0\0\0\0\x01\0\0"  # of a command with a password: nothing authenticates it


def bit_flipped(response, at):
    at %= len(response)
    return response[:at] + bytes([response[at] ^ 1]) + response[at + 1:]


def altered(code, at):
    """One bit of each such response, this far from its front (or end)."""
    return lambda proxy: lambda got, _command, answer: bit_flipped(answer(), at) if got == code else answer()


def stale(code, execute):
    """The response to an earlier such command; this one is executed or swallowed."""
    def make(proxy):
        earlier = proxy.newest_of(code)

        def rule(got, _command, answer):
            if got != code:
                return answer()
            if execute:
                answer()
            return earlier
        return rule
    return make


def success_faked(code):
    return lambda proxy: lambda got, _command, answer: SUCCESS if got == code else answer()


def dropped(code, execute):
    """No response, the connection is cut; the command is executed or not."""
    def make(_proxy):
        def rule(got, _command, answer):
            if got != code:
                return answer()
            if execute:
                answer()
            return None
        return rule
    return make


def late(code, behind):
    """Success is faked; the TPM gets the command only behind the next one of another kind."""
    def make(proxy):
        held = []

        def rule(got, command, answer):
            if got == code:
                held.append(command)
                return SUCCESS
            response = answer()
            if got == behind and held:
                proxy.ask(held.pop())
            return response
        return rule
    return make


def answered_for_good(_proxy):
    """No TPM at all: every command is answered with success."""
    return lambda _got, _command, _answer: SUCCESS


class InterposedTpm(unittest.TestCase):
    def setUp(self):
        self.root = Root("a", end="kill")
        self.addCleanup(self.root.close)
        self.proxy = Interposer(self.root.host.tpm.port)
        self.addCleanup(self.proxy.close)
        self.root.host.write_config(tcti=self.proxy.tcti, quote_interval="1h")  # anchors come when asked for
        self.start()
        self.root.host.anchor()

    def start(self):
        self.root.host.start_daemon()
        wait_until(lambda: self.status()["state"] == "anchoring", "anchoring")

    def status(self):
        return self.root.host.status()["anchoring"]

    def stored(self):
        """How many receipts of counter anchors the journal holds."""
        return sum(1 for kind, payload in History(self.root.host.data).entries
                   if kind == RECEIPT and payload[10] != 3)

    def lie(self, make, expected):
        """Lies in a way that lets no anchor be made, until the daemon says that it cannot anchor; then what it stored and said."""
        host, before = self.root.host, self.status()
        receipts, counter = self.stored(), History(host.data).counter
        self.proxy.rule = make(self.proxy)
        host.append(b"waits for its anchor\n")
        self.assertNotEqual(host.stele("anchor").returncode, OK, "the daemon believes that it anchored")
        wait_until(lambda: self.status()["state"] != "anchoring", "the status says that anchoring does not work")
        status = self.status()
        self.assertIn(status["state"], expected, status["reason"])
        self.assertTrue(status["reason"])
        self.assertEqual(status["counter_anchored"], before["counter_anchored"])
        self.assertGreater(status["unanchored"], 0)
        self.assertNotEqual(host.stele("status", "--check").returncode, OK)
        self.assertNotEqual(host.stele("answer", "--nonce", "5a" * 32, "-o", "-").returncode, OK)
        self.assertEqual(self.stored(), receipts)
        self.root.expect("verified", freshness="unknown")
        return counter

    def tell_the_truth(self, counter):
        self.proxy.rule = None
        host = self.root.host
        if self.status()["state"] == "stopped":  # for good, as the daemon was told; a person starts it again
            self.root.end_daemon()
            self.start()
        wait_until(lambda: self.status()["state"] == "anchoring", "anchoring again")
        host.anchor()
        self.assertLessEqual(History(host.data).counter, counter + 3, "C was worn by lies")
        self.root.challenge("verified", self.root.ask_daemon, freshness="pass", completeness="pass")

    def play(self, lies):
        for what, (make, *expected) in lies.items():
            with self.subTest(what):
                self.tell_the_truth(self.lie(make, expected))

    def test_forged_responses(self):
        self.play({
            "a signed session digest, its attestation": (altered(AUDIT_DIGEST, 60), "contended"),
            "a signed session digest, its signature": (altered(AUDIT_DIGEST, -20), "contended"),
            "a quote's attestation": (altered(QUOTE, 60), "unavailable", "contended"),
            "a quote's signature": (altered(QUOTE, -20), "contended"),
            "a PCR's value": (altered(PCR_READ, -1), "unavailable", "contended"),
            "the session's nonce": (altered(START_SESSION, -1), "unavailable"),
            "the value of C or E": (altered(NV_READ, 20), "stopped", "unavailable"),
            "an index's public area": (altered(NV_READ_PUBLIC, 24), "stopped", "unavailable"),
            "everything": (answered_for_good, "unavailable", "stopped")})

    def test_stale_responses(self):
        self.play({
            "an increment that was never made": (stale(NV_INCREMENT, False), "unavailable"),
            "an extend that was never made": (stale(NV_EXTEND, False), "unavailable"),
            "the signature of an earlier anchor": (stale(AUDIT_DIGEST, True), "contended"),
            "the quote of an earlier anchor": (stale(QUOTE, True), "unavailable", "contended"),
            "an earlier reading of C or E": (stale(NV_READ, True), "stopped", "unavailable")})

    def test_commands_that_are_swallowed(self):
        self.play({
            "P's extend": (success_faked(PCR_EXTEND), "contended", "unavailable"),
            "the counter's increment": (success_faked(NV_INCREMENT), "unavailable"),
            "the index's extend": (success_faked(NV_EXTEND), "unavailable")})

    def test_what_was_done_but_not_answered_truly_is_read_back_and_not_done_again(self):
        lies = {"the increment, altered": altered(NV_INCREMENT, -1), "the increment, stale": stale(NV_INCREMENT, True),
                "the increment, dropped": dropped(NV_INCREMENT, True), "the extend, altered": altered(NV_EXTEND, -1),
                "the extend, dropped": dropped(NV_EXTEND, True), "the extend, late": late(NV_EXTEND, NV_READ)}
        host = self.root.host
        for what, make in lies.items():
            with self.subTest(what):
                before = History(host.data)
                self.proxy.rule = make(self.proxy)
                host.append(b"waits for its anchor\n")
                self.assertNotEqual(host.stele("anchor").returncode, OK, "the daemon believes that it anchored")
                wait_until(lambda: self.status()["counter_anchors"] > before.seq, "recovery, in spite of the lie")
                after = History(host.data)
                self.assertEqual((after.seq, after.counter), (before.seq + 1, before.counter + 1))
                self.assertEqual([p[10] for kind, p in after.entries if kind == RECEIPT][-1], READ_BACK)
                self.tell_the_truth(before.counter)

    def test_an_increment_held_back_until_later_stops_anchoring(self):
        host, before = self.root.host, History(self.root.host.data)
        held = []

        def rule(code, command, answer):
            if code == NV_INCREMENT and not held:
                held.append(command)
                return SUCCESS
            response = answer()
            if code == NV_READ and held:  # the daemon has begun again, and has read C
                self.proxy.rule = None
                self.proxy.ask(held[0])
            return response
        self.proxy.rule = rule
        host.append(b"never anchored\n")
        self.assertNotEqual(host.stele("anchor").returncode, OK, "the daemon believes that it anchored")
        wait_until(lambda: self.status()["state"] == "stopped", "the status says that somebody else anchors")
        self.assertIn("somebody else anchors", self.status()["reason"])
        after = History(host.data)
        self.assertEqual((after.seq, after.extend), (before.seq, before.extend))
        self.root.expect("verified", freshness="unknown")

    def test_what_is_late_or_not_signed_only_delays_a_true_anchor(self):
        lies = {"P's extend, behind the quote": late(PCR_EXTEND, QUOTE),
                "the clock's reset count": altered(READ_CLOCK, 29)}
        for what, make in lies.items():
            with self.subTest(what):
                self.proxy.rule = make(self.proxy)
                counter = History(self.root.host.data).counter
                self.root.host.append(b"anchored late\n")
                self.root.host.anchor()
                self.proxy.rule = None
                self.assertGreater(History(self.root.host.data).counter, counter)
                wait_until(lambda: self.root.host.stele("answer", "--nonce", "5a" * 32, "-o", "-").returncode == OK,
                           "the daemon has seen that its run is another than it was told")
                report = self.root.challenge("verified", self.root.ask_daemon, freshness="pass", completeness="pass")
                self.assertEqual(report["coverage"]["boots"], 1)  # the run is the signed one, whatever the clock said

    def test_quote_anchors_are_no_more_believed_than_counter_anchors(self):
        host = self.root.host
        self.root.end_daemon()
        host.write_config(tcti=self.proxy.tcti, quote_interval="50ms")
        for make in altered(QUOTE, -20), altered(QUOTE, 60), stale(QUOTE, True), success_faked(PCR_EXTEND):
            self.start()
            host.append(b"quote-anchored\n")
            wait_until(lambda: self.status()["unanchored"] == 0, "a quote anchor")
            before = self.status()["anchored"]
            self.proxy.rule = make(self.proxy)
            host.append(b"waits for its quote anchor\n")
            wait_until(lambda: self.status()["state"] != "anchoring", "the status says that anchoring does not work")
            self.assertEqual(self.status()["anchored"], before)
            self.assertGreater(self.status()["unanchored"], 0)
            self.assertIn("unanchored_tail", self.root.findings(self.root.expect("verified", freshness="unknown")))
            self.proxy.rule = None
            wait_until(lambda: self.status()["unanchored"] == 0, "a quote anchor at last")
            self.root.challenge("verified", self.root.ask_daemon, freshness="pass", completeness="pass")
            self.root.end_daemon()

    def test_dropped_responses(self):
        cases = (NV_INCREMENT, False), (NV_EXTEND, False), (READ_CLOCK, False), (AUDIT_DIGEST, True), (QUOTE, True)
        self.play({f"{code:#x}, {'done' if execute else 'not done'}": (dropped(code, execute), "unavailable")
                   for code, execute in cases})


if __name__ == "__main__":
    unittest.main(verbosity=2)
