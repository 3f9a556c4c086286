"""FHIR files to validated resources: Bundles, single resources and bulk NDJSON, each with the place it stood at.

A resource that is none by the R4B models is set aside with the path of its fault; the rest stands. Types the pool has
no use for are counted and not validated.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from fhir.resources.R4B import get_fhir_model_class
from pydantic import ValidationError

from clams_dash.errors import ImportRefused
from clams_dash.ingest.staging import Reject
from clams_dash.ingest.tabular import refuse_outside

JSON_SUFFIXES = (".json",)
LINE_SUFFIXES = (".ndjson", ".jsonl")
LARGEST_FILE_BYTES = 1 << 30
USED_TYPES = (
    "Patient",
    "Condition",
    "ImagingStudy",
    "Encounter",
    "Medication",
    "Observation",
    "MedicationStatement",
    "MedicationRequest",
    "Procedure",
    "DiagnosticReport",
)
"""Types that are read, in the order they have to be: people, their disease, their scans, then what refers to them."""

_SNIFFED_BYTES = 65536


@dataclass(frozen=True, slots=True)
class Resource:
    """A validated resource, where it stood (entry of a Bundle or line, from 1) and the address it was given there."""

    kind: str
    model: Any
    file: str
    row: int
    url: str | None


@dataclass
class Loaded:
    """Resources by type, faults, and how many of which unused type there were."""

    resources: dict[str, list[Resource]] = field(default_factory=lambda: {kind: [] for kind in USED_TYPES})
    rejects: list[Reject] = field(default_factory=list)
    unused: Counter[str] = field(default_factory=Counter)
    repeated: int = 0


def fhir_files(source: Path) -> list[Path]:
    """JSON and NDJSON files of a folder, or the file itself."""
    candidates = [source] if source.is_file() else sorted(source.rglob("*")) if source.is_dir() else []
    return [file for file in candidates if file.suffix.lower() in JSON_SUFFIXES + LINE_SUFFIXES and file.is_file()]


def looks_like_fhir(file: Path) -> bool:
    """Whether the beginning of a file names a resource type."""
    with file.open("rb") as handle:
        return b'"resourceType"' in handle.read(_SNIFFED_BYTES)


def load(source: Path) -> Loaded:
    """Read and validate every resource.

    Raises ImportRefused, naming the file and line, for a file that is no JSON or holds no resource.
    """
    loaded = Loaded()
    seen: set[tuple[str, str]] = set()
    root = source if source.is_dir() else source.parent
    for file in fhir_files(source):
        refuse_outside(file, root)
        name = file.relative_to(root).as_posix()
        for row, raw, url in _raw_resources(file):
            kind = str(raw.get("resourceType"))
            identity = (kind, str(raw.get("id")))
            if kind not in loaded.resources:
                loaded.unused[kind] += 1
            elif raw.get("id") is not None and identity in seen:
                loaded.repeated += 1
            else:
                seen.add(identity)
                _validate(loaded, kind, raw, name, row, url)
    return loaded


def _validate(loaded: Loaded, kind: str, raw: dict[str, Any], file: str, row: int, url: str | None) -> None:
    try:
        model = get_fhir_model_class(kind).model_validate(raw)
    except (ValidationError, ValueError, TypeError, RecursionError) as error:
        place, value, reason = _fault(error)
        reason = f"{kind}: {reason}; resource set aside"
        loaded.rejects.append(Reject(kind, file, row, place, value, reason))
    else:
        loaded.resources[kind].append(Resource(kind, model, file, row, url))


def _fault(error: Exception) -> tuple[str | None, str | None, str]:
    if not isinstance(error, ValidationError):
        return None, None, f"cannot be read ({type(error).__name__})"
    first = error.errors()[0]
    place = ".".join(str(part) for part in first["loc"])
    given = first.get("input")
    value = str(given)[:200] if isinstance(given, str | int | float | bool) else None
    return place or None, value, f"{place or 'the resource'}: {first['msg'].removeprefix('Value error, ')}"


def _raw_resources(file: Path) -> Iterator[tuple[int, dict[str, Any], str | None]]:
    if file.stat().st_size > LARGEST_FILE_BYTES:
        raise ImportRefused(f"{file}: is larger than {LARGEST_FILE_BYTES >> 20} MiB; give it as NDJSON in parts")
    if file.suffix.lower() in LINE_SUFFIXES:
        yield from _lines(file)
        return
    document = _parsed(_text(file), str(file))
    if not isinstance(document, dict) or "resourceType" not in document:
        raise ImportRefused(f"{file}: is no FHIR resource (no resourceType)")
    if document["resourceType"] != "Bundle":
        yield 1, document, None
        return
    entries = document.get("entry") or []
    if not isinstance(entries, list):
        raise ImportRefused(f"{file}: Bundle.entry is not a list")
    for row, entry in enumerate(entries, 1):
        resource = entry.get("resource") if isinstance(entry, dict) else None
        if isinstance(resource, dict):
            url = entry.get("fullUrl")
            yield row, resource, url if isinstance(url, str) else None


def _lines(file: Path) -> Iterator[tuple[int, dict[str, Any], str | None]]:
    for row, line in enumerate(_text(file).split("\n"), 1):
        if line.strip():
            resource = _parsed(line, f"{file}, line {row}")
            if not isinstance(resource, dict) or "resourceType" not in resource:
                raise ImportRefused(f"{file}, line {row}: is no FHIR resource (no resourceType)")
            yield row, resource, None


def _text(file: Path) -> str:
    try:
        return file.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ImportRefused(f"{file}: is not UTF-8 text (byte {error.start}); FHIR JSON is UTF-8") from error
    except OSError as error:
        raise ImportRefused(f"{file}: cannot be read ({error.strerror})") from error


def _parsed(text: str, place: str) -> Any:
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        raise ImportRefused(f"{place}: is not JSON (line {error.lineno}: {error.msg})") from error
    except (RecursionError, ValueError) as error:
        raise ImportRefused(f"{place}: cannot be read as JSON ({type(error).__name__})") from error
