"""One import from source to a new version of the pool.

What cannot be read at all (an unknown column, a damaged table file) refuses the whole import and changes nothing. A row
or an image at fault is set aside in ``reject`` with file, row, column and reason, and the rest of the import stands.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from types import ModuleType

import pandas as pd

from clams_dash.errors import ImportRefused
from clams_dash.ingest import read_open_ms_data, read_tables
from clams_dash.ingest.checks import Checked, Known, check
from clams_dash.ingest.images import ImagesDone, Progress, process_images
from clams_dash.ingest.parse import empty_column
from clams_dash.ingest.staging import FILE, ROW, Reject, Staged
from clams_dash.model import tables
from clams_dash.pool.build import build_next
from clams_dash.pool.database import Database
from clams_dash.pool.folder import PoolFolder

READERS: Mapping[str, ModuleType] = {"open_ms_data": read_open_ms_data, "tables": read_tables}


@dataclass(frozen=True, slots=True)
class ImportReport:
    """What an import did. ``version`` is None when nothing changed (a dry run, or the same files once more)."""

    batch_id: str
    source: str
    format: str
    version: str | None
    already_imported: bool
    rows_read: int
    rows_kept: dict[str, int]
    rejects: tuple[Reject, ...]

    @property
    def errors(self) -> int:
        """Rows, values and files set aside."""
        return sum(reject.severity == "error" for reject in self.rejects)


def import_source(
    folder: PoolFolder, source: Path, *, format_name: str | None, centre: str | None, dry_run: bool, progress: Progress
) -> ImportReport:
    """Read a folder or file into the pool. Raises ImportRefused when nothing of it can be used."""
    if not source.exists():
        raise ImportRefused(f"{source}: no such file or folder")
    progress("reading tables", 0.0)
    return import_staged(
        folder, _reader(source, format_name).stage(source), centre=centre, dry_run=dry_run, progress=progress
    )


def _reader(source: Path, format_name: str | None) -> ModuleType:
    if format_name is not None:
        if format_name not in READERS:
            raise ImportRefused(f"--format {format_name}: not a known format ({', '.join(READERS)})")
        return READERS[format_name]
    for reader in READERS.values():
        if reader.recognises(source):
            return reader
    raise ImportRefused(
        f"{source}: its format is not recognised; a folder with files named after the pool's tables "
        f"(patient.csv, visit.csv, ...) or the open_ms_data folder is needed"
    )


def import_staged(
    folder: PoolFolder, staged: Staged, *, centre: str | None, dry_run: bool, progress: Progress
) -> ImportReport:
    """Check what a reader staged and, unless it is a dry run, publish a new version of the pool."""
    if dry_run:
        return _import(folder, staged, centre, None, progress)
    with folder.writing() as building:
        return _import(folder, staged, centre, building, progress)


def _import(
    folder: PoolFolder, staged: Staged, centre: str | None, building: Path | None, progress: Progress
) -> ImportReport:
    started = datetime.now(UTC).replace(tzinfo=None)
    batch_id = f"b-{hashlib.sha256(f'{staged.format}{staged.sha256}{centre}'.encode()).hexdigest()[:12]}"
    database = Database(folder) if folder.exists() else None
    try:
        if database is not None and any(row["batch_id"] == batch_id for row in database.rows("batches")):
            return ImportReport(batch_id, staged.source, staged.format, None, True, 0, {}, ())
        known = _known(database)
    finally:
        if database is not None:
            database.close()
    progress("checking rows", 0.0)
    checked = check(staged, known, started.date())
    images = _images(staged, checked, folder.imaging if building is not None else None, progress)
    rejects = checked.rejects + images.rejects
    additions = _additions(staged, checked, images, batch_id, centre, rejects)
    kept = {name: len(frame) for name, frame in additions.items() if len(frame)}
    if not kept:
        raise ImportRefused(f"{staged.source}: no row could be kept; {_first(rejects)}")
    version = None
    if building is not None:
        progress("building the new version of the pool", 0.0)
        additions["import_batch"] = pd.DataFrame(
            [
                {
                    "batch_id": batch_id, "source": staged.source, "format": staged.format,
                    "centre": centre or staged.centre, "started_at": started,
                    "finished_at": datetime.now(UTC).replace(tzinfo=None), "rows_read": checked.rows_read,
                    "rows_kept": sum(kept.values()), "rows_rejected": sum(r.severity == "error" for r in rejects),
                    "sha256": staged.sha256,
                }
            ]
        )  # fmt: skip
        additions["reject"] = _reject_frame(rejects, batch_id)
        build_next(folder, building, additions)
        version = folder.publish(building)
    return ImportReport(batch_id, staged.source, staged.format, version, False, checked.rows_read, kept, tuple(rejects))


def _first(rejects: list[Reject]) -> str:
    if not rejects:
        return "the source holds no rows"
    first = rejects[0]
    return f"first fault: {first.source_file}, row {first.source_row}, {first.reason} (value {first.value!r})"


def _known(database: Database | None) -> Known:
    if database is None:
        return Known(pd.Series(dtype="datetime64[us]"), {})
    frames = {table.name: database.frame(table) for table in tables.CLINICAL_TABLES}
    return Known(
        births=frames["patient"].set_index("patient_id")["birth_date"],
        keys={table.name: frames[table.name][list(table.key)] for table in tables.CLINICAL_TABLES},
    )


def _images(staged: Staged, checked: Checked, imaging: Path | None, progress: Progress) -> ImagesDone:
    series = checked.frames.get("series")
    if series is None or series.empty:
        return ImagesDone()
    studies = checked.frames["mri"].set_index("study_id")["patient_id"]
    return process_images(staged, series, studies, imaging, progress)


def _additions(
    staged: Staged, checked: Checked, images: ImagesDone, batch_id: str, centre: str | None, rejects: list[Reject]
) -> dict[str, pd.DataFrame]:
    frames = dict(checked.frames)
    if "patient" in frames:
        people = frames["patient"]
        frames["patient"] = people.assign(
            centre=people["centre"].fillna(centre or staged.centre or pd.NA),
            synthetic=people["synthetic"].fillna(False),
            course=people["course"].fillna("unknown"),
            birth_date_approximate=people["birth_date_approximate"].fillna(False),
        )
    if "mri" in frames:
        frames["mri"] = _with_measurements(frames["mri"], images, rejects)
    frames["series"] = pd.DataFrame(images.series)
    frames["lesion"] = _lesions(frames.get("lesion"), images, rejects)
    return {name: _complete(frame, tables.BY_NAME[name], batch_id) for name, frame in frames.items() if len(frame)}


def _with_measurements(studies: pd.DataFrame, images: ImagesDone, rejects: list[Reject]) -> pd.DataFrame:
    """Put what was measured from the masks into the studies; the mask is right where a table says otherwise."""
    studies = studies.copy()
    for position, study_id in enumerate(studies["study_id"]):
        for column, value in images.measured.get(study_id, {}).items():
            told = studies[column].iloc[position]
            if not pd.isna(told) and abs(float(told) - value) > 0.02 * max(value, 1.0):
                file, line = str(studies[FILE].iloc[position]), int(studies[ROW].iloc[position])
                reason = f"{column}: the mask gives {value:g}; the mask's value was kept"
                rejects.append(Reject("mri", file, line, column, f"{told:g}", reason, "warning"))
            studies.loc[studies.index[position], column] = value
        if study_id in images.notes:
            notes = [studies["note"].iloc[position], *images.notes[study_id]]
            studies.loc[studies.index[position], "note"] = "; ".join(note for note in notes if not pd.isna(note))
    return studies


def _lesions(told: pd.DataFrame | None, images: ImagesDone, rejects: list[Reject]) -> pd.DataFrame:
    measured = pd.DataFrame(images.lesions)
    if told is None or told.empty:
        return measured
    clash = told["study_id"].isin(list(images.measured))
    reason = "the study's mask was measured; its lesions were kept instead of the table's"
    rejects.extend(
        Reject("lesion", str(row[FILE]), int(row[ROW]), "study_id", str(row["study_id"]), reason, "warning")
        for row in told[clash].drop_duplicates("study_id").to_dict("records")
    )
    return pd.concat([measured, told[~clash]]) if len(measured) else told[~clash]


def _complete(frame: pd.DataFrame, table: tables.Table, batch_id: str) -> pd.DataFrame:
    given = frame.rename(columns={FILE: "source_file", ROW: "source_row"}).assign(batch_id=batch_id)
    missing = {column.name: empty_column(column, given.index) for column in table.columns if column.name not in given}
    return given.assign(**missing)[[column.name for column in table.columns]]


def _reject_frame(rejects: list[Reject], batch_id: str) -> pd.DataFrame:
    columns = [column.name for column in tables.REJECT.columns]
    frame = pd.DataFrame([{**asdict(reject), "batch_id": batch_id} for reject in rejects], columns=columns)
    return frame.assign(source_row=frame["source_row"].astype("Int64"))
