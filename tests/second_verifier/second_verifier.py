#!/usr/bin/env python3
"""A second verifier of a Stele store, written from the format pages; shares no code with the first.

Usage: second_verifier.py DIR --trust FILE: prints verified | tampered | undetermined and why; exit codes as
stele-verify. Standard library and openssl only. No nonce, no memory; findings are not its business."""
import functools, hashlib, pathlib, re, struct, subprocess, sys, tempfile

LEAF, NO_SOURCE, WINDOW, ERASED = 50, 2**64 - 1, 2**20, 2**32 - 1
FINAL, QUOTE = 2, 32  # statement flags that decide something here
FULL, READ_BACK, QUOTE_ONLY = 1, 2, 3

class Tampered(Exception): """A verdict fails."""
class Unknown(Exception): """Something this verifier cannot judge."""

def H(*parts): return hashlib.sha256(b"".join(parts)).digest()
def u64(value): return struct.pack(">Q", value)
def need(condition, why):
    if not condition:
        raise Tampered(why)

class Bytes:
    """Reads fields from the front; a short read is damage."""
    def __init__(self, data, what):
        self.data, self.at, self.what = data, 0, what
    def take(self, count):
        need(self.at + count <= len(self.data), f"{self.what} ends too early")
        self.at += count
        return self.data[self.at - count:self.at]
    def get(self, form): return struct.unpack(">" + form, self.take(struct.calcsize(">" + form)))
    def sized(self): return self.take(*self.get("H"))
    def signed(self): return self.sized(), self.take(32), self.take(32)
    def end(self): need(self.at == len(self.data), f"{self.what} has trailing bytes")
    def begins(self, magic):
        need(self.take(8) == magic, f"{self.what} has a wrong magic")
        if self.get("H") != (1,):
            raise Unknown(f"{self.what} has an unknown version")
        return self

class Trust:
    def __init__(self, text):
        lines = text.split("\n\n")[0].strip("\n").split("\n")
        self.field = dict(line.split(" ", 1) for line in lines)
        for key in ("log_id", "ak", "counter_name", "extend_name", "first_extend"):
            setattr(self, key, bytes.fromhex(self.field[key]))
        self.pcr, self.known = int(self.field["pcr"]), {}
        self.qualified = b"\x00\x0b" + H(bytes.fromhex("40000001000b"), H(self.ak))  # owner hierarchy
        point = b"\x04" + self.ak[-66:-34] + self.ak[-32:]  # TPMT_PUBLIC ends in sized x, sized y
        self.der = bytes.fromhex("3059301306072a8648ce3d020106082a8648ce3d030107034200") + point
    def check_signature(self, attest, *numbers):
        """ECDSA-SHA256 by the openssl command; each signature is asked for once."""
        key = attest, *numbers
        if key not in self.known:
            integers = [int.from_bytes(n, "big") for n in numbers]
            integers = [n.to_bytes(n.bit_length() // 8 + 1, "big") for n in integers]  # DER: a clear sign bit
            body = b"".join(b"\x02" + bytes([len(n)]) + n for n in integers)
            with tempfile.NamedTemporaryFile(buffering=0) as public, tempfile.NamedTemporaryFile(buffering=0) as sig:
                public.write(self.der), sig.write(b"\x30" + bytes([len(body)]) + body)
                command = ["openssl", "dgst", "-sha256", "-keyform", "DER", "-verify", public.name]
                done = subprocess.run(command + ["-signature", sig.name], input=attest, capture_output=True)
            self.known[key] = done.returncode == 0
        need(self.known[key], "a signature does not verify")
    def attestation(self, signed, kind, extra):
        """Signature, magic, type, signer, extraData of a TPMS_ATTEST; its run, its clock, its body."""
        self.check_signature(*signed)
        field = Bytes(signed[0], "TPMS_ATTEST")
        found = field.get("IH"), field.sized(), field.sized()
        need(found == ((0xFF544347, kind), self.qualified, extra), "TPMS_ATTEST: magic, type, signer or extraData")
        clock, reset, restart, safe, _firmware = field.get("QIIBQ")
        need(safe < 2, "TPMS_ATTEST: safe")
        return (reset, restart), clock, field
    def check_quote(self, signed, pcrs, numbers, extra):
        run, clock, field = self.attestation(signed, 0x8018, extra)
        bits = sum(1 << n for n in numbers).to_bytes(3, "little")
        selection = struct.pack(">IHB3s", 1, 0x0B, 3, bits)
        need((field.take(10), field.sized()) == (selection, H(*pcrs)), "a quote's PCRs or their digest")
        field.end()
        return run, clock
    def check_audit(self, counter, extend, signed, extra, extended_with=None):
        """An exclusive session: [Increment C, Extend E with d,] Read C, Read E."""
        run, clock, field = self.attestation(signed, 0x8016, extra)
        C, E = self.counter_name, self.extend_name
        commands = [(0x14E, C, b"\0\x08\0\0", b"\0\x08" + u64(counter)), (0x14E, E, b"\0\x20\0\0", b"\0\x20" + extend)]
        if extended_with:
            commands = [(0x134, C, b"", b""), (0x136, E, b"\0\x20" + extended_with, b"")] + commands
        digest = bytes(32)
        for code, name, parameters, response in commands:
            code = struct.pack(">I", code)
            digest = H(digest, H(code, name, name, parameters), H(bytes(4), code, response))
        need((field.get("B"), field.sized()) == ((1,), digest), "an audit session is not exclusive, or not that one")
        field.end()
        return run, clock

class Chain:
    """Replays the journal: what each bundle, statement and receipt must be."""
    def __init__(self, trust, genesis):
        self.trust, self.log_id, self.d_0 = trust, H(genesis), H(b"stele/v1/genesis\0", genesis)
        self.extend, self.chain_head = H(bytes(32), self.d_0), self.log_id
        need((self.log_id, self.extend) == (trust.log_id, trust.first_extend), "another genesis than the trust file's")
        self.counter = self.seq = self.bundle = self.run = self.previous = self.open = self.fold = self.clock = None
        self.quote_seq, self.size, self.must_count, self.foreign, self.kinds = 0, 0, True, False, []
    def tick(self, run, clock):
        need(not self.clock or run != self.clock[0] or clock >= self.clock[1], "the TPM's clock went back in a run")
        self.clock = run, clock
        return run
    def bundle_(self, payload):
        need(self.seq is not None, "a bundle before the genesis receipt")
        field = Bytes(payload, "bundle").begins(b"STELEBDL")
        parts, boot_id, counter, extend, _logs = field.get("H16sQ32s80s")
        extra = H(b"stele/v1/boot\0", extend, u64(counter), boot_id)
        signed, pcrs = field.signed(), [field.take(32) for _ in range(9)]
        run = self.tick(*self.trust.check_quote(signed, pcrs, [*range(8), self.trust.pcr], extra))
        if parts:
            self.trust.check_quote(field.signed(), [field.take(32)], [10], extra)
        field.end()
        need(parts < 2, "bundle: parts")
        goes_on = pcrs[8] in [self.fold] + ([H(self.fold, self.open[1])] if self.open else [])
        resumed = self.run and run[0] == self.run[0] and any(pcrs[8])
        self.quote_seq = self.quote_seq if run == self.run else 0
        self.foreign = self.foreign or run == self.run and not goes_on
        self.fold = self.fold if goes_on and (run == self.run or resumed) else pcrs[8]
        self.run, self.bundle, self.must_count = run, H(payload), True
    def intent(self, payload):
        field = Bytes(payload, "statement").begins(b"STELEAN1")
        flags, log_id, era, seq, quote_seq, counter, size, root = field.get("H32sIQQQQ32s")
        links, (_wall, *run) = field.get("32s32s32s32s"), field.get("qII")
        field.end()
        quote = bool(flags & QUOTE)
        need(self.open is None and flags < 128, "an intent while another is open, or unknown flags")
        need(self.bundle and (log_id, era) == (self.log_id, int(self.trust.field["era"])), "another log")
        need(links == (self.chain_head, self.extend, self.previous, self.bundle), "a statement is not chained")
        numbers = self.seq + (not quote), self.counter + (not quote), self.quote_seq + 1 if quote else 0, self.run
        need((seq, counter, quote_seq, tuple(run)) == numbers, "seq, counter, quote_seq or run")
        need(size >= self.size and not (quote and self.must_count), "the tree shrinks, or a counter anchor is due")
        self.open = flags, H(b"stele/v1/anchor\0", payload), size, root, tuple(run)
    def receipt(self, payload):
        field = Bytes(payload, "receipt").begins(b"STELERCP")
        kind, parts, digest = field.get("BB32s")
        need(parts in {FULL: (3,), READ_BACK: (1, 3), QUOTE_ONLY: (2,)}.get(kind, ()), "receipt: kind or parts")
        audit = (*field.get("Q32s"), field.signed()) if parts & 1 else None
        quote = (field.signed(), [field.take(32) for _ in range(9)]) if parts & 2 else None
        field.end()
        read_back = H(b"stele/v1/readback\0", digest)
        if self.seq is None:
            need((kind, parts, digest) == (READ_BACK, 1, self.d_0), "genesis receipt")
            need(audit[:2] == (int(self.trust.field["first_counter"]), self.extend), "genesis receipt: C or E")
            self.seq, self.counter, self.previous = 0, audit[0], H(*audit[2])
            return self.tick(*self.trust.check_audit(*audit, read_back))
        need(self.open and digest == self.open[1], "a receipt for no open statement")
        (flags, _, self.size, _, run), fold = self.open, H(self.fold, digest)
        need((kind == QUOTE_ONLY) == bool(flags & QUOTE), "a receipt of the wrong kind")
        if audit:
            self.seq, self.counter, self.extend = self.seq + 1, self.counter + 1, H(self.extend, digest)
            need(audit[:2] == (self.counter, self.extend), "C or E in a receipt")
            session = (digest, digest) if kind == FULL else (read_back,)
            signed_run = self.tick(*self.trust.check_audit(*audit, *session))
            need(signed_run == run or kind == READ_BACK, "a full receipt in another run than its statement")
            self.previous, self.must_count, self.kinds = H(*audit[2]), bool(flags & FINAL), self.kinds + [kind]
        if quote:
            signed_run = self.tick(*self.trust.check_quote(*quote, [*range(8), self.trust.pcr], digest))
            need((signed_run, quote[1][8]) == (run, fold), "P is not the fold")
        self.quote_seq += kind == QUOTE_ONLY
        self.chain_head, self.fold, self.open = H(self.chain_head, digest), fold, None
    def void(self, payload):
        need(self.open and payload in (b"\1" + self.open[1], b"\2" + self.open[1]), "a void of nothing")
        if payload[0] == 2:
            self.chain_head, self.fold = H(self.chain_head, self.open[1]), H(self.fold, self.open[1])
        self.open = None
    def unknowns(self):
        buried = [len(part) > 1 for part in bytes(self.kinds).split(bytes([READ_BACK]))[1:]]
        shaky = self.trust.field["mode"] == "b" and not all(buried)
        reasons = {"no anchor yet": not self.kinds, "a foreign extend of P": self.foreign, "read-back rule": shaky}
        return [reason for reason, holds in reasons.items() if holds]

def header(data, magic, form, tag):
    """The fields of a file's header; its checksum is checked. Segments end in a count and that many roots."""
    field = Bytes(data, magic.decode()).begins(magic)
    found = field.get(form)
    field.take(32 * found[-1] if form.endswith("B") else 0)
    need(field.take(32) == H(b"stele/v1/" + tag + b"\0", data[:field.at - 32]), "a file header's checksum")
    return field, found
def pieces(folder, open_file, next_piece):
    """Walks the numbered files; damage is forgiven in the very last piece only, where no marker follows."""
    paths = sorted(p for p in folder.glob("*") if re.fullmatch("[0-9a-f]{16}", p.name))
    need(paths and [int(p.name, 16) for p in paths] == list(range(len(paths))), f"{folder.name}: a file is missing")
    for number, data in enumerate(p.read_bytes() for p in paths):
        field, marker = open_file(number, data)
        while field.at < len(data):
            start = field.at
            try:
                piece = next_piece(field, marker)
            except Tampered:
                last = number == len(paths) - 1 and marker not in data[start + 1:]
                need(last, f"damage in {field.what} {number}, not in the last piece, at byte {start}")
                return
            yield piece
def journal(folder, log_id):
    """Of each entry: its kind and payload."""
    count, before = 0, bytes(32)
    def open_file(number, data):
        field, (*found, marker, log, chained) = header(data, b"STELEJNL", "HIQ8s32s32s", b"journal")
        need((*found, log, chained) == (0, number, count, log_id, before), "journal header")
        return field, marker
    def entry(field, marker):
        nonlocal count, before
        need(field.take(8) == marker, "journal entry: marker")
        head = field.take(8)
        payload = field.take(struct.unpack(">I", head[4:])[0])
        checksum = H(b"stele/v1/entry\0", log_id, u64(count), before, head, payload)
        need(head[1:4] == bytes(3) and field.take(32) == checksum, "journal entry: checksum")
        count, before = count + 1, checksum
        return head[0], payload
    return pieces(folder, open_file, entry)
def groups(folder, log_id):
    """Of each commit group: first index, leaves, content blocks, the root it states, whether it is the last."""
    size, group_number, segment, before = 0, 0, 0, bytes(32)
    def open_file(number, data):
        nonlocal segment, group_number
        field, found = header(data, b"STELESEG", "HI32sQQ8s32sB", b"segment")
        leaf_size, _era, log, segment, first, marker, chained, _roots = found
        need((leaf_size, log, segment, first, chained) == (LEAF, log_id, number, size, before), "segment header")
        group_number = 0
        return field, marker
    def group(field, marker):
        nonlocal size, group_number, before
        start, head = field.at, field.take(56)
        mark, first, count, leaf_bytes, content, _blocks, zero, _time, numbered = struct.unpack(">8sQIIQIIqQ", head)
        found = mark, first, zero, numbered, leaf_bytes
        need(count and found == (marker, size, 0, group_number, count * LEAF), "group header")
        leaves, blocks, (length, root, checksum) = field.take(leaf_bytes), field.take(content), field.get("Q32s32s")
        need(length == field.at - start, "group trailer: length")
        need(checksum == H(b"stele/v1/group\0", log_id, u64(segment), before, head, root), "group trailer: checksum")
        size, group_number, before = size + count, group_number + 1, checksum
        leaves, last = [leaves[i:i + LEAF] for i in range(0, leaf_bytes, LEAF)], field.at == len(field.data)
        return first, leaves, blocks, root, last and not (folder / f"{segment + 1:016x}").exists()
    return pieces(folder, open_file, group)
def contents_of(blocks):
    """Of each record: salt, TLVs, bytes; None where erased."""
    field, out = Bytes(blocks, "content"), []
    while field.at < len(blocks):
        magic, codec, cipher, zero, _key, first, count, stored, plain = field.get("4sBBHIIIII")
        need((magic, zero, first) == (b"STBK", 0, len(out)), "content block")
        if codec or cipher:
            raise Unknown("content under an unknown codec or cipher")
        block = Bytes(field.take(stored), "content block")
        for salt, tlvs, length in [block.get("32sII") for _ in range(count)]:
            out.append(None if tlvs == length == ERASED else (salt, block.take(tlvs), block.take(length)))
        need(stored == plain and block.end() is None, "content block: length")
    return out
def append(roots, size, node):
    """Appends a leaf hash to the roots of a tree's complete subtrees (RFC 9162); the root of all."""
    while size & 1:
        node, size = H(b"\1", roots.pop(), node), size >> 1
    roots.append(node)
    return functools.reduce(lambda right, left: H(b"\1", left, right), reversed(roots))
def check_group(first, leaves, blocks, sources, genesis):
    """Every commitment and source of a group; its leaf hashes, and what is unknown in it."""
    contents, unknown = contents_of(blocks), []
    need(len(contents) == len(leaves) and None not in contents, f"content of a record from {first} on is missing")
    for index, (leaf, (salt, tlvs, data)) in enumerate(zip(leaves, contents), first):
        version, kind, _time, source, commitment = struct.unpack(">BBqQ32s", leaf)
        unknown += [f"record {index}: unknown version or kind"] if version != 1 or kind >= 0x80 else []
        body = b"".join((salt, struct.pack(">I", len(tlvs)), tlvs, u64(len(data)), data))
        need(commitment == H(b"stele/v1/content\0", body), f"record {index}: commitment")
        near = index - WINDOW < source < index and source in sources
        need(source == NO_SOURCE or near, f"record {index}: source")
        sources |= {index} if kind == 3 else set()
        need((kind == 1 and data == genesis) if index == 0 else kind not in (1, 10), f"record {index}: a genesis")
    return [H(b"\0", leaf) for leaf in leaves], unknown
def check_records(folder, log_id, genesis, claims):
    """Every record, and the root of each size that a statement claims; past those, the last group may be torn."""
    roots, sources, size, unknown, claimed = [], set(), 0, [], max(claims, default=0)
    for first, leaves, blocks, stated, last in groups(folder, log_id):
        try:
            hashes, more = check_group(first, leaves, blocks, sources, genesis)
            before = list(roots)
            need([append(before, first + i, node) for i, node in enumerate(hashes)][-1] == stated, "the root it states")
        except Tampered:
            need(last and first >= claimed, f"damage in the group at {first}: {sys.exc_info()[1]}")
            break
        for index, node in enumerate(hashes, first):
            root, size = append(roots, index, node), index + 1
            need({root} >= claims.pop(size, set()), f"the root of {size} records is not as anchored")
        unknown += more
    need(not claims, f"{size} records, but {claimed} were anchored")
    return size, unknown
def verify(directory, trust):
    entries, claims, unknown = journal(directory / "journal", trust.log_id), {}, []
    kind, genesis = next(entries, (None, b""))
    need(kind == 1, "the journal does not begin with a genesis")
    chain = Chain(trust, genesis)
    take = {2: chain.bundle_, 3: chain.intent, 4: chain.receipt, 5: chain.void, 6: lambda payload: None}
    for kind, payload in entries:
        need(kind != 1, "a second genesis")
        take.get(kind, lambda payload: unknown.extend(["unknown entry"] * (kind >= 0x80)))(payload)
        if kind == 3:
            claims.setdefault(chain.open[2], set()).add(chain.open[3])
    size, unknown_records = check_records(directory / "segments", chain.log_id, genesis, claims)
    for why in unknown + unknown_records + chain.unknowns():
        raise Unknown(why)
    return f"{size} records, {chain.seq} counter anchors"
def main(arguments):
    if len(arguments) != 3 or arguments[1] != "--trust":
        sys.exit(print(__doc__, file=sys.stderr) or 64)
    directory = pathlib.Path(arguments[0])
    if not any((directory / part).is_dir() for part in ("journal", "segments")):
        sys.exit(print("not a store") or (65 if directory.exists() else 66))
    try:
        print("verified:", verify(directory, Trust(pathlib.Path(arguments[2]).read_text())))
    except (Tampered, Unknown) as why:
        code = 1 if isinstance(why, Tampered) else 2
        sys.exit(print("tampered:" if code == 1 else "undetermined:", why) or code)
if __name__ == "__main__":
    main(sys.argv[1:])
