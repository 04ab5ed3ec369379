"""Mappings of a file held against the keys that they may have: what fits comes out, and all that does not is told."""

from __future__ import annotations

import difflib
from collections.abc import Collection, Iterator, Mapping

from privet.codec import Node
from privet.errors import InvalidInput

Found = Mapping[str, Node]

_MOST = 200  # faults told of one file


def near(name: str, known: Collection[str]) -> str:
    """Return `did you mean …?` with the nearest of the known names, "" where none is near."""
    found = difflib.get_close_matches(name, list(known), n=1) if len(name) <= 80 else []
    return f"did you mean `{found[0]}`?" if found else ""


class Faults:
    """What is wrong with a file, and what people should know of it."""

    def __init__(self) -> None:
        self.found: list[InvalidInput] = []
        self.notes: list[str] = []

    def tell(self, node: Node, message: str, hint: str = "") -> None:
        if len(self.found) < _MOST:
            self.found.append(InvalidInput(message, hint=hint, at=str(node.place)))

    def note(self, node: Node, message: str) -> None:
        if len(self.notes) < _MOST:
            self.notes.append(f"{node.place}: {message}")

    def demand(self) -> None:
        """Raise InvalidInput where anything is wrong; `faults` holds all."""
        if not self.found:
            return
        first = self.found[0]
        more = f", and {len(self.found) - 1} more" if len(self.found) > 1 else ""
        raise InvalidInput(first.message + more, hint=first.hint, at=first.at, faults=tuple(self.found))

    # --- values: empty after a fault, and for what is absent or null ------------------------------------------------

    def mapping(
        self, node: Node, known: Collection[str], required: Collection[str] = (), *, strict: bool = True
    ) -> Found:
        """Return the values of a mapping by key, null ones left out. Unknown keys are faults, else notes."""
        if not isinstance(node.value, dict):
            self.tell(node, "expected a mapping of keys")
            return {}
        for key, inner in node.value.items():
            if key not in known:
                shown = key if len(key) <= 80 else "…"
                if strict:
                    self.tell(inner, f"unknown key `{shown}`", near(key, known))
                else:
                    self.note(inner, f"`{shown}` is not read; {near(key, known)}".removesuffix("; "))
        for key in required:
            if key not in node.value or node.value[key].value is None:
                self.tell(node, f"expected the key `{key}`")
        return {key: inner for key, inner in node.value.items() if key in known and inner.value is not None}

    def text(self, found: Found, key: str) -> str:
        """Return text; numbers are text too. "" where there is none."""
        node = found.get(key)
        if node is None:
            return ""
        if isinstance(node.value, bool) or not isinstance(node.value, str | int | float):
            self.tell(node, f"expected text for `{key}`", "put it in quotes" if isinstance(node.value, bool) else "")
            return ""
        return str(node.value)

    def scalar(self, found: Found, key: str) -> str:
        """Return text, of any scalar: `true` and `false` as JSON writes them."""
        node = found.get(key)
        if node is not None and isinstance(node.value, bool):
            return "true" if node.value else "false"
        return self.text(found, key)

    def word(self, found: Found, key: str, words: Collection[str], default: str = "") -> str:
        """Return one of some words."""
        said = self.text(found, key)
        if key not in found:
            return default
        if said not in words:
            listed = ", ".join(f"`{word}`" for word in words)
            self.tell(found[key], f"expected one of {listed} for `{key}`", near(said, words))
            return default
        return said

    def flag(self, found: Found, key: str, *, default: bool = False) -> bool:
        node = found.get(key)
        if node is None:
            return default
        if isinstance(node.value, bool):
            return node.value
        if isinstance(node.value, str) and node.value.lower() in ("true", "false"):
            return node.value.lower() == "true"
        self.tell(node, f"expected true or false for `{key}`")
        return default

    def number(self, found: Found, key: str, least: int = 0) -> int | None:
        node = found.get(key)
        if node is None:
            return None
        value = node.value
        if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 16:
            value = int(value)
        if isinstance(value, bool) or not isinstance(value, int) or value < least:
            self.tell(node, f"expected a whole number from {least} on for `{key}`")
            return None
        return value

    def each(self, found: Found, key: str) -> Iterator[Node]:
        """Yield the items of a list."""
        node = found.get(key)
        if node is None:
            return
        if not isinstance(node.value, list):
            self.tell(node, f"expected a list for `{key}`", "put `- ` before it")
            return
        yield from node.value

    def texts(self, found: Found, key: str) -> tuple[str, ...]:
        """Return a list of texts; one text alone is a list of it."""
        node = found.get(key)
        if node is not None and isinstance(node.value, str):
            return (node.value,)
        return tuple(self.text({key: item}, key) for item in self.each(found, key))

    def path(self, found: Found, key: str) -> tuple[str, ...]:
        """Return a path of keys: dotted, numbers of lists in brackets or between dots."""
        said = self.text(found, key)
        return tuple(part for part in said.replace("[", ".").replace("]", "").split(".") if part)

    def one_or_more(self, found: Found, key: str) -> list[Node]:
        """Return the items of a list, or what stands there as the only one."""
        node = found.get(key)
        if node is None:
            return []
        return list(node.value) if isinstance(node.value, list) else [node]
