"""Building the next version of the pool out of the current one: with the rows of an import, or without some.

Sorted tables keep one patient's rows together on disk, which keeps opening a case fast at any size without indexes.
What would grow with the pool when asked for (the list of cases, counts, the reference cohort) is worked out here, once.
A row whose place a later import took stays in the schema ``superseded``, with the batch that took it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime

import duckdb
import pandas as pd

from clams_dash.errors import PoolError
from clams_dash.model import tables
from clams_dash.model.tables import Table
from clams_dash.pool import schema
from clams_dash.pool.database import statement
from clams_dash.pool.quality import completeness_statements
from clams_dash.pool.reference import REFERENCE_PEOPLE
from clams_dash.pool.schema import SUPERSEDED
from clams_dash.pool.writing import NextVersion, new_file

_IMAGING_TABLES = (tables.MRI, tables.SERIES, tables.LESION)
"""What derived rows are made of."""


def build_next(version: NextVersion, batch_id: str, additions: Mapping[str, pd.DataFrame]) -> None:
    """Build a version: the rows of the current one (if any) with those of an import.

    Parameters
    ----------
    batch_id
        Batch of the additions; rows of the current version whose place they take are kept as superseded by it.
    additions
        Frames by table name; every column of the table must be present. Derived rows of a person stay as they are
        unless the additions hold rows on that person's imaging.
    """
    with _building(version) as (connection, earlier):
        connection.register("touched", _touched(additions))
        for table in tables.ALL_TABLES:
            _add(connection, table, earlier, additions, batch_id)
        connection.unregister("touched")


def build_from(
    version: NextVersion, prepare: Callable[[duckdb.DuckDBPyConnection], None], rows: Mapping[str, str]
) -> None:
    """Build a first version out of queries by table name, which may use what ``prepare`` makes before."""
    with _building(version) as (connection, _):
        prepare(connection)
        for name, query in rows.items():
            connection.execute(f"INSERT INTO {name} BY NAME {query} {_order(tables.BY_NAME[name])}")


@dataclass(frozen=True, slots=True)
class Without:
    """What to leave out: rows of the clinical tables and of ``records`` with ``value`` in ``column``.

    ``note`` names the statement that notes it in the pool; it may use ``$value`` and ``$at``.
    """

    column: str
    value: str
    records: tuple[Table, ...]
    note: str


def build_without(version: NextVersion, without: Without) -> None:
    """Build a version: the current one without some rows; what they superseded stands again."""
    with _building(version) as (connection, _):
        for table in tables.CLINICAL_TABLES:
            _keep(connection, table, without)
        for table in tables.CLINICAL_TABLES:
            connection.execute(_newest(table, standing=True))
            connection.execute(_newest(table, standing=False))
        for table in tables.CLINICAL_TABLES:
            connection.execute(f"DROP TABLE {_kept(table)}")
        for table in tables.RECORD_TABLES:
            rows = f"INSERT INTO {table.name} SELECT * FROM earlier.{table.name}"  # noqa: S608
            if table in without.records:
                rows += f" WHERE {without.column} IS DISTINCT FROM $value"
            connection.execute(
                f"{rows} {_order(table)}", {"value": without.value} if table in without.records else None
            )
        for table in tables.DERIVED_TABLES:
            connection.execute(_untouched(table, without), {"value": without.value})
        at = datetime.now(UTC).replace(tzinfo=None)
        connection.execute(statement(without.note), {"value": without.value, "at": at})


@contextmanager
def _building(version: NextVersion) -> Iterator[tuple[duckdb.DuckDBPyConnection, bool]]:
    """An empty version with the current one attached as ``earlier``; finished when the block ends."""
    try:
        with new_file(version.building) as connection:
            for creation in schema.create_statements():
                connection.execute(creation)
            earlier = version.attach_earlier(connection)
            if earlier:
                _check_format(connection)
            connection.execute(
                "INSERT INTO pool_info VALUES (?, ?, ?)",
                [schema.POOL_FORMAT, duckdb.__version__, datetime.now(UTC).replace(tzinfo=None)],
            )
            yield connection, earlier
            for name in ("lesion_courses", "case_summary", "case_word", "case_ending", "pool_count"):
                connection.execute(statement(name))
            connection.execute(statement("reference_point"), {"most": REFERENCE_PEOPLE})
            for counting in completeness_statements():
                connection.execute(counting)
            connection.execute("CHECKPOINT")
    except duckdb.Error as error:
        raise PoolError(f"{version.building.parent}: the new version could not be built ({error})") from error


def _add(
    connection: duckdb.DuckDBPyConnection,
    table: Table,
    earlier: bool,
    additions: Mapping[str, pd.DataFrame],
    batch_id: str,
) -> None:
    rows = additions.get(table.name)
    added = rows is not None and len(rows) > 0
    parts = []
    if earlier:
        parts.append(_earlier_rows(connection, table, additions, batch_id))
    if added:
        connection.register("addition", rows)
        typed = ", ".join(
            f"CAST({column.name} AS {schema.sql_type(column)}) AS {column.name}" for column in table.columns
        )
        parts.append(f"SELECT {typed} FROM addition")  # noqa: S608 - names come from the table description
    if parts:
        connection.execute(f"INSERT INTO {table.name} BY NAME {' UNION ALL BY NAME '.join(parts)} {_order(table)}")
    if added:
        connection.unregister("addition")


def _earlier_rows(
    connection: duckdb.DuckDBPyConnection, table: Table, additions: Mapping[str, pd.DataFrame], batch_id: str
) -> str:
    """Query of the rows that still stand; those whose place is taken are put among the superseded."""
    standing = f"SELECT * FROM earlier.{table.name}"  # noqa: S608
    if table in tables.DERIVED_TABLES:
        return f"{standing} WHERE patient_id NOT IN (SELECT patient_id FROM touched)"  # noqa: S608
    claims = _claims(table, additions)
    if table not in tables.CLINICAL_TABLES or not table.replaces:
        return standing
    gone = f"INSERT INTO {SUPERSEDED}.{table.name} SELECT * FROM earlier.{SUPERSEDED}.{table.name}"  # noqa: S608
    if claims is None:
        connection.execute(f"{gone} {_order(table)}")
        return standing
    connection.register("claims", claims)
    typed = ", ".join(f"CAST({name} AS {schema.sql_type(table.by_name[name])}) AS {name}" for name in table.replaces)
    connection.execute(f"CREATE OR REPLACE TEMP TABLE claimed AS SELECT DISTINCT {typed} FROM claims")  # noqa: S608
    connection.unregister("claims")
    same = " AND ".join(f"claimed.{name} IS NOT DISTINCT FROM e.{name}" for name in table.replaces)
    connection.execute(
        f"{gone} UNION ALL SELECT e.*, ? FROM earlier.{table.name} e SEMI JOIN claimed ON {same} {_order(table)}",  # noqa: S608
        [batch_id],
    )
    return f"SELECT e.* FROM earlier.{table.name} e ANTI JOIN claimed ON {same}"  # noqa: S608


def _claims(table: Table, additions: Mapping[str, pd.DataFrame]) -> pd.DataFrame | None:
    """Places that an import takes; a new mask takes those of its study's lesions, even when it holds none."""
    names = list(table.replaces)
    frames = [additions[table.name][names]] if table.name in additions and names else []
    if table is tables.LESION and "series" in additions:
        series = additions["series"]
        frames.append(series.loc[series["sequence"] == "lesion_mask", names])
    frames = [frame for frame in frames if len(frame)]
    return pd.concat(frames) if frames else None


def _touched(additions: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """People on whose imaging the additions hold rows."""
    names = [table.name for table in (*_IMAGING_TABLES, *tables.DERIVED_TABLES) if table.name in additions]
    people = {str(patient) for name in names for patient in additions[name]["patient_id"]}
    return pd.DataFrame({"patient_id": pd.Series(sorted(people), dtype=object)})


def _untouched(table: Table, without: Without) -> str:
    """Derived rows of people whose imaging loses nothing."""
    places = [name for one in _IMAGING_TABLES for name in (one.name, f"{SUPERSEDED}.{one.name}")]
    losing = " UNION ALL ".join(
        f"SELECT patient_id FROM earlier.{place} WHERE {without.column} IS NOT DISTINCT FROM $value"  # noqa: S608
        for place in places
    )
    return (
        f"INSERT INTO {table.name} SELECT * FROM earlier.{table.name} WHERE patient_id NOT IN ({losing}) "  # noqa: S608
        f"{_order(table)}"
    )


def _kept(table: Table) -> str:
    return f"kept_{table.name}"


def _keep(connection: duckdb.DuckDBPyConnection, table: Table, without: Without) -> None:
    names = ", ".join(column.name for column in table.columns)
    everything = (
        f"SELECT {names} FROM earlier.{table.name} UNION ALL SELECT {names} FROM earlier.{SUPERSEDED}.{table.name}"  # noqa: S608
    )
    connection.execute(
        f"CREATE TEMP TABLE {_kept(table)} AS SELECT * FROM ({everything}) WHERE {without.column} IS DISTINCT FROM ?",  # noqa: S608
        [without.value],
    )


def _newest(table: Table, *, standing: bool) -> str:
    """Rows of the latest import that claims their place, or the others with that import's batch."""
    key = ", ".join(table.replaces)
    claims = f"SELECT {key}, batch_id FROM {_kept(table)}"  # noqa: S608
    if table is tables.LESION:
        claims += " UNION ALL SELECT study_id, batch_id FROM kept_series WHERE sequence = 'lesion_mask'"
    same = " AND ".join(f"newest.{name} IS NOT DISTINCT FROM k.{name}" for name in table.replaces)
    winners = (
        f"SELECT {key}, arg_max(batch_id, (started_at, batch_id)) AS winner "  # noqa: S608
        f"FROM ({claims}) JOIN earlier.import_batch USING (batch_id) GROUP BY ALL"
    )
    target = table.name if standing else f"{SUPERSEDED}.{table.name}"
    more = "" if standing else ", winner"
    return (
        f"INSERT INTO {target} SELECT k.*{more} FROM {_kept(table)} k JOIN ({winners}) newest ON {same} "  # noqa: S608
        f"WHERE k.batch_id {'=' if standing else '<>'} winner {_order(table)}"
    )


def _order(table: Table) -> str:
    return "ORDER BY " + ", ".join(f"{name} NULLS LAST" for name in table.order)


def _check_format(connection: duckdb.DuckDBPyConnection) -> None:
    row = connection.execute("SELECT format FROM earlier.pool_info").fetchone()
    if row is None or row[0] != schema.POOL_FORMAT:
        found = None if row is None else row[0]
        raise PoolError(
            f"this pool is of format {found}, this version writes {schema.POOL_FORMAT}; import into a new folder"
        )
