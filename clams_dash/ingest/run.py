"""One import from source to a new version of the pool.

What cannot be read at all (an unknown column, a damaged table file) refuses the whole import and changes nothing. A row
or an image at fault is set aside in ``reject`` with file, row, column and reason, and the rest of the import stands. A
row with the key of an earlier one of the same centre takes its place; the earlier one stays traceable (schema
``superseded``).
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from types import ModuleType

import pandas as pd

from clams_dash.errors import ImportRefused
from clams_dash.ingest import read_open_ms_data, read_synthea, read_tables
from clams_dash.ingest.additions import additions, naming_people, reject_frame, superseded_rows
from clams_dash.ingest.arrival import AS_GIVEN, Arrival, arrive
from clams_dash.ingest.bids import read as read_bids
from clams_dash.ingest.checks import Checked, check
from clams_dash.ingest.dicom import read as read_dicom
from clams_dash.ingest.fhir import read as read_fhir
from clams_dash.ingest.images import ImagesDone, Progress, process_images
from clams_dash.ingest.known import Known, records_of, with_links, with_people
from clams_dash.ingest.lesion_step import lesion_rows
from clams_dash.ingest.mapping import read as read_mapped
from clams_dash.ingest.staging import Reject, Staged
from clams_dash.ingest.surfaces import surface_rows
from clams_dash.pool.build import build_next
from clams_dash.pool.database import Database
from clams_dash.pool.folder import PoolFolder
from clams_dash.pool.writing import NextVersion

READERS: Mapping[str, ModuleType] = {
    "open_ms_data": read_open_ms_data,
    "bids": read_bids,
    "synthea": read_synthea,
    "mapped": read_mapped,
    "fhir": read_fhir,
    "tables": read_tables,
    "dicom": read_dicom,
}


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
    rows_superseded: dict[str, int] = field(default_factory=dict)

    @property
    def errors(self) -> int:
        """Rows, values and files set aside."""
        return sum(reject.severity == "error" for reject in self.rejects)


def import_source(
    folder: PoolFolder,
    source: Path,
    *,
    format_name: str | None,
    centre: str | None,
    dry_run: bool,
    progress: Progress,
    arrival: Arrival = AS_GIVEN,
) -> ImportReport:
    """Read a folder or file into the pool. Raises ImportRefused when nothing of it can be used."""
    if not source.exists():
        raise ImportRefused(f"{source}: no such file or folder")
    progress("reading tables", 0.0)
    staged = _reader(source, format_name).stage(source)
    return import_staged(folder, staged, centre=centre, dry_run=dry_run, progress=progress, arrival=arrival)


def _reader(source: Path, format_name: str | None) -> ModuleType:
    if format_name is not None:
        if format_name not in READERS:
            raise ImportRefused(f"--format {format_name}: not a known format ({', '.join(READERS)})")
        return READERS[format_name]
    for reader in READERS.values():
        if reader.recognises(source):
            return reader
    raise ImportRefused(
        f"{source}: its format is not recognised; known are {', '.join(READERS)} (see data/README.md). Tables need to "
        f"be named after those of the pool, or a mapping file; unpack archives first"
    )


def import_staged(
    folder: PoolFolder,
    staged: Staged,
    *,
    centre: str | None,
    dry_run: bool,
    progress: Progress,
    arrival: Arrival = AS_GIVEN,
) -> ImportReport:
    """Check what a reader staged and, unless it is a dry run, publish a new version of the pool.

    ``arrival`` says how people are named: by default as the source names them.
    """
    if dry_run:
        return _import(folder, staged, centre, None, progress, arrival)
    with folder.writing(lambda: progress("waiting until another import is done", 0.0)) as target:
        return _import(folder, staged, centre, target, progress, arrival)


def _import(
    folder: PoolFolder,
    staged: Staged,
    centre: str | None,
    target: NextVersion | None,
    progress: Progress,
    arrival: Arrival,
) -> ImportReport:
    started = datetime.now(UTC).replace(tzinfo=None)
    source, centre = staged.source, centre or staged.centre
    with _reading(folder) as database:
        records = records_of(database) if database else Known()
        batch_id, already = _batch_id(records, staged, centre, arrival)
        if already:
            return ImportReport(batch_id, source, staged.format, None, True, 0, {}, ())
        arrived = arrive(staged, arrival, centre, records, database, started.date())
        staged, known = arrived.staged, with_links(records, arrived.links)
        known = with_people(known, database, staged.frames.values()) if database else known
    progress("checking rows", 0.0)
    shifted = arrival.pseudonyms is not None and arrival.pseudonyms.shift_days > 0
    checked = check(staged, known, started.date(), centre=centre, shifted=shifted)
    images = _images(staged, checked, folder.imaging if target is not None else None, progress)
    rejects = checked.rejects + images.rejects
    rows = arrived.files(additions(checked.frames, images, known, batch_id, centre, rejects))
    rejects = arrived.told(naming_people(rejects, staged.frames))
    kept = {name: len(frame) for name, frame in rows.items() if len(frame)}
    if not kept:
        raise ImportRefused(f"{source}: no row could be kept; {_first(rejects)}")
    superseded = {name: count for name, frame in rows.items() if (count := superseded_rows(name, frame, known))}
    version = None
    if target is not None:
        derived = lesion_rows(rows, known, folder.imaging, batch_id, progress)
        derived |= surface_rows(rows | derived, known, folder.imaging, batch_id, progress)
        progress("building the new version of the pool", 0.0)
        batch = {
            "batch_id": batch_id, "source": arrived.source(), "format": staged.format, "centre": centre,
            "started_at": started, "finished_at": datetime.now(UTC).replace(tzinfo=None),
            "rows_read": checked.rows_read, "rows_kept": sum(kept.values()),
            "rows_rejected": sum(reject.severity == "error" for reject in rejects),
            "rows_superseded": sum(superseded.values()), "sha256": staged.sha256, "withdrawn_at": None,
            "key_id": arrival.pseudonyms.key_id if arrival.pseudonyms else None,
            "shift_days": arrival.pseudonyms.shift_days if arrival.pseudonyms else None,
        }  # fmt: skip
        noted = {
            "import_batch": pd.DataFrame([batch]),
            "reject": reject_frame(rejects, batch_id),
            "patient_link": arrived.links.assign(batch_id=batch_id),
        }
        build_next(target, batch_id, rows | noted | derived)
        version = target.publish()
    return ImportReport(
        batch_id, source, staged.format, version, False, checked.rows_read, kept, tuple(rejects), superseded
    )


@contextmanager
def _reading(folder: PoolFolder) -> Iterator[Database | None]:
    """The pool as it stands; None where there is none yet."""
    database = Database(folder) if folder.exists() else None
    try:
        yield database
    finally:
        if database is not None:
            database.close()


def _batch_id(known: Known, staged: Staged, centre: str | None, arrival: Arrival) -> tuple[str, bool]:
    """Name of the batch, made of the content and the way people are named, and whether it stands in the pool."""
    earlier = known.batches.set_index("batch_id")["withdrawn_at"]
    attempt = 0
    while True:
        content = f"{staged.format}{staged.sha256}{centre}{attempt or ''}{arrival.mark()}"
        batch_id = f"b-{hashlib.sha256(content.encode()).hexdigest()[:12]}"
        if batch_id not in earlier.index:
            return batch_id, False
        if pd.isna(earlier[batch_id]):
            return batch_id, True
        attempt += 1  # withdrawn before: the same content may come again, as a batch of its own


def _first(rejects: list[Reject]) -> str:
    if not rejects:
        return "the source holds no rows"
    first = rejects[0]
    return f"first fault: {first.source_file}, row {first.source_row}, {first.reason} (value {first.value!r})"


def _images(staged: Staged, checked: Checked, imaging: Path | None, progress: Progress) -> ImagesDone:
    series = checked.frames.get("series")
    if series is None or series.empty:
        return ImagesDone()
    studies = checked.frames["mri"].set_index("study_id")["patient_id"]
    return process_images(staged, series, studies, imaging, progress)
