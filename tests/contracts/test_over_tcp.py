"""Servers that are reached by a name and a port, on connections that we make ourselves for the driver."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from databases import SqlStage
from relay import relay

from privet.connectors.base import Connector, Limits
from privet.testing import ConnectorContract

USUAL = Limits()
SOCKETS = {"postgres": "{}/.s.PGSQL.5432", "mysql": "{}"}


class Reached:
    """A stage whose connectors go over TCP."""

    def __init__(self, inner: SqlStage, port: int) -> None:
        self.inner, self.port = inner, port
        self.system, self.dataset, self.secrets = inner.system, inner.dataset, inner.secrets
        self.traits, self.fill, self.dump, self.refused = inner.traits, inner.fill, inner.dump, inner.refused
        self.unreachable = inner.unreachable

    def open(self, limits: Limits = USUAL) -> Connector:
        settings = {**self.inner.settings, "host": "localhost", "port": self.port}
        return self.system.open(self.inner.setup(settings, limits))


@pytest.fixture(params=["postgres_stage", "mariadb_stage"])
def stage(request: pytest.FixtureRequest) -> Iterator[Reached]:
    inner = request.getfixturevalue(request.param)
    with relay(SOCKETS[inner.system.name].format(inner.settings["host"])) as port:
        yield Reached(inner, port)


CHECKS = (
    ConnectorContract.test_a_probe_changes_nothing,
    ConnectorContract.test_describe_agrees_with_the_dataset,
    ConnectorContract.test_several_values_find_each_record_once,
    ConnectorContract.test_pages_are_bounded_and_no_record_comes_twice,
    ConnectorContract.test_a_read_that_is_given_up_leaves_the_connector_of_use,
    ConnectorContract.test_collections_are_erased_in_the_order_given,
    ConnectorContract.test_an_erasure_is_whole_where_the_profile_says_so,
)


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
def test_a_server_by_name_and_port_keeps_the_contract(check: object, stage: Reached) -> None:
    assert callable(check)
    check(ConnectorContract(), stage)
