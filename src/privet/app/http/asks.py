"""Requests → asks: path, query and body become the one struct that a verb takes. Knows no verb by name.

What stands in the path comes from the path only; the rest comes from the query (GET, DELETE) or the JSON body. A
field is never read from two places.
"""

from __future__ import annotations

import re
import types
from collections.abc import Mapping
from typing import Annotated, Any, Union, get_args, get_origin
from urllib.parse import parse_qsl

import msgspec

from privet import codec
from privet.app.http.paths import Incoming, path_names
from privet.errors import InvalidInput, MalformedBody

MOST_PARAMETERS = 100
MOST_AT_ONCE = 1 << 16  # bytes of a body
_AT = re.compile(r" - at `\$\.(\w+)")
_LISTS = (list, tuple, set, frozenset)


class Reader:
    """How the asks of one verb are read. `path_type`, `query_type` and `body_type` describe the three places."""

    def __init__(self, name: str, method: str, path: str, ask: type[msgspec.Struct], max_keys: int) -> None:
        """Raises ValueError if the path names a field that the ask lacks."""
        in_path = path_names(path)
        fields = {field.name: field for field in msgspec.structs.fields(ask)}
        missing = set(in_path) - set(fields)
        if missing:
            raise ValueError(f"the ask of `{name}` lacks {', '.join(sorted(missing))}, which its path names")
        title = "".join(word.capitalize() for word in re.split(r"[._]", name))
        rest = [field for field in fields.values() if field.name not in in_path]
        takes_body = method not in ("GET", "DELETE")
        self._ask = ask
        self._max_keys = max_keys
        self.path_type = _part(f"{title}Path", ask, [_required(fields[name]) for name in in_path])
        self.query_type = None if takes_body else _part(f"{title}Query", ask, rest)
        self.body_type = _part(f"{title}Body", ask, rest) if takes_body else None
        self._plain_path = all(fields[name].type is str for name in in_path)
        self._in_path = frozenset(in_path)
        self._many = frozenset(field.encode_name for field in rest if _is_list(field.type))

    def read(self, incoming: Incoming) -> Any:
        """Return the ask. Raises MalformedBody, TooLarge, InvalidInput; each names the place and no value."""
        whole = self._whole(incoming)
        if whole is not None:
            return whole
        found: dict[str, Any] = {}
        if self._plain_path:
            found.update(incoming.params)
        else:
            found.update(_fields(_convert(incoming.params, self.path_type)))
        if self.body_type is not None:
            if incoming.query:
                raise InvalidInput("expected no query beside a body", at="query")
            found.update(_fields(codec.decode(incoming.body or b"{}", self.body_type, max_keys=self._max_keys)))
        elif self.query_type is not None:
            values = query_values(incoming.query, self._many)
            found.update(_fields(_convert(values, self.query_type)))
        try:
            return self._ask(**found)
        except ValueError:
            # A rule of the ask as a whole; its words may quote what broke it.
            raise InvalidInput("the parts of the request do not fit together") from None

    def _whole(self, incoming: Incoming) -> Any | None:
        """Return an ask of names in the path and a small body in one step; None where `read` has to look closer.

        What it does not take is read a second time, to say what is wrong and where; so it leaves large bodies alone.
        """
        if not self._plain_path or self.body_type is None or incoming.query or len(incoming.body) > MOST_AT_ONCE:
            return None
        body = codec.read_json(incoming.body or b"{}", max_keys=self._max_keys)
        if not isinstance(body, dict) or not self._in_path.isdisjoint(body):
            return None
        body.update(incoming.params)
        try:
            return msgspec.convert(body, self._ask)
        except msgspec.ValidationError:
            return None


def query_values(query: bytes, many: frozenset[str] = frozenset()) -> dict[str, str | list[str]]:
    """Return the parameters of a query string. Those in `many` are lists and may come again, the others once.

    Raises MalformedBody. Source: WHATWG URL Standard, application/x-www-form-urlencoded; stricter: UTF-8 only.
    """
    found: dict[str, str | list[str]] = {}
    if not query:
        return found
    try:
        pairs = parse_qsl(
            query.decode("ascii"),
            keep_blank_values=True,
            strict_parsing=True,
            errors="strict",
            max_num_fields=MOST_PARAMETERS,
        )
    except ValueError:
        raise MalformedBody(f"expected a query of at most {MOST_PARAMETERS} `name=value`", at="query") from None
    for name, value in pairs:
        if "\0" in value:
            raise MalformedBody("expected a query without NUL", at="query")
        if name in many:
            listed = found.setdefault(name, [])
            assert isinstance(listed, list)
            listed.append(value)
        elif name in found:
            raise MalformedBody("expected each parameter once", at="query")
        else:
            found[name] = value
    return found


def _fields(part: msgspec.Struct) -> dict[str, Any]:
    return msgspec.structs.asdict(part)


def _convert(values: Mapping[str, Any], kind: type[msgspec.Struct]) -> msgspec.Struct:
    try:
        return msgspec.convert(values, kind, strict=False)
    except msgspec.ValidationError as error:
        found = _AT.search(str(error))
        if found is not None:
            # Only names of the struct's own fields stand in such a path.
            raise InvalidInput("expected another kind of value", at=found.group(1)) from None
    missing = [f.encode_name for f in msgspec.structs.fields(kind) if f.required and f.encode_name not in values]
    if missing:
        raise InvalidInput(f"expected the parameter `{missing[0]}`", at=missing[0])
    known = ", ".join(f"`{field.encode_name}`" for field in msgspec.structs.fields(kind)) or "none"
    raise InvalidInput("unknown parameter in the query", at="query", hint=f"the parameters are {known}")


def _required(field: msgspec.structs.FieldInfo) -> msgspec.structs.FieldInfo:
    return msgspec.structs.FieldInfo(field.name, field.encode_name, field.type)


def _part(title: str, ask: type[msgspec.Struct], fields: list[msgspec.structs.FieldInfo]) -> type[msgspec.Struct]:
    """Return a struct of some fields of an ask that refuses every other."""
    listed: list[Any] = []
    for field in fields:
        if field.default_factory is not msgspec.NODEFAULT:
            listed.append((field.name, field.type, msgspec.field(default_factory=field.default_factory)))
        elif field.default is not msgspec.NODEFAULT:
            listed.append((field.name, field.type, field.default))
        else:
            listed.append((field.name, field.type))
    return msgspec.defstruct(
        title,
        listed,
        namespace={"__doc__": ask.__doc__},
        kw_only=True,
        forbid_unknown_fields=True,
        rename={field.name: field.encode_name for field in fields},
    )


def _is_list(kind: Any) -> bool:
    if get_origin(kind) is Annotated:
        return _is_list(get_args(kind)[0])
    if get_origin(kind) in (Union, types.UnionType):
        return any(_is_list(item) for item in get_args(kind))
    return get_origin(kind) in _LISTS or kind in _LISTS
