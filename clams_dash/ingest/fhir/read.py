"""Format ``fhir``: the entry of the reader."""

from __future__ import annotations

from pathlib import Path

from clams_dash.errors import ImportRefused
from clams_dash.ingest.coded.records import CodedRecords
from clams_dash.ingest.fhir.load import USED_TYPES, Loaded, fhir_files, load, looks_like_fhir
from clams_dash.ingest.fhir.take import Taker
from clams_dash.ingest.staging import Reject, Staged, digest


def recognises(source: Path) -> bool:
    """Whether ``source`` is a FHIR file or a folder with at least one."""
    return any(looks_like_fhir(file) for file in fhir_files(source))


def stage(source: Path) -> Staged:
    """Read Bundles, single resources and bulk NDJSON of a folder, or one file.

    Raises ImportRefused, naming file and line, for what is no FHIR JSON, or when nobody has MS.
    """
    loaded = load(source)
    taker = Taker(CodedRecords())
    for kind in USED_TYPES:
        for resource in loaded.resources[kind]:
            if resource.url and resource.model.id:
                taker.urls[resource.url] = (kind, resource.model.id)
            elif resource.url and kind in ("Patient", "ImagingStudy", "Medication"):
                resource.model.id = resource.url.removeprefix("urn:uuid:")[-64:]
                taker.urls[resource.url] = (kind, resource.model.id)
    for kind in USED_TYPES:
        for resource in loaded.resources[kind]:
            taker.take(resource)
    try:
        frames = taker.records.frames(str(source))
    except ImportRefused as refusal:
        first = loaded.rejects[0] if loaded.rejects else None
        hint = f"; first fault: {first.source_file}, entry {first.source_row}, {first.reason}" if first else ""
        raise ImportRefused(f"{refusal}{hint}") from refusal
    root = source if source.is_dir() else source.parent
    return Staged(
        format="fhir",
        source=str(source),
        sha256=digest((file.relative_to(root).as_posix(), file) for file in fhir_files(source)),
        frames=frames,
        notes=(*loaded.rejects, *taker.records.notes, *_counted(str(source), loaded, taker)),
    )


def _counted(source: str, loaded: Loaded, taker: Taker) -> list[Reject]:
    said = {f"resources of the type {kind} are not read": number for kind, number in loaded.unused.items()}
    said |= {f"{kind}: left out (in error, cancelled, not taken or of no use)": n for kind, n in taker.void.items()}
    if loaded.repeated:
        said["resources that stand there twice (same type and id); the first was taken"] = loaded.repeated
    return [Reject("source", source, None, None, str(n), reason, "warning") for reason, n in sorted(said.items())]
