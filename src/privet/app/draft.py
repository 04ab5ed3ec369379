"""From a sheet to a first schema: what each column seems to be and how a vault would hold it, as YAML to be edited."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from privet.app.sheet import Sheet, column_names
from privet.vocabulary import taxonomy
from privet.vocabulary.dataset import Field, TokenPlan
from privet.vocabulary.datatype import DataType, data_type
from privet.vocabulary.guess import Guess, guess
from privet.vocabulary.header import names_key

# What systems know a person by. Names, places and dates are held without tokens: a token of a first name falls to
# counting, since the commonest token is the commonest name.
_IDENTIFIERS = (
    "user.government_id",
    "user.contact.email",
    "user.contact.phone_number",
    "user.contact.fax_number",
    "user.financial.bank_account",
    "user.financial.credit_card",
    "user.health_and_medical.record_id",
    "user.health_and_medical.insurance_beneficiary_id",
    "user.account.username",
    "user.unique_id",
)
# The one part of a type that questions most often ask for, the first of these that it indexes.
_USEFUL_PARTS = (
    "domain",
    "last_four",
    "last_three",
    "family",
    "year_month",
    "zip3",
    "outward",
    "bank",
    "subnet",
    "date",
    "geohash_5",
)
_UNINDEXED = frozenset({"decimal", "boolean", "timestamp", "string"})
_ENOUGH_FOR_KEY = 20
_COMMENT_WIDTH = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Planned:
    """One column of a sheet and what becomes of it. `field`: how a vault would hold it, None where it is left out.

    `others`: the types that came next. `personal`: it says something of a person.
    `why`: the reason, with the reason to leave it out where there is one.
    """

    header: str
    guess: Guess
    others: tuple[Guess, ...]
    field: Field | None
    why: str
    personal: bool = False

    @property
    def name(self) -> str:
        """Return the name of the column in the vault, "" where it is left out."""
        return self.field.name if self.field else ""

    @property
    def held(self) -> str:
        """Return in a few words how the vault holds it: `shreddable, token, index exact domain`."""
        if self.field is None:
            return "left out"
        said = [self.field.keep, *(["token"] if self.field.token else [])]
        return ", ".join([*said, *([f"index {' '.join(self.field.indexes)}"] if self.field.indexes else [])])


def draft(sheet: Sheet, types: Mapping[str, str] | None = None, *, shreddable: bool = False) -> tuple[Planned, ...]:
    """Return a plan for each column, in order.

    `types`: header or vault name → a type's name, with `[]` for cells that list several values; such a column is not
    guessed, and names that are no column are passed over. `shreddable`: keep what is about a person under her own
    key. Raises UnknownName for a type that does not exist.
    """
    chosen = types or {}
    names = column_names(sheet.headers)
    guesses = []
    for header, name, samples in zip(sheet.headers, names, sheet.samples, strict=True):
        said = chosen.get(header, chosen.get(name, ""))
        guesses.append(_said(said) if said else guess(header if sheet.has_headers else "", samples))
    personal = any(data_type(found[0].meant or found[0].type).category != "user" for found in guesses)
    return tuple(
        _planned(header, name, found, samples, personal, shreddable)
        for header, name, found, samples in zip(sheet.headers, names, guesses, sheet.samples, strict=True)
    )


def mapping_of(planned: Sequence[Planned]) -> dict[str, str]:
    """Return header → vault column, "" for a column that is left out: what `import_csv` takes."""
    return {column.header: column.name for column in planned}


def schema_from_guess(vault: str, table: str, planned: Sequence[Planned]) -> str:
    """Return a dataset file with one table, each column with its reason and confidence as a comment."""
    subject = "self" if any(column.personal for column in planned) else "none"
    about = "Each record is a person." if subject == "self" else "No column seems to be about persons."
    lines = [
        "# Drafted from the headers and sampled values of a CSV file. Read it, mend it, apply it again.",
        "# keep: `sealed` values are encrypted under their column's key; `shreddable` ones under their person's own,",
        "# which erasing her destroys: slower to write, and no backup opens them afterwards.",
        "dataset:",
        f"  - fides_key: {vault.replace('-', '_')}",
        f"    name: {vault}",
        "    collections:",
        f"      - name: {table}",
        f"        description: {about}",
        f"        fides_meta: {{privet: {{subject: {subject}}}}}",
        "        fields:",
    ]
    for column in planned:
        lines.extend(_entry(column))
    return "\n".join(lines) + "\n"


def _said(text: str) -> tuple[Guess, ...]:
    kind = data_type(text.removesuffix("[]"))
    return (Guess(type=kind.name, confidence=1.0, reason="named by the caller", array=text.endswith("[]")),)


def _planned(
    header: str, name: str, found: tuple[Guess, ...], samples: tuple[str, ...], personal: bool, shreddable: bool
) -> Planned:
    best = found[0]
    kind = data_type(best.type)
    if kind.keep == "transient":
        # PCI DSS 3.3: what authenticates a card is not kept after authorization, encrypted or not.
        why = f"{best.reason}; a file of `{kind.name}` is not to be kept"
        return Planned(header=header, guess=best, others=found[1:], field=None, why=why)
    field = _field(header, name, best, samples, personal, shreddable)
    why = "no two values agree, and the header is one of keys" if "user.unique_id" in field.labels else best.reason
    about = _about_person(header, best, samples, personal)
    return Planned(header=header, guess=best, others=found[1:], field=field, why=why, personal=about)


def _field(header: str, name: str, best: Guess, samples: tuple[str, ...], personal: bool, shreddable: bool) -> Field:
    kind = data_type(best.type)
    label = data_type(best.meant).category if best.meant else kind.category
    is_key = personal and _is_person_key(header, best, samples)
    if is_key:
        label = "user.unique_id"
    bound = shreddable and _about_person(header, best, samples, personal)
    tokenized = not best.array and (is_key or _is_identifier(kind, label))
    return Field(
        name=name,
        type=kind.name,
        array=best.array,
        labels=(label,),
        keep="shreddable" if bound else "sealed",
        indexes=_indexes(kind, array=best.array, is_key=is_key),
        token=TokenPlan() if tokenized else None,
    )


def _is_person_key(header: str, best: Guess, samples: tuple[str, ...]) -> bool:
    return best.type in ("string", "integer") and not best.meant and _is_key(header, samples)


def _about_person(header: str, best: Guess, samples: tuple[str, ...], personal: bool) -> bool:
    """Return whether a column of a sheet about persons says something of one."""
    if not personal:
        return False
    return data_type(best.type).keep == "shreddable" or bool(best.meant) or _is_person_key(header, best, samples)


def _is_identifier(kind: DataType, label: str) -> bool:
    if kind.token != "stored" or kind.few or kind.category == "user":
        return False
    return any(taxonomy.is_within(label, root) for root in _IDENTIFIERS)


def _is_key(header: str, samples: tuple[str, ...]) -> bool:
    """Return whether a column tells records apart: never twice the same, under a header such as `customer_no`."""
    return names_key(header) and len(samples) >= _ENOUGH_FOR_KEY and len(set(samples)) == len(samples)


def _indexes(kind: DataType, *, array: bool, is_key: bool) -> tuple[str, ...]:
    found = []
    if "exact" in kind.indexes and not kind.few and (is_key or kind.name not in _UNINDEXED):
        found.append("exact")
    if not array and not is_key and kind.name not in _UNINDEXED:
        # Indexes with few values are left out: they show the store which records are equal (`leak: equality`).
        found.extend([n for n in _USEFUL_PARTS if n in kind.indexes and not _few(kind, n)][:1])
    return tuple(found)


def _few(kind: DataType, name: str) -> bool:
    part = kind.part(name)
    return part is not None and part.few


def _entry(column: Planned) -> list[str]:
    field = column.field
    if field is None:
        return _comment(f"a `{column.guess.type}` column is left out: {column.why}")
    kind = f'"{field.type}[]"' if field.array else field.type
    ours = [f"type: {kind}", f"keep: {field.keep}"]
    ours += [f"index: [{', '.join(field.indexes)}]"] if field.indexes else []
    ours += ["token: stored"] if field.token else []
    # The header itself stays out: in a file without headers it may be a value.
    return [
        *_comment(f"{column.guess.confidence:.0%} sure: {column.why}"),
        f"          - name: {field.name}",
        f"            data_categories: [{', '.join(field.labels)}]",
        f"            fides_meta: {{privet: {{{', '.join(ours)}}}}}",
    ]


def _comment(text: str) -> list[str]:
    lines, line = [], ""
    for word in text.split():
        if line and len(line) + len(word) >= _COMMENT_WIDTH:
            lines.append(line)
            line = ""
        line = f"{line} {word}".strip()
    return [f"          # {each}" for each in [*lines, line]]
