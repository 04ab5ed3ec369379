"""National drug code (NDC) of the United States: labeler, product and package.

Whether the code is listed is left to the directory of the FDA.
"""

from __future__ import annotations

import re

from privet.errors import InvalidValue
from privet.vocabulary.datatype import DataType, Wire
from privet.vocabulary.identifier import demand, piece
from privet.vocabulary.types._text import raw

_NAME = "health.ndc"
# 21 CFR 207.33: ten digits as 4-4-2, 5-3-2 or 5-4-1; 45 CFR 162.1002: eleven as 5-4-2, with or without hyphens.
_FORM = re.compile(r"([0-9]{4,5})-([0-9]{3,4})-([0-9]{1,2})|([0-9]{5})([0-9]{4})([0-9]{2})")
_SHAPES = frozenset({(4, 4, 2), (5, 3, 2), (5, 4, 1), (5, 4, 2)})


def normalize(value: Wire) -> str:
    """Return the eleven digits that claims use. Ten digits need their hyphens: without, three readings compete.

    >>> normalize("0002-1433-80"), normalize("50242-040-62")
    ('00002143380', '50242004062')
    """
    found = _FORM.fullmatch(raw(value, _NAME).strip())
    if found is None:
        raise InvalidValue("expected 4-4-2, 5-3-2, 5-4-1 or 5-4-2 digits, or eleven without hyphens", type_name=_NAME)
    labeler, product, package = (group for group in found.groups() if group is not None)
    demand(
        (len(labeler), len(product), len(package)) in _SHAPES,
        "expected 4-4-2, 5-3-2, 5-4-1 or 5-4-2 digits",
        _NAME,
    )
    code = f"{labeler:0>5}{product:0>4}{package:0>2}"
    demand(labeler.strip("0") != "", "expected a labeler that is not all zeros", _NAME)
    return code


PART = DataType(
    name=_NAME,
    about="National drug code",
    category="user.health_and_medical",
    normalize=normalize,
    sources=(
        "21 CFR 207.33 (what an NDC is and its forms)",
        "45 CFR 162.1002 (code set for drugs), with the eleven digits of NCPDP",
    ),
    aliases=("ndc",),
    parts=(
        piece("labeler", "Maker or distributor, five digits", lambda text: text[:5], length=5),
        piece("product", "Strength, dosage form and formulation, four digits", lambda text: text[5:9], length=4),
        piece("package", "Package size and type, two digits", lambda text: text[9:], length=2),
    ),
    indexes=("exact", "labeler"),
    masked=lambda text: f"{text[:5]}******",
    # As for diagnoses: care and billing work with whole codes (45 CFR 164.506).
    ceiling="plain_text",
    token="none",
    headers=(
        "ndc",
        "ndc_code",
        "ndc11",
        "ndc10",
        "national_drug_code",
        "drug_code",
        "medication_code",
        "product_ndc",
        "package_ndc",
        "codigo_medicamento",
    ),
    proves=0.3,
    laws=("HIPAA", "GDPR", "GDPR Art. 9", "CPRA sensitive"),
    example="00002143380",
)
