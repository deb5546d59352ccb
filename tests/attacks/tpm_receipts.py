"""Receipts as root makes them: the layouts of the format page, filled by root's hand on the TPM."""
import collections
import struct

from tpm_hands import AUDIT, EXCLUSIVE, H, RESET, SHA256, selection, sized

FULL, READ_BACK, QUOTE = 1, 2, 3  # kinds of receipts
Audit = collections.namedtuple("Audit", "counter extend part")  # part: what the TPM signed
Quoted = collections.namedtuple("Quoted", "part pcrs")


def u64(value):
    return struct.pack(">Q", value)


def signed(part):
    attest, r, s = part
    return sized(attest) + r + s


def run_of(attest):
    """(resetCount, restartCount) of a TPMS_ATTEST."""
    at = 6
    for _ in range(2):
        at += 2 + struct.unpack_from(">H", attest, at)[0]
    return struct.unpack_from(">II", attest, at + 8)


def receipt(kind, digest, audit=None, quote=None):
    out = b"STELERCP" + struct.pack(">HBB", 1, kind, (1 if audit else 0) | (2 if quote else 0)) + digest
    if audit:
        out += u64(audit.counter) + audit.extend + signed(audit.part)
    if quote:
        out += signed(quote.part) + b"".join(quote.pcrs)
    return out


def read_back_extra(digest):
    return H(b"stele/v1/readback\0", digest)


def audited(hand, extra, digest=None, attributes=(AUDIT | RESET, AUDIT | EXCLUSIVE)):
    """An audit session as the daemon makes it: reads of C and E; before them, with a digest, the two writes."""
    s, session = hand.secrets, hand.start_session()
    first, later = ((session, flags) for flags in attributes)
    try:
        if digest:
            hand.increment(s.counter_auth, first)
            hand.extend(s.extend_auth, digest, later)
        counter = hand.read(s.counter, s.counter_auth, 8, later if digest else first)
        extend = hand.read(s.extend, s.extend_auth, 32, later)
        return Audit(int.from_bytes(counter, "big"), extend, hand.audit_digest(session, extra))
    finally:
        hand.flush(session)


def quoted(hand, extra, pcr=None, banks=None):
    numbers = [*range(8), hand.secrets.pcr if pcr is None else pcr]
    pcrs = hand.read_pcrs(numbers)
    return Quoted(hand.quote(extra, selection(*(banks or [(SHA256, numbers)]))), pcrs)
