"""Long work on a pool that goes on beside the server: its record, and whether anybody is still doing it.

The record is a small file in the pool folder, replaced in one step, so every server process and thread reads the same
state and none has to be told. Who does the work holds a lock for as long as it lives; the system lets go of it when
that process dies, however it dies.
"""

from __future__ import annotations

import fcntl
import json
import os
import secrets
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from enum import StrEnum
from multiprocessing import parent_process
from multiprocessing.process import BaseProcess
from pathlib import Path

from clams_dash.errors import PoolBusy, PoolError
from clams_dash.pool.folder import PoolFolder

_RECORD = "background.json"
_LOCK = ".background.lock"
_CLAIM_SECONDS = 2.0


class Stage(StrEnum):
    """Where the work stands."""

    POOL = "pool"
    SCANS = "scans"
    MODEL = "model"
    SPACES = "spaces"
    DONE = "done"


@dataclass(frozen=True, slots=True)
class Work:
    """The building of a demo pool: what was asked for and how far it is.

    ``scans_ready`` of ``scans`` patients with MRI are in the pool; ``doing`` and ``share`` (0 to 1) belong to the
    stage; ``failure`` says why the work ended early; ``identity`` is the digest of the simulated tables.
    """

    patients: int
    seed: int
    scans: int
    stage: Stage = Stage.POOL
    scans_ready: int = 0
    doing: str = ""
    share: float = 0.0
    failure: str | None = None
    identity: str | None = None

    @property
    def unfinished(self) -> bool:
        """Whether something is still missing."""
        return self.stage is not Stage.DONE


@dataclass(frozen=True, slots=True)
class Background:
    """The record of the work on one pool folder."""

    folder: PoolFolder

    def read(self) -> Work | None:
        """The record; None when there is none, or none that can be read."""
        try:
            found = json.loads((self.folder.path / _RECORD).read_text(encoding="utf-8"))
            return Work(**{**found, "stage": Stage(found["stage"])})
        except (OSError, ValueError, TypeError, KeyError):
            return None

    def write(self, work: Work) -> None:
        """Replace the record. Raises PoolError when the folder cannot be written."""
        record = self.folder.path / _RECORD
        staged = record.with_name(f"{_LOCK}-{secrets.token_hex(6)}")
        try:
            staged.write_text(json.dumps(asdict(work)), encoding="utf-8")
            staged.replace(record)
        except OSError as error:
            raise PoolError(f"{record}: cannot be written ({error.strerror})") from error

    def alive(self) -> bool:
        """Whether a process is doing the work at this moment."""
        try:
            with (self.folder.path / _LOCK).open("r") as lock:
                fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except FileNotFoundError:
            return False
        except BlockingIOError:
            return True
        return False

    @contextmanager
    def claim(self) -> Iterator[None]:
        """Do the work within this context. Raises PoolBusy when another process does it already."""
        try:
            self.folder.path.mkdir(parents=True, exist_ok=True)
            opened = (self.folder.path / _LOCK).open("a")
        except OSError as error:
            text = f"{self.folder.path}: cannot be written ({error.strerror}); choose another folder"
            raise PoolError(text) from error
        with opened as lock:
            _lock_for_good(lock.fileno(), self.folder.path)
            yield


def _lock_for_good(lock: int, path: Path) -> None:
    """Take the lock; a reader that looks whether it is held has it for a moment, so one try is not enough."""
    until = time.monotonic() + _CLAIM_SECONDS
    while True:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            if time.monotonic() > until:
                raise PoolBusy(f"{path}: another process is building this pool; it goes on there") from error
            time.sleep(0.05)
        else:
            return


class Reporter:
    """Writes the progress of one stage after another into the record."""

    def __init__(self, background: Background, work: Work) -> None:
        self._background, self.work = background, work

    def change(self, **news: object) -> None:
        """Set fields of the record."""
        self.work = replace(self.work, **news)  # type: ignore[arg-type]
        self._background.write(self.work)

    def progress(self, doing: str, share: float) -> None:
        """Say what is being done and which share of the stage is."""
        self.change(doing=doing, share=round(share, 3))


def end_with_parent() -> None:
    """Let this process, started by :mod:`multiprocessing`, end as soon as the one that started it is gone.

    A killed parent cannot tell its children, which would wait for work for ever.
    """
    parent = parent_process()
    if parent is not None:
        threading.Thread(target=_wait_and_leave, args=(parent,), name="end-with-parent", daemon=True).start()


def _wait_and_leave(parent: BaseProcess) -> None:
    parent.join()
    os._exit(1)
