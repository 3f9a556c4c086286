"""Building the next version of the pool: the rows of the current one plus those of an import, sorted by patient.

Sorted tables keep one patient's rows together on disk, which keeps opening a case fast at any size without indexes.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

import duckdb
import pandas as pd

from clams_dash.errors import PoolError
from clams_dash.model import tables
from clams_dash.pool import schema
from clams_dash.pool.database import statement
from clams_dash.pool.folder import PoolFolder


def build_next(folder: PoolFolder, building: Path, additions: Mapping[str, pd.DataFrame]) -> None:
    """Write the file ``building``: all rows of the current version (if any) and of ``additions``.

    Parameters
    ----------
    additions
        Frames by table name; every column of the table must be present.
    """
    current = folder.version_file(folder.current_version()) if folder.exists() else None
    try:
        with duckdb.connect(str(building)) as connection:
            _fill(connection, current, additions)
            connection.execute("CHECKPOINT")
    except duckdb.Error as error:
        raise PoolError(f"{folder.path}: the new version could not be built ({error})") from error


def _fill(connection: duckdb.DuckDBPyConnection, current: Path | None, additions: Mapping[str, pd.DataFrame]) -> None:
    for creation in schema.create_statements():
        connection.execute(creation)
    if current is not None:
        connection.execute(f"ATTACH '{str(current).replace(chr(39), chr(39) * 2)}' AS earlier (READ_ONLY)")
        _check_format(connection, current)
    connection.execute(
        "INSERT INTO pool_info VALUES (?, ?, ?)",
        [schema.POOL_FORMAT, duckdb.__version__, datetime.now(UTC).replace(tzinfo=None)],
    )
    for table in tables.ALL_TABLES:
        _fill_table(connection, table, current is not None, additions.get(table.name))
    connection.execute(statement("case_summary"))


def _fill_table(
    connection: duckdb.DuckDBPyConnection, table: tables.Table, earlier: bool, rows: pd.DataFrame | None
) -> None:
    parts = [f"SELECT * FROM earlier.{table.name}"] if earlier else []  # noqa: S608
    if rows is not None and len(rows):
        connection.register("addition", rows)
        typed = ", ".join(
            f"CAST({column.name} AS {schema.sql_type(column)}) AS {column.name}" for column in table.columns
        )
        parts.append(f"SELECT {typed} FROM addition")  # noqa: S608 - names come from the table description
    if parts:
        order = ", ".join(f"{name} NULLS LAST" for name in table.order)
        connection.execute(f"INSERT INTO {table.name} BY NAME {' UNION ALL BY NAME '.join(parts)} ORDER BY {order}")
    if rows is not None and len(rows):
        connection.unregister("addition")


def _check_format(connection: duckdb.DuckDBPyConnection, current: Path) -> None:
    row = connection.execute("SELECT format FROM earlier.pool_info").fetchone()
    if row is None or row[0] != schema.POOL_FORMAT:
        found = None if row is None else row[0]
        raise PoolError(
            f"{current}: pool format {found}, this version writes {schema.POOL_FORMAT}; import into a new folder"
        )
