"""Bank accounts, amounts and wallets: masks, parts, covers and the rules that only some of them have."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from privet.errors import InvalidValue
from privet.vocabulary.datatype import TYPES, Part

AMOUNT = TYPES.get("fin.amount")
SCORE = TYPES.get("fin.credit_score")
WALLET = TYPES.get("crypto.wallet")


def part(datatype_name: str, name: str) -> Part:
    found = TYPES.get(datatype_name).part(name)
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("datatype", "text", "shown"),
    [
        ("bank.account_us", "1234567890", "******7890"),
        ("bank.account_us", "12345", "******"),
        ("bank.iban", "GB82WEST12345698765432", "GB** … 5432"),
        ("bank.bic", "EXMPDEFF", "EXMPDEFF"),
        ("bank.routing_aba", "123456780", "123456780"),
        ("fin.amount", "1234.5", "1000..2000"),
        ("fin.income", "52000", "50000..100000"),
        ("fin.credit_score", "712", "670-739"),
        ("crypto.wallet", "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed", "0x5a…ed"),
    ],
)
def test_default_mask(datatype: str, text: str, shown: str) -> None:
    assert TYPES.get(datatype).masked(text) == shown


def test_a_short_account_number_has_no_last_four() -> None:
    assert part("bank.account_us", "last_four").of("1234567") is None
    assert part("bank.account_us", "last_four").of("12345678") == "5678"


def test_routing_number_says_its_district_thrifts_and_electronic_numbers_included() -> None:
    frb = part("bank.routing_aba", "frb").of
    assert [frb("021000021"), frb("221000028"), frb("621000024"), frb("000000518"), frb("800000003")] == [
        "02",
        "02",
        "02",
        None,
        None,
    ]


@pytest.mark.parametrize(
    ("iban", "bank", "account"),
    [
        ("GB82WEST12345698765432", "WEST", "12345698765432"),
        ("DE89370400440532013000", "37040044", "0532013000"),
        # The Italian number begins with a check letter; the bank follows it.
        ("IT60X0542811101000000123456", "05428", "11101000000123456"),
    ],
)
def test_iban_parts_stand_where_the_registry_puts_them(iban: str, bank: str, account: str) -> None:
    # SWIFT IBAN Registry, the example of each country.
    assert TYPES.get("bank.iban").normalize(iban) == iban
    assert part("bank.iban", "bank").of(iban) == bank
    assert part("bank.iban", "account").of(iban) == account


def test_iban_check_digits_that_nobody_computes_are_refused() -> None:
    # 98 - (n mod 97) is 02 to 98; 01 leaves the same remainder as 98.
    body = next(f"{n:018d}" for n in range(97) if (int(f"{n:018d}131400") + 98) % 97 == 1)
    iban = TYPES.get("bank.iban")
    assert iban.normalize(f"DE98{body}") == f"DE98{body}"
    with pytest.raises(InvalidValue, match="check digits"):
        iban.normalize(f"DE01{body}")


def test_bic_of_the_head_office_has_eight_characters() -> None:
    assert TYPES.get("bank.bic").normalize("exmpdeffxxx") == "EXMPDEFF"


@pytest.mark.parametrize(
    ("value", "canonical"),
    [("+0012.50", "12.5"), ("-0.00", "0"), (7, "7"), (12.5, "12.5"), ("1.00000", "1"), (1e15, "1000000000000000")],
)
def test_an_amount_has_one_spelling(value: str | float, canonical: str) -> None:
    assert AMOUNT.normalize(value) == canonical


@pytest.mark.parametrize("value", [0.1 + 0.2, float("nan"), float("inf"), 1e300, "1e3", "1,000", "1.123456"])
def test_an_amount_whose_digits_are_not_sure_is_refused(value: str | float) -> None:
    with pytest.raises(InvalidValue):
        AMOUNT.normalize(value)


def test_a_whole_number_too_long_to_write_is_refused() -> None:
    with pytest.raises(InvalidValue):
        AMOUNT.normalize(10**5000)


amounts = st.decimals(min_value=-(10**13), max_value=10**13, places=5, allow_nan=False).map(lambda d: format(d, "f"))


@given(amounts, amounts, amounts)
def test_buckets_of_a_range_hold_each_amount_in_it(left: str, middle: str, right: str) -> None:
    lowest, text, highest = sorted(map(AMOUNT.normalize, (left, middle, right)), key=Decimal)
    bucket = part("fin.amount", "bucket")
    assert bucket.cover is not None
    assert bucket.of(text) in bucket.cover(lowest, highest)
    assert bucket.of(text) in bucket.cover("", highest)
    assert bucket.of(text) in bucket.cover(lowest, "")


@given(amounts)
def test_a_bucket_names_the_bounds_of_its_amount(text: str) -> None:
    bucket = part("fin.amount", "bucket").of(AMOUNT.normalize(text)) or ""
    low, high = map(Decimal, bucket.split(".."))
    assert low <= Decimal(text) <= high


def test_credit_score_is_a_number_on_the_wire() -> None:
    assert SCORE.present(SCORE.normalize("712")) == 712


def test_credit_score_ranges_cover_a_range() -> None:
    bucket = part("fin.credit_score", "bucket")
    assert bucket.cover is not None
    assert list(bucket.cover("650", "740")) == ["580-669", "670-739", "740-799"]
    assert list(bucket.cover("800", "")) == ["800-850"]


@pytest.mark.parametrize(
    ("address", "chain"),
    [
        ("1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa", "bitcoin"),
        ("3J98t1WpEZ73CNmQviecrnyiWrnqRhWNLy", "bitcoin"),
        ("bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4", "bitcoin"),
        ("tb1qw508d6qejxtdg4y5r3zarvary0c5xw7kxpjzsx", "bitcoin-testnet"),
        ("0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed", "ethereum"),
    ],
    ids=["base58", "script", "segwit", "testnet", "ethereum"],
)
def test_wallet_names_its_chain(address: str, chain: str) -> None:
    # Bitcoin's first block; BIP-173 and EIP-55 test vectors.
    assert part("crypto.wallet", "chain").of(WALLET.normalize(address)) == chain


def test_bech32m_is_for_witness_versions_above_zero() -> None:
    # BIP-350, invalid addresses: version 1 with the checksum of Bech32, version 0 with that of Bech32m.
    for address in (
        "bc1p0xlxvlhemja6c4dqv22uapctqupfhlxm9h8z3k2e72q4k9hcz7vqh2y7hd",
        "bc1q0xlxvlhemja6c4dqv22uapctqupfhlxm9h8z3k2e72q4k9hcz7vq54well",
    ):
        with pytest.raises(InvalidValue, match="checksum"):
            WALLET.normalize(address)


def test_ethereum_in_one_letter_case_gets_the_case_of_eip_55() -> None:
    cased = "0xfB6916095ca1df60bB79Ce92cE3Ea74c37c5d359"
    assert WALLET.normalize(cased.lower()) == WALLET.normalize("0X" + cased[2:].upper()) == cased
    with pytest.raises(InvalidValue, match="EIP-55"):
        WALLET.normalize(cased.replace("fB", "fb"))
