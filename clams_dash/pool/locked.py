"""A version's file opened so that nothing but reading it is possible."""

from __future__ import annotations

from pathlib import Path

import duckdb

from clams_dash.errors import PoolError
from clams_dash.pool.schema import POOL_FORMAT

Config = dict[str, str | bool | int | float | list[str]]

LOCKED_DOWN: Config = {
    "enable_external_access": "false",
    "autoinstall_known_extensions": "false",
    "autoload_known_extensions": "false",
    "python_enable_replacements": "false",
    "threads": "1",
    "lock_configuration": "true",
}


def open_file(path: Path, config: Config, readable: Path | None = None) -> duckdb.DuckDBPyConnection:
    """Open a version's file for reading only. Raises PoolError when it is damaged or of another format.

    ``readable`` is a folder that the connection may read from beside its own file.
    """
    try:
        # Which folders are open can be said only to a running engine, before it is locked.
        connection = duckdb.connect(str(path), read_only=True, config=config if readable is None else {})
        if readable is not None:
            folder = f"{readable}/".replace("'", "''")
            connection.execute(f"SET GLOBAL allowed_directories = ['{folder}']")
            for name, value in config.items():
                connection.execute(f"SET GLOBAL {name} = '{value}'")
        found = connection.execute("SELECT format FROM pool_info").fetchone()
    except duckdb.Error as error:
        raise PoolError(f"{path}: cannot be opened ({error}); rebuild it from its sources") from error
    if found is None or found[0] != POOL_FORMAT:
        connection.close()
        raise PoolError(f"{path}: is of pool format {found and found[0]}, this version reads {POOL_FORMAT}; rebuild it")
    return connection
