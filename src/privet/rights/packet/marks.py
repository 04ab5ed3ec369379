"""Values as HTML text: nothing that was gathered becomes markup, a link, or a sign that is not seen."""

from __future__ import annotations

import re
from html import escape
from typing import Any

from privet.rights.packet.about import Words

MOST_CHARACTERS = 2_000
MOST_ITEMS, MOST_DEPTH = 50, 6
# Control signs, and those that turn the direction of what follows or are as wide as nothing: a text that holds one is
# not what it seems. Line breaks and tabs stay.
_HIDDEN = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\xad\u061c\u115f\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\uffff"
    "\ud800-\udfff\U000e0000-\U000e0fff]"
)


def text(value: str) -> str:
    """Return a text as HTML that shows it, hidden signs by their number.

    >>> text("<b>\\u202e")
    '&lt;b&gt;<span class="sign">U+202E</span>'
    """
    return _HIDDEN.sub(_sign, escape(value))


def shown(value: Any, words: Words, depth: int = 0) -> str:
    """Return a plain value as HTML; what is too long or deep is cut, and says so."""
    if value is None or value == "":
        return _note(words, "empty")
    if isinstance(value, bool):
        return text(words.say("is_yes" if value else "is_no"))
    if isinstance(value, dict | list):
        return (
            _within(value, words, depth) if depth < MOST_DEPTH and value else _note(words, "cut" if value else "empty")
        )
    said = str(value)
    if len(said) > MOST_CHARACTERS:
        return f"<bdi>{text(said[:MOST_CHARACTERS])}…</bdi> {_note(words, 'cut')}"
    return f"<bdi>{text(said)}</bdi>"


def _within(value: dict[str, Any] | list[Any], words: Words, depth: int) -> str:
    more = f" {_note(words, 'cut')}" if len(value) > MOST_ITEMS else ""
    if isinstance(value, dict):
        pairs = list(value.items())[:MOST_ITEMS]
        body = "".join(
            f"<dt><bdi>{text(name[:200])}</bdi></dt><dd>{shown(item, words, depth + 1)}</dd>" for name, item in pairs
        )
        return f"<dl>{body}</dl>{more}"
    items = "".join(f"<li>{shown(item, words, depth + 1)}</li>" for item in value[:MOST_ITEMS])
    return f"<ul>{items}</ul>{more}"


def _note(words: Words, key: str) -> str:
    return f'<span class="left">{text(words.say(key))}</span>'


def _sign(found: re.Match[str]) -> str:
    return f'<span class="sign">U+{ord(found[0]):04X}</span>'
