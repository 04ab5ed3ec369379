"""YAML as a tree with places: no duplicate keys, no tags, one document; aliases only where a caller allows them."""

from __future__ import annotations

from privet.codec.block import block
from privet.codec.tree import Fault, Node
from privet.errors import MalformedBody


def read_yaml(text: str, file: str = "<text>", *, aliases: int = 0) -> Node:
    """Return the one document in `text`. Keys of mappings are text as written; plain scalars are read as YAML 1.1 has
    it, save that dates stay text. `aliases`: how many values aliases and merges may add, 0 to refuse them.

    Raises MalformedBody with the place of the first fault; `faults` holds all where there are several.
    """
    node, faults = parse_yaml(text, file, aliases=aliases)
    if not faults:
        return node
    errors = tuple(MalformedBody(fault.message, hint=fault.hint, at=str(fault.place)) for fault in faults)
    first = errors[0]
    raise MalformedBody(first.message, hint=first.hint, at=first.at, faults=errors if len(errors) > 1 else ())


def parse_yaml(text: str, file: str = "<text>", *, aliases: int = 0) -> tuple[Node, tuple[Fault, ...]]:
    """Return what `read_yaml` does as far as the text could be read, and every fault."""
    node = block(text, file)
    if node is not None:
        return node, ()
    from privet.codec.events import Composer  # slow to import, and most files need it not

    return Composer(file, aliases).read(text)
