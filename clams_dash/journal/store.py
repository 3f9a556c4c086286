"""The journal's file: SQLite in WAL mode beside the pool folder, so that readers never wait for a writer.

Entries are only ever added; triggers of the file itself refuse a change or removal. The one exception is a person whose
data must go (``clams erase``): then every entry about them goes too, and the file is rewritten without them.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from clams_dash.errors import ClamsError

JOURNAL_FORMAT = 1
_WAIT_S = 10.0
_TABLE = """
CREATE TABLE lesion_mark (
    entry_id INTEGER PRIMARY KEY,
    at TEXT NOT NULL,
    patient_id TEXT NOT NULL,
    study_id TEXT NOT NULL,
    mask_id TEXT NOT NULL,
    lesion_id INTEGER NOT NULL,
    disputed INTEGER NOT NULL CHECK (disputed IN (0, 1))
) STRICT
"""
_INDEX = "CREATE INDEX lesion_mark_patient ON lesion_mark (patient_id)"
_GUARDS = {
    "lesion_mark_kept": "CREATE TRIGGER lesion_mark_kept BEFORE DELETE ON lesion_mark "
    "BEGIN SELECT RAISE(ABORT, 'the journal is append-only'); END",
    "lesion_mark_unchanged": "CREATE TRIGGER lesion_mark_unchanged BEFORE UPDATE ON lesion_mark "
    "BEGIN SELECT RAISE(ABORT, 'the journal is append-only'); END",
}


def journal_file(pool_dir: Path) -> Path:
    """The journal of a pool: beside its folder, which stays read-only to the web app."""
    return pool_dir.parent / f"{pool_dir.name}-journal.sqlite"


@contextmanager
def connected(path: Path) -> Iterator[sqlite3.Connection]:
    """One transaction on the journal, which is made when it is not there.

    Raises
    ------
    ClamsError
        Naming the file, when it cannot be opened, written or is no journal of this version.
    """
    try:
        connection = sqlite3.connect(path, timeout=_WAIT_S, isolation_level=None)
    except sqlite3.Error as error:
        raise ClamsError(f"{path}: the journal cannot be opened ({error})") from error
    try:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA secure_delete = ON")
        connection.execute("BEGIN IMMEDIATE")
        _prepare(connection, path)
        yield connection
        connection.execute("COMMIT")
    except sqlite3.Error as error:
        raise ClamsError(f"{path}: the journal cannot be used ({error})") from error
    finally:
        connection.close()


def _prepare(connection: sqlite3.Connection, path: Path) -> None:
    (found,) = connection.execute("PRAGMA user_version").fetchone()
    if found == JOURNAL_FORMAT:
        return
    if found:
        raise ClamsError(f"{path}: journal format {found}, this version reads {JOURNAL_FORMAT}; use that version")
    for creation in (_TABLE, _INDEX, *_GUARDS.values(), f"PRAGMA user_version = {JOURNAL_FORMAT}"):
        connection.execute(creation)


def forget(path: Path, patient_id: str) -> int:
    """Remove every entry about a person and rewrite the file without them; returns how many there were."""
    if not path.exists():
        return 0
    with connected(path) as connection:
        for name in _GUARDS:
            connection.execute(f"DROP TRIGGER {name}")
        gone = connection.execute("DELETE FROM lesion_mark WHERE patient_id = ?", [patient_id]).rowcount
        for guard in _GUARDS.values():
            connection.execute(guard)
    _rewrite(path)
    return gone


def _rewrite(path: Path) -> None:
    """Leave nothing of what was removed in the file or its write-ahead log."""
    connection = sqlite3.connect(path, timeout=_WAIT_S, isolation_level=None)
    try:
        connection.execute("VACUUM")
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    except sqlite3.Error as error:
        raise ClamsError(f"{path}: entries are removed but the file could not be rewritten ({error})") from error
    finally:
        connection.close()
