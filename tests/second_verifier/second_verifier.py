#!/usr/bin/env python3
"""A second verifier of a Stele store, written from the READMEs of attest, storage and tpm; it shares no code.

Usage: second_verifier.py DIR --trust FILE: prints verified | tampered | undetermined and why; exit codes as
stele-verify. Standard library and openssl only. No nonce, no memory; findings are not its business."""
import collections, functools, hashlib, os, pathlib, re, struct, subprocess, sys, tempfile, types

FIRST_OF_RUN, FINAL, AFTER_RESUME, QUOTE, FOREIGN = 1, 2, 16, 32, 64  # statement flags that decide something
FULL, READ_BACK, QUOTE_ONLY = 1, 2, 3  # receipt kinds
KINDS_AND_PARTS = {(FULL, 3), (READ_BACK, 1), (READ_BACK, 3), (QUOTE_ONLY, 2)}  # parts of a receipt: 1 audit, 2 quote
GENESIS, SOURCE, GAP, ERA = 1, 3, 4, 10  # record kinds
GAP_CONTENT = re.compile(rb'\{"lost":(0|[1-9][0-9]{0,19}),"reason":"[a-z_]{1,64}"\}')
LEAF_BYTES, MOST_RECORDS, MOST_GROUP_BYTES, MOST_ENTRY_BYTES, RECORDS_PER_ROOT = 50, 65536, 2**28, 2**20, 64
NO_SOURCE, WINDOW, ERASED, ZERO, UNREADABLE = 2**64 - 1, 2**20, 2**32 - 1, bytes(32), object()
INCREMENT, EXTEND, READ = b"\0\0\x01\x34", b"\0\0\x01\x36", b"\0\0\x01\x4E"  # TPM2_NV_ commands
Group = collections.namedtuple("Group", "first leaves blocks contents root last")
class Tampered(Exception): """A verdict fails."""
class Unknown(Exception): """Something that this verifier cannot judge."""
def H(*parts): return hashlib.sha256(b"".join(parts)).digest()
def u64(value): return struct.pack(">Q", value)
def need(condition, why, otherwise=Tampered):
    if not condition:
        raise otherwise(why)
def is_later(run, before):  # counts may wrap: what is later lies less than half the circle ahead
    resets, restarts = [(a - b) % 2**32 for a, b in zip(run, before)]
    return 0 < (resets or restarts) < 2**31

class Bytes:
    """Reads from the front, big-endian, in layouts of "name:form", forms as in struct; a short read is damage."""
    def __init__(self, data, what): self.data, self.at, self.what = data, 0, what
    def take(self, count):
        self.at += count
        need(self.at <= len(self.data), f"{self.what} ends too early")
        return self.data[self.at - count:self.at]
    def get(self, form): return struct.unpack(">" + form, self.take(struct.calcsize(">" + form)))
    def fields(self, layout):
        names, forms = zip(*(field.split(":") for field in layout.split()))
        return types.SimpleNamespace(**dict(zip(names, self.get("".join(forms)))))
    def hashes(self, count): return [self.take(32) for _ in range(count)]
    def sized(self, form="H"): return self.take(*self.get(form))
    def signed(self): return self.sized(), self.take(32), self.take(32)  # TPMS_ATTEST, r, s
    def rest(self): return self.take(len(self.data) - self.at)
def begin(data, magic, layout, what=None):  # the fields that follow a magic and the version, and what follows them
    field = Bytes(data, what or magic.decode())
    need(field.take(8) == magic, f"{field.what} has a wrong magic")
    need(field.get("H") == (1,), f"{field.what} has an unknown version", Unknown)
    return field.fields(layout), field

class Trust:
    """A trust file, and what the TPM must have signed under the key that it pins."""
    def __init__(self, text):
        lines = text.split("\n\n")[0].strip("\n").split("\n")
        self.field, self.known, self.eras = dict(line.split(" ", 1) for line in lines), {}, lines.count("stele-trust 1")
        for key in ("log_id", "ak", "counter_name", "extend_name", "first_extend"):
            setattr(self, key, bytes.fromhex(self.field[key]))
        for key in ("era", "pcr", "first_counter", "base_reset", "base_restart", "clock_update_ms"):
            setattr(self, key, int(self.field[key]))
        self.qualified = b"\x00\x0b" + H(bytes.fromhex("40000001000b"), H(self.ak))  # owner hierarchy
        self.der = bytes.fromhex("3059301306072a8648ce3d020106082a8648ce3d03010703420004")
        self.der += self.ak[-66:-34] + self.ak[-32:]  # TPMT_PUBLIC ends in sized x, sized y
    def verifies(self, attest, *numbers):  # ECDSA-SHA256 by the openssl command
        integers = [int.from_bytes(number, "big") for number in numbers]
        integers = [n.to_bytes(n.bit_length() // 8 + 1, "big") for n in integers]  # DER: a clear sign bit
        body = b"".join(b"\x02" + bytes([len(n)]) + n for n in integers)
        with tempfile.TemporaryDirectory() as folder:
            pathlib.Path(folder, "key").write_bytes(self.der)
            pathlib.Path(folder, "signature").write_bytes(b"\x30" + bytes([len(body)]) + body)
            command = "openssl dgst -sha256 -keyform DER -verify key -signature signature".split()
            return subprocess.run(command, cwd=folder, input=attest, capture_output=True).returncode == 0
    def attested(self, signed, kind, extra, due):  # a TPMS_ATTEST: its clock, and run
        field = Bytes(signed[0], "TPMS_ATTEST")
        found = field.get("IH"), field.sized(), field.sized()
        need(found == ((0xFF544347, kind), self.qualified, extra), "TPMS_ATTEST: magic, type, signer or extraData")
        clock = field.fields("ms:Q reset:I restart:I safe:B firmware:Q")
        need(clock.safe < 2 and len(signed[0]) <= 512 and field.rest() == due, "TPMS_ATTEST: PCRs, commands or safe")
        self.known[signed] = self.known.get(signed) or self.verifies(*signed)
        need(self.known[signed], "a signature does not verify")
        clock.run = clock.reset, clock.restart
        return clock
    def check_quote(self, signed, values, extra):  # a quote of PCRs 0-7 and P; of one value, of IMA's
        bits = sum(1 << pcr for pcr in ([*range(8), self.pcr] if len(values) > 1 else [10])).to_bytes(3, "little")
        return self.attested(signed, 0x8018, extra, struct.pack(">IHB3sH", 1, 0x0B, 3, bits, 32) + H(*values))
    def check_audit(self, counter, extend, signed, extra, *extended_with):  # [Increment C, Extend E,] Read C, Read E
        C, E, digest = self.counter_name, self.extend_name, ZERO
        steps = [step for d in extended_with for step in ((INCREMENT, C, b"", b""), (EXTEND, E, b"\0\x20" + d, b""))]
        steps += (READ, C, b"\0\x08\0\0", b"\0\x08" + u64(counter)), (READ, E, b"\0\x20\0\0", b"\0\x20" + extend)
        for code, name, parameters, response in steps:
            digest = H(digest, H(code, name, name, parameters), H(bytes(4), code, response))
        return self.attested(signed, 0x8016, extra, b"\1\0\x20" + digest)

def read_statement(payload):
    stated, field = begin(payload, b"STELEAN1", "flags:H log_id:32s era:I seq:Q quote_seq:Q counter:Q size:Q root:32s "
                          "chain_head:32s prev_extend:32s prev_receipt:32s bundle:32s time:q reset:I restart:I")
    need(not field.rest(), "a statement has trailing bytes")
    stated.run, stated.digest = (stated.reset, stated.restart), H(b"stele/v1/anchor\0", payload)
    return stated
class Chain:
    """Replays the journal: what each bundle, statement and receipt must be."""
    def __init__(self, trust, genesis):
        self.trust, self.genesis, self.log_id, d_0 = trust, genesis, H(genesis), H(b"stele/v1/genesis\0", genesis)
        self.extend, self.chain_head, base = H(ZERO, d_0), self.log_id, (trust.base_reset, trust.base_restart)
        need((self.log_id, self.extend) == (trust.log_id, trust.first_extend), "another genesis than the trust file's")
        self.open = types.SimpleNamespace(digest=d_0, counter=trust.first_counter, extend=self.extend, seq=0, run=base,
                                          quote_seq=0, fold=None, bundle=b"", flags=0)  # what nothing has closed yet
        self.seq = self.prev_receipt = self.receipt_run = self.bundle_hash = self.run = self.fold = self.clock = None
        self.quote_seq, self.size, self.kinds, self.doubts, self.claims = 0, 0, [], [], {}  # claims: roots by size
        self.first = self.resumed = self.may_quote = self.foreign_noted = self.foreign_due = False
        self.take = {2: self.bundle, 3: self.intent, 4: self.receipt, 5: self.void, 6: self.remark}
    def tick(self, clock):
        last, self.clock = self.clock or clock, clock
        slack = 0 if clock.run == last.run else self.trust.clock_update_ms
        need(clock.ms >= last.ms - slack, "the TPM's clock went back")
    def bundle(self, payload):
        said, field = begin(payload, b"STELEBDL", "parts:H boot_id:16s counter:Q extend:32s logs:80s")
        extra = H(b"stele/v1/boot\0", said.extend, u64(said.counter), said.boot_id)
        quotes = [(field.signed(), field.hashes(pcrs)) for pcrs in (9, 1)[:1 + said.parts]]
        clock, *ima = [self.trust.check_quote(*quote, extra) for quote in quotes]
        run, before, stated = clock.run, self.run or self.receipt_run, self.open
        fits = said.parts < 2 and all(other.run == run for other in ima) and not field.rest()
        need(self.prev_receipt and fits, "a boot bundle's place, parts or length, or the run of one part")
        need(run == before or is_later(run, before), "the TPM's counts went back")
        self.tick(clock)
        interrupted = [self.extend, stated.extend] if stated and not stated.quote_seq else []
        allowed = [(self.counter, self.extend), *((self.counter + 1, extend) for extend in interrupted)]
        need((said.counter, said.extend) in allowed, "C or E at a daemon start")
        self.rebase(stated, run, quotes[0][1][8])
        self.run, self.bundle_hash, self.may_quote = run, H(payload), False
    def rebase(self, stated, run, p):  # P at a start: its fold goes on, or it was cleared, or a stranger extended it
        new_run, same_reset = run != self.run, self.run and run[0] == self.run[0]
        goes_on = same_reset and (p == self.fold or stated and p == stated.fold)
        restarted = new_run and (p == ZERO or stated and p == H(ZERO, stated.digest))
        foreign = same_reset and not goes_on and not restarted
        need(not foreign or self.foreign_noted, "P at a daemon start is not the fold")
        if stated and goes_on and p != self.fold:
            stated.in_pcr = True
        elif stated and (new_run or not goes_on):
            extended_again = foreign and not stated.quote_seq and stated.run == run
            stated.in_pcr, stated.fold = False, H(p, stated.digest) if extended_again else p
        self.fold = self.fold if goes_on else p
        if new_run:
            self.first, self.resumed, self.quote_seq = True, bool(goes_on or foreign), 0
        self.foreign_noted, self.foreign_due = False, self.foreign_due or bool(foreign)
        self.doubts += ["P was extended by somebody else"] * bool(foreign)
    def intent(self, payload):
        stated = read_statement(payload)
        need(self.bundle_hash and not self.open, "a statement before a boot bundle, or while another is open")
        quote, flags = bool(stated.flags & QUOTE), stated.flags
        due = {"log_id": self.log_id, "era": self.trust.era, "bundle": self.bundle_hash, "run": self.run,
               "seq": self.seq + (not quote), "counter": self.counter + (not quote), "chain_head": self.chain_head,
               "quote_seq": self.quote_seq + 1 if quote else 0, "prev_extend": self.extend,
               "prev_receipt": self.prev_receipt}
        wrong = [key for key, value in due.items() if getattr(stated, key) != value]
        need(not wrong and stated.size >= self.size, f"a statement's {wrong or 'tree size'}")
        need(not is_later(self.receipt_run, self.run), "the receipt before lies in a later run")
        must = FIRST_OF_RUN * self.first | AFTER_RESUME * (self.first and self.resumed) | FOREIGN * self.foreign_due
        fits = flags & (FIRST_OF_RUN | FOREIGN | must) == must and flags < 128
        need(self.may_quote and flags == QUOTE if quote else fits, "a statement's flags, or a quote before its anchor")
        stated.extend, stated.fold = H(self.extend, stated.digest), H(self.fold, stated.digest)
        self.open, self.size, stated.in_pcr = stated, stated.size, None  # whether P has it: not known
        self.claims.setdefault(stated.size, set()).add(stated.root)
    def receipt(self, payload):
        said, field = begin(payload, b"STELERCP", "kind:B parts:B digest:32s")
        audit = (*field.get("Q32s"), field.signed()) if said.parts & 1 else None
        quote = (field.signed(), field.hashes(9)) if said.parts & 2 else None
        stated, digest, fits = self.open, said.digest, (said.kind, said.parts) in KINDS_AND_PARTS and not field.rest()
        need(fits and stated and digest == stated.digest, "a receipt's parts or length, or for no open statement")
        need((said.kind == QUOTE_ONLY) == bool(stated.quote_seq), "a receipt of the wrong kind")
        if quote:
            clock = self.trust.check_quote(*quote, digest)
            need((clock.run, quote[1][8]) == (stated.run, stated.fold), "P is not the fold, or of another run")
        if audit:
            need(audit[:2] == (stated.counter, stated.extend), "C or E in a receipt")
            extra = [digest] * 2 if said.kind == FULL else [H(b"stele/v1/readback\0", digest)]
            clock = self.trust.check_audit(*audit, *extra)
            self.seq, self.counter, self.extend = stated.seq, stated.counter, stated.extend
            self.prev_receipt, self.receipt_run = H(*audit[2]), clock.run
            self.may_quote = stated.bundle == self.bundle_hash and not stated.flags & FINAL
            self.foreign_due = self.foreign_due and not stated.flags & FOREIGN
            self.kinds += [said.kind] * bool(stated.seq)
        self.tick(clock)
        if stated.seq == 0:  # the genesis receipt, which no quote fits
            need(not is_later(stated.run, clock.run), "the genesis receipt lies before the pinned run")
            self.open = None
        else:
            need(clock.run == stated.run if quote else is_later(clock.run, stated.run), "a receipt of another run")
            self.close()
    def close(self):  # the open statement becomes part of the chain and of the fold
        closed, self.open = self.open, None
        self.chain_head, self.fold = H(self.chain_head, closed.digest), closed.fold
        if closed.run == self.run:
            self.first, self.quote_seq = False, closed.quote_seq or self.quote_seq
    def void(self, payload):
        need(self.open and self.prev_receipt, "a void of nothing")
        due = {b"\1" + self.open.digest: (None, False), b"\2" + self.open.digest: (None, True)}
        need(self.open.in_pcr in due.get(payload, ()), "a void of something else, or one that P contradicts")
        if payload[0] == 2:
            self.close()
        self.open = None
    def remark(self, payload):
        field = Bytes(payload, "remark")
        (code, _time, _seq), text = field.get("BqQ"), field.sized()
        fits = 0 < code < 6 and len(text) <= 1024 and text.decode(errors="ignore").encode() == text
        need(fits and not field.rest(), "a remark")
        self.foreign_noted = self.foreign_noted or code == 1
    def end(self):  # all that stays unknown
        buried = [len(part) > 1 for part in bytes(self.kinds).split(bytes([READ_BACK]))[1:]]
        shaky = self.trust.field["mode"] == "b" and not all(buried)
        return self.doubts + ["a read-back that is not buried"] * shaky + ["no counter anchor"] * (not self.kinds)

class Walk:
    """Piece by piece through a folder's numbered files, but for a torn end (that no marker follows) or unread files."""
    def __init__(self, folder, log_id=None, era=None, roots=None):
        self.folder, self.log_id, self.era, self.roots, self.torn, self.unread = folder, log_id, era, roots, False, []
        self.count, self.before, self.file = 0, ZERO, None  # of entries or records; the checksum before; the header
    def __iter__(self):
        names = os.listdir(self.folder) if self.folder.is_dir() else []
        names = sorted(name for name in names if re.fullmatch("[0-9a-f]{16}", name))
        need(names, f"{self.folder.name}: no file")
        for number, path in enumerate(self.folder / name for name in names):
            is_file = path.name == f"{number:016x}" and path.is_file() and not path.is_symlink()
            need(is_file, f"{path}: a file before it is missing, or it is none")
            try:
                field = self.open_file(path.read_bytes(), number, f"{self.folder.name}, file {number}")
            except Unknown as why:
                return self.unread.append(str(why))
            while field.at < len(field.data):
                start, is_last = field.at, number == len(names) - 1
                try:
                    piece = self.piece(field, is_last)
                except Tampered as why:
                    self.torn = is_last and self.file.marker not in field.data[start + 1:]
                    return need(self.torn, f"{field.what}, byte {start}: {why}")
                yield piece
    def check_header(self, field, tag, found, number):
        checksum, due = H(b"stele/v1/" + tag + b"\0", field.data[:field.at]), (number, self.count, self.before)
        need(field.take(32) == checksum and (found.number, found.first, found.before) == due, "a file's header")

class Journal(Walk):
    """Of each entry: its kind and its payload."""
    def open_file(self, data, number, what):
        found, field = begin(data, b"STELEJNL", "zero:H number:I first:Q marker:8s log_id:32s before:32s", what)
        self.check_header(field, b"journal", found, number)
        same_log = self.log_id in (None, found.log_id)
        begins_log = data[field.at + 8:field.at + 9] == b"\1"
        need(found.zero == 0 and (same_log or begins_log), "a journal file's header, or it is of another log")
        need(same_log, "a journal file of another era", Unknown)
        self.log_id, self.file = found.log_id, found
        return field
    def piece(self, field, _is_last):
        marker, head = field.take(8), field.take(8)
        kind, zero, length = struct.unpack(">B3sI", head)
        need((marker, zero) == (self.file.marker, bytes(3)) and length <= MOST_ENTRY_BYTES, "an entry's header")
        payload = field.take(length)
        checksum = H(b"stele/v1/entry\0", self.log_id, u64(self.count), self.before, head, payload)
        need(field.take(32) == checksum, "an entry's checksum")
        self.count, self.before = self.count + 1, checksum
        return kind, payload

class Segments(Walk):
    """The commit groups. `roots`, of the tree of all leaves so far, is the caller's to keep as it goes."""
    def open_file(self, data, number, what):
        layout = "leaf_size:H era:I log_id:32s number:Q first:Q marker:8s before:32s roots:B"
        found, field = begin(data, b"STELESEG", layout, what)
        need(found.leaf_size == LEAF_BYTES, "a segment with leaves of another size", Unknown)
        roots = field.hashes(found.roots)
        self.check_header(field, b"segment", found, number)
        need(len(roots) == bin(self.count).count("1"), "the number of a segment header's roots")
        need(not self.file or found.era <= self.era, "a segment of a later era", Unknown)
        need(self.log_id in (None, found.log_id) and self.era in (None, found.era), "a segment of another log or era")
        need(self.roots in (None, roots), "a segment header's roots")
        self.log_id, self.era, self.file, self.groups = found.log_id, found.era, found, 0
        return field
    def piece(self, field, is_last):
        start, head = field.at, field.take(56)
        marker, first, count, leaf_bytes, size, blocks_due, zero, _time, number = struct.unpack(">8sQIIQIIqQ", head)
        due = self.file.marker, self.count, 0, self.groups, count * LEAF_BYTES
        need((marker, first, zero, number, leaf_bytes) == due, "a group's header")
        leaves, blocks, (length, root, checksum) = field.take(leaf_bytes), field.take(size), field.get("Q32s32s")
        need(0 < count <= MOST_RECORDS and length == field.at - start <= MOST_GROUP_BYTES, "a group's count or length")
        due = H(b"stele/v1/group\0", self.log_id, u64(self.file.number), self.before, head, root)
        contents = contents_of(blocks, blocks_due)
        need(checksum == due and len(contents) == count, "a group's checksum, or blocks that do not cover it")
        self.count, self.groups, self.before = self.count + count, self.groups + 1, checksum
        leaves = [leaves[at:at + LEAF_BYTES] for at in range(0, leaf_bytes, LEAF_BYTES)]
        return Group(first, leaves, blocks, contents, root, is_last and field.at == len(field.data))
def contents_of(blocks, count_of_blocks=None):
    """Of each record: salt, TLVs, bytes; None where erased, UNREADABLE under an unknown codec or cipher."""
    field, out, found = Bytes(blocks, "content"), [], 0
    while field.at < len(blocks):
        magic, codec, cipher, zero, key, first, count, stored, plain = field.get("4sBBHIIIII")
        need((magic, zero, first) == (b"STBK", 0, len(out)) and 0 < count <= MOST_RECORDS, "a content block's header")
        block, found = Bytes(field.take(stored), "content block"), found + 1
        if codec or cipher:
            out += [UNREADABLE] * count
            continue
        for salt, tlvs, length in [block.get("32sII") for _ in range(count)]:
            is_erased = (salt, tlvs, length) == (ZERO, ERASED, ERASED)
            out.append(None if is_erased else (salt, block.take(tlvs), block.take(length)))
        need((stored, key, block.at) == (plain, 0, stored), "a content block's lengths or key")
    need(count_of_blocks in (None, found), "the number of content blocks")
    return out

def check_content(index, leaf, content):  # all that must be so of one record without the others; what cannot be said
    version, kind, _time, _source, commitment = struct.unpack(">BBqQ32s", leaf)
    if version != 1 or content is UNREADABLE:
        return [f"record {index}: a leaf of another version, or content that cannot be read"]
    need(content, f"record {index}: its content is missing")
    salt, tlvs, data = content
    body = b"".join((salt, struct.pack(">I", len(tlvs)), tlvs, u64(len(data)), data))
    need(commitment == H(b"stele/v1/content\0", body), f"record {index}: commitment")
    field, tags = Bytes(tlvs, f"record {index}: TLVs"), [-1]
    while field.at < len(tlvs):
        tags += field.get("H")
        need(tags[-1] > tags[-2] and field.sized("I") is not None, f"record {index}: order of TLVs")
    lost = GAP_CONTENT.fullmatch(data)
    need(kind != GAP or lost and int(lost[1]) < 2**64, f"record {index}: a gap that states no count")
    return [f"record {index}: unknown kind"] * (kind >= 0x80)
def check_place(index, leaf, content, sources, genesis):  # among the others; what cannot be said
    version, kind, _time, source = struct.unpack(">BBqQ", leaf[:18])
    need(index > 0 or (version, kind) == (1, GENESIS), "the first record is no genesis")
    is_known = index > 0 or genesis is None or content is UNREADABLE
    need(is_known or content[2] == genesis, "the first record is another genesis than the journal's")
    near = source == NO_SOURCE or index - WINDOW < source < index and source in sources
    need(version != 1 or near, f"record {index}: source")
    sources |= {index} if (version, kind) == (1, SOURCE) else set()
    return [f"record {index}: another era"] * (index > 0 and version == 1 and kind in (GENESIS, ERA))
def append(roots, size, node):  # a leaf hash, to a tree's complete subtrees (RFC 9162); the root of all
    while size & 1:
        node, size = H(b"\1", roots.pop(), node), size >> 1
    roots.append(node)
    return functools.reduce(lambda right, left: H(b"\1", left, right), reversed(roots))
def check_records(segments, genesis, claims, covered):
    """The tree of all records; `claims`: roots by tree size; `covered`: the largest size that a statement names."""
    size, agreed, sources, doubts = 0, 0, set(), []
    need({H()} >= claims.pop(0, set()), "the root of no records")
    for group in segments:
        records = list(enumerate(zip(group.leaves, group.contents), group.first))
        try:
            found = [why for index, record in records for why in check_content(index, *record)]
            for index, (leaf, _content) in records:
                root = append(segments.roots, index, H(b"\0", leaf))
                need({root} >= claims.pop(index + 1, set()), f"the root of {index + 1} records is not as anchored")
            is_due = index + 1 > covered or index + 1 - agreed >= RECORDS_PER_ROOT
            need(not is_due or root == group.root, f"the root that the group at {group.first} states")
        except Tampered as why:
            need(group.last and group.first >= covered, why)
            break  # a power cut tore it, for nothing covers it
        size, agreed, doubts = index + 1, index + 1 if is_due else agreed, doubts + found
        for index, record in records:
            doubts += check_place(index, *record, sources, genesis)
    need(segments.unread or not claims, f"{size} records, but {max(claims, default=0)} were anchored")
    return size, segments.unread + doubts

def verify(directory, trust):  # raises Tampered or Unknown, or says what it has verified
    need(trust.eras < 2, "a log of several eras: this verifier judges the first one alone", Unknown)
    journal, chain, covered, doubts, follows = Journal(directory / "journal"), None, 0, [], True
    for kind, payload in journal:
        if chain is None:
            need(kind == 1 and journal.log_id == H(payload), "the journal does not begin with its genesis")
            chain = Chain(trust, payload)
            continue
        try:
            covered = max(covered, read_statement(payload).size if kind == 3 else 0)
            need(kind < 0x80, "a journal entry of unknown kind", Unknown)
            need(kind != 1 or not follows, "a second genesis")
            if follows:
                chain.take.get(kind, lambda payload: None)(payload)
        except Unknown as why:  # past what cannot be read nothing is judged
            doubts, follows = doubts + [str(why)], follows and kind >= 0x80
        except Tampered as why:
            need(not follows, why)
    genesis, claims, log_id = (chain.genesis, chain.claims, chain.log_id) if chain else (None, {}, None)
    segments = Segments(directory / "segments", log_id, trust.era if chain else None, roots=[])
    size, unsaid = check_records(segments, genesis, claims, covered)
    need(chain or journal.torn or journal.unread or not size, "records, but no journal")
    for why in journal.unread + doubts + unsaid + (chain.end() if chain else ["no genesis"]):
        raise Unknown(why)
    return f"{size} records, {chain.seq} counter anchors"
def conclude(directory, trust):  # the exit code, and what to print
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
    code, words = conclude(directory, Trust(pathlib.Path(arguments[2]).read_text()))
    print(words)
    return code

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
