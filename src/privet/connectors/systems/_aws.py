"""What services of Amazon have in common: credentials, addresses, deadlines, and errors without what was sent."""

from __future__ import annotations

import logging
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

from privet.connectors.base import Setup
from privet.connectors.egress import is_loopback
from privet.connectors.settings import demand_way
from privet.connectors.systems import Setting
from privet.errors import Conflict, InvalidInput, Refused, Unavailable

SETTINGS = (
    Setting(name="region", about="The region, as Amazon writes it.", default="us-east-1"),
    Setting(name="endpoint", about="The URL of another service that speaks the same.", default=""),
    Setting(
        name="credentials",
        about="`keys`: those given here. `machine`: the role of the machine, or what its environment says.",
        default="keys",
    ),
    Setting(name="access_key", about="The access key's id.", default="", secret=True),
    Setting(name="secret_key", about="The access key's secret.", default="", secret=True),
    Setting(name="session_token", about="The token of temporary credentials.", default="", secret=True),
)

Client = Any
"""A client of botocore, which makes its methods at run time."""

_MAKING = threading.Lock()
_SESSIONS: dict[str, Any] = {}

_ABSENT = frozenset({"NoSuchBucket", "ResourceNotFoundException"})
_CHANGED = frozenset({"PreconditionFailed", "ConditionalRequestConflict", "NoSuchKey", "NoSuchVersion", "412", "404"})
_BUSY = re.compile(
    r"Throttl|SlowDown|RequestLimit|ProvisionedThroughput|ServiceUnavailable|InternalError|RequestTimeout"
)


def client(setup: Setup, service: str) -> Client:
    """Return a client. Connects to nothing. Raises InvalidInput for settings that cannot be, Unavailable without the
    library."""
    try:
        import boto3  # type: ignore[import-untyped]
        from botocore.config import Config  # type: ignore[import-untyped]
    except ModuleNotFoundError:
        hint = "install `privet[aws]`"
        raise Unavailable(f"expected a driver for `{service}`, which is not installed", hint=hint) from None
    # At DEBUG they write requests and answers into the log.
    for name in ("botocore", "boto3", "urllib3", "s3transfer"):
        if logging.getLogger(name).level < logging.INFO:
            logging.getLogger(name).setLevel(logging.INFO)
    endpoint = _endpoint(setup)
    if endpoint:
        demand_way(setup, urlsplit(endpoint).hostname or "")
    config = Config(
        connect_timeout=setup.limits.connect_seconds,
        read_timeout=setup.limits.read_seconds,
        retries={"max_attempts": 2, "mode": "standard"},
        proxies={},
        ignore_configured_endpoint_urls=True,
        max_pool_connections=2,
        s3={"addressing_style": "path"} if setup.settings.get("endpoint") else None,
    )
    with _MAKING:
        # One for all: it reads long descriptions of services once. It is not made for several threads at a time.
        session = _SESSIONS["one"] = _SESSIONS.get("one") or boto3.session.Session()
        return session.client(service, region_name=_region(setup), endpoint_url=endpoint, config=config, **_keys(setup))


def check(setup: Setup) -> None:
    """Make sure that settings can be. Raises InvalidInput."""
    _keys(setup)
    _region(setup)
    _endpoint(setup)


def _region(setup: Setup) -> str:
    region = str(setup.settings.get("region", "us-east-1"))
    if not re.fullmatch(r"[a-z0-9-]{1,40}", region):
        raise InvalidInput("expected a region such as `eu-central-1`", at="region")
    return region


def _endpoint(setup: Setup) -> str | None:
    url = str(setup.settings.get("endpoint", ""))
    if not url:
        return None
    parts = urlsplit(url)
    if not parts.hostname or parts.scheme not in ("https", "http") or parts.username or parts.query:
        raise InvalidInput("expected an endpoint as `https://host:port`", at="endpoint")
    if parts.scheme == "http" and not is_loopback(parts.hostname):
        raise InvalidInput("expected https, found http to another machine", at="endpoint")
    return url


def _keys(setup: Setup) -> dict[str, str]:
    held = {name: secret.reveal() for name, secret in setup.secrets.items()}
    how = setup.settings.get("credentials", "keys")
    if how == "machine":
        return {}
    if how != "keys" or not held.get("access_key") or not held.get("secret_key"):
        hint = "or `credentials: machine` for the role of the machine"
        raise InvalidInput("expected `access_key` and `secret_key`", at="credentials", hint=hint)
    found = {"aws_access_key_id": held["access_key"], "aws_secret_access_key": held["secret_key"]}
    return found | ({"aws_session_token": held["session_token"]} if held.get("session_token") else {})


@contextmanager
def faults(what: str) -> Iterator[None]:
    """Tell what a service answers by its code alone: its texts may quote what was sent. `what`: the bucket or table."""
    from botocore.exceptions import BotoCoreError, ClientError, NoCredentialsError  # type: ignore[import-untyped]

    try:
        yield
    except ClientError as error:
        raise _told(str(error.response.get("Error", {}).get("Code", "")), error.response, what) from None
    except NoCredentialsError:
        raise Refused("expected credentials, found none", at=what) from None
    except BotoCoreError as error:
        raise Unavailable(f"the service does not answer: {type(error).__name__}", at=what) from None


def _told(code: str, response: Any, what: str) -> Conflict | InvalidInput | Refused | Unavailable:
    status = int(response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))
    code = code if code.isalnum() else "an error"
    if code in _ABSENT:
        return InvalidInput(f"expected a bucket or table, which is not there: {code}", at=what)
    if code in _CHANGED or status == 412:
        return Conflict(f"it was changed meanwhile: {code}", at=what)
    if status >= 500 or _BUSY.search(code):
        return Unavailable(f"the service is busy: {code}", at=what)
    return Refused(f"the service refuses: {code}", at=what)
