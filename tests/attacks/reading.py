"""What a forger's hands read a store with: the second verifier's view of its files, and a tree to hash leaves into."""
import functools
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parents[1] / "second_verifier"))
from fields import H, u64  # noqa: E402, F401
from records import NO_SOURCE  # noqa: E402, F401
from store_files import LEAF_BYTES, Journal, contents_of, groups  # noqa: E402, F401


def append(roots, size, node):
    """Appends a leaf hash to the roots of a tree's complete subtrees (RFC 9162); the root of all."""
    while size & 1:
        node, size = H(b"\1", roots.pop(), node), size >> 1
    roots.append(node)
    return functools.reduce(lambda right, left: H(b"\1", left, right), reversed(roots))
