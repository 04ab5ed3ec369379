"""Services of Amazon as moto emulates them, on loopback, and clients of them that are not ours."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import boto3
from botocore.config import Config
from moto.server import ThreadedMotoServer

from privet.secret import Secret

ID, SECRET = "canary-access-key", "canary-secret-key"
SECRETS = {"access_key": Secret(ID), "secret_key": Secret(SECRET)}


@contextmanager
def moto() -> Iterator[str]:
    """Give the URL of a server."""
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    try:
        host, port = server.get_host_and_port()
        yield f"http://{host}:{port}"
    finally:
        server.stop()


def raw(service: str, url: str) -> Any:
    """Return a client that knows nothing of the connector's."""
    return boto3.client(
        service,
        endpoint_url=url,
        region_name="us-east-1",
        aws_access_key_id=ID,
        aws_secret_access_key=SECRET,
        config=Config(proxies={}),
    )
