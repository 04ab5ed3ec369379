"""Address of a wallet on Bitcoin, Litecoin, Dogecoin, Dash, Tron or Ethereum. Other chains are refused.

Only addresses that carry a checksum, or Ethereum's plain hexadecimal, are told from other text.
"""

from __future__ import annotations

import re

from privet.digest import sha256
from privet.errors import InvalidValue
from privet.vocabulary.checksum import keccak_256
from privet.vocabulary.datatype import DataType, Part, Wire
from privet.vocabulary.identifier import demand
from privet.vocabulary.types._parts import word
from privet.vocabulary.types._text import raw

_NAME = "crypto.wallet"
_CHAINS = ("bitcoin", "bitcoin-testnet", "dash", "dogecoin", "ethereum", "litecoin", "tron")

_ETHEREUM = re.compile(r"0[xX]([0-9a-fA-F]{40})")
_BASE_58 = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
_BASE_58_VALUES = {letter: at for at, letter in enumerate(_BASE_58)}
_BASE_58_FORM = re.compile(rf"[{_BASE_58}]{{25,36}}")
# Version bytes, each network's own chain parameters.
_VERSIONS = {
    0x00: "bitcoin",
    0x05: "bitcoin",
    0x6F: "bitcoin-testnet",
    0xC4: "bitcoin-testnet",
    0x30: "litecoin",
    0x32: "litecoin",
    0x1E: "dogecoin",
    0x16: "dogecoin",
    0x4C: "dash",
    0x10: "dash",
    0x41: "tron",
}
_BECH32 = "qpzry9x8gf2tvdw0s3jn54khce6mua7l"
_BECH32_VALUES = {letter: at for at, letter in enumerate(_BECH32)}
_BECH32_FORM = re.compile(rf"(bc|tb|ltc)1([{_BECH32}]{{8,84}})")
_PREFIXES = {"bc": "bitcoin", "tb": "bitcoin-testnet", "ltc": "litecoin"}
_GENERATOR = (0x3B6A57B2, 0x26508E6D, 0x1EA119FA, 0x3D4233DD, 0x2A1462B3)
_BECH32_SUM, _BECH32M_SUM = 1, 0x2BC830A3


def normalize(value: Wire) -> str:
    """Return Base58 as it is, Bech32 in lower case, Ethereum with the letter case of EIP-55.

    An Ethereum address in one letter case says nothing that EIP-55 could check and is taken.
    """
    address = raw(value, _NAME).strip()
    if found := _ETHEREUM.fullmatch(address):
        return _ethereum(found.group(1))
    if _BASE_58_FORM.fullmatch(address):
        payload = _base_58_check(address)
        demand(payload is not None, "expected a Base58 checksum that fits", _NAME)
        known = payload is not None and len(payload) == 21 and payload[0] in _VERSIONS
        demand(known, "expected an address of a chain that this type knows", _NAME)
        return address
    # BIP-173: a mix of letter cases is no address, so that readers may use either.
    if address in (address.lower(), address.upper()) and (found := _BECH32_FORM.fullmatch(address.lower())):
        _check_segwit(found.group(1), [_BECH32_VALUES[letter] for letter in found.group(2)])
        return address.lower()
    raise InvalidValue("expected a Base58, Bech32 or Ethereum address", type_name=_NAME)


def chain(address: str) -> str | None:
    """Return the chain of a canonical address."""
    if address.startswith("0x"):
        return "ethereum"
    if found := _BECH32_FORM.fullmatch(address):
        return _PREFIXES[found.group(1)]
    payload = _base_58_check(address)
    return _VERSIONS.get(payload[0]) if payload else None


def masked(address: str) -> str:
    """Return the first four characters and the last two."""
    return f"{address[:4]}…{address[-2:]}"


def _ethereum(digits: str) -> str:
    """Return 40 hexadecimal digits with the letter case that their hash asks for. Source: EIP-55."""
    lower = digits.lower()
    nibbles = keccak_256(lower.encode("ascii")).hex()
    cased = "".join(d.upper() if nibble >= "8" else d for d, nibble in zip(lower, nibbles, strict=False))
    demand(digits in (cased, lower, lower.upper()), "expected the letter case that EIP-55 asks for", _NAME)
    return f"0x{cased}"


def _base_58_check(address: str) -> bytes | None:
    """Return the version byte and the hash, None where the checksum does not fit.

    Source: Bitcoin Developer Reference, Base58Check encoding.
    """
    number = 0
    for letter in address:
        number = number * 58 + _BASE_58_VALUES[letter]
    zeros = len(address) - len(address.lstrip("1"))
    data = bytes(zeros) + number.to_bytes((number.bit_length() + 7) // 8, "big")
    payload, check = data[:-4], data[-4:]
    return payload if sha256(sha256(payload))[:4] == check else None


def _check_segwit(prefix: str, values: list[int]) -> None:
    """Raise unless the checksum fits the witness version and the program has a length that it allows.

    Sources: BIP-173, BIP-350, BIP-141.
    """
    spread = [ord(c) >> 5 for c in prefix] + [0] + [ord(c) & 31 for c in prefix]
    version, program = values[0], values[1:-6]
    wanted = _BECH32_SUM if version == 0 else _BECH32M_SUM
    demand(_polymod(spread + values) == wanted, "expected a Bech32 checksum that fits", _NAME)
    size, rest = divmod(5 * len(program), 8)
    demand(version <= 16, "expected a witness version from 0 to 16", _NAME)
    demand(size in (20, 32) if version == 0 else 2 <= size <= 40, "expected a witness program of a known length", _NAME)
    padding = program[-1] & ((1 << rest) - 1) if rest < 5 else 1
    demand(padding == 0, "expected fewer than five padding bits, all zero", _NAME)


def _polymod(values: list[int]) -> int:
    state = 1
    for value in values:
        top = state >> 25
        state = (state & 0x1FFFFFF) << 5 ^ value
        for at, generator in enumerate(_GENERATOR):
            if top >> at & 1:
                state ^= generator
    return state


def _fix_prefix(literal: str) -> str:
    trimmed = literal.strip()
    demand(len(trimmed) == 6 and trimmed.isascii() and trimmed.isalnum(), "expected 6 letters or digits", "prefix_6")
    return trimmed


PART = DataType(
    name=_NAME,
    about="Cryptocurrency wallet address",
    category="user.financial",
    normalize=normalize,
    sources=(
        "Bitcoin Developer Reference, Base58Check encoding",
        "BIP-173 and BIP-350 (Bech32, Bech32m)",
        "EIP-55 (mixed-case checksum of addresses)",
    ),
    aliases=("wallet",),
    parts=(
        word("chain", "The chain", chain, _CHAINS),
        Part(
            name="prefix_6", about="The first 6 characters, letter case kept", of=lambda text: text[:6], fix=_fix_prefix
        ),
    ),
    indexes=("exact", "chain", "prefix_6"),
    masked=masked,
    keep="shreddable",
    shape="uuid",
    pad_bytes=64,
    headers=(
        "wallet",
        "wallet_address",
        "crypto_wallet",
        "crypto_address",
        "btc_address",
        "bitcoin_address",
        "eth_address",
        "ethereum_address",
        "blockchain_address",
        "public_address",
        "direccion_billetera",
        "adresse_portefeuille",
        "wallet_adresse",
    ),
    proves=1.0,
    laws=("GDPR", "GLBA"),
    example="0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed",
)
