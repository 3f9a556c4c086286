"""Reads ``truth.duckdb``: what would have happened. For evaluation and the kiosk's export only (import contract)."""

from __future__ import annotations

from dataclasses import dataclass

import duckdb
import pandas as pd

from clams_dash.errors import PoolError
from clams_dash.pool.folder import PoolFolder
from clams_dash.pool.truth_file import TRUTH_FILE, TRUTH_TABLES

_READ_ONLY: dict[str, str | bool | int | float | list[str]] = {
    "enable_external_access": "false",
    "autoinstall_known_extensions": "false",
    "autoload_known_extensions": "false",
    "lock_configuration": "true",
}


@dataclass(frozen=True, slots=True)
class Truth:
    """The three tables (data/README.md). ``decisions`` has a row per decision and therapy."""

    decisions: pd.DataFrame
    world: pd.DataFrame
    burden: pd.DataFrame


def read_truth(folder: PoolFolder) -> Truth:
    """The truth of a synthetic pool. Raises PoolError where there is none or it cannot be read."""
    path = folder.path / TRUTH_FILE
    if not path.is_file():
        raise PoolError(f"{path}: no truth beside this pool; `clams truth` works it out for a synthetic pool")
    try:
        with duckdb.connect(str(path), read_only=True, config=_READ_ONLY) as connection:
            frames = [connection.execute(f"SELECT * FROM {name}").df() for name in TRUTH_TABLES]  # noqa: S608
    except duckdb.Error as error:
        raise PoolError(f"{path}: cannot be read ({str(error).splitlines()[0]})") from error
    return Truth(*frames)
