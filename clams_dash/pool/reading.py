"""Opening a version of the pool for reading, wherever the pool is kept."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import duckdb

from clams_dash.errors import PoolError
from clams_dash.pool.folder import PoolFolder
from clams_dash.pool.schema import POOL_FORMAT

LOCKED_DOWN: dict[str, str | bool | int | float | list[str]] = {
    "enable_external_access": "false",
    "autoinstall_known_extensions": "false",
    "autoload_known_extensions": "false",
    "python_enable_replacements": "false",
    "threads": "2",
    "lock_configuration": "true",
}
"""Settings of a connection that can do nothing but read its own file."""


class Versions(Protocol):
    """The versions of one pool, as a reader needs them."""

    def current(self) -> str:
        """Name of the version to read now. Raises PoolError when there is none."""

    def open(self, version: str) -> duckdb.DuckDBPyConnection:
        """A locked-down, read-only connection to a version. Raises PoolError when it cannot be opened."""


def versions_of(folder: PoolFolder) -> Versions:
    """The versions that a pool folder holds or names."""
    return _FileVersions(folder)


@dataclass(frozen=True, slots=True)
class _FileVersions:
    """Versions that are files of the folder."""

    folder: PoolFolder

    def current(self) -> str:
        """See :class:`Versions`."""
        return self.folder.current_version()

    def open(self, version: str) -> duckdb.DuckDBPyConnection:
        """See :class:`Versions`."""
        return open_file(self.folder.version_file(version), LOCKED_DOWN)


def open_file(path: Path, config: dict[str, str | bool | int | float | list[str]]) -> duckdb.DuckDBPyConnection:
    """Open a version's file for reading only. Raises PoolError when it is damaged or of another format."""
    try:
        connection = duckdb.connect(str(path), read_only=True, config=config)
        found = connection.execute("SELECT format FROM pool_info").fetchone()
    except duckdb.Error as error:
        raise PoolError(f"{path}: cannot be opened ({error}); rebuild it from its sources") from error
    if found is None or found[0] != POOL_FORMAT:
        connection.close()
        raise PoolError(f"{path}: is of pool format {found and found[0]}, this version reads {POOL_FORMAT}; rebuild it")
    return connection
