"""IBAN-shaped tokens: the country, length and kinds of characters of the value, and check digits that fail mod-97.

The twin passes mod-97 (ISO 13616) and the national check digits of the countries named in `NATIONAL`; those of other
countries are left random.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from math import prod
from string import ascii_uppercase, digits

from privet.crypto.shapes import Choice, Shape, Source, below
from privet.errors import InvalidValue
from privet.vocabulary.checksum import mod_97_10

_FORM = re.compile("[A-Z]{2}[0-9]{2}[A-Z0-9]{11,30}")


def _make(value: str, choice: Choice, source: Source) -> str:
    country = value[:2]
    account = _draw(value, choice, source)
    if choice.looks_real:
        national = NATIONAL.get(country)
        checked = national.check(account) if national else account
        # Drawing again, not mending, keeps every account equally likely; four kept digits fit in one draw of 97.
        while national and (checked is None or not checked.endswith(_split(value, choice)[1])):
            checked = national.check(_draw(value, choice, source))
        account = checked or account
    right = _check_digits(country, account)
    if not choice.looks_real:
        # 02 to 98 are all the remainders, each once: any other one is wrong for certain.
        right = (right - 2 + 1 + below(source, 96)) % 97 + 2
    return f"{country}{right:02d}{account}"


def _size(value: str, choice: Choice) -> int:
    free, _ = _split(value, choice)
    accounts = prod(len(_kind(character)) for character in free)
    if not choice.looks_real:
        return 96 * accounts
    national = NATIONAL.get(value[:2])
    return accounts // 10**national.lost_digits if national else accounts


def _recognizes(text: str, choice: Choice) -> bool:
    return _FORM.fullmatch(text) is not None and mod_97_10(text[4:] + text[:4]) == choice.looks_real


def _split(value: str, choice: Choice) -> tuple[str, str]:
    if not _FORM.fullmatch(value):
        raise InvalidValue("country, two digits, 11 to 30 digits or letters", type_name="bank.iban")
    end = len(value) - 4 if choice.keep_last_four else len(value)
    return value[4:end], value[end:]


def _kind(character: str) -> str:
    return digits if character in digits else ascii_uppercase


def _draw(value: str, choice: Choice, source: Source) -> str:
    free, kept = _split(value, choice)
    kinds = [_kind(character) for character in free]
    number, account = below(source, prod(map(len, kinds))), ""
    for kind in kinds:
        number, at = divmod(number, len(kind))
        account += kind[at]
    return account + kept


def _check_digits(country: str, account: str) -> int:
    number = "".join(str(int(character, 36)) for character in f"{account}{country}00")
    return 98 - int(number) % 97


# --- national check digits: account → the same with its check digits right, or None where it can have none ----------


def _belgian(account: str) -> str:
    """The last two digits are the rest modulo 97, 97 for 0. Validators know the bank codes, so one that exists."""
    head = f"000{account[3:10]}"
    return f"{head}{int(head) % 97 or 97:02d}"


def _spanish(account: str) -> str:
    """Digit 9 checks bank and branch, digit 10 the account number. Source: Banco de España, código cuenta cliente."""
    return account[:8] + _spanish_digit("00" + account[:8]) + _spanish_digit(account[10:]) + account[10:]


def _spanish_digit(ten: str) -> str:
    rest = sum(int(digit) * 2**at for at, digit in enumerate(ten)) % 11
    return str(rest if rest < 2 else 11 - rest)


def _norwegian(account: str) -> str | None:
    """The last digit brings a weighted sum to a multiple of 11. Source: Bits AS, Norwegian account numbers."""
    weights = (5, 4, 3, 2, 7, 6, 5, 4, 3, 2)
    rest = -sum(int(digit) * weight for digit, weight in zip(account, weights, strict=False)) % 11
    return None if rest == 10 else f"{account[:10]}{rest}"


def _mod_97(account: str) -> str:
    """The last two digits check the rest by ISO/IEC 7064, MOD 97-10."""
    return f"{account[:-2]}{98 - int(account[:-2] + '00') % 97:02d}"


@dataclass(frozen=True, slots=True)
class National:
    """`lost_digits`: by so many powers of ten the check digits shrink the domain, rounded up."""

    check: Callable[[str], str | None]
    lost_digits: int


NATIONAL: dict[str, National] = {
    "BE": National(_belgian, 5),
    "ES": National(_spanish, 2),
    "NO": National(_norwegian, 2),
} | {country: National(_mod_97, 2) for country in ("BA", "ME", "MK", "PT", "RS", "SI")}

PART = Shape(
    name="iban",
    about="an account number of the same country and form whose check digits fail",
    make=_make,
    size=_size,
    recognizes=_recognizes,
)
