#!/usr/bin/env python3
"""A second verifier of a Stele store, written from the READMEs of attest, storage and tpm; it shares no code.

Usage: second_verifier.py DIR --trust FILE: prints verified | tampered | undetermined and why, exit code 0 | 1 | 2;
without a verdict 64 | 70. It reads what is free to be anything, builds what must then stand there, and compares."""
import functools, hashlib, pathlib, re, subprocess, sys, tempfile
from struct import error as Tampered, iter_unpack, pack, unpack, unpack_from  # too few bytes fail like any check
from types import SimpleNamespace as Statement

FIRST_OF_RUN, FINAL, AFTER_RESUME, QUOTE, FOREIGN, FREE = 1, 2, 16, 32, 64, 2 | 4 | 8 | 16  # flags of a statement
FULL, READ_BACK, QUOTE_ONLY, AUDITED, QUOTED = 1, 2, 3, 1, 2  # receipts: kinds, bits of parts; bytes, by all three
RECEIPT_BYTES = {(0, FULL, 3): 785, (0, READ_BACK, 1): 286, (0, READ_BACK, 3): 785, (QUOTE, QUOTE_ONLY, 2): 543}
GENESIS, SOURCE, GAP, ERA, NO_SOURCE, WINDOW = 1, 3, 4, 10, 2**64 - 1, 2**20  # record kinds; sources
GAP_CONTENT = rb'\{"lost":N,"reason":"[a-z_]{1,64}"(,"since_ns":N,"until_ns":N)?\}'.replace(b"N", rb"(0|[1-9]\d{0,19})")
LEAF_BYTES, MOST_RECORDS, MOST_GROUP_BYTES, MOST_ENTRY_BYTES, RECORDS_PER_ROOT = 50, 65536, 2**28, 2**20, 64
ZERO, UNREADABLE = bytes(32), (None, None, None)  # the latter: content under an unknown codec or cipher

class Unknown(Exception): """Something that this verifier cannot judge."""
def H(*parts): return hashlib.sha256(b"".join(parts)).digest()
def u64(value): return pack(">Q", value)
def need(condition, why, otherwise=Tampered):
    if not condition:
        raise otherwise(why)
def check_version(data, due):  # a magic and what tells the version
    need(data[:8] == due[:8] and len(data) >= len(due), f"not {due[:8].decode()}")
    need(data.startswith(due), f"{due[:8].decode()} of unknown version", Unknown)
def is_later(run, before):  # counts may wrap: what is later lies less than half the circle ahead
    return 0 < ((run[0] - before[0]) % 2**32 or (run[1] - before[1]) % 2**32) < 2**31

class Tpm:  # that a trust file pins, and what it must have signed, in its order
    def __init__(self, trust):
        for key, value in [line.split(" ", 1) for line in trust.split("\n\n")[0].strip("\n").split("\n")]:
            is_hex = key in ("log_id", "ak", "counter_name", "extend_name", "first_extend")
            setattr(self, key, bytes.fromhex(value) if is_hex else int(value) if value.isdecimal() else value)
        versions = re.findall("(?m)^stele-trust (.*)", trust)  # 2: a boot policy is not judged here
        need(versions in (["1"], ["2"]), "a log of several eras: this verifier judges the first alone", Unknown)
        self.acknowledged = set(re.findall(r"(?m)^acknowledged_extend (\d+) (\w+)$", trust))
        self.clock, self.run = 0, [self.base_reset, self.base_restart]
        self.qualified_name = b"\0\x0b" + H(bytes.fromhex("40000001000b"), H(self.ak))  # in the owner hierarchy
    def verifies(self, attest, *numbers):  # ECDSA-SHA256 by the openssl command; (r, s), and the key, as DER
        key = bytes.fromhex("3059301306072a8648ce3d020106082a8648ce3d03010703420004") + self.ak[-66:-34] + self.ak[-32:]
        numbers = [n.to_bytes(n.bit_length() // 8 + 1, "big") for n in map(int.from_bytes, numbers, ("big", "big"))]
        body = b"".join(b"\x02" + bytes([len(n)]) + n for n in numbers)
        with tempfile.TemporaryDirectory() as folder:
            pathlib.Path(folder, "key").write_bytes(key)
            pathlib.Path(folder, "signature").write_bytes(b"\x30" + bytes([len(body)]) + body)
            command = "openssl dgst -sha256 -keyform DER -verify key -signature signature".split()
            return subprocess.run(command, cwd=folder, input=attest, capture_output=True).returncode == 0
    def attested(self, part, kind, extra, body):  # a signed part: sized TPMS_ATTEST, r, s; the run signed in it
        head = pack(">HIHH34sH32s", 101 + len(body), 0xFF544347, kind, 34, self.qualified_name, 32, extra)
        need(part[:-64] == head + part[78:103] + body, "TPMS_ATTEST: magic, type, signer, extraData, PCRs or commands")
        clock, *run, safe, _firmware = unpack(">QIIBQ", part[78:103])
        need(safe < 2 and self.verifies(part[2:-64], part[-64:-32], part[-32:]), "TPMS_ATTEST: safe, or the signature")
        need(clock >= self.clock - (run != self.run) * self.clock_update_ms, "the TPM's clock went back")
        self.clock, self.run = clock, run
        return run
    def quoted(self, part, values, extra):  # a quote of PCRs 0-7 and P; of one value, of IMA's
        pcrs = (1 << 10 if len(values) == 32 else 0xFF | 1 << self.pcr).to_bytes(3, "little")
        return self.attested(part, 0x8018, extra, pack(">IHB3sH", 1, 0x0B, 3, pcrs, 32) + H(values))
    def audited(self, part, stated, kind):  # a session: [Increment C, Extend E,] Read C, Read E
        C, E, d, digest = self.counter_name, self.extend_name, stated.digest, ZERO
        steps = [(0x134, C, b"", b""), (0x136, E, b"\0\x20" + d, b"")] if kind == FULL else []
        steps += [(0x14E, C, b"\0\x08\0\0", b"\0\x08" + u64(stated.counter))]
        steps += [(0x14E, E, b"\0\x20\0\0", b"\0\x20" + stated.extend)]
        for code, name, parameters, response in steps:
            digest = H(digest, H(pack(">I", code), name, name, parameters), H(pack(">II", 0, code), response))
        return self.attested(part, 0x8016, d if kind == FULL else H(b"stele/v1/readback\0", d), b"\1\0\x20" + digest)

class Chain:  # replays the journal: what each bundle, statement and receipt must be
    def __init__(self, tpm, boot):
        self.rules = {1: self.genesis, 2: self.bundle, 3: self.intent, 4: self.receipt, 5: self.void, 6: self.remark}
        self.tpm, self.kinds, self.doubts, self.claims = tpm, b"", [], [(0, H())]  # claims: sizes and roots
        self.closed = self.sealed = self.run = self.fold = self.bundle_hash = None  # sealed: the newest with an audit
        self.boot, self.foreign_noted, self.foreign_due, self.foreign = boot, False, False, 0  # extends, not told yet
    def genesis(self, payload):  # is like a statement: a read-back must follow
        tpm, d = self.tpm, H(b"stele/v1/genesis\0", payload)
        need((H(payload), H(ZERO, d)) == (tpm.log_id, tpm.first_extend), "another genesis than the trust file's")
        self.open = Statement(digest=d, seq=0, counter=tpm.first_counter, quotes=0, flags=0, bundle=None, run=tpm.run,
                              extend=tpm.first_extend, fold=None, chain_head=tpm.log_id, voids=[])
    def bundle(self, payload):
        check_version(payload, b"STELEBDL\0\1")
        parts, boot_id, counter, extend = unpack_from(">10xH16sQ32s", payload)
        extra, sealed, stated = H(b"stele/v1/boot\0", extend, u64(counter), boot_id), self.sealed, self.open
        need(sealed and (parts, len(payload)) in ((0, 647), (1, 890)), "a bundle's place, parts or length")
        run, before = self.tpm.quoted(payload[148:359], payload[359:647], extra), self.run or sealed.receipt_run
        need(not parts or self.tpm.quoted(payload[647:858], payload[858:], extra) == run, "the run of IMA's quote")
        need(run == before or is_later(run, before), "the TPM's counts went back")
        interrupted = [(stated.counter, e) for e in (sealed.extend, stated.extend)] if stated else []
        need((counter, extend) in [(sealed.counter, sealed.extend), *interrupted], "C or E at a daemon start")
        for log in self.boot / payload[76:108].hex(), self.boot / payload[116:148].hex():
            need(not log.is_file() or log.is_symlink() or H(log.read_bytes()).hex() == log.name, "a boot log")
        self.rebase(stated, run, payload[615:647])
        self.run, self.bundle_hash = run, H(payload)
    def rebase(self, stated, run, p):  # P at a start: its fold goes on, or it was cleared, or a stranger extended it
        new_run, same_reset = run != self.run, bool(self.run) and run[0] == self.run[0]
        goes_on = same_reset and p in ([self.fold, stated.fold] if stated else [self.fold])
        cleared = new_run and p in ([ZERO, H(ZERO, stated.digest)] if stated else [ZERO])
        foreign = same_reset and not goes_on and not cleared
        need(self.foreign_noted or not foreign, "P at a daemon start is not the fold")
        if stated and goes_on and p != self.fold:
            stated.voids = [b"\2" + stated.digest]
        elif stated and (new_run or not goes_on):
            extended_again = stated.run == run and not stated.flags & QUOTE
            stated.voids, stated.fold = [b"\1" + stated.digest], H(p, stated.digest) if extended_again else p
        self.fold, self.resumed = self.fold if goes_on else p, goes_on or foreign if new_run else self.resumed
        self.foreign_noted, self.foreign_due = False, self.foreign_due or foreign
        self.foreign += foreign
    def intent(self, payload):
        check_version(payload, b"STELEAN1\0\1")
        flags, size, root, time = unpack_from(">10xH60xQ32s128xq", payload)
        last, closed, quote = self.sealed, self.closed, flags & QUOTE > 0
        need(self.run and not self.open and not is_later(last.receipt_run, self.run), "a statement's place")
        need(not quote or last.bundle == self.bundle_hash and not last.flags & FINAL, "a quote anchor's place")
        first = closed.run != self.run or closed.seq == 0
        seq, counter, quotes = last.seq + (not quote), last.counter + (not quote), quote + closed.quotes * (not first)
        due = flags & FREE | FIRST_OF_RUN * first | AFTER_RESUME * (first and self.resumed) | FOREIGN * self.foreign_due
        due = pack(">10sH32sIQQQQ32s32s32s32s32sqII", payload[:10], QUOTE if quote else due, self.tpm.log_id, 0, seq,
                   quotes * quote, counter, size, root, closed.chain_head, last.extend, last.receipt, self.bundle_hash,
                   time, *self.run)
        need(payload == due and size >= self.claims[-1][0], "a statement is not what the chain before it demands")
        self.claims, d = [*self.claims, (size, root)], H(b"stele/v1/anchor\0", payload)
        self.open = Statement(digest=d, seq=seq, counter=counter, quotes=quotes, flags=flags, bundle=self.bundle_hash,
                              run=self.run, extend=last.extend if quote else H(last.extend, d), fold=H(self.fold, d),
                              chain_head=H(closed.chain_head, d), voids=[b"\1" + d, b"\2" + d], foreign=self.foreign)
    def receipt(self, payload):
        check_version(payload, b"STELERCP\0\1")
        (kind, parts), stated = unpack_from(">10xBB", payload), self.open
        need(stated and payload[12:44] == stated.digest, "a receipt for no open statement")
        need(RECEIPT_BYTES.get((stated.flags & QUOTE, kind, parts)) == len(payload), "a receipt's kind or length")
        if parts & AUDITED:
            need(payload[44:84] == u64(stated.counter) + stated.extend, "C or E in a receipt")
            run = self.tpm.audited(payload[84:286], stated, kind)
            late = is_later(run, stated.run) or run == stated.run and stated.seq == 0
            need(run == stated.run if parts & QUOTED else late, "a receipt of another run")
            stated.receipt, stated.receipt_run, self.sealed = H(payload[86:286]), run, stated
            self.foreign_due, self.kinds = self.foreign_due and not stated.flags & FOREIGN, self.kinds + bytes([kind])
            if stated.flags & FOREIGN:  # it tells of those before it was stated; the auditor may name it, and them so
                named, self.foreign = (str(stated.seq), stated.digest.hex()), self.foreign - stated.foreign
                self.doubts += ["P was extended by somebody else"] * (named not in self.tpm.acknowledged)
                self.tpm.acknowledged.discard(named)
        if parts & QUOTED:
            run = self.tpm.quoted(payload[-499:-288], payload[-288:], stated.digest)
            need((run, payload[-32:]) == (stated.run, stated.fold), "P is not the fold, or of another run")
        self.closed, self.open, self.fold = stated, None, stated.fold
    def void(self, payload):
        stated, self.open = self.open, None
        need(stated and payload in stated.voids, "a void of nothing, or of something else, or one that P contradicts")
        if payload[0] == 2:  # kept
            self.closed, self.fold = stated, stated.fold
    def remark(self, payload):
        (code, length), text = unpack_from(">B16xH", payload), payload[19:]
        need(0 < code < 6 and length == len(text) <= 1024 and text.decode(errors="ignore").encode() == text, "a remark")
        self.foreign_noted = self.foreign_noted or code == 1

class Walk:  # piece by piece through a folder's numbered files, to a torn end (no marker follows) or an unread file
    def __init__(self, folder, log_id, covered=0):  # covered: records, by the largest statement
        self.folder, self.log_id, self.covered, self.torn, self.unread = folder, log_id, covered, False, []
        self.count, self.before, self.era = 0, ZERO, bytes(4)  # of entries or records; the checksum before
        self.subtrees, self.roots, self.agreed = [], [H()], 0  # of all records; of the first 0, 1, ...; by a group
    def __iter__(self):
        paths = sorted(self.folder.glob("[0-9a-f]" * 16)) or [self.folder / f"{0:016x}"]
        for number, path in enumerate(paths):
            need(path.name == f"{number:016x}" and path.is_file() and not path.is_symlink(), f"{path}: gap, or no file")
            data = path.read_bytes()
            try:
                at = self.open_file(data, number)
            except Unknown as why:
                return self.unread.append(f"{path}: {why}")
            while at < len(data):
                try:
                    piece, at = self.piece(data, at)
                except Tampered as why:
                    self.torn = path == paths[-1] and len(data) - at <= self.most and self.marker not in data[at + 1:]
                    return need(self.torn and self.count >= self.covered, f"{path}, byte {at}: {why}")
                yield piece

class Journal(Walk):  # of each entry: its kind and its payload; a later file that a genesis begins may be a later era's
    def open_file(self, data, number):
        check_version(data, b"STELEJNL\0\1")
        self.marker, self.most, log_id = data[24:32], 48 + MOST_ENTRY_BYTES, data[32:64]
        due = pack(">10sHIQ8s32s32s", data[:10], 0, number, self.count, self.marker, log_id, self.before)
        need(data.startswith(due + H(b"stele/v1/journal\0", due)), "a journal file's header")
        need(log_id == self.log_id, "another log's file", Unknown if number and data[136:137] == b"\1" else Tampered)
        return 128
    def piece(self, data, at):
        kind, length = unpack_from(">8xB3xI", data, at)
        due = self.marker + pack(">B3xI", kind, length) + data[at + 16:at + 16 + length]
        checksum = H(b"stele/v1/entry\0", self.log_id, u64(self.count), self.before, due[8:])
        need(length <= MOST_ENTRY_BYTES and data.startswith(due + checksum, at), "an entry's header or checksum")
        self.count, self.before = self.count + 1, checksum
        return (kind, due[16:]), at + len(due) + 32

class Segments(Walk):  # of each group, its records: leaf, and content (salt, TLVs, bytes)
    def open_file(self, data, number):
        check_version(data, b"STELESEG\0\1" + pack(">H", LEAF_BYTES))
        self.marker, self.number, self.groups, era, log_id = data[64:72], number, 0, data[12:16], data[16:48]
        due = pack(">12s4s32sQQ8s32sB", data[:12], era, log_id, number, self.count, self.marker, self.before,
                   len(self.subtrees)) + b"".join(self.subtrees)
        due, self.most = due + H(b"stele/v1/segment\0", due), MOST_GROUP_BYTES
        need(data.startswith(due), "a segment's header")
        need(era > self.era or (era, log_id) == (self.era, self.log_id), "a segment of another log, or an earlier era")
        self.era, self.log_id, self.unread = era, log_id, self.unread + [f"segment {number}: a later era"] * any(era)
        return len(due)
    def piece(self, data, at):
        count, size, blocks, ns = unpack_from(">16xI4xQI4xq8x", data, at)
        head = pack(">8sQIIQIIqQ", self.marker, self.count, count, LEAF_BYTES * count, size, blocks, 0, ns, self.groups)
        leaves_end, end = at + 56 + LEAF_BYTES * count, at + 56 + LEAF_BYTES * count + size + 72
        root = data[end - 64:end - 32]
        checksum = H(b"stele/v1/group\0", self.log_id, u64(self.number), self.before, head, root)
        need(data.startswith(head, at) and 0 < count <= MOST_RECORDS and end - at <= MOST_GROUP_BYTES, "a group's head")
        need(data.startswith(u64(end - at) + root + checksum, end - 72), "a group's trailer")
        leaves = [data[leaf:leaf + LEAF_BYTES] for leaf in range(at + 56, leaves_end, LEAF_BYTES)]
        contents = contents_of(data[leaves_end:end - 72], blocks, count)
        for leaf, content in zip(leaves, contents):
            if leaf[0] == 1 and content is not UNREADABLE:
                check_content(leaf, *content)
            self.roots.append(append(self.subtrees, len(self.roots) - 1, H(b"\0", leaf)))
        self.count, self.groups, self.before = self.count + count, self.groups + 1, checksum
        if self.count > self.covered or self.count - self.agreed >= RECORDS_PER_ROOT:
            need(self.roots[-1] == root, "the root that a group states")
            self.agreed = self.count
        return list(zip(leaves, contents)), end

def append(subtrees, size, node):  # to the complete subtrees of a tree (RFC 9162); the root of all
    while size & 1:
        node, size = H(b"\1", subtrees.pop(), node), size >> 1
    subtrees.append(node)
    return functools.reduce(lambda right, left: H(b"\1", left, right), reversed(subtrees))

def contents_of(data, blocks, records):  # of each record: salt, TLVs, bytes
    at, out = 0, []
    for _ in range(blocks):
        codec, cipher, key, count, stored, plain = unpack_from(">4xBB2xI4xIII", data, at)
        due = pack(">4sBBHIIIII", b"STBK", codec, cipher, 0, key, len(out), count, stored, plain)
        need(data.startswith(due, at) and 0 < count <= records - len(out), "a content block's header")
        table, at, end = at + 28, at + 28 + 40 * count, at + 28 + stored
        if codec or cipher:
            out, at = out + [UNREADABLE] * count, end
            continue
        for salt, tlvs, length in iter_unpack(">32sII", data[table:at]):
            out.append((salt, data[at:at + tlvs], data[at + tlvs:at + tlvs + length]))
            at += tlvs + length  # far beyond the end where the content was erased
        need((stored, key, at) == (plain, 0, end), "a content block's lengths or key, or its content is missing")
    need((at, len(out)) == (len(data), records), "content blocks that do not cover a group")
    return out

def check_content(leaf, salt, tlvs, data):  # all that must be so of one record without the others
    due = H(b"stele/v1/content\0", salt, pack(">I", len(tlvs)), tlvs, u64(len(data)), data)
    at, order, gap = 0, [], re.fullmatch(GAP_CONTENT, data)
    while at < len(tlvs):
        tlv, length = unpack_from(">HI", tlvs, at)
        order, at = order + [tlv], at + 6 + length
    need(leaf[18:] == due and at == len(tlvs) and order == sorted(set(order)), "a commitment, or TLVs")
    need(leaf[1] != GAP or gap and int(gap[1]) < 2**64 and int(gap[3] or 0) <= int(gap[4] or 0) < 2**63, "a gap")
def check_places(records, genesis):  # among each other; what cannot be said
    for index, (leaf, content) in enumerate(records):
        version, kind, source = unpack(">BB8xQ", leaf[:18])
        need(index or (version, kind) == (1, GENESIS) and content[2] in (None, genesis or content[2]), "record 0")
        near = index - WINDOW < source < index and records[source][0][:2] == bytes([1, SOURCE])
        need(version != 1 or near or source == NO_SOURCE, f"record {index}: source")
        if version != 1 or content is UNREADABLE or kind >= 0x80 or index > 0 and kind in (GENESIS, ERA):
            yield f"record {index}: of unknown version, codec or kind, or the first of another era"

def verify(directory, trust):  # what it has verified, or the exception that says why not
    need((directory / "journal").is_dir() or (directory / "segments").is_dir(), "not a store", Unknown)
    chain = Chain(Tpm(trust), directory / "boot")
    entries, doubts = list(journal := Journal(directory / "journal", chain.tpm.log_id)), chain.doubts
    need(all((kind == 1) == (at == 0) for at, (kind, _) in enumerate(entries)), "the genesis is not entry 0 alone")
    try:
        for kind, payload in entries:
            doubts += ["a journal entry of unknown kind"] * (kind >= 0x80)
            chain.rules.get(kind, lambda _unknown: None)(payload)
    except Unknown as why:  # past what cannot be read nothing is judged
        doubts.append(str(why))
    sizes = [p[72:80] for kind, p in entries if kind == 3 and len(p) == 256 and p[:10] == b"STELEAN1\0\1"]
    segments = Segments(directory / "segments", chain.tpm.log_id, int.from_bytes(max(sizes, default=b""), "big"))
    records = [record for group in segments for record in group]
    for size, root in chain.claims:
        need(segments.unread if size > len(records) else root == segments.roots[size], f"the first {size} records")
    need(entries or not records or journal.torn or journal.unread, "records, but no journal")
    doubts += [*journal.unread, *segments.unread, *check_places(records, entries[0][1] if entries else None)]
    shaky = chain.tpm.mode == "b" and re.search(rb"\x02(?!\x01\x01)", chain.kinds[1:])  # the first is the genesis'
    doubts += ["a foreign extend, or one acknowledged, at no anchor"] * bool(chain.foreign or chain.tpm.acknowledged)
    doubts += ["a read-back that is not buried"] * bool(shaky) + ["no counter anchor"] * (len(chain.kinds) < 2)
    need(not doubts, "; ".join(doubts), Unknown)
    return f"{len(records)} records, {chain.sealed.seq} counter anchors"
def conclude(directory, trust):  # the exit code, and what to print
    try:
        return 0, f"verified: {verify(directory, trust.read_text())}"
    except Tampered as why:
        return 1, f"tampered: {why}"
    except Exception as why:  # a crash must not look like a verdict
        return (2, f"undetermined: {why}") if isinstance(why, Unknown) else (70, f"no verdict: {why!r}")

if __name__ == "__main__":
    asked = len(sys.argv) == 4 and sys.argv[2] == "--trust"
    code, words = conclude(pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[3])) if asked else (64, __doc__)
    print(words)
    sys.exit(code)
