"""Parquet files through DuckDB's own reader, so that no second Parquet library is needed."""

from __future__ import annotations

import tempfile
from pathlib import Path

import duckdb
import pandas as pd

from clams_dash.errors import ImportRefused

_QUIET: dict[str, str | bool | int | float | list[str]] = {
    "autoinstall_known_extensions": "false",
    "autoload_known_extensions": "false",
}


def read_parquet(file: Path) -> pd.DataFrame:
    """Read one Parquet file. Raises ImportRefused, naming the file, when it is none."""
    # DuckDB reads a path as a pattern, so `q[1]/patient.parquet` would be another folder's file: it is given a link
    # with a plain name. Times with a zone are dates in UTC, wherever this runs.
    with tempfile.TemporaryDirectory(prefix="clams-parquet-") as plain:
        link = Path(plain) / "table.parquet"
        link.symlink_to(file.resolve())
        try:
            with duckdb.connect(config=_QUIET) as connection:
                connection.execute("SET TimeZone = 'UTC'")
                return connection.execute("SELECT * FROM read_parquet(?)", [str(link)]).df()
        except duckdb.Error as error:
            raise ImportRefused(f"{file}: cannot be read as Parquet ({str(error).splitlines()[0]})") from error
