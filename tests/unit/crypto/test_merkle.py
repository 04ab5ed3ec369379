"""The Merkle log: against the definition written out, against pymerkle, and under tampering."""

from __future__ import annotations

import base64
import hashlib
from itertools import pairwise

import pymerkle
import pytest

from privet.crypto import merkle
from privet.errors import Damaged, InvalidInput, NotFound, PrivetError, WrongKey

LEAVES = [f"leaf {at}".encode() for at in range(600)]
SEED = bytes(range(32))
NAME = "audit.example.com/vault"


def slow_root(leaves: list[bytes]) -> bytes:
    """RFC 9162, section 2.1.1, as it is written."""
    if not leaves:
        return hashlib.sha256(b"").digest()
    if len(leaves) == 1:
        return hashlib.sha256(b"\x00" + leaves[0]).digest()
    k = 1
    while 2 * k < len(leaves):
        k *= 2
    return hashlib.sha256(b"\x01" + slow_root(leaves[:k]) + slow_root(leaves[k:])).digest()


def slow_path(m: int, leaves: list[bytes]) -> list[bytes]:
    """RFC 9162, section 2.1.3.1, as it is written."""
    if len(leaves) == 1:
        return []
    k = 1
    while 2 * k < len(leaves):
        k *= 2
    if m < k:
        return [*slow_path(m, leaves[:k]), slow_root(leaves[k:])]
    return [*slow_path(m - k, leaves[k:]), slow_root(leaves[:k])]


def slow_subproof(m: int, leaves: list[bytes], whole: bool) -> list[bytes]:
    """RFC 9162, section 2.1.4.1, as it is written."""
    if m == len(leaves):
        return [] if whole else [slow_root(leaves)]
    k = 1
    while 2 * k < len(leaves):
        k *= 2
    if m <= k:
        return [*slow_subproof(m, leaves[:k], whole), slow_root(leaves[k:])]
    return [*slow_subproof(m - k, leaves[k:], False), slow_root(leaves[:k])]


def grown(size: int) -> merkle.Tree:
    tree = merkle.Tree()
    tree.append(LEAVES[:size])
    return tree


def test_hashes_of_known_inputs() -> None:
    # Published by the Certificate Transparency project for RFC 6962: the empty tree and the empty leaf.
    empty_tree = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    empty_leaf = "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d"
    assert merkle.EMPTY_ROOT.hex() == empty_tree
    assert merkle.leaf_hash(b"").hex() == empty_leaf


def test_roots_and_proofs_follow_the_definition() -> None:
    tree = grown(40)
    for size in range(41):
        assert merkle.root(tree.node, size) == slow_root(LEAVES[:size])
        assert grown(size).frontier.root() == slow_root(LEAVES[:size])
        for index in range(size):
            assert merkle.inclusion(tree.node, index, size) == slow_path(index, LEAVES[:size])
        for old in range(1, size + 1):
            assert merkle.consistency(tree.node, old, size) == slow_subproof(old, LEAVES[:size], True)


def test_roots_and_inclusion_agree_with_pymerkle() -> None:
    theirs = pymerkle.InmemoryTree(algorithm="sha256")
    for leaf in LEAVES:
        theirs.append_entry(leaf)
    ours = grown(len(LEAVES))
    for size in (1, 2, 3, 255, 256, 257, 511, 512, 600):
        assert merkle.root(ours.node, size) == theirs.get_root(size)
        for index in {0, size // 3, size - 1}:
            path = theirs.prove_inclusion(index + 1, size).path
            assert merkle.inclusion(ours.node, index, size) == path[1:]


def test_proofs_prove() -> None:
    tree = grown(70)
    for size in range(1, 71):
        top = merkle.root(tree.node, size)
        for index in range(size):
            proof = merkle.inclusion(tree.node, index, size)
            merkle.verify_inclusion(merkle.leaf_hash(LEAVES[index]), index, size, proof, top)
        for old in range(size + 1):
            proof = merkle.consistency(tree.node, old, size) if old else []
            merkle.verify_consistency(old, merkle.root(tree.node, old), size, top, proof)


def test_no_other_leaf_index_size_or_proof_is_proved() -> None:
    tree = grown(24)
    for size in (1, 2, 7, 16, 23):
        top = merkle.root(tree.node, size)
        for index in range(size):
            leaf, proof = merkle.leaf_hash(LEAVES[index]), merkle.inclusion(tree.node, index, size)
            others = [
                (merkle.leaf_hash(b"other"), index, size, proof, top),
                (leaf, index, size, proof, merkle.leaf_hash(b"other")),
                (leaf, index, size, [*proof, leaf], top),
                *[(leaf, other, size, proof, top) for other in range(-1, size + 2) if other != index],
                *[(leaf, index, size, proof[:at] + proof[at + 1 :], top) for at in range(len(proof))],
                *[(leaf, index, size, [*proof[:at], top, *proof[at + 1 :]], top) for at in range(len(proof))],
            ]
            for other in others:
                with pytest.raises(Damaged):
                    merkle.verify_inclusion(*other)


def test_a_rewritten_or_shortened_history_is_not_consistent() -> None:
    tree, rewritten = grown(24), merkle.Tree()
    rewritten.append([b"other", *LEAVES[1:24]])
    for old, new in ((1, 24), (7, 24), (8, 24), (23, 24), (24, 24)):
        old_root, new_root = merkle.root(tree.node, old), merkle.root(tree.node, new)
        proof = merkle.consistency(tree.node, old, new)
        forged = merkle.consistency(rewritten.node, old, new)
        others = [
            (old, old_root, new, merkle.root(rewritten.node, new), forged),
            (old, merkle.root(rewritten.node, old), new, new_root, proof),
            (old, old_root, new, new_root, [*proof, old_root]),
            (old + 1, old_root, new, new_root, proof),
            (new + 1, new_root, new, new_root, proof),
            *[(old, old_root, new, new_root, proof[:at] + proof[at + 1 :]) for at in range(len(proof))],
        ]
        for other in others:
            with pytest.raises(Damaged):
                merkle.verify_consistency(*other)


def test_equal_sizes_need_equal_roots() -> None:
    top = slow_root(LEAVES[:3])
    merkle.verify_consistency(3, top, 3, top, [])
    with pytest.raises(Damaged):
        merkle.verify_consistency(3, slow_root(LEAVES[1:4]), 3, top, [])


def test_an_empty_history_has_one_root_and_no_proof() -> None:
    top = slow_root(LEAVES[:3])
    merkle.verify_consistency(0, merkle.EMPTY_ROOT, 3, top, [])
    for root, proof in ((top, []), (merkle.EMPTY_ROOT, [top])):
        with pytest.raises(Damaged):
            merkle.verify_consistency(0, root, 3, top, proof)


@pytest.mark.parametrize("cuts", [(0, 600), (0, 1, 2, 3, 600), (0, 7, 255, 256, 513, 600), (0, 300, 300, 600)])
def test_batches_of_any_size_build_one_tree(cuts: tuple[int, ...]) -> None:
    tree = merkle.Tree()
    for start, end in pairwise(cuts):
        tree.append(LEAVES[start:end])
    assert tree.frontier.root() == slow_root(LEAVES)
    assert merkle.root(tree.node, 600) == slow_root(LEAVES)


def test_appending_returns_each_complete_node_once() -> None:
    frontier, levels = merkle.Frontier(), [[] for _ in range(12)]
    for start in range(0, 600, 7):
        before = frontier.size
        for level, nodes in enumerate(frontier.append(LEAVES[start : start + 7])):
            assert len(levels[level]) == before >> level
            levels[level] += nodes
    for level, nodes in enumerate(levels):
        assert len(nodes) == 600 >> level
        assert nodes == [slow_root(LEAVES[at << level : (at + 1) << level]) for at in range(600 >> level)]


def test_a_frontier_goes_on_from_its_saved_edge() -> None:
    first = merkle.Frontier()
    first.append(LEAVES[:333])
    second = merkle.Frontier(first.size, first.edge)
    second.append(LEAVES[333:])
    assert second.root() == slow_root(LEAVES)


@pytest.mark.parametrize("size", [0, 2, 4, 7])
def test_an_edge_of_another_size_is_refused(size: int) -> None:
    with pytest.raises(Damaged):
        merkle.Frontier(size, [LEAVES[0][:32], LEAVES[1][:32]])


def test_nodes_beyond_the_edge_are_not_there() -> None:
    tree = grown(5)
    for place in ((0, 5), (1, 2), (2, 1), (3, 0), (60, 0)):
        with pytest.raises(NotFound):
            tree.node(*place)


@pytest.mark.parametrize(("index", "size"), [(-1, 5), (5, 5), (0, 0)])
def test_no_inclusion_proof_beyond_the_tree(index: int, size: int) -> None:
    with pytest.raises(InvalidInput):
        merkle.inclusion(grown(5).node, index, size)


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        # C2SP tlog-tiles: the number in groups of three digits, all but the last with an x.
        (merkle.tile_path(0, 0), "tile/0/000"),
        (merkle.tile_path(0, 1234067), "tile/0/x001/x234/067"),
        (merkle.tile_path(3, 999), "tile/3/999"),
        (merkle.tile_path(1, 1000, 255), "tile/1/x001/000.p/255"),
        (merkle.entries_path(1234067), "tile/entries/x001/x234/067"),
        (merkle.entries_path(0, 1), "tile/entries/000.p/1"),
    ],
)
def test_tile_paths(path: str, expected: str) -> None:
    assert path == expected


def test_tiles_are_a_source_of_every_proof() -> None:
    tree = grown(600)

    def read(level: int, index: int) -> bytes:
        nodes = range(index * 256, min((index + 1) * 256, 600 >> 8 * level))
        return b"".join(tree.node(8 * level, at) for at in nodes)

    source = merkle.tile_source(read)
    assert merkle.root(source, 600) == slow_root(LEAVES)
    assert merkle.inclusion(source, 300, 600) == merkle.inclusion(tree.node, 300, 600)
    assert merkle.consistency(source, 257, 600) == merkle.consistency(tree.node, 257, 600)
    with pytest.raises(Damaged):
        source(0, 600)


def checkpoint() -> merkle.Checkpoint:
    return merkle.Checkpoint(NAME, 600, slow_root(LEAVES))


def test_a_signed_checkpoint_comes_back() -> None:
    note = merkle.sign_note(checkpoint().text(), NAME, SEED)
    text = merkle.open_note(note, merkle.verifier_key(NAME, SEED))
    assert merkle.parse_checkpoint(text) == checkpoint()
    assert note.startswith(f"{NAME}\n600\n{base64.b64encode(slow_root(LEAVES)).decode()}\n\n— {NAME} ")


def test_a_published_note_opens() -> None:
    # The example of the Go package golang.org/x/mod/sumdb/note, whose format C2SP signed-note took over.
    key = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
    text = "If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n"
    signature = "x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM="
    assert merkle.open_note(f"{text}\n— PeterNeumann {signature}\n", key) == text


def test_no_changed_byte_of_a_signed_checkpoint_opens() -> None:
    note = merkle.sign_note(checkpoint().text(), NAME, SEED).encode()
    key = merkle.verifier_key(NAME, SEED)
    for at in range(len(note)):
        for flip in (0x01, 0x04, 0x10, 0x20):
            changed = note[:at] + bytes([note[at] ^ flip]) + note[at + 1 :]
            try:
                text = changed.decode()
            except UnicodeDecodeError:
                continue
            with pytest.raises(Damaged):
                merkle.parse_checkpoint(merkle.open_note(text, key))


def test_no_cut_or_lengthened_checkpoint_opens() -> None:
    note, key = merkle.sign_note(checkpoint().text(), NAME, SEED), merkle.verifier_key(NAME, SEED)
    for cut in [note[:at] for at in range(len(note))] + [note + "\n", note + "x", "\n" + note, f"x\n{note}"]:
        with pytest.raises(Damaged):
            merkle.open_note(cut, key)


def test_signatures_of_witnesses_are_passed_over() -> None:
    note = merkle.sign_note(checkpoint().text(), NAME, SEED)
    witness = base64.b64encode(b"\x00\x01\x02\x03" + bytes(72)).decode()
    text = merkle.open_note(f"{note}— witness.example.org {witness}\n", merkle.verifier_key(NAME, SEED))
    assert text == checkpoint().text()


def test_a_note_without_the_wanted_signature_is_of_the_wrong_key() -> None:
    note = merkle.sign_note(checkpoint().text(), NAME, SEED)
    for key in (merkle.verifier_key(NAME, bytes(32)), merkle.verifier_key("other.example.com", SEED)):
        with pytest.raises(WrongKey):
            merkle.open_note(note, key)


def test_a_bad_signature_beside_a_good_one_is_not_forgiven() -> None:
    note = merkle.sign_note(checkpoint().text(), NAME, SEED)
    other = merkle.sign_note("other\n", NAME, SEED).rpartition("\n\n")[2]
    with pytest.raises(Damaged):
        merkle.open_note(note + other, merkle.verifier_key(NAME, SEED))


@pytest.mark.parametrize("key", ["", NAME, f"{NAME}+00000000+AA==", f"{NAME}+00000000+{'A' * 44}", f"{NAME}++"])
def test_what_is_no_verifier_key_is_refused(key: str) -> None:
    with pytest.raises(PrivetError):
        merkle.open_note(merkle.sign_note("text\n", NAME, SEED), key)


ROOT_TEXT = base64.b64encode(bytes(32)).decode()


@pytest.mark.parametrize(
    "text",
    [
        "",
        f"{NAME}\n600\n",
        f"\n600\n{ROOT_TEXT}\n",
        f"{NAME}\n0600\n{ROOT_TEXT}\n",
        f"{NAME}\n-1\n{ROOT_TEXT}\n",
        f"{NAME}\n+1\n{ROOT_TEXT}\n",
        f"{NAME}\n1_0\n{ROOT_TEXT}\n",
        f"{NAME}\n\u0661\n{ROOT_TEXT}\n",
        f"{NAME}\n600\n{ROOT_TEXT[:-4]}\n",
        f"{NAME}\n600\n{ROOT_TEXT}",
        f"{NAME}\n600\n{ROOT_TEXT}\n\n",
        f"{NAME}\n{'9' * 30}\n{ROOT_TEXT}\n",
    ],
)
def test_what_is_no_checkpoint_is_damaged(text: str) -> None:
    with pytest.raises(Damaged):
        merkle.parse_checkpoint(text)


def test_extension_lines_are_kept() -> None:
    found = merkle.Checkpoint(NAME, 1, bytes(32), ("policy 7", "epoch 2"))
    assert merkle.parse_checkpoint(found.text()) == found


@pytest.mark.parametrize(
    ("text", "name"), [("no newline", NAME), ("text\n", ""), ("text\n", "two words"), ("text\n", "a+b")]
)
def test_what_would_not_open_is_not_signed(text: str, name: str) -> None:
    with pytest.raises(InvalidInput):
        merkle.sign_note(text, name, SEED)
