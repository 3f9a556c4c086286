"""The pool as Parquet files: every table, superseded rows and the image files, a folder that ``clams import`` reads."""

from __future__ import annotations

import secrets
import shutil
from dataclasses import dataclass
from pathlib import Path

import duckdb

from clams_dash.errors import PoolError
from clams_dash.model import tables
from clams_dash.pool.folder import PoolFolder
from clams_dash.pool.reading import open_for_export
from clams_dash.pool.schema import SUPERSEDED


@dataclass(frozen=True, slots=True)
class Exported:
    """What was written: rows by table, superseded rows in all, image files."""

    rows: dict[str, int]
    superseded: int
    image_files: int


def export_tables(folder: PoolFolder, target: Path) -> Exported:
    """Write the current version into a new folder, whole or not at all. Raises PoolError when it exists."""
    if target.exists():
        raise PoolError(f"{target}: exists already; name a new folder")
    staged = target.with_name(f".{target.name}-{secrets.token_hex(6)}")
    try:
        staged.mkdir(parents=True)
        with open_for_export(folder) as connection:
            rows = {table.name: _copy(connection, table.name, table, staged) for table in tables.ALL_TABLES}
            superseded = 0
            for table in tables.CLINICAL_TABLES:
                superseded += _copy(connection, f"{SUPERSEDED}.{table.name}", table, staged / SUPERSEDED)
            images = connection.execute("SELECT DISTINCT path FROM series ORDER BY path").fetchall()
        for (path,) in images:
            (staged / path).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(folder.imaging / path, staged / path)
        staged.rename(target)
    except (duckdb.Error, OSError) as error:
        raise PoolError(f"{target}: could not be written ({error})") from error
    finally:
        shutil.rmtree(staged, ignore_errors=True)
    return Exported(rows, superseded, len(images))


def _copy(connection: duckdb.DuckDBPyConnection, name: str, table: tables.Table, folder: Path) -> int:
    folder.mkdir(parents=True, exist_ok=True)
    file = str(folder / f"{table.name}.parquet").replace("'", "''")
    order = ", ".join(f"{column} NULLS LAST" for column in table.order)
    written = connection.execute(
        f"COPY (SELECT * FROM {name} ORDER BY {order}) TO '{file}' (FORMAT parquet, COMPRESSION zstd)"  # noqa: S608
    ).fetchone()
    return int(written[0]) if written else 0
