"""A store in root's hands: read from its files, changed at will, every unkeyed hash recomputed, written again.

Written from the format pages alone. It believes what it reads: judging is the verifier's work. With a Hand on the
TPM it continues a log as the daemon would: bundles, statements, receipts.
"""
import collections
import os
import shutil
import struct
import time
import pathlib

import reading
from tpm_hands import H
from tpm_receipts import FULL, QUOTE, READ_BACK, audited, quoted, read_back_extra, receipt, run_of, signed, u64

GENESIS, BUNDLE, INTENT, RECEIPT, VOID, REMARK = 1, 2, 3, 4, 5, 6  # journal entries
FIRST_OF_RUN, FINAL, AFTER_RESUME, QUOTE_FLAG, FOREIGN_EXTEND = 1, 2, 16, 32, 64  # statement flags
NO_SOURCE = 2**64 - 1
Record = collections.namedtuple("Record", "kind time_ns source salt tlvs content")


def leaf(record):
    body = record.salt + struct.pack(">I", len(record.tlvs)) + record.tlvs + u64(len(record.content)) + record.content
    return struct.pack(">BBqQ", 1, record.kind, record.time_ns, record.source) + H(b"stele/v1/content\0", body)


def event(text):
    return Record(0, time.time_ns(), NO_SOURCE, os.urandom(32), b"", text)


def root_of(records):
    nodes, root = [], H()
    for size, record in enumerate(records):
        root = reading.append(nodes, size, H(b"\0", leaf(record)))
    return root


class History:
    def __init__(self, directory):
        self.directory = pathlib.Path(directory)
        first = (self.directory / "journal" / f"{0:016x}").read_bytes()
        self.log_id = first[32:64]
        self.groups = []
        for group in reading.Segments(self.directory / "segments", self.log_id):
            self.groups.append([Record(*struct.unpack(">BqQ", one[1:18]), *content) for one, content in group])
        entries = list(reading.Journal(self.directory / "journal", self.log_id))
        self.replay(entries)

    @property
    def records(self):
        return [record for group in self.groups for record in group]

    def replay(self, entries):
        """Takes the entries for the journal, and what follows from them for the next statement."""
        self.entries, self.statements, self.digests = [], [], []
        self.bundle = self.run = self.counter = self.previous = self.fold = self.open = None
        self.seq = self.quote_seq = 0
        self.run_has_statement = self.foreign = False
        for kind, payload in entries:
            self.add(kind, payload)

    def add(self, kind, payload):
        self.entries.append((kind, payload))
        take = {GENESIS: self._genesis, BUNDLE: self._bundle, INTENT: self._intent, RECEIPT: self._receipt,
                VOID: self._void}
        take.get(kind, lambda payload: None)(payload)

    def _genesis(self, payload):
        digest = H(b"stele/v1/genesis\0", payload)
        self.digests, self.extend, self.chain_head = [digest], H(bytes(32), digest), H(payload)

    def _bundle(self, payload):
        attest_size = struct.unpack_from(">H", payload, 148)[0]
        run = run_of(payload[150:150 + attest_size])
        pcr = payload[150 + attest_size + 64 + 8 * 32:][:32]
        if run != self.run:
            self.quote_seq, self.run_has_statement = 0, False
        else:
            self.foreign = self.foreign or pcr != self.fold
        self.run, self.bundle, self.fold = run, H(payload), pcr

    def _intent(self, payload):
        self.open = payload

    def _close(self):
        digest = self.digest_of(self.open)
        self.chain_head = H(self.chain_head, digest)
        if struct.unpack(">II", self.open[248:]) == self.run:  # a read-back of an earlier run is in no fold of this one
            self.fold, self.run_has_statement = H(self.fold, digest), True
            self.quote_seq += 1 if self.open[11] & QUOTE_FLAG else 0
        self.statements.append(self.open)
        self.open = None
        return digest

    def _receipt(self, payload):
        attest_size = struct.unpack_from(">H", payload, 84)[0]
        audit = payload[86:86 + attest_size + 64]
        if self.previous is None:
            self.counter, self.previous = struct.unpack_from(">Q", payload, 44)[0], H(audit)
        elif self.open:
            counter = not self.open[11] & QUOTE_FLAG
            digest = self._close()
            if counter:
                self.seq, self.counter, self.extend = self.seq + 1, self.counter + 1, H(self.extend, digest)
                self.previous, self.foreign = H(audit), False
                self.digests.append(digest)

    def _void(self, payload):
        if payload[0] == 2:
            self._close()
        self.open = None

    @staticmethod
    def digest_of(statement):
        return H(b"stele/v1/anchor\0", statement)

    # -- going on as the daemon would

    def append(self, *events):
        self.groups.append([event(text) for text in events])

    def edit(self, index, content):
        """Replaces one record's content; its leaf follows."""
        for group in self.groups:
            if index < len(group):
                group[index] = group[index]._replace(content=content)
                return
            index -= len(group)
        raise IndexError(index)

    def boot(self, hand, boot_id=None):
        """A bundle for the TPM as it is now, as a daemon's start makes one."""
        boot_id = boot_id or os.urandom(16)
        extra = H(b"stele/v1/boot\0", self.extend, u64(self.counter), boot_id)
        quote = quoted(hand, extra)
        nothing = u64(0) + H()
        self.add(BUNDLE, b"STELEBDL" + struct.pack(">HH", 1, 0) + boot_id + u64(self.counter) + self.extend
                 + nothing * 2 + signed(quote.part) + b"".join(quote.pcrs))

    def statement(self, quote=False, flags=0, size=None):
        """The next statement over the records, opened in the journal; its digest."""
        size = len(self.records) if size is None else size
        step = 0 if quote else 1
        flags |= QUOTE_FLAG if quote else 0 if self.run_has_statement else FIRST_OF_RUN
        flags |= FOREIGN_EXTEND if self.foreign and not quote else 0
        self.add(INTENT, b"STELEAN1" + struct.pack(">HH", 1, flags) + self.log_id
                 + struct.pack(">IQQQQ", 0, self.seq + step, self.quote_seq + 1 if quote else 0, self.counter + step,
                               size)
                 + root_of(self.records[:size]) + self.chain_head + self.extend + self.previous + self.bundle
                 + struct.pack(">qII", time.time_ns(), *self.run))
        return self.digest_of(self.open)

    def anchor(self, hand, kind=FULL, flags=0, with_quote=True):
        """A statement and the TPM's receipt for it: root uses the TPM as the daemon does."""
        digest = self.statement(kind == QUOTE, flags)
        if with_quote:
            hand.extend_pcr(hand.secrets.pcr, digest)
        audit = None
        if kind == FULL:
            audit = audited(hand, digest, digest)
        elif kind == READ_BACK:
            audit = audited(hand, read_back_extra(digest))
        self.add(RECEIPT, receipt(kind, digest, audit, quoted(hand, digest) if with_quote else None))
        return digest

    def answer(self, hand, nonce, quote=None):
        """What root answers an auditor: the live state of C and E, for this history's newest statement."""
        newest = self.statements[-1]
        digest = self.digest_of(newest)
        seq, quote_seq, size = newest[48:56], newest[56:64], newest[72:80]
        extra = H(b"stele/v1/challenge\0", nonce, self.log_id, seq, quote_seq, digest)
        audit = audited(hand, extra)
        quote = quote(extra) if quote else quoted(hand, extra)
        return (b"STELEANS" + struct.pack(">H", 1) + nonce + self.log_id + seq + quote_seq + digest + size
                + u64(audit.counter) + audit.extend + signed(audit.part) + signed(quote.part) + b"".join(quote.pcrs))

    # -- writing

    def cut(self, counter_anchors, quotes=0, keep_records=False):
        """Goes back to the given counter anchor, and so many quote anchors after it."""
        kept, left = [], quotes
        replayed = History.__new__(History)
        replayed.log_id = self.log_id
        replayed.replay([])
        for kind, payload in self.entries:
            if kind == INTENT:
                quote = bool(payload[11] & QUOTE_FLAG)
                seq, = struct.unpack_from(">Q", payload, 48)
                if seq > counter_anchors or (quote and seq == counter_anchors and left == 0):
                    break
                left -= quote and seq == counter_anchors
            kept.append((kind, payload))
        self.replay(kept)
        size, = struct.unpack_from(">Q", self.statements[-1], 72)
        while not keep_records and sum(map(len, self.groups)) > size:
            self.groups.pop()
        return self

    def write(self, directory):
        """The whole store with fresh hashes; everything else of the original directory is copied."""
        directory = pathlib.Path(directory)
        made_anew = shutil.ignore_patterns("segments", "journal", "tree", "look-up*")
        shutil.copytree(self.directory, directory, ignore=made_anew)
        for folder in ("segments", "journal"):
            (directory / folder).mkdir()
        (directory / "segments" / f"{0:016x}").write_bytes(self._segment())
        (directory / "journal" / f"{0:016x}").write_bytes(self._journal())
        return directory

    def _segment(self):
        marker = os.urandom(8)
        head = (b"STELESEG" + struct.pack(">HHI", 1, 50, 0) + self.log_id + u64(0) * 2 + marker + bytes(32) + b"\0")
        out, before, nodes, first, root = [head + H(b"stele/v1/segment\0", head)], bytes(32), [], 0, H()
        for number, group in enumerate(self.groups):
            leaves = [leaf(record) for record in group]
            for index, one in enumerate(leaves, first):
                root = reading.append(nodes, index, H(b"\0", one))
            plain = b"".join(r.salt + struct.pack(">II", len(r.tlvs), len(r.content)) for r in group)
            plain += b"".join(r.tlvs + r.content for r in group)
            block = b"STBK" + struct.pack(">BBHIIIII", 0, 0, 0, 0, 0, len(group), len(plain), len(plain)) + plain
            head = marker + struct.pack(">QIIQIIqQ", first, len(group), 50 * len(group), len(block), 1, 0,
                                        group[-1].time_ns, number)
            before = H(b"stele/v1/group\0", self.log_id, u64(0), before, head, root)
            body = head + b"".join(leaves) + block
            out.append(body + u64(len(body) + 72) + root + before)
            first += len(group)
        return b"".join(out)

    def _journal(self):
        marker, before = os.urandom(8), bytes(32)
        head = b"STELEJNL" + struct.pack(">HHIQ", 1, 0, 0, 0) + marker + self.log_id + before
        out = [head + H(b"stele/v1/journal\0", head)]
        for number, (kind, payload) in enumerate(self.entries):
            about = struct.pack(">BBHI", kind, 0, 0, len(payload))
            before = H(b"stele/v1/entry\0", self.log_id, u64(number), before, about, payload)
            out.append(marker + about + payload + before)
        return b"".join(out)
