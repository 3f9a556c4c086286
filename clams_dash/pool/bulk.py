"""Pools of any size for ``clams bench``: rows that DuckDB makes up itself, built as every version of the pool is.

The rows have no clinical meaning beyond being of the right kind and size: some 10 visits and laboratory results a
person, some 4 MRI studies (without images), therapies, relapses and facts.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path

import duckdb
import pandas as pd

from clams_dash.errors import PoolError
from clams_dash.model import catalogues, tables
from clams_dash.pool import schema
from clams_dash.pool.build import build_from
from clams_dash.pool.database import Database, statement
from clams_dash.pool.folder import PoolFolder
from clams_dash.pool.writing import new_file

_BATCH = "b-bench"
TABLES: tuple[tables.Table, ...] = (
    tables.PATIENT, tables.VISIT, tables.RELAPSE, tables.TREATMENT, tables.CLINICAL_FACT, tables.LAB, tables.MRI,
)  # fmt: skip
"""Tables that get rows."""
_APPROVED_BY = 2008
"""The first year in which anybody is seen; only therapies approved by then are given."""
_NEVER = 9999
_NFL_RANGE = (4.0, 40.0)
"""pg/mL."""
_MEMORY = "6GB"
"""What DuckDB may take while it makes the rows; the rest it keeps in files."""


def build_bulk(folder: PoolFolder, people: int, seed: int = 1) -> None:
    """Build the first version of a pool of ``people`` made-up people. Raises PoolError when there is a pool already."""
    if folder.exists():
        raise PoolError(f"{folder.path}: holds a pool already; name a new folder")
    with folder.writing() as version:
        queries = {table.name: _rows(table) for table in TABLES} | {tables.IMPORT_BATCH.name: _note(people)}
        build_from(version, lambda connection: _prepare(connection, people, seed), queries)
        version.publish()


def some_people(folder: PoolFolder) -> list[str]:
    """Pseudonyms of up to a thousand people, in the order of chance."""
    database = Database(folder)
    found = [str(row["patient_id"]) for row in database.rows("bulk/some_people")]
    database.close()
    return found


@dataclass(frozen=True, slots=True)
class Copied:
    """What DuckDB's own COPY of the same rows took: rows and seconds."""

    rows: int
    seconds: float


def write_sources(folder: PoolFolder, target: Path, kind: str) -> None:
    """Write the columns that a source gives of every table that got rows, as files of ``kind`` (csv or parquet)."""
    source = folder.version_file(folder.current_version())
    target.mkdir(parents=True)
    with duckdb.connect(str(source), read_only=True) as connection:
        for table in TABLES:
            names = ", ".join(column.name for column in table.source_columns)
            connection.execute(f"COPY (SELECT {names} FROM {table.name}) TO '{target / table.name}.{kind}'")  # noqa: S608


def copy_plainly(sources: Path, kind: str, target: Path) -> Copied:
    """Let DuckDB copy the same files into the same tables, without checks, order, or anything made of them."""
    rows, begun = 0, time.perf_counter()
    with new_file(target) as connection:
        connection.execute(f"SET memory_limit = '{_MEMORY}'")
        for creation in schema.create_statements():
            connection.execute(creation.replace(" NOT NULL", ""))
        for table in TABLES:
            names = ", ".join(column.name for column in table.source_columns)
            done = connection.execute(f"COPY {table.name} ({names}) FROM '{sources / table.name}.{kind}'").fetchone()
            rows += int(done[0]) if done else 0
        connection.execute("CHECKPOINT")
    seconds = time.perf_counter() - begun
    target.unlink()
    return Copied(rows, seconds)


def _prepare(connection: duckdb.DuckDBPyConnection, people: int, seed: int) -> None:
    """Make the people, and what they are given out of the catalogues."""
    connection.execute(f"SET memory_limit = '{_MEMORY}'")
    connection.execute(statement("bulk/draw"))
    connection.execute(statement("bulk/person"), {"people": people, "seed": seed})
    for name, rows in (("bulk_dmt", _therapies()), ("bulk_analyte", _analytes())):
        connection.register("rows", rows)
        connection.execute(f"CREATE TEMP TABLE {name} AS SELECT row_number() OVER () AS number, * FROM rows")  # noqa: S608
        connection.unregister("rows")


def _therapies() -> pd.DataFrame:
    early = [name for name, dmt in catalogues.dmts().items() if (dmt.approved_year or _NEVER) <= _APPROVED_BY]
    return pd.DataFrame({"dmt": early})


def _analytes() -> pd.DataFrame:
    """Analytes with reference limits, which the results lie between, and sNfL."""
    columns = ["analyte", "loinc", "unit", "lower_limit", "upper_limit", "low", "high"]
    rows = [
        (one.analyte, one.loinc, one.unit, one.lower_limit, one.upper_limit, one.lower_limit, one.upper_limit)
        for one in catalogues.analytes().values()
        if one.lower_limit is not None and one.upper_limit is not None
    ]
    nfl = catalogues.analytes()["nfl"]
    return pd.DataFrame([(nfl.analyte, nfl.loinc, nfl.unit, None, None, *_NFL_RANGE), *rows], columns=columns)


def _rows(table: tables.Table) -> str:
    """Query of a table's rows with where they come from."""
    return (
        f"SELECT *, '{_BATCH}' AS batch_id, '{table.name}' AS source_file, "  # noqa: S608 - statements of this package
        f"(1 + row_number() OVER ())::INTEGER AS source_row FROM ({statement(f'bulk/{table.name}')})"
    )


def _note(people: int) -> str:
    """Query of the batch's own row."""
    return (
        f"SELECT '{_BATCH}' AS batch_id, 'made up, {people} people' AS source, 'bench' AS format, "
        f"now()::TIMESTAMP AS started_at, 'none' AS sha256"
    )
