"""The built-in roles, written as policy trees. They are what a vault starts with."""

from __future__ import annotations

from privet.policy.syntax import Policy, Role, Rule
from privet.vocabulary.access import ACTIONS, Action

_WRITE: tuple[Action, ...] = ("insert", "update", "delete", "tokenize")

OWNER = Role(
    "owner",
    "does everything; sees values as far as each type's ceiling allows",
    (Rule(effect="allow", actions=ACTIONS),),
)
EDITOR = Role(
    "editor",
    "writes records and sees values as far as each type's ceiling allows; changes no schema and no keys",
    (
        Rule(effect="allow", actions=_WRITE),
        Rule(effect="allow", actions=("read", "search", "detokenize")),
    ),
)
VIEWER = Role(
    "viewer",
    "sees every column under its default mask",
    (Rule(effect="allow", actions=("read", "detokenize"), redaction="masked"),),
)
TOKENIZER = Role(
    "tokenizer",
    "turns values into tokens and sees none",
    (Rule(effect="allow", actions=("tokenize",)),),
)
AUDITOR = Role(
    "auditor",
    "reads the audit and its proofs, and no value",
    (Rule(effect="allow", actions=("audit",)),),
)

PRIVACY_OFFICER = Role(
    "privacy_officer",
    "opens, approves and follows people's requests, and hands their packages out; sees no other value",
    (Rule(effect="allow", actions=("request",)),),
)

BUILT_IN = Policy("built-in/1", (OWNER, EDITOR, VIEWER, TOKENIZER, AUDITOR, PRIVACY_OFFICER))
