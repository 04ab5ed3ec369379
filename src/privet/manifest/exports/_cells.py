"""Texts that other programs read as text: no formulas, no control characters, no markup."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterable, Sequence

_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
_NUMBER = re.compile(r"[+-]?[0-9]+(?:\.[0-9]+)?")
_CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ufffe\uffff\ud800-\udfff]")
# What ends a script element, starts a comment in one, or ends a line in a script: none stands in a page as itself.
_MARKUP = {ord(sign): f"\\u{ord(sign):04x}" for sign in "<>&\u2028\u2029"}


def inert(cell: str) -> str:
    """Return a cell that no spreadsheet takes for a formula. Source: OWASP, CSV Injection; a plain number is none.

    >>> inert("=1+1"), inert(" =1+1"), inert("-12.50"), inert("-2+3")
    ("'=1+1", "' =1+1", '-12.50', "'-2+3")
    """
    bare = cell.lstrip(" \u00a0\ufeff")
    risky = cell.startswith(_FORMULA) or bare.startswith(_FORMULA)
    return f"'{cell}" if risky and not _NUMBER.fullmatch(cell) else cell


def printable(text: str) -> str:
    """Return text without control characters, line breaks and tabs aside."""
    return _CONTROL.sub("", text)


def sheet(titles: Sequence[str], lines: Iterable[Sequence[str]]) -> bytes:
    """Return CSV in UTF-8 with CRLF, every cell inert. Source: RFC 4180."""
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(titles)
    writer.writerows([inert(printable(cell)) for cell in line] for line in lines)
    return out.getvalue().encode()


def json_bytes(value: object) -> bytes:
    """Return JSON for files: two blanks deep, keys as they stand, text as itself."""
    return (json.dumps(value, ensure_ascii=False, indent=2) + "\n").encode("utf-8", "replace")


def json_in_page(value: object) -> str:
    """Return JSON that may stand within a script element of an HTML page."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).translate(_MARKUP)
