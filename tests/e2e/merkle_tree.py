"""RFC 9162's tree, by its recursive definition: roots and consistency proofs for logs that a test makes up. Standard
library only."""
from tlog_witness import node, sha256


def root(leaves):
    if not leaves:
        return sha256()
    if len(leaves) == 1:
        return sha256(b"\0", leaves[0])
    left = _left(len(leaves))
    return node(root(leaves[:left]), root(leaves[left:]))


def consistency(old, leaves):
    """The proof that the first `old` of these leaves came first (2.1.4.1)."""
    return _subproof(old, leaves, True) if 0 < old < len(leaves) else []


def _subproof(old, leaves, whole):
    if old == len(leaves):
        return [] if whole else [root(leaves)]
    left = _left(len(leaves))
    if old <= left:
        return _subproof(old, leaves[:left], whole) + [root(leaves[left:])]
    return _subproof(old - left, leaves[left:], False) + [root(leaves[:left])]


def _left(count):
    """The largest power of two below it."""
    return 1 << (count - 1).bit_length() - 1
