"""The pool folder: immutable versions ``pool-<version>.duckdb`` and the pointer file ``CURRENT`` naming one of them.

A reader follows the pointer and never waits. A writer builds a version beside the current one and then replaces the
pointer in one step, so a reader sees the old pool or the new one and a killed writer leaves nothing but a file that
the next writer clears away. The name changes with every version because DuckDB keeps serving the old contents to a
process that reopens a path whose file was replaced.

A folder with ``shared.toml`` holds a pool that several machines share: its versions are named by a database instead
(:mod:`clams_dash.pool.shared`), its images and models lie where they always do.
"""

from __future__ import annotations

import fcntl
import os
import re
import secrets
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import duckdb

from clams_dash.errors import PoolBusy, PoolError
from clams_dash.pool.shared.place import SharedPlace, shared_place
from clams_dash.pool.shared.snapshots import shared_pool_exists, shared_version
from clams_dash.pool.shared.writer import writing_shared
from clams_dash.pool.writing import NextVersion, attach_file

KEPT_VERSIONS = 3
_VERSION_FILE = re.compile(r"pool-(?P<version>[0-9A-Za-z-]+)\.duckdb")
_BUILDING = ".building-"


@dataclass(frozen=True, slots=True)
class PoolFolder:
    """A folder that holds, or will hold, a pool."""

    path: Path

    @property
    def imaging(self) -> Path:
        """Images as ingested and what is derived from them."""
        return self.path / "imaging"

    @property
    def models(self) -> Path:
        """Therapy-response models."""
        return self.path / "models"

    def shared_place(self) -> SharedPlace | None:
        """The database that names this pool's versions; None when they are files of the folder."""
        return shared_place(self.path)

    def exists(self) -> bool:
        """Whether there is a pool here, be its pointer lost or not: a new one must never be started over it."""
        place = self.shared_place()
        if place is not None:
            return shared_pool_exists(place)
        return (self.path / "CURRENT").exists() or any(self.path.glob("pool-*.duckdb"))

    def current_version(self) -> str:
        """Name of the current version. Raises PoolError when there is none or the pointer is damaged."""
        place = self.shared_place()
        if place is not None:
            return shared_version(place)
        pointer = self.path / "CURRENT"
        try:
            name = pointer.read_text(encoding="utf-8").strip()
        except FileNotFoundError as error:
            versions = sorted(file.name for file in self.path.glob("pool-*.duckdb"))
            if versions:
                raise PoolError(
                    f"{pointer}: is missing, but there are versions ({', '.join(versions)}); write the name of the one "
                    f"to use into it"
                ) from error
            raise PoolError(f"{self.path}: no pool here; build one with `clams demo` or `clams import`") from error
        except (OSError, UnicodeDecodeError) as error:
            raise PoolError(f"{pointer}: cannot be read") from error
        match = _VERSION_FILE.fullmatch(name)
        if match is None or not (self.path / name).is_file():
            raise PoolError(f"{pointer}: names {name[:80]!r}, which is not a pool version in this folder")
        return match["version"]

    def version_file(self, version: str) -> Path:
        """File of a version."""
        return self.path / f"pool-{version}.duckdb"

    @contextmanager
    def writing(self, waiting: Callable[[], None] = lambda: None) -> Iterator[NextVersion]:
        """Hold the pool's write lock and give the version to be built.

        The caller builds its file and publishes it; whatever is left over is removed.
        Raises PoolBusy when another process is writing. In a shared pool the writer waits for its turn instead, and
        calls ``waiting`` as long as it does.
        """
        place = self.shared_place()
        with writing_shared(place, waiting) if place is not None else self._writing_file() as version:
            self._clear_leftovers()
            try:
                yield version
            finally:
                self._clear_leftovers()

    @contextmanager
    def _writing_file(self) -> Iterator[NextVersion]:
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            opened = (self.path / ".lock").open("w")
        except OSError as error:
            raise PoolError(f"{self.path}: cannot be written ({error.strerror}); choose another folder") from error
        with opened as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                raise PoolBusy(
                    f"{self.path}: another import is writing to this pool; try again when it is done"
                ) from error
            yield _NextFile(self, self.path / f"{_BUILDING}{secrets.token_hex(6)}.duckdb")

    def _clear_leftovers(self) -> None:
        for pattern in (f"{_BUILDING}*", ".CURRENT-*", "imaging/*/.*"):
            for leftover in self.path.glob(pattern):
                if leftover.is_dir():
                    shutil.rmtree(leftover, ignore_errors=True)
                else:
                    leftover.unlink(missing_ok=True)


@dataclass(frozen=True, slots=True)
class _NextFile:
    """The next version as a file beside the current one."""

    folder: PoolFolder
    building: Path

    def attach_earlier(self, connection: duckdb.DuckDBPyConnection) -> bool:
        """See :class:`clams_dash.pool.writing.NextVersion`."""
        if not self.folder.exists():
            return False
        attach_file(connection, self.folder.version_file(self.folder.current_version()))
        return True

    def publish(self) -> str:
        """See :class:`clams_dash.pool.writing.NextVersion`."""
        version = f"{datetime.now(UTC):%Y%m%dT%H%M%S}-{secrets.token_hex(3)}"
        final = self.folder.version_file(version)
        try:
            _sync(self.building)
            self.building.replace(final)
            write_pointer(self.folder.path / "CURRENT", final.name)
        except OSError as error:
            final.unlink(missing_ok=True)
            raise PoolError(f"{self.folder.path}: the new version cannot be put in place ({error.strerror})") from error
        earlier = sorted(self._others(final), key=lambda file: file.stat().st_mtime)
        for old in earlier[: max(0, len(earlier) - (KEPT_VERSIONS - 1))]:
            old.unlink(missing_ok=True)
        return version

    def drop_earlier(self) -> int:
        """See :class:`clams_dash.pool.writing.NextVersion`."""
        earlier = self._others(self.folder.version_file(self.folder.current_version()))
        for file in earlier:
            file.unlink()
        return len(earlier)

    def _others(self, keep: Path) -> list[Path]:
        return [file for file in self.folder.path.glob("pool-*.duckdb") if file != keep]


def write_pointer(pointer: Path, name: str) -> None:
    """Replace a pointer file in one step, durably."""
    staged = pointer.with_name(f".{pointer.name}-{secrets.token_hex(6)}")
    staged.write_text(name + "\n", encoding="utf-8")
    _sync(staged)
    staged.replace(pointer)
    folder = os.open(pointer.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _sync(path: Path) -> None:
    with path.open("rb") as handle:
        os.fsync(handle.fileno())
