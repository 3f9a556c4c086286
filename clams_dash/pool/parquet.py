"""Parquet files through DuckDB's own reader, so that no second Parquet library is needed."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pandas as pd

from clams_dash.errors import ImportRefused


def read_parquet(file: Path) -> pd.DataFrame:
    """Read one Parquet file. Raises ImportRefused, naming the file, when it is none."""
    try:
        with duckdb.connect() as connection:
            return connection.execute("SELECT * FROM read_parquet(?)", [str(file)]).df()
    except duckdb.Error as error:
        raise ImportRefused(f"{file}: cannot be read as Parquet ({error})") from error
