"""A log signed by a TPM on paper, made step by step as a daemon makes it, with what may go wrong on the way.

Each step is the honest one, or now and then, another one that a liar with the whole host might try: the chain's
rules are all that can tell them apart, for every signature verifies.
"""
import struct

from second_verifier import H, ZERO, u64
from paper import Group, JournalFile, Paper, Record, Segment, Tree
from paper_tpm import AK, AK_NAME, COUNTER_NAME, EXTEND_NAME, P, PaperTpm

FIRST, FINAL, RECOVERY, HEARTBEAT, RESUMED, QUOTE, FOREIGN = 1, 2, 4, 8, 16, 32, 64
FULL, READ_BACK, QUOTE_ONLY = 1, 2, 3
CLOCK_UPDATE_MS = 5000
TRUST = """stele-trust 1
origin signed.example/log
log_id {log_id}
era 0
mode {mode}
ak {ak}
counter_name {counter_name}
extend_name {extend_name}
pcr {pcr}
first_counter {first_counter}
first_extend {first_extend}
base_reset {base_reset}
base_restart {base_restart}
base_firmware 0000000020220001
quote_interval_ms 1000
max_quote_gap 10
heartbeat_s 3600
slack_ms 5000
clock_update_ms {clock_update_ms}
tpm_kind simulator
tpm_manufacturer PAPR
tpm_model paper
"""


class Open:
    def __init__(self, digest, quote, run, fold):
        self.digest, self.quote, self.run, self.stage = digest, quote, run, 0  # 1: in P, 2: C counted, 3: in E
        self.fold, self.in_p, self.kept = H(fold, digest), False, False  # the last two as the newest bundle shows


class SignedLog:
    def __init__(self, rng, lies):
        self.rng, self.lies, self.told = rng, lies, []
        self.tpm, self.mode = PaperTpm(rng), rng.choice("ab")
        origin = b"signed.example/log"
        genesis = b"".join((b"STELEGEN", struct.pack(">HcBI", 1, self.mode.encode(), P, 0), rng.randbytes(32), AK_NAME,
                            COUNTER_NAME, EXTEND_NAME, bytes(72), struct.pack(">q", 1), struct.pack(">H", len(origin)),
                            origin, bytes(2)))
        self.log_id, d_0 = H(genesis), H(b"stele/v1/genesis\0", genesis)
        self.entries, self.tree, self.records = [(1, genesis)], Tree(), []
        self.record(1, genesis)
        self.tpm.extend = H(ZERO, d_0)
        self.first_counter, self.first_extend = self.tpm.counter, self.tpm.extend
        self.base = self.run
        self.seq, self.quote_seq, self.size, self.chain_head = 0, 0, 0, self.log_id
        self.counter, self.extend = self.tpm.counter, self.tpm.extend  # as the newest receipt says
        self.first = self.resumed = self.foreign = self.may_quote = False
        self.flagged = []  # the counter anchors that tell of a foreign extend: seq and d
        self.open, self.bundle_hash, self.bundle_run, self.fold = None, None, None, ZERO
        self.receipt(READ_BACK, d_0)
        self.bundle()

    @property
    def run(self):
        return self.tpm.reset, self.tpm.restart

    def lie(self, what, chance=0.01):
        """Whether to deviate here; some lies stay without effect."""
        if self.lies and self.rng.random() < chance:
            self.lies -= 1
            self.told.append(f"{what} at entry {len(self.entries)}")
            return True
        return False

    def trust(self):
        if self.lie("a trust file of later counts", 0.02):
            self.base = self.base[0], self.base[1] + 1
        self.first_counter += self.lie("a trust file of another c_0", 0.02)
        pins = TRUST.format(log_id=self.log_id.hex(), mode=self.mode, ak=AK.hex(), counter_name=COUNTER_NAME.hex(),
                            extend_name=EXTEND_NAME.hex(), pcr=P, first_counter=self.first_counter,
                            first_extend=self.first_extend.hex(), base_reset=self.base[0], base_restart=self.base[1],
                            clock_update_ms=CLOCK_UPDATE_MS)
        acknowledged = self.acknowledged()
        return pins.replace("stele-trust 1", "stele-trust 2") + acknowledged if acknowledged else pins

    def acknowledged(self):
        """The auditor has acknowledged most of what he should; now and then, by a slip, something else."""
        lines = {seq: digest for seq, digest in self.flagged if self.rng.random() < 0.8}
        if self.rng.random() < 0.05:
            lines[self.rng.randrange(1, self.seq + 2)] = self.rng.choice([self.chain_head, ZERO])
        return "".join(f"acknowledged_extend {seq} {lines[seq].hex()}\n" for seq in sorted(lines))

    def paper(self):
        paper = Paper.__new__(Paper)
        paper.log_id = self.log_id
        paper.segments = [Segment(b"segments", [Group([record]) for record in self.records])]
        paper.journal = [JournalFile(b"journals", list(self.entries))]
        return paper

    def record(self, kind, data):
        record = Record(1, kind, 1, 2**64 - 1, ZERO, (self.rng.randbytes(32), b"", data))
        record.commit()
        self.records.append(record)
        self.tree.append(record.leaf())

    # -- entries

    def tick(self):
        self.tpm.clock += self.rng.randrange(3)
        self.tpm.safe = 2 if self.lie("a safe of 2") else min(self.tpm.safe, 1)
        if self.lie("the clock falls"):
            self.tpm.clock -= self.rng.choice([10, CLOCK_UPDATE_MS + 10])

    def bundle(self):
        self.tick()
        tpm, rng, boot_id, new_run = self.tpm, self.rng, self.rng.randbytes(16), self.run != self.bundle_run
        counter, extend = tpm.counter, tpm.extend
        if self.lie("another C or E in a bundle", 0.1):
            counter, extend = rng.choice([(counter + 1, extend), (max(counter, 1) - 1, extend), (counter, H(extend))])
        ima = rng.random() < 0.2
        extra = H(b"stele/v1/boot\0", extend, u64(counter), boot_id)
        payload = b"STELEBDL" + struct.pack(">HH", 1, ima) + boot_id + u64(counter) + extend + bytes(80)
        payload += tpm.quote(H(extra) if self.lie("extraData of a bundle") else extra)
        if ima:
            tpm.restart += (other := self.lie("IMA's quote in another run", 0.1))
            payload += tpm.quote(extra, (10,))
            tpm.restart -= other
        self.entries.append((2, payload))
        self.rebase(new_run)
        self.bundle_hash, self.bundle_run, self.may_quote = H(payload), self.run, False

    def rebase(self, new_run):
        """What an honest daemon makes of P at its start."""
        p, opened, before = self.tpm.p, self.open, self.bundle_run
        goes_on = before and before[0] == self.tpm.reset and p in (self.fold, opened.fold if opened else self.fold)
        if opened:
            opened.in_p = bool(goes_on and p != self.fold)
            opened.kept = opened.in_p and new_run
            if not opened.in_p and (new_run or not goes_on):
                opened.fold = p if new_run or opened.quote else H(p, opened.digest)
        self.fold = self.fold if goes_on else p
        if new_run:
            self.first, self.quote_seq, self.resumed = True, 0, bool(goes_on)

    def intent(self, quote=False):
        self.tick()
        flags = FIRST * self.first | RESUMED * (self.first and self.resumed) | FOREIGN * self.foreign
        flags = QUOTE if quote else flags | self.rng.choice([0, 0, FINAL, HEARTBEAT, RECOVERY])
        fields = {"flags": flags, "log_id": self.log_id, "era": 0, "seq": self.seq + (not quote),
                  "quote_seq": self.quote_seq + 1 if quote else 0, "counter": self.counter + (not quote),
                  "size": self.tree.size, "root": self.tree.root(), "chain_head": self.chain_head,
                  "extend": self.extend, "receipt": self.prev_receipt, "bundle": self.bundle_hash,
                  "time": len(self.entries),
                  "reset": self.bundle_run[0], "restart": self.bundle_run[1]}
        if self.lie("a field of a statement", 0.05):
            key = self.rng.choice(["flags"] * 8 + list(fields))
            value = fields[key]
            if isinstance(value, bytes):
                fields[key] = H(value)
            else:
                flipped, near = value ^ 1 << self.rng.randrange(8), value + self.rng.choice([-1, 1])
                fields[key] = flipped if key == "flags" else max(0, min(near, 2**32 - 1))
            self.told[-1] += f" ({key})"
        payload = b"STELEAN1\0\1" + struct.pack(">H32sIQQQQ32s32s32s32s32sqII", *fields.values())
        self.entries.append((3, payload))
        self.open = Open(H(b"stele/v1/anchor\0", payload), quote, self.bundle_run, self.fold)
        self.flags = fields["flags"]

    def advance(self, stage):
        """The TPM's part of the open anchor, up to a stage."""
        opened, tpm = self.open, self.tpm
        while opened.stage < stage:
            opened.stage += 1
            if opened.stage == 1:
                tpm.p = H(tpm.p, opened.digest)
            elif opened.stage == 2:
                tpm.counter += 1
            elif opened.stage == 3:
                tpm.extend = H(tpm.extend, opened.digest)

    def receipt(self, kind, digest, with_quote=False):
        self.tick()
        extra = digest if kind == FULL else H(b"stele/v1/readback\0", digest)
        audit = quote = b""
        counter, restart, p = self.tpm.counter, self.tpm.restart, self.tpm.p
        self.tpm.counter += self.lie("C moved before a receipt", 0.02)
        self.tpm.restart += self.lie("an audit in another run", 0.03)
        if self.lie("P moved before a receipt", 0.02):
            self.tpm.p = H(p)
        if kind != QUOTE_ONLY:
            exclusive = not self.lie("a session that is not exclusive")
            session = None if kind == READ_BACK else digest
            if self.lie("another session"):
                session = digest if session is None else None
            audit = self.tpm.audit(H(extra) if self.lie("extraData of an audit") else extra, session, exclusive)
            self.prev_receipt = H(audit[42:])
        self.tpm.restart = restart
        if kind != READ_BACK or with_quote:
            quote = self.tpm.quote(H(digest) if self.lie("extraData of a quote") else digest)
        self.tpm.counter, self.tpm.p = counter, p
        parts = bool(audit) + 2 * bool(quote)
        self.entries.append((4, b"STELERCP" + struct.pack(">HBB", 1, kind, parts) + digest + audit + quote))

    def close(self, kind, with_quote=False):
        """A receipt for the open statement; and what follows from it."""
        opened = self.open
        self.receipt(kind, opened.digest, with_quote)
        if not opened.quote:
            self.seq, self.counter, self.extend = self.seq + 1, self.tpm.counter, self.tpm.extend
            self.may_quote = opened.run == self.bundle_run and self.same_bundle and not self.flags & FINAL
            self.flagged += [(self.seq, opened.digest)] * bool(self.flags & FOREIGN)
            self.foreign = self.foreign and not self.flags & FOREIGN
        self.join()

    def join(self):
        self.chain_head, self.fold = H(self.chain_head, self.open.digest), self.open.fold
        if self.open.run == self.bundle_run:
            self.first = False
            self.quote_seq += self.open.quote
        self.open = None

    def void(self, reason):
        self.entries.append((5, bytes([reason]) + self.open.digest))
        self.join() if reason == 2 else None
        self.open = None

    def remark(self, code):
        self.entries.append((6, struct.pack(">BqQH", code, 1, self.seq, 2) + b"ok"))

    # -- what happens

    def anchor(self, quote):
        self.same_bundle = True
        self.intent(quote)
        self.advance(1 if quote else 3)
        self.close(QUOTE_ONLY if quote else FULL)

    def step(self):
        chance = self.rng.random()
        if chance < 0.15:
            self.record(self.rng.choice([0, 0, 5]), self.rng.randbytes(5))
        elif chance < 0.45:
            self.anchor(self.may_quote or self.lie("a quote anchor too early", 0.1))
        elif chance < 0.6:
            self.anchor(False)
        elif chance < 0.65:
            self.remark(self.rng.choice([2, 3, 4, 5]))
        elif chance < 0.72:
            self.stranger()
        else:
            self.crash()

    def stranger(self):
        """Somebody else extends P, while an anchor may be under way."""
        if self.rng.random() < 0.4:
            self.begin_one()
        self.tpm.p = H(self.tpm.p, b"x" * 32)
        if not self.lie("no remark of a foreign extend", 0.3):
            self.remark(1)
            self.foreign = True
        self.bundle()
        if self.open:
            self.same_bundle = False
            self.recover(foreign=True)

    def begin_one(self):
        self.same_bundle = True
        quote = self.may_quote and self.rng.random() < 0.5
        self.intent(quote)
        self.advance(self.rng.randrange(2) if quote else self.rng.randrange(4))

    def crash(self):
        """The daemon dies, maybe within an anchor; the TPM may be resumed, restarted or reset before it is back."""
        if self.rng.random() < 0.7:
            self.begin_one()
        how = self.rng.choice(["same", "same", "resume", "restart", "reset", "reset"])
        tpm = self.tpm
        if how != "same":
            tpm.clock -= self.rng.choice([0, 0, 3000]) * (1 - (safe := self.rng.randrange(2)))
            tpm.safe = safe
            tpm.restart = 0 if how == "reset" else (tpm.restart + 1) % 2**32
            tpm.reset = (tpm.reset + (how == "reset") * self.rng.choice([1, 1, 3])) % 2**32
            if self.lie("the counts go back", 0.1):
                tpm.reset = (tpm.reset - 2) % 2**32
            if how != "resume":
                tpm.p = H(ZERO, self.open.digest) if self.open and self.rng.random() < 0.2 else ZERO
        if self.lie("P is changed", 0.15):
            tpm.p = self.rng.choice([ZERO, H(tpm.p), H(ZERO, self.open.digest) if self.open else H(b"")])
        self.bundle()
        if self.open:
            self.same_bundle = False
            self.recover()

    def recover(self, foreign=False):
        """The recovery table of tpm/README.md, or something else."""
        opened, same = self.open, self.open.run == self.bundle_run
        if self.lie("another recovery", 0.35):
            return self.rng.choice([lambda: self.void(1), lambda: self.void(2), lambda: self.finish(FULL, True),
                                    lambda: self.finish(READ_BACK, False), lambda: self.finish(READ_BACK, True),
                                    lambda: self.finish(QUOTE_ONLY, True), lambda: None])()
        if opened.stage >= 2:
            return self.finish(READ_BACK, same and not self.lie("a read-back of this run without a quote", 0.2))
        if same and not (opened.quote and foreign):
            return self.finish(QUOTE_ONLY if opened.quote else FULL, True)
        return self.void(2 if opened.kept else 1)

    def finish(self, kind, with_quote):
        opened = self.open
        if opened.run == self.bundle_run and not opened.in_p:
            self.tpm.p = H(self.tpm.p, opened.digest)
        opened.stage = max(opened.stage, 1)
        self.advance(1 if opened.quote else 3)
        self.close(kind, with_quote)
