"""Taking rows out again: an import withdrawn, a person erased. Either builds a new version and switches to it."""

from __future__ import annotations

import shutil
from dataclasses import dataclass

from clams_dash.errors import PoolError, UnknownPatient
from clams_dash.model import tables
from clams_dash.pool.build import Without, build_without
from clams_dash.pool.database import Database
from clams_dash.pool.folder import PoolFolder


@dataclass(frozen=True, slots=True)
class Erased:
    """What erasing one person removed: rows by table, image files, earlier versions, and whether models went too."""

    version: str
    rows: dict[str, int]
    image_files: int
    versions: int
    models: bool


def withdraw(folder: PoolFolder, batch_id: str) -> str:
    """Take the rows of one import out; rows it had superseded stand again. Returns the new version.

    The import stays listed as withdrawn, with its faults. Raises PoolError when there is no such import, it was
    withdrawn before, or later imports have rows of people whom only this one brought.
    """
    with folder.writing() as version:
        database = Database(folder)
        found = [row for row in database.rows("batches") if row["batch_id"] == batch_id]
        depending = [row["batch_id"] for row in database.rows("depending_batches", [batch_id])]
        database.close()
        if not found:
            raise PoolError(f"{batch_id}: no such import in {folder.path}; `clams check` lists them")
        if found[0]["withdrawn_at"] is not None:
            raise PoolError(f"{batch_id}: was withdrawn before")
        if depending:
            raise PoolError(
                f"{batch_id}: {', '.join(depending)} brought rows of people whom only this import describes; "
                f"withdraw those first"
            )
        build_without(version, Without("batch_id", batch_id, (tables.PATIENT_LINK,), "note_withdrawal"))
        return version.publish()


def erase(folder: PoolFolder, patient_id: str) -> Erased:
    """Rebuild the pool without one person and remove everything of theirs from the folder.

    Earlier versions, image files that no row names any more, and all models go too: a model keeps what it needs of
    the people it compares with. Their pseudonym's digest stays, so that no later import brings them back.
    Raises UnknownPatient.
    """
    with folder.writing() as version:
        database = Database(folder)
        rows = {row["table_name"]: int(row["n"]) for row in database.rows("person_rows", [patient_id])}
        database.close()
        if not any(rows.values()):
            raise UnknownPatient(f"no patient {patient_id[:80]!r} in this pool; the case list shows who is")
        without = Without("patient_id", patient_id, (tables.REJECT, tables.PATIENT_LINK), "note_erasure")
        build_without(version, without)
        name = version.publish()
        versions = version.drop_earlier()
        images = _drop_unnamed_images(folder)
        models = folder.models.exists()
        shutil.rmtree(folder.models, ignore_errors=True)
    return Erased(name, {table: n for table, n in rows.items() if n}, images, versions, models)


def _drop_unnamed_images(folder: PoolFolder) -> int:
    database = Database(folder)
    named = {folder.imaging / row["file"] for row in database.rows("image_files")}
    database.close()
    unnamed = [file for file in folder.imaging.glob("*/*") if file.is_file() and file not in named]
    for file in unnamed:
        file.unlink()
    return len(unnamed)
