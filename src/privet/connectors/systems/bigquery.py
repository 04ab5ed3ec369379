"""Google BigQuery, by its own client's DB-API. Each statement is a job, and a transaction, of its own."""

from __future__ import annotations

import json
from typing import Any

from privet.connectors.base import Connector, Setup
from privet.connectors.catalog import listed
from privet.connectors.profile import Profile
from privet.connectors.settings import driver_of, setting
from privet.connectors.sql.connector import Driver, Fault, SqlConnector, Trouble
from privet.connectors.sql.dialect import Dialect
from privet.connectors.systems import Setting, System
from privet.errors import InvalidInput
from privet.vocabulary.dataset import Dataset

DIALECT = Dialect(
    name="bigquery",
    quotes=("`", "`"),
    mark="%s",
    commit="",
    rollback="",
    # Paths of objects with their types, top-level columns among them.
    columns=(
        "SELECT table_name, field_path, data_type FROM {schema}INFORMATION_SCHEMA.COLUMN_FIELD_PATHS "
        "WHERE table_name = %s"
    ),
    columns_with=("table",),
    as_text="CAST({} AS STRING)",
    element="{value} IN UNNEST({column})",
    nested=True,
    span="change",
)
EVERYTHING = (
    "SELECT table_name, column_name, data_type, is_nullable FROM {schema}INFORMATION_SCHEMA.COLUMNS "
    "ORDER BY table_name, ordinal_position"
)
_TROUBLES: dict[int, Trouble] = {
    400: "type",
    401: "denied",
    403: "denied",
    404: "missing",
    408: "busy",
    409: "busy",
    429: "busy",
    500: "lost",
    502: "lost",
    503: "lost",
    504: "busy",
}
_TOKENS = "https://oauth2.googleapis.com/token"
_SCOPE = "https://www.googleapis.com/auth/bigquery"


def open_bigquery(setup: Setup) -> Connector:
    """Open a connector. Raises InvalidInput for settings that cannot be, Unavailable without the driver."""
    dbapi = driver_of("google.cloud.bigquery.dbapi", "bigquery")
    schema = setting(setup, "schema")
    client = _client(setup)

    def connect() -> Any:
        return dbapi.connect(client=client(), prefer_bqstorage_client=False)

    def describe(raw: Any) -> Dataset:
        cursor = raw.cursor()
        cursor.execute(EVERYTHING.replace("{schema}", f"{DIALECT.quoted(schema)}."))
        rows = [(table, name, kind, may == "YES") for table, name, kind, may in cursor.fetchall()]
        return Dataset(key=setup.name, collections=listed(rows))

    driver = Driver(
        dialect=DIALECT,
        connect=connect,
        errors=(
            dbapi.Error,
            driver_of("google.api_core.exceptions", "bigquery").GoogleAPIError,
            driver_of("google.auth.exceptions", "bigquery").GoogleAuthError,
            OSError,
        ),
        judge=judge,
        describe=describe,
    )
    return SqlConnector(setup, driver)


def _client(setup: Setup) -> Any:
    """Return what makes a client. Raises InvalidInput for a key that is none."""
    bigquery = driver_of("google.cloud.bigquery", "bigquery")
    accounts = driver_of("google.oauth2.service_account", "bigquery")
    try:
        # A key names where tokens come from; only Google's own place is asked.
        key = dict(json.loads(setting(setup, "key"))) | {"token_uri": _TOKENS, "universe_domain": "googleapis.com"}
        credentials = accounts.Credentials.from_service_account_info(key, scopes=[_SCOPE])
    except (ValueError, KeyError, TypeError):
        hint = "paste the whole JSON file of the service account"
        raise InvalidInput(f"connector `{setup.name}` expects a service account's key", at="key", hint=hint) from None
    usual = bigquery.QueryJobConfig(job_timeout_ms=int(setup.limits.read_seconds * 1000), use_legacy_sql=False)
    return lambda: bigquery.Client(
        project=setting(setup, "project"), credentials=credentials, default_query_job_config=usual
    )


def judge(error: Exception) -> Fault:
    """Return what an error of the driver means."""
    cause = error.args[0] if error.args and isinstance(error.args[0], Exception) else error
    code = int(getattr(cause, "code", 0) or 0)
    if type(cause).__name__ == "RefreshError":
        return Fault("denied")
    return Fault(_TROUBLES.get(code, "lost" if isinstance(cause, OSError) else "other"), "", str(code or ""))


PART = System(
    name="bigquery",
    title="Google BigQuery",
    settings=(
        Setting(name="project", about="The project that the work is charged to."),
        Setting(name="schema", about="BigQuery's dataset, in which the tables are."),
        Setting(name="key", about="The service account's key, as its JSON file.", secret=True),
    ),
    profile=Profile(
        tried="statements",
        against="statements compared with Google's documents",
        atomic=False,
        deletes=True,
        masks=True,
        streams=True,
        reads_back=True,
        effect="nature",
        docs=(
            "https://cloud.google.com/python/docs/reference/bigquery/latest/dbapi",
            "https://cloud.google.com/bigquery/docs/parameterized-queries",
            "https://cloud.google.com/bigquery/docs/reference/standard-sql/dml-syntax",
            "https://cloud.google.com/bigquery/docs/information-schema-column-field-paths",
        ),
        limits=(
            "what was erased can be brought back by time travel until its time is over",
            "tables that ask for a partition filter cannot be asked",
            "describe knows no keys and references, and no fields inside of objects",
            "objects inside of arrays are read and masked only with the whole array",
        ),
    ),
    open=open_bigquery,
)
