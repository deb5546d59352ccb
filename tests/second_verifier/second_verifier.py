#!/usr/bin/env python3
"""A second verifier of a Stele store, written from the READMEs of attest, storage and tpm; it shares no code.

Usage: second_verifier.py DIR --trust FILE: prints verified | tampered | undetermined and why; exit codes as
stele-verify. Standard library and openssl only. No nonce, no memory; findings are not its business.
Beside it: fields.py (bytes), store_files.py (journal, segments), attested.py (what the TPM signed), records.py.
"""
import contextlib
import pathlib
import sys

from attested import Trust, read_audit, read_quote
from fields import Bytes, H, Tampered, Unknown, ZERO, need, noting, u64
from records import Records
from store_files import Journal, Segments, contents_of, groups  # noqa: F401: the last two for others to use

FIRST_OF_RUN, FINAL, AFTER_RESUME, QUOTE, FOREIGN = 1, 2, 16, 32, 64  # statement flags that decide something
FULL, READ_BACK, QUOTE_ONLY = 1, 2, 3  # receipt kinds


def is_later(run, before):
    """Counts may wrap: what is later lies less than half the circle ahead."""
    resets, restarts = [(a - b) % 2**32 for a, b in zip(run, before)]
    return 0 < (resets or restarts) < 2**31


def read_statement(payload):
    field = Bytes(payload, "statement").begins(b"STELEAN1")
    stated = field.fields(flags="H", log_id="32s", era="I", seq="Q", quote_seq="Q", counter="Q", size="Q", root="32s",
                          chain_head="32s", prev_extend="32s", prev_receipt="32s", bundle="32s", time="q", reset="I",
                          restart="I")
    field.end()
    stated.run, stated.digest = (stated.reset, stated.restart), H(b"stele/v1/anchor\0", payload)
    return stated


class Chain:
    """Replays the journal: what each bundle, statement and receipt must be."""

    def __init__(self, trust, genesis):
        self.trust, self.log_id, self.d_0 = trust, H(genesis), H(b"stele/v1/genesis\0", genesis)
        self.extend, self.chain_head = H(ZERO, self.d_0), self.log_id
        need((self.log_id, self.extend) == (trust.log_id, trust.first_extend), "another genesis than the trust file's")
        self.counter = self.seq = self.prev_receipt = self.receipt_run = None  # of the newest counter receipt
        self.bundle_hash = self.run = self.fold = self.clock = None  # of the newest bundle
        self.open = None  # a statement that nothing has closed yet
        self.quote_seq, self.size, self.kinds, self.doubts = 0, 0, [], []
        self.first = self.resumed = self.may_quote = self.foreign_noted = self.foreign_due = False

    def tick(self, clock):
        fell = self.clock.ms - clock.ms if self.clock else 0
        may_fall = self.clock and clock.run != self.clock.run and not clock.safe
        need(fell <= (self.trust.clock_update_ms if may_fall else 0), "the TPM's clock went back")
        self.clock = clock

    def bundle(self, payload):
        need(self.prev_receipt, "a boot bundle before the genesis receipt")
        field = Bytes(payload, "boot bundle").begins(b"STELEBDL")
        said = field.fields(parts="H", boot_id="16s", counter="Q", extend="32s", logs="80s")
        extra = H(b"stele/v1/boot\0", said.extend, u64(said.counter), said.boot_id)
        signed, values = read_quote(field)
        clock = self.trust.check_quote(signed, values, extra)
        ima = self.trust.check_quote(*read_quote(field, 1), extra) if said.parts & 1 else clock
        field.end()
        need(said.parts < 2 and ima.run == clock.run, "a boot bundle's parts, or the run of one")
        before = self.run or self.receipt_run
        need(clock.run == before or is_later(clock.run, before), "the TPM's counts went back")
        self.tick(clock)
        allowed = [(self.counter, self.extend)]
        if self.open and not self.open.quote_seq:
            allowed += [(self.counter + 1, self.extend), (self.counter + 1, self.open.extend)]
        need((said.counter, said.extend) in allowed, "C or E at a daemon start")
        self.rebase(clock.run, values[8])
        self.run, self.bundle_hash, self.may_quote = clock.run, H(payload), False

    def rebase(self, run, p):
        """What P shows at a daemon start: its fold goes on, or P was cleared, or a stranger extended it."""
        is_open, new_run, same_reset = self.open, run != self.run, self.run and run[0] == self.run[0]
        goes_on = same_reset and (p == self.fold or is_open and p == is_open.fold)
        restarted = new_run and (p == ZERO or is_open and p == H(ZERO, is_open.digest))
        cleared = not same_reset or not goes_on and restarted
        foreign = not goes_on and not cleared
        need(not foreign or self.foreign_noted, "P at a daemon start is not the fold")
        if is_open and goes_on and p != self.fold:
            is_open.in_pcr = True
        elif is_open and (new_run or not goes_on):
            extended_again = foreign and not is_open.quote_seq and is_open.run == run
            is_open.in_pcr, is_open.fold = False, H(p, is_open.digest) if extended_again else p
        self.fold = self.fold if goes_on else p
        if new_run:
            self.first, self.resumed, self.quote_seq = True, self.run and not cleared, 0
        self.foreign_noted, self.foreign_due = False, self.foreign_due or foreign
        self.doubts += ["P was extended by somebody else"] if foreign else []

    def intent(self, payload):
        stated = read_statement(payload)
        need(self.bundle_hash and not self.open, "a statement before a boot bundle, or while another is open")
        quote = bool(stated.flags & QUOTE)
        due = {"log_id": self.log_id, "era": self.trust.era, "bundle": self.bundle_hash, "run": self.run,
               "seq": self.seq + (not quote), "counter": self.counter + (not quote),
               "quote_seq": self.quote_seq + 1 if quote else 0, "chain_head": self.chain_head,
               "prev_extend": self.extend, "prev_receipt": self.prev_receipt}
        wrong = [key for key, value in due.items() if getattr(stated, key) != value]
        need(not wrong and stated.size >= self.size, f"a statement's {wrong or 'tree size'}")
        need(not is_later(self.receipt_run, self.run), "the receipt before lies in a later run")
        self.check_flags(stated.flags, quote)
        stated.extend, stated.fold = H(self.extend, stated.digest), H(self.fold, stated.digest)
        stated.in_pcr = None  # whether P has it: not known
        self.open, self.size = stated, stated.size

    def check_flags(self, flags, quote):
        due = FIRST_OF_RUN if self.first else 0
        due |= AFTER_RESUME if self.first and self.resumed else 0
        due |= FOREIGN if self.foreign_due else 0
        fits = self.may_quote and flags == QUOTE if quote else flags & (FIRST_OF_RUN | FOREIGN | due) == due
        need(fits and flags < 128, "a statement's flags, or a quote anchor before its counter anchor")

    def receipt(self, payload):
        field = Bytes(payload, "receipt").begins(b"STELERCP")
        kind, parts, digest = field.get("BB32s")
        need(parts in {FULL: (3,), READ_BACK: (1, 3), QUOTE_ONLY: (2,)}.get(kind, ()), "a receipt's kind or parts")
        audit = read_audit(field) if parts & 1 else None
        quote = read_quote(field) if parts & 2 else None
        field.end()
        if not self.prev_receipt:
            return self.genesis_receipt(kind, quote, digest, audit)
        need(self.open and digest == self.open.digest, "a receipt for no open statement")
        need((kind == QUOTE_ONLY) == bool(self.open.quote_seq), "a receipt of the wrong kind")
        if quote:
            clock = self.trust.check_quote(*quote, digest)
            need((clock.run, quote[1][8]) == (self.open.run, self.open.fold), "P is not the fold, or of another run")
        if audit:
            clock = self.audited(kind, audit, digest, self.open)
        may_differ = audit and not quote and is_later(clock.run, self.open.run)
        need(clock.run == self.open.run or may_differ, "a receipt of another run")
        need(quote or clock.run != self.open.run, "a read-back of its statement's run without a quote")
        self.tick(clock)
        self.close()

    def audited(self, kind, audit, digest, stated):
        need(audit[:2] == (stated.counter, stated.extend), "C or E in a receipt")
        session = (digest, digest) if kind == FULL else (H(b"stele/v1/readback\0", digest),)
        clock = self.trust.check_audit(*audit, *session)
        self.seq, self.counter, self.extend = stated.seq, stated.counter, stated.extend
        self.prev_receipt, self.receipt_run, self.kinds = H(*audit[2]), clock.run, self.kinds + [kind]
        self.may_quote = stated.bundle == self.bundle_hash and not stated.flags & FINAL
        self.foreign_due = self.foreign_due and not stated.flags & FOREIGN
        return clock

    def genesis_receipt(self, kind, quote, digest, audit):
        need((kind, quote, digest) == (READ_BACK, None, self.d_0), "the genesis receipt")
        need(audit[:2] == (self.trust.first_counter, self.extend), "C or E in the genesis receipt")
        self.tick(self.trust.check_audit(*audit, H(b"stele/v1/readback\0", digest)))
        base = self.trust.base_reset, self.trust.base_restart
        need(not is_later(base, self.clock.run), "the genesis receipt lies before the pinned run")
        self.seq, self.counter, self.prev_receipt, self.receipt_run = 0, audit[0], H(*audit[2]), self.clock.run

    def close(self):
        """The open statement becomes part of the chain and of the fold."""
        closed, self.open = self.open, None
        self.chain_head, self.fold = H(self.chain_head, closed.digest), closed.fold
        if closed.run == self.run:
            self.first, self.quote_seq = False, closed.quote_seq or self.quote_seq

    def void(self, payload):
        kept = payload[:1] == b"\2"
        need(self.open and payload in (b"\1" + self.open.digest, b"\2" + self.open.digest), "a void of nothing")
        need(self.open.in_pcr in (None, kept), "a void that P contradicts")
        if kept:
            self.close()
        self.open = None

    def remark(self, payload):
        field = Bytes(payload, "remark")
        (code, _time, _seq), text = field.get("BqQ"), field.sized16()
        field.end()
        need(0 < code < 6 and len(text) <= 1024 and text.decode(errors="ignore").encode() == text, "a remark")
        self.foreign_noted = self.foreign_noted or code == 1

    def end(self):
        """All that stays unknown."""
        buried = [len(part) > 1 for part in bytes(self.kinds).split(bytes([READ_BACK]))[1:]]
        shaky = self.trust.field["mode"] == "b" and not all(buried)
        return self.doubts + ["a read-back that is not buried"] * shaky + ["no counter anchor"] * (not self.kinds)


def replay(journal, trust):
    """The journal through the chain: genesis, chain, claimed roots by tree size, largest size stated, doubts."""
    genesis, chain, claims, covered, doubts, follows = None, None, {}, 0, [], True
    with noting(doubts):
        for kind, payload in journal:
            if genesis is None:
                need(kind == 1 and journal.log_id == H(payload), "the journal does not begin with its genesis")
                genesis, chain = payload, Chain(trust, payload)
                continue
            if kind == 3:
                with contextlib.suppress(Tampered, Unknown):
                    covered = max(covered, read_statement(payload).size)
            if follows:
                unknown = len(doubts)
                with noting(doubts):
                    apply(chain, kind, payload, claims)
                follows = kind >= 0x80 or len(doubts) == unknown  # past what cannot be read nothing is judged
    return genesis, chain, claims, covered, doubts


def apply(chain, kind, payload, claims):
    if kind >= 0x80:
        raise Unknown("a journal entry of unknown kind")
    need(kind != 1, "a second genesis")
    handlers = {2: chain.bundle, 3: chain.intent, 4: chain.receipt, 5: chain.void, 6: chain.remark}
    handlers.get(kind, lambda payload: None)(payload)
    if kind == 3:
        claims.setdefault(chain.open.size, set()).add(chain.open.root)


def verify(directory, trust):
    """Raises Tampered or Unknown, or says what it has verified."""
    journal = Journal(directory / "journal")
    genesis, chain, claims, covered, doubts = replay(journal, trust)
    records = Records(genesis, claims, covered)
    pinned = (chain.log_id, trust.era) if chain else (None, None)
    records.walk(Segments(directory / "segments", *pinned, records.roots))
    need(genesis or journal.is_torn or journal.is_unread or not records.size, "records, but no journal")
    for why in doubts + records.doubts + (chain.end() if chain else ["no genesis"]):
        raise Unknown(why)
    return f"{records.size} records, {chain.seq} counter anchors"


def conclude(directory, trust):
    """The exit code, and what to print."""
    try:
        return 0, f"verified: {verify(directory, trust)}"
    except Tampered as why:
        return 1, f"tampered: {why}"
    except Unknown as why:
        return 2, f"undetermined: {why}"


def main(arguments):
    if len(arguments) != 3 or arguments[1] != "--trust":
        print(__doc__, file=sys.stderr)
        return 64
    directory = pathlib.Path(arguments[0])
    if not any((directory / part).is_dir() for part in ("journal", "segments")):
        print("not a store")
        return 65 if directory.exists() else 66
    try:
        code, words = conclude(directory, Trust(pathlib.Path(arguments[2]).read_text()))
    except Unknown as why:  # of the trust file
        code, words = 2, f"undetermined: {why}"
    print(words)
    return code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
