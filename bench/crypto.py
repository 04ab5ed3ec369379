"""The batch ciphers against published packages, value by value."""

from __future__ import annotations

import hmac
from collections.abc import Iterator

import fastfpe.ff1
import ffx
import numpy as np
import tink
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from stdnum import luhn
from tink import daead

from bench import Row, against, within
from privet import digest
from privet.crypto import aes, fpe, index, seal
from privet.secret import Secret
from privet.vocabulary.datatype import TYPES

CARDS = 1_000_000
SAMPLE = 2_000
RUN = 8192
BOUNDS = {
    "1 M cards, column key": "FF1 is three fifths of it; a cell costs a fifth, the two tags next to nothing.",
    "FF1 batch of strings": "Ten rounds: one AES call for the batch each, and numpy that adds modulo a power of ten.",
    "SIV cells, buffers": "Two passes of AES over each cell, and no object a cell.",
    "SIV cells, lists": "Python objects: a `bytes` a cell takes longer than sealing it.",
    "index tags, buffers": "One AES call for the batch.",
    "index tags, lists": "Python objects, as above.",
    "seconds: verified open of 1 M cells from buffers": "AES; with heads 250 bytes are read for 16 that are opened.",
    "seconds: verified open of 1 M shreddable": (
        "A key each: its schedule and an OpenSSL call for one cell, since no batch shares a key."
    ),
}
CONTEXT, TWEAK = bytes(range(16)), b"v1:cards"


def cards(count: int) -> list[str]:
    """Return made-up card numbers under the test prefix 5100 00, with their check digits."""
    rng = np.random.default_rng(7)
    body = rng.integers(0, 10, (count, 15), np.uint8)
    body[:, :6] = (5, 1, 0, 0, 0, 0)
    doubled = body[:, 0::2].astype(int) * 2
    total = (doubled - 9 * (doubled > 9)).sum(axis=1) + body[:, 1::2].sum(axis=1, dtype=int)
    full = np.concatenate([body, (-total % 10)[:, None].astype(np.uint8)], axis=1) + np.uint8(48)
    text = full.tobytes().decode()
    return [text[at : at + 16] for at in range(0, len(text), 16)]


def matrix(texts: list[str]) -> aes.Bytes:
    return np.frombuffer("".join(texts).encode("ascii"), np.uint8).reshape(len(texts), -1)


def id_rows(count: int) -> aes.Bytes:
    return np.frombuffer(digest.random_bytes(16 * count), np.uint8).reshape(count, 16)


class Ours:
    """One card column: its cell key, FF1 key, two index keys, record key."""

    def __init__(self) -> None:
        self.cell = seal.CellKey(1, "siv", Secret(digest.random_bytes(64)))
        self.token = fpe.FF1(digest.random_bytes(32))
        self.exact, self.last, self.record = (index.Tagger(digest.random_bytes(32)) for _ in range(3))

    def protect(self, texts: list[str], ids: aes.Bytes) -> tuple[list[str], list[aes.Bytes]]:
        """Return the tokens, and the cells and tags of each run."""
        kind = TYPES.get("card.pan")
        tokens: list[str] = []
        rows: list[aes.Bytes] = []
        for start in range(0, len(texts), RUN):
            canonical, faults = kind.canonicalize(texts[start : start + RUN])
            if faults:
                raise ValueError("the made-up cards are valid")
            values = matrix(canonical)
            tokens += self.token.encrypt(canonical, TWEAK)
            rows.append(self.cell.seal_matrix(CONTEXT, ids[start : start + RUN], values, kind.pad_bytes))
            rows.append(self.exact.tag_matrix(values))
            rows.append(self.last.tag_matrix(values[:, 12:]))
        return tokens, rows

    def heads(self, ids: aes.Bytes, cells: aes.Bytes, exact: aes.Bytes, last: aes.Bytes) -> aes.Bytes:
        """Return the MACs of record heads of the usual shape: ids, the SIV of the cell, the tags, 250 bytes in all."""
        head = np.zeros((len(ids), 250), np.uint8)
        for at, part in ((0, ids), (16, cells[:, 5:21]), (32, exact), (48, last)):
            aes.items(head[:, at : at + 16])[...] = aes.items(part)
        return self.record.tag_matrix(head)


class Peers:
    """The same with published packages, a value at a time."""

    def __init__(self) -> None:
        key = digest.random_bytes(32)
        self.key, self.hex_key = key, key.hex()
        self.ffx = ffx.FF1(key, alphabet="0123456789")
        self.gcm = AESGCM(key)

    def protect(self, texts: list[str]) -> list[tuple[str, bytes, bytes, bytes]]:
        out = []
        for at, text in enumerate(texts):
            if not luhn.is_valid(text):
                raise ValueError("the made-up cards are valid")
            iv, raw = digest.random_bytes(12), text.encode()
            out.append(
                (
                    self.ffx.encrypt(text, tweak=TWEAK),
                    iv + self.gcm.encrypt(iv, raw, b"cards|pan|%d" % at),
                    hmac.digest(self.key, raw, "sha256"),
                    hmac.digest(self.key, raw[12:], "sha256"),
                )
            )
        return out

    def fast_ff1(self, texts: list[str]) -> list[str]:
        tweak = TWEAK.hex()
        return [fastfpe.ff1.encrypt(self.hex_key, tweak, "0123456789", text) for text in texts]


def tokens_and_columns(texts: list[str], few: list[str], ours: Ours, peers: Peers) -> Iterator[Row]:
    ids = id_rows(len(texts))
    yield against(
        "1 M cards, column key: validate + ff1 token + cell + 2 indexes; per-value libffx, AESGCM, hmac.digest, stdnum",
        (lambda: ours.protect(texts, ids), len(texts)),
        (lambda: peers.protect(few), len(few)),
        45,
    )
    batch = texts[:200_000]
    many = (lambda: ours.token.encrypt(batch, TWEAK), len(batch))
    libffx = (lambda: [peers.ffx.encrypt(text, tweak=TWEAK) for text in few], len(few))
    yield against("FF1 batch of strings; libffx", many, libffx, 60)
    yield against("FF1 batch of strings; fastfpe", many, (lambda: peers.fast_ff1(few), len(few)), 10)


def cells(values: aes.Bytes, ours: Ours) -> Iterator[Row]:
    count = 200_000
    texts, ids = values[:count], id_rows(count)
    text_list, id_list = aes.unstack(texts), aes.unstack(ids)
    daead.register()
    handle = tink.new_keyset_handle(daead.deterministic_aead_key_templates.AES256_SIV)
    primitive = handle.primitive(daead.DeterministicAead)
    few = list(zip(text_list, id_list, strict=True))[:SAMPLE]
    peer = (lambda: [primitive.encrypt_deterministically(text, CONTEXT + id_) for text, id_ in few], len(few))
    yield against(
        "SIV cells, buffers in and out; tink DeterministicAead",
        (lambda: ours.cell.seal_matrix(CONTEXT, ids, texts), count),
        peer,
        12,
    )
    yield against(
        "SIV cells, lists of bytes in and out; tink DeterministicAead",
        (lambda: ours.cell.seal(CONTEXT, id_list, text_list), count),
        peer,
        None,
    )


def tags(values: aes.Bytes, ours: Ours) -> Iterator[Row]:
    count = 200_000
    parts = aes.unstack(values[:count])
    few = parts[: 10 * SAMPLE]
    key = digest.random_bytes(32)
    peer = (lambda: [hmac.digest(key, part, "sha256") for part in few], len(few))
    part_rows = values[:count]
    yield against(
        "index tags, buffers in and out; hmac.digest loop",
        (lambda: ours.exact.tag_matrix(part_rows), count),
        peer,
        120,
    )
    yield against(
        "index tags, lists of bytes in and out; hmac.digest loop", (lambda: ours.exact.tags(parts), count), peer, None
    )


def opening(values: aes.Bytes, ours: Ours) -> Iterator[Row]:
    count = len(values)
    ids = id_rows(count)
    sealed = ours.cell.seal_matrix(CONTEXT, ids, values)
    yield within(
        "seconds: verified open of 1 M cells from buffers", lambda: ours.cell.open_matrix(CONTEXT, ids, sealed), 0.1
    )
    exact, last = ours.exact.tag_matrix(values), ours.last.tag_matrix(values[:, 12:])
    macs = ours.heads(ids, sealed, exact, last)

    def with_heads() -> None:
        for rows in aes.slices(count, 250):
            found = ours.heads(ids[rows], sealed[rows], exact[rows], last[rows])
            if (found != macs[rows]).any():
                raise ValueError("the heads are whole")
            ours.cell.open_matrix(CONTEXT, ids[rows], sealed[rows])

    yield within("seconds: verified open of 1 M cells from buffers, with record heads of 250 bytes", with_heads, 0.4)


def shreddable(values: aes.Bytes) -> Iterator[Row]:
    """Sealing under a key each: measured on a part, told for a million."""
    count = 20_000
    texts, ids = aes.unstack(values[:count]), aes.unstack(id_rows(count))
    keys = aes.unstack(np.frombuffer(digest.random_bytes(32 * count), np.uint8).reshape(count, 32))
    sealed = seal.seal_each(keys, 1, CONTEXT, ids, texts)
    row = within("", lambda: seal.open_each(keys, 1, CONTEXT, ids, sealed), 15)
    row["work"] = "seconds: verified open of 1 M shreddable cells from buffers, a key each (50 times 20,000)"
    row["ours"] = round(row["ours"] * CARDS / count, 3)
    yield row


def rows() -> Iterator[Row]:
    """Yield the rows of the ciphers."""
    texts = cards(CARDS)
    few = texts[:SAMPLE]
    values = matrix(texts)
    ours, peers = Ours(), Peers()
    yield from tokens_and_columns(texts, few, ours, peers)
    yield from cells(values, ours)
    yield from tags(values, ours)
    yield from opening(values, ours)
    yield from shreddable(values)
