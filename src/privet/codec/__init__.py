"""Bytes ↔ typed values: strict JSON and strict YAML. Errors name places and rules, never what was found there.

`json`: bytes and shapes. `tree`: a YAML value with its places. `block`, `events`: two readers of YAML into that tree,
one for what most files are made of, one for the rest. `yaml`: the door to both.
"""

from privet.codec.json import decode, encode, read_json
from privet.codec.tree import MAX_DEPTH, Fault, Node, Place
from privet.codec.yaml import parse_yaml, read_yaml

__all__ = ["MAX_DEPTH", "Fault", "Node", "Place", "decode", "encode", "parse_yaml", "read_json", "read_yaml"]
