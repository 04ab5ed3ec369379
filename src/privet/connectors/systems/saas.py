"""Systems with an HTTP API that a file declares, in the SaaS connector format of Fides: one file a vendor, no code.

The file is one of ours (`stripe`), or yours: a path, or the text itself. Its connector params are settings by their
names, those that it calls sensitive are secrets. `host` and `protocol` lead every request to a fake on this machine.
"""

from __future__ import annotations

from privet.connectors.base import Connector, Setup
from privet.connectors.profile import Effect, Profile
from privet.connectors.rest.connector import open_config
from privet.connectors.rest.shelf import named
from privet.connectors.rest.words import Config
from privet.connectors.systems import Setting, System
from privet.errors import InvalidInput

_DOCS = (
    "https://ethyca.com/docs/dev-docs/configuration/integrations/saas-integrations/saas-config",
    "https://ethyca.com/docs/dev-docs/configuration/integrations/saas-integrations/saas-pagination",
    "https://ethyca.com/docs/dev-docs/configuration/integrations/saas-integrations/saas-postprocessors",
    "https://ethyca.com/docs/dev-docs/configuration/integrations/saas-integrations/saas-oauth2",
)

_REPEATABLE = frozenset({"DELETE", "PUT", "PATCH"})  # a PATCH sets fields, and what is gone is no fault


def open_saas(setup: Setup) -> Connector:
    """Return a connector for the file that a set-up names. Its dataset has the set-up's name where the file leaves
    the key open."""
    return open_config(setup, config_of(setup))


def config_of(setup: Setup) -> Config:
    """Return the file that a set-up names. Raises InvalidInput, UnknownName."""
    said = setup.settings.get("config")
    if not isinstance(said, str) or not said:
        raise InvalidInput("expected the setting `config`: a vendor, a path, or the YAML text", at=setup.name)
    return named(said, key=setup.name)


def _effect(config: Config) -> Effect:
    """Return why what is asked for twice happens once.

    To look is the last resort: the first of several requests may hide a record that the next would delete for good.
    """
    if config.idempotency_header:
        return "key"
    writes = [request for one in config.endpoints for request in (*one.updates, *one.deletes)]
    writes += [config.protection] if config.protection else []
    return "nature" if all(request.method in _REPEATABLE for request in writes) else "look"


def profile_of(config: Config) -> Profile:
    """Return how good a connector is with a file of its own."""
    deletes = any(endpoint.deletes for endpoint in config.endpoints) or config.protection is not None
    return Profile(
        tried="fake" if config.docs else "nothing",
        against=f"a fake of {config.name} that was written from its documents" if config.docs else "",
        atomic=False,
        deletes=deletes,
        masks=any(endpoint.updates for endpoint in config.endpoints),
        streams=True,
        reads_back=all(endpoint.reads for endpoint in config.endpoints),
        effect=_effect(config),
        docs=config.docs,
        limits=config.notes,
        by_any=False,
    )


PART = System(
    name="saas",
    title="HTTP API by declaration (SaaS)",
    settings=(
        Setting(name="config", about="a vendor on the shelf, the path of a connector file, or its YAML text"),
        Setting(name="host", about="host:port on this machine in place of the system's own, for tests", default=""),
        Setting(name="protocol", about="`http` or `https`, with `host`", default=""),
        Setting(name="response_bytes", about="the longest answer that is read, a page", default=1 << 20),
    ),
    profile=Profile(
        tried="fake",
        against="fakes of twelve vendors that were written from their documents",
        atomic=False,
        deletes=True,
        masks=True,
        streams=True,
        reads_back=True,
        effect="look",
        docs=_DOCS,
        limits=(
            "only what an endpoint takes as an input can be asked for: identities and references",
            "requests that name code of Fides (`request_override`) or call back (`async_config`) are refused",
            "a refresh token that the system changes is kept in memory alone",
        ),
        by_any=False,
    ),
    open=open_saas,
    profiled=lambda setup: profile_of(config_of(setup)),
)
