"""Opening a version of the pool for reading, wherever the pool is kept."""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass
from typing import Protocol

import duckdb

from clams_dash.pool.folder import PoolFolder
from clams_dash.pool.locked import LOCKED_DOWN, Config, open_file
from clams_dash.pool.shared.snapshots import SharedVersions


class Versions(Protocol):
    """The versions of one pool, as a reader needs them."""

    def current(self) -> str:
        """Name of the version to read now. Raises PoolError when there is none."""

    def open(self, version: str, config: Config = LOCKED_DOWN) -> duckdb.DuckDBPyConnection:
        """A read-only connection to a version, locked down. Raises PoolError when it cannot be opened."""

    def forget(self) -> None:
        """The version read so far could not be read on: look for the current one with the next reading."""

    def close(self) -> None:
        """Let go of what is held between two readings."""


def versions_of(folder: PoolFolder) -> Versions:
    """The versions that a pool folder holds or names."""
    place = folder.shared_place()
    return _FileVersions(folder) if place is None else SharedVersions(place)


def open_for_export(folder: PoolFolder) -> duckdb.DuckDBPyConnection:
    """The current version, to be read by a connection that may write files. Raises PoolError."""
    with closing(versions_of(folder)) as versions:
        return versions.open(versions.current(), config={})


@dataclass(frozen=True, slots=True)
class _FileVersions:
    """Versions that are files of the folder."""

    folder: PoolFolder

    def current(self) -> str:
        """See :class:`Versions`."""
        return self.folder.current_version()

    def open(self, version: str, config: Config = LOCKED_DOWN) -> duckdb.DuckDBPyConnection:
        """See :class:`Versions`."""
        return open_file(self.folder.version_file(version), config)

    def forget(self) -> None:
        """See :class:`Versions`; the pointer is read every time."""

    def close(self) -> None:
        """See :class:`Versions`; nothing is held."""
