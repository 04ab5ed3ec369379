"""The dataset of a system with what its connector's file says of it: the graph of people's requests is drawn by this.

What an endpoint can be asked by becomes a field of its collection, with the identity or the references that say where
values come from, under the name of the param. Source: the Fides documentation, "SaaS configuration", "How does this
relate to graph traversal?".
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace

from privet.connectors.rest.nodes import near
from privet.connectors.rest.words import Config, Endpoint, Param, Request
from privet.errors import InvalidInput
from privet.vocabulary.dataset import Collection, Dataset, Field, Link, Masking, Native, every_field

_PERSONAL = "user"


def dataset_of(config: Config, dataset: Dataset | None = None, *, external: Mapping[str, str] | None = None) -> Dataset:
    """Return a dataset, the file's own if None, with what the file says of its requests.

    Collections that can only be deleted say so by their masking; fields of those that can be neither changed nor
    deleted are read-only; fields without which no record can be changed are part of the key, those of people aside.
    `external`: name of an external reference → `dataset.collection.field`. Raises InvalidInput.
    """
    base = dataset or config.dataset or Dataset(key=config.fides_key, collections=())
    merge = _Merge(config, base, external or {})
    names = list(dict.fromkeys([*(one.name for one in base.collections), *(one.name for one in config.endpoints)]))
    found = {name: base.collection(name) or Collection(name=name, fields=()) for name in names}
    for endpoint in config.endpoints:
        found[endpoint.name] = merge.collection(found[endpoint.name], endpoint)
    for endpoint in config.endpoints:
        source = merge.group_source(endpoint)
        if source is not None and source in found:
            name = group_origin(endpoint)
            found[source] = replace(found[source], fields=(*found[source].fields, Field(name=name, type="string")))
    return replace(base, collections=tuple(found[name] for name in names))


def askers(endpoint: Endpoint) -> tuple[Request, ...]:
    """Return the requests that say what an endpoint can be asked by: its reads, else its deletes."""
    return endpoint.reads or endpoint.deletes or endpoint.updates


def inputs(request: Request) -> tuple[Param, ...]:
    """Return the params that are filled by what is known of a person."""
    return tuple(param for param in request.params if param.identity or param.references)


def group_name(grouped: Iterable[str]) -> str:
    """Return the field in which values that belong together are asked for together."""
    return "+".join(grouped)


def group_origin(endpoint: Endpoint) -> str:
    """Return the field in which the collection they come from holds them."""
    return f"{endpoint.name}+{group_name(askers(endpoint)[0].grouped)}"


def group_paths(config: Config, endpoint: Endpoint, key: str) -> tuple[str, dict[str, str]] | None:
    """Return collection and param → path of an endpoint's grouped inputs, None where it has none, or they are of
    another dataset than the one called `key`."""
    requests = askers(endpoint)
    grouped = requests[0].grouped if requests else ()
    paths: dict[str, str] = {}
    collections = set()
    for name in grouped:
        param = requests[0].param(name)
        link = param.references[0] if param and param.references else None
        if not isinstance(link, Link) or link.dataset not in (config.fides_key, key):
            return None
        collection, _, path = link.field.partition(".")
        collections.add(collection)
        paths[name] = path
    return (collections.pop(), paths) if len(collections) == 1 and len(paths) > 1 else None


class _Merge:
    def __init__(self, config: Config, dataset: Dataset, external: Mapping[str, str]) -> None:
        self.config = config
        self.key = dataset.key
        self.external = external

    def collection(self, found: Collection, endpoint: Endpoint) -> Collection:
        fields = self.with_inputs(list(found.fields), endpoint)
        fields = self.with_keys(fields, endpoint)
        changes = bool(endpoint.updates)
        deletes = bool(endpoint.deletes or self.config.protection)
        if not changes and not deletes:
            fields = [_read_only(field) for field in fields]
        masking = found.masking or (Masking("delete") if deletes and not changes else None)
        return replace(
            found,
            fields=tuple(fields),
            masking=masking,
            skipped=found.skipped or endpoint.skipped,
            after=_joined(found.after, self.named(endpoint.after)),
            erase_after=_joined(found.erase_after, self.named(endpoint.erase_after)),
        )

    def named(self, addresses: Iterable[str]) -> Iterator[str]:
        """Yield addresses with the dataset's own key in place of the file's."""
        for address in addresses:
            key, _, rest = address.partition(".")
            yield f"{self.key}.{rest}" if key == self.config.fides_key else address

    # --- what it can be asked by ----------------------------------------------------------------------------------

    def with_inputs(self, fields: list[Field], endpoint: Endpoint) -> list[Field]:
        group = group_paths(self.config, endpoint, self.key)
        apart = group[1] if group else {}
        for request in askers(endpoint):
            for param in inputs(request):
                if param.name not in apart:
                    fields = self.with_input(fields, param)
        if group is not None:
            name = group_name(apart)
            link = Link(self.key, f"{group[0]}.{group_origin(endpoint)}", "from")
            fields = [*fields, Field(name=name, type="string", native=Native(links=(link,)))]
        if not endpoint.reads and fields and not any(field.native.primary_key for _, field in every_field(fields)):
            first = next(iter(inputs(askers(endpoint)[0])), None) if askers(endpoint) else None
            fields = [_key(field) if first and field.name == first.name else field for field in fields]
        return fields

    def with_input(self, fields: list[Field], param: Param) -> list[Field]:
        links = tuple(self.links(param))
        held = next((field for field in fields if field.name == param.name), None)
        if held is None:
            native = Native(identity=param.identity, links=links)
            return [*fields, Field(name=param.name, type="string", native=native)]
        native = replace(
            held.native,
            identity=param.identity or held.native.identity,
            links=tuple(dict.fromkeys((*held.native.links, *links))),
        )
        return [replace(held, native=native) if field is held else field for field in fields]

    def links(self, param: Param) -> Iterator[Link]:
        for one in param.references:
            if isinstance(one, Link):
                yield Link(self.key if one.dataset == self.config.fides_key else one.dataset, one.field, "from")
                continue
            said = self.external.get(one, "")
            key, _, rest = said.partition(".")
            if "." not in rest:
                hint = near(one, list(self.external)) or f"set `{one}` to `dataset.collection.field`"
                raise InvalidInput(f"expected to be told what the external reference `{one}` refers to", hint=hint)
            yield Link(key, rest, "from")

    # --- what finds a record ----------------------------------------------------------------------------------------

    def with_keys(self, fields: list[Field], endpoint: Endpoint) -> list[Field]:
        known = dict(every_field(fields))
        keyless = not any(field.native.primary_key for field in known.values())
        for path in self.needed(endpoint):
            field = known.get(path)
            if field is None or field.native.primary_key:
                continue
            personal = any(label.split(".")[0] == _PERSONAL for label in field.labels)
            if keyless or not personal:
                fields = _with_key(fields, path.split("."))
        return fields

    def needed(self, endpoint: Endpoint) -> Iterator[str]:
        """Yield the fields of its own records that updates and deletes are filled by."""
        for request in (*endpoint.updates, *endpoint.deletes):
            for param in request.params:
                for link in param.references[:1]:
                    path = own_path(self.config, self.key, endpoint, link)
                    if path:
                        yield path

    def group_source(self, endpoint: Endpoint) -> str | None:
        group = group_paths(self.config, endpoint, self.key)
        return group[0] if group else None


def own_path(config: Config, key: str, endpoint: Endpoint, link: Link | str) -> str:
    """Return the path in an endpoint's own records that a reference names, "" for a reference to elsewhere."""
    if not isinstance(link, Link) or link.dataset not in (config.fides_key, key):
        return ""
    collection, _, path = link.field.partition(".")
    return path if collection == endpoint.name else ""


def _joined(one: Iterable[str], other: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys((*one, *other)))


def _key(field: Field) -> Field:
    return replace(field, native=replace(field.native, primary_key=True))


def _with_key(fields: Iterable[Field], path: list[str]) -> list[Field]:
    out = []
    for field in fields:
        if field.name == path[0]:
            inner = tuple(_with_key(field.fields, path[1:])) if len(path) > 1 else field.fields
            field = replace(field, fields=inner) if len(path) > 1 else _key(field)
        out.append(field)
    return out


def _read_only(field: Field) -> Field:
    return replace(
        field, native=replace(field.native, read_only=True), fields=tuple(_read_only(inner) for inner in field.fields)
    )
