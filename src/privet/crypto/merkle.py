"""An append-only log that outsiders can verify: Merkle tree, proofs, tiles and signed checkpoints.

The tree is that of RFC 9162, section 2.1; checkpoints, notes and tile paths are C2SP's tlog-checkpoint, signed-note
and tlog-tiles. Hashes are numbered (level, index): level 0 holds the leaf hashes, and node (L, i) covers the leaves
from i * 2**L on. Proofs read hashes through a `Source`; only complete nodes are ever asked for.
Where leaves and tiles are kept is decided elsewhere.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from privet import digest
from privet.errors import Damaged, InvalidInput, NotFound, WrongKey

Source = Callable[[int, int], bytes]
"""(level, index) → the 32-byte hash of that complete node."""

EMPTY_ROOT = hashlib.sha256(b"").digest()
TILE_HEIGHT = 8
TILE_WIDTH = 1 << TILE_HEIGHT


def leaf_hash(data: bytes) -> bytes:
    """Return the hash of one leaf."""
    return hashlib.sha256(b"\x00" + data).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """Return the hash of an inner node."""
    return hashlib.sha256(b"\x01" + left + right).digest()


class Frontier:
    """The right edge of a tree: all that appending needs, at most 64 hashes.

    `edge[L]` is the hash of the complete node of level L that still waits for its right sibling, or None.
    """

    def __init__(self, size: int = 0, edge: Sequence[bytes | None] = ()) -> None:
        if [node is not None for node in edge] != [bool(size >> level & 1) for level in range(len(edge))]:
            raise Damaged("the edge of the log does not fit its size")
        if size >> len(edge):
            raise Damaged("the edge of the log does not fit its size")
        self.size = size
        self.edge = list(edge)

    def append(self, leaves: Sequence[bytes]) -> list[list[bytes]]:
        """Take the data of new leaves; return the nodes that became complete, level by level from the leaf hashes.

        Those of level L follow the `size >> L` nodes that were complete before.
        """
        sha256 = hashlib.sha256
        nodes = [sha256(b"\x00" + data).digest() for data in leaves]
        self.size += len(nodes)
        fresh: list[list[bytes]] = []
        while nodes:
            fresh.append(nodes)
            level = len(fresh) - 1
            if level == len(self.edge):
                self.edge.append(None)
            waiting = self.edge[level]
            row = nodes if waiting is None else [waiting, *nodes]
            self.edge[level] = row[-1] if len(row) % 2 else None
            pairs = zip(row[::2], row[1::2], strict=False)
            nodes = [sha256(b"\x01" + left + right).digest() for left, right in pairs]
        return fresh

    def root(self) -> bytes:
        """Return the root of the whole tree."""
        return _join([node for node in reversed(self.edge) if node is not None])


class Tree:
    """A whole tree in memory, 64 bytes a leaf; `node` is its Source."""

    def __init__(self) -> None:
        self.frontier = Frontier()
        self._levels: list[bytearray] = []

    @property
    def size(self) -> int:
        return self.frontier.size

    def append(self, leaves: Sequence[bytes]) -> None:
        """Take the data of new leaves."""
        fresh = self.frontier.append(leaves)
        self._levels += [bytearray() for _ in range(len(fresh) - len(self._levels))]
        for level, nodes in zip(self._levels, fresh, strict=False):
            level += b"".join(nodes)

    def node(self, level: int, index: int) -> bytes:
        """Return the hash of a complete node. Raises NotFound beyond the edge."""
        found = bytes(self._levels[level][32 * index : 32 * index + 32]) if level < len(self._levels) else b""
        if not found:
            raise NotFound(f"expected a complete node of the log, found none at level {level}, index {index}")
        return found


# --- roots and proofs, from any source --------------------------------------------------------------------


def root(source: Source, size: int) -> bytes:
    """Return the root of the first `size` leaves."""
    return _range_hash(source, 0, size) if size else EMPTY_ROOT


def inclusion(source: Source, index: int, size: int) -> list[bytes]:
    """Return the proof that leaf `index` (from 0) is among the first `size`. Source: RFC 9162, section 2.1.3.1."""
    if not 0 <= index < size:
        raise InvalidInput("expected the index of a leaf within the tree")
    proof, start, end = [], 0, size
    while end - start > 1:
        middle = start + _split(end - start)
        if index < middle:
            proof.append((middle, end))
            end = middle
        else:
            proof.append((start, middle))
            start = middle
    return [_range_hash(source, *span) for span in reversed(proof)]


def consistency(source: Source, old: int, new: int) -> list[bytes]:
    """Return the proof that the first `new` leaves begin with the first `old`. Source: RFC 9162, section 2.1.4.1."""
    if not 0 < old <= new:
        raise InvalidInput("expected an older size from 1 to the newer one")
    proof, start, end, whole = [], 0, new, True
    while end != old:
        middle = start + _split(end - start)
        if old <= middle:
            proof.append((middle, end))
            end = middle
        else:
            proof.append((start, middle))
            start, whole = middle, False
    if not whole:
        proof.append((start, end))
    return [_range_hash(source, *span) for span in reversed(proof)]


def verify_inclusion(leaf: bytes, index: int, size: int, proof: Sequence[bytes], root_hash: bytes) -> None:
    """Raise Damaged unless `proof` shows the leaf hash at `index`. Source: RFC 9162, section 2.1.3.2."""
    if not 0 <= index < size:
        raise Damaged("the inclusion proof names a leaf beyond its tree")
    node, last, found = index, size - 1, leaf
    for sibling in proof:
        if last == 0:
            raise Damaged("the inclusion proof is longer than its tree allows")
        if node & 1 or node == last:
            found = node_hash(sibling, found)
            node, last = _rise(node, last)
        else:
            found = node_hash(found, sibling)
        node, last = node >> 1, last >> 1
    if last or not digest.same(found, root_hash):
        raise Damaged("the inclusion proof does not lead to the root")


def verify_consistency(old: int, old_root: bytes, new: int, new_root: bytes, proof: Sequence[bytes]) -> None:
    """Raise Damaged unless `proof` shows that the newer tree only adds. Source: RFC 9162, section 2.1.4.2.

    An empty older tree is a prefix of every tree, and needs no proof.
    """
    if not 0 <= old <= new:
        raise Damaged("the consistency proof does not fit the sizes")
    if old in (0, new):
        if proof or old_root != (new_root if old == new else EMPTY_ROOT):
            raise Damaged("expected no consistency proof and the root of that size")
        return
    # The older root is itself the first node of the path where it is a complete node of the newer tree.
    path = [old_root, *proof] if old & (old - 1) == 0 else list(proof)
    if not proof:
        raise Damaged("the consistency proof is empty")
    node, last = old - 1, new - 1
    while node & 1:
        node, last = node >> 1, last >> 1
    before = after = path[0]
    for sibling in path[1:]:
        if last == 0:
            raise Damaged("the consistency proof is longer than its trees allow")
        if node & 1 or node == last:
            before, after = node_hash(sibling, before), node_hash(sibling, after)
            node, last = _rise(node, last)
        else:
            after = node_hash(after, sibling)
        node, last = node >> 1, last >> 1
    if last or not digest.same(before, old_root) or not digest.same(after, new_root):
        raise Damaged("the consistency proof does not lead to both roots")


# --- tiles ------------------------------------------------------------------------------------------------


def tile_path(level: int, index: int, width: int = TILE_WIDTH) -> str:
    """Return the path of a tile of hashes; `width` below 256 names a partial tile. Source: C2SP tlog-tiles.

    >>> tile_path(0, 1234067), tile_path(1, 5, 112)
    ('tile/0/x001/x234/067', 'tile/1/005.p/112')
    """
    return f"tile/{level}/{_tile_number(index, width)}"


def entries_path(index: int, width: int = TILE_WIDTH) -> str:
    """Return the path of a bundle of leaf data.

    >>> entries_path(3)
    'tile/entries/003'
    """
    return f"tile/entries/{_tile_number(index, width)}"


def tile_source(read: Callable[[int, int], bytes]) -> Source:
    """Return a source over tiles. `read`: (tile level, tile index) → the tile's hashes, 32 bytes each.

    A tile of level T holds nodes of level 8 * T; those of the levels between are computed from it.
    """

    def node(level: int, index: int) -> bytes:
        tile_level, rise = divmod(level, TILE_HEIGHT)
        tile, place = divmod(index << rise, TILE_WIDTH)
        hashes = read(tile_level, tile)[32 * place : 32 * (place + (1 << rise))]
        if len(hashes) != 32 << rise:
            raise Damaged(f"tile {tile} of level {tile_level} is shorter than the log says")
        row = [hashes[at : at + 32] for at in range(0, len(hashes), 32)]
        while len(row) > 1:
            row = [node_hash(left, right) for left, right in zip(row[::2], row[1::2], strict=True)]
        return row[0]

    return node


# --- checkpoints ------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """What a log says of itself at one size. `origin`: the log's name. `extensions`: further lines, opaque."""

    origin: str
    size: int
    root: bytes
    extensions: tuple[str, ...] = ()

    def text(self) -> str:
        """Return the lines that are signed. Source: C2SP tlog-checkpoint.

        >>> Checkpoint("audit.example.com/v1", 0, EMPTY_ROOT).text().splitlines()[:2]
        ['audit.example.com/v1', '0']
        """
        lines = [self.origin, str(self.size), base64.b64encode(self.root).decode(), *self.extensions]
        if self.size < 0 or len(self.root) != 32 or any(not line or "\n" in line for line in lines):
            raise InvalidInput("expected a size, a root of 32 bytes and lines that are not empty")
        return "".join(f"{line}\n" for line in lines)


def parse_checkpoint(text: str) -> Checkpoint:
    """Return the checkpoint of a proven text; what parses is written back to the same bytes. Raises Damaged."""
    lines = text.split("\n")
    if len(lines) < 4 or not lines[1].isascii() or not lines[1].isdecimal() or len(lines[1]) > 20:
        raise Damaged("expected a checkpoint of origin, size and root")
    try:
        found = Checkpoint(lines[0], int(lines[1]), _unbase64(lines[2]), tuple(lines[3:-1]))
        same = found.text() == text
    except InvalidInput:
        same = False
    if not same:
        raise Damaged("expected a checkpoint of origin, size and root, each in its one spelling")
    return found


def verifier_key(name: str, seed: bytes) -> str:
    """Return the public text that proves notes of `name`: `name+id+key`. `seed`: the 32-byte Ed25519 seed."""
    public = Ed25519PrivateKey.from_private_bytes(seed).public_key().public_bytes_raw()
    return f"{name}+{_key_hash(name, public).hex()}+{base64.b64encode(_ED25519 + public).decode()}"


def sign_note(text: str, name: str, seed: bytes) -> str:
    """Return `text` (whole lines) with an Ed25519 signature line of `name`. Source: C2SP signed-note."""
    if not text.endswith("\n") or not name or set(name) & set("+ \n") or any(c.isspace() for c in name):
        raise InvalidInput("expected whole lines, and a name without spaces and plus signs")
    key = Ed25519PrivateKey.from_private_bytes(seed)
    signed = _key_hash(name, key.public_key().public_bytes_raw()) + key.sign(text.encode())
    return f"{text}\n{_DASH} {name} {base64.b64encode(signed).decode()}\n"


def open_note(note: str, verifier: str) -> str:
    """Return the text of a signed note, proved by the key that `verifier` names.

    Lines of other signers are passed over. Raises WrongKey if the named key did not sign it, Damaged if its
    signature does not prove the text.
    """
    name, _, rest = verifier.partition("+")
    key_hash, _, encoded = rest.partition("+")
    public = _unbase64(encoded)
    if public[:1] != _ED25519 or len(public) != 33 or _key_hash(name, public[1:]).hex() != key_hash:
        raise InvalidInput("expected a verifier key `name+id+key` for Ed25519")
    text, gap, tail = note.rpartition("\n\n")
    if not gap or not tail.endswith("\n"):
        raise Damaged("expected a note with signature lines after a blank line")
    mine = [blob for signer, blob in map(_signature, tail[:-1].split("\n")) if signer == name]
    mine = [blob for blob in mine if blob[:4].hex() == key_hash]
    if not mine:
        raise WrongKey(f"expected a signature of `{name}` under key `{key_hash}`, found none")
    text += "\n"
    for blob in mine:
        try:
            Ed25519PublicKey.from_public_bytes(public[1:]).verify(blob[4:], text.encode())
        except InvalidSignature:
            raise Damaged(f"the signature of `{name}` does not prove the note") from None
    return text


_ED25519 = b"\x01"
_DASH = "\N{EM DASH}"


def _rise(node: int, last: int) -> tuple[int, int]:
    """Pass over the levels where the node has no sibling in the tree."""
    while not node & 1 and node:
        node, last = node >> 1, last >> 1
    return node, last


def _split(width: int) -> int:
    """Return the largest power of two below `width`."""
    return 1 << (width - 1).bit_length() - 1


def _range_hash(source: Source, start: int, end: int) -> bytes:
    """Return the root over leaves that begin at a multiple of a power of two not less than their number."""
    peaks = []
    while start < end:
        level = (end - start).bit_length() - 1
        peaks.append(source(level, start >> level))
        start += 1 << level
    return _join(peaks)


def _join(peaks: Sequence[bytes]) -> bytes:
    """Return the root over complete subtrees, largest first."""
    if not peaks:
        return EMPTY_ROOT
    found = peaks[-1]
    for peak in reversed(peaks[:-1]):
        found = node_hash(peak, found)
    return found


def _tile_number(index: int, width: int) -> str:
    digits = str(index)
    digits = digits.zfill(-(-len(digits) // 3) * 3)
    *most, last = (digits[at : at + 3] for at in range(0, len(digits), 3))
    partial = "" if width == TILE_WIDTH else f".p/{width}"
    return "/".join([*(f"x{part}" for part in most), last]) + partial


def _key_hash(name: str, public: bytes) -> bytes:
    return digest.sha256(name.encode() + b"\n" + _ED25519 + public)[:4]


def _signature(line: str) -> tuple[str, bytes]:
    dash, _, rest = line.partition(" ")
    name, _, encoded = rest.partition(" ")
    if dash != _DASH or not name:
        raise Damaged("expected a signature line of a note")
    return name, _unbase64(encoded)


def _unbase64(text: str) -> bytes:
    """Return the bytes of base 64 in its one spelling. Raises Damaged."""
    try:
        data = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise Damaged("expected base 64, found something else") from None
    if base64.b64encode(data).decode() != text:
        raise Damaged("expected base 64 in its one spelling")
    return data
