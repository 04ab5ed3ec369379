"""The register number of persons in Brazil. Canonical: eleven digits."""

from __future__ import annotations

from privet.vocabulary.checksum import weighted
from privet.vocabulary.datatype import DataType, Wire
from privet.vocabulary.identifier import compact_digits, demand, piece, tail

NAME = "br.cpf"
_WEIGHTS = (11, 10, 9, 8, 7, 6, 5, 4, 3, 2)


def normalize(value: Wire) -> str:
    digits = compact_digits(value, NAME, 11, separators=" -.")
    demand(digits != digits[0] * 11, "expected digits that are not all the same", NAME)
    demand(check_digits(digits[:9]) == digits[9:], "expected the check digits to agree", NAME)
    return digits


def check_digits(root: str) -> str:
    """Return the two check digits of nine digits.

    >>> check_digits("111444777")
    '35'
    """
    first = weighted(root, _WEIGHTS[1:]) * 10 % 11 % 10
    second = weighted(f"{root}{first}", _WEIGHTS) * 10 % 11 % 10
    return f"{first}{second}"


PART = DataType(
    name=NAME,
    about="CPF, register number of persons, Brazil",
    category="user.government_id.national_identification_number",
    normalize=normalize,
    sources=(
        "Receita Federal, Instrução Normativa RFB 2.172/2024, Cadastro de Pessoas Físicas",
        "Receita Federal, Regiões Fiscais (the ninth digit)",
    ),
    aliases=("cpf",),
    parts=(
        piece("root", "The nine digits before the check digits", lambda text: text[:9], length=9),
        piece("region", "Fiscal region of registration, 0-9", lambda text: text[8], length=1, few=True),
        tail(2),
    ),
    masked=lambda text: "***.***.***-" + text[9:],
    redactions=("redacted", "masked", "last_two", "plain_text"),
    ceiling="last_two",
    keep="shreddable",
    headers=("cpf", "br_cpf", "cpf_number", "numero_cpf", "nr_cpf", "num_cpf", "cadastro_de_pessoas_fisicas"),
    proves=0.9,
    laws=("LGPD",),
    example="111.444.777-35",
)
