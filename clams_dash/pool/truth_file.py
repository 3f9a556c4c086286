"""Writes ``truth.duckdb`` beside a synthetic pool: what would have happened under every therapy."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from pathlib import Path

import duckdb
import pandas as pd

from clams_dash.errors import PoolError
from clams_dash.pool.folder import PoolFolder

TRUTH_FILE = "truth.duckdb"
TRUTH_TABLES: tuple[str, ...] = ("truth", "world", "burden")


def write_truth(folder: PoolFolder, tables: Mapping[str, pd.DataFrame]) -> Path:
    """Write the tables ``truth``, ``world`` and ``burden``, replacing an earlier file in one step.

    Raises PoolError when a table is missing or the folder cannot be written.
    """
    missing = [name for name in TRUTH_TABLES if name not in tables]
    if missing:
        raise PoolError(f"{TRUTH_FILE}: the table {missing[0]} is missing")
    final = folder.path / TRUTH_FILE
    building = folder.path / f".truth-{secrets.token_hex(6)}.duckdb"
    try:
        with duckdb.connect(str(building)) as connection:
            for name in TRUTH_TABLES:
                frame = tables[name]  # noqa: F841  (DuckDB reads it by its name)
                connection.execute(f"CREATE TABLE {name} AS SELECT * FROM frame")  # noqa: S608
        building.replace(final)
    except (duckdb.Error, OSError) as error:
        raise PoolError(f"{final}: cannot be written ({str(error).splitlines()[0]})") from error
    finally:
        building.unlink(missing_ok=True)
    return final
