"""Reading a shared pool: the newest version is looked for about once a second, and read without the database."""

from __future__ import annotations

import logging
import tempfile
import threading
import time
from contextlib import closing
from pathlib import Path

import duckdb

from clams_dash.errors import PoolError
from clams_dash.pool.locked import LOCKED_DOWN, Config, open_file
from clams_dash.pool.shared.catalogue import Catalogue, unreachable, write_views
from clams_dash.pool.shared.place import SharedPlace

_LOG = logging.getLogger(__name__)
_LOOK_EVERY, _LOOK_AGAIN = 1.0, 10.0
"""Seconds between two looks at the catalogue, and after one that failed."""


def version_name(snapshot: int) -> str:
    """Name of the version that a snapshot is."""
    return f"snapshot-{snapshot}"


class SharedVersions:
    """The versions of a shared pool; may be shared by threads.

    While the database cannot be reached, the version last seen goes on being read: it is whole and cannot change.
    """

    def __init__(self, place: SharedPlace) -> None:
        self._place = place
        self._lock = threading.Lock()
        self._catalogue: Catalogue | None = None
        self._snapshot: int | None = None
        self._next_look = 0.0

    def current(self) -> str:
        """See :class:`clams_dash.pool.reading.Versions`."""
        seen = self._snapshot
        if seen is not None and time.monotonic() < self._next_look:
            return version_name(seen)
        # Only the first reading has to wait for the database; meanwhile the others go on with what was seen.
        if seen is not None and not self._lock.acquire(blocking=False):
            return version_name(seen)
        if seen is None:
            self._lock.acquire()
        try:
            return version_name(self._look(seen))
        finally:
            self._lock.release()

    def _look(self, seen: int | None) -> int:
        try:
            self._catalogue = self._catalogue or Catalogue(self._place)
            versions = self._catalogue.versions()
        except (duckdb.Error, PoolError) as error:
            self._leave()
            self._next_look = time.monotonic() + _LOOK_AGAIN
            if seen is None:
                raise error if isinstance(error, PoolError) else unreachable(self._place, error) from error
            _LOG.warning("%s; readers go on with %s", unreachable(self._place, error), version_name(seen))
            return seen
        if not versions:
            raise no_version(self._place)
        self._snapshot, self._next_look = versions[0], time.monotonic() + _LOOK_EVERY
        return versions[0]

    def open(self, version: str, config: Config = LOCKED_DOWN) -> duckdb.DuckDBPyConnection:
        """See :class:`clams_dash.pool.reading.Versions`."""
        snapshot = int(version.removeprefix(version_name(0)[:-1]))
        with self._lock, tempfile.TemporaryDirectory(prefix="clams-snapshot-") as work:
            file = Path(work) / f"{version}.duckdb"
            try:
                self._catalogue = self._catalogue or Catalogue(self._place)
                write_views(self._catalogue.tables(snapshot), self._place, file)
            except duckdb.Error as error:
                self._leave()
                raise unreachable(self._place, error) from error
            # Once open, the file needs no name.
            return open_file(file, config, readable=self._place.tables)

    def forget(self) -> None:
        """Look at the catalogue with the next reading: files of the version read so far are gone."""
        self._next_look = 0.0

    def close(self) -> None:
        """Leave the database."""
        with self._lock:
            self._leave()
            self._snapshot = None

    def _leave(self) -> None:
        if self._catalogue is not None:
            self._catalogue.close()
        self._catalogue = None


def no_version(place: SharedPlace) -> PoolError:
    """What to say about a shared pool that holds nothing yet."""
    return PoolError(f"{place.name}: no pool here yet; `clams import` or `clams demo` writes its first version")


def shared_pool_exists(place: SharedPlace) -> bool:
    """Whether a shared pool holds a version. Raises PoolError when its database cannot be asked."""
    try:
        with Catalogue(place) as catalogue:
            return bool(catalogue.versions())
    except duckdb.Error as error:
        raise unreachable(place, error) from error


def shared_version(place: SharedPlace) -> str:
    """Name of the newest version of a shared pool. Raises PoolError when there is none."""
    with closing(SharedVersions(place)) as versions:
        return versions.current()
