"""Parameter files in TOML read into dataclasses: every section names its source, every value lies within its limits."""

from __future__ import annotations

from dataclasses import Field, field, fields
from datetime import date
from pathlib import Path
from typing import Any, TypeVar

from clams_dash.config import FACTS_DIR
from clams_dash.errors import FactsError
from clams_dash.model.catalogues import read_toml

EFFECTS_DIR = FACTS_DIR / "effects"

Section = TypeVar("Section")


def limits(low: float, high: float, size: int | None = None) -> Any:
    """A field whose value (or every element of it) must lie in [low, high]; ``size`` fixes a list's length."""
    return field(metadata={"low": low, "high": high, "size": size})


def share() -> Any:
    """A field whose value must lie between 0 and 1."""
    return limits(0.0, 1.0)


def read_sections(path: Path, kind: type[Section]) -> dict[str, Section]:
    """All sections of a file whose sections are of one kind. Raises FactsError naming the file and the key at fault."""
    document = read_toml(path)
    return {name: read_section(path, name, kind, document) for name in document}


def read_section(path: Path, name: str, kind: type[Section], document: dict[str, Any]) -> Section:
    """One section of a document as a dataclass. Raises FactsError naming file and key."""
    entries = dict(document.get(name, {}))
    if not str(entries.pop("source", "")).strip():
        raise FactsError(f"{path}: [{name}] has no source; every section names where its numbers come from")
    known = {item.name: item for item in fields(kind)}  # type: ignore[arg-type]
    for key in [*entries, *known]:
        if key not in known:
            raise FactsError(f"{path}: [{name}] {key} is unknown; remove it or correct its spelling")
        if key not in entries:
            raise FactsError(f"{path}: [{name}] {key} is missing")
    return kind(**{key: _value(path, f"[{name}] {key}", entries[key], item) for key, item in known.items()})


def _value(path: Path, where: str, value: Any, item: Field[Any]) -> Any:
    kind = str(item.type)
    if kind.startswith("tuple"):
        if not isinstance(value, list) or not value:
            raise FactsError(f"{path}: {where} must be a list")
        size = item.metadata.get("size")
        if size is not None and len(value) != size:
            raise FactsError(f"{path}: {where} must have {size} values, it has {len(value)}")
        return tuple(_scalar(path, where, element, kind[6:].split(",")[0], item) for element in value)
    return _scalar(path, where, value, kind, item)


def _scalar(path: Path, where: str, value: Any, kind: str, item: Field[Any]) -> Any:
    accepted: dict[str, tuple[type, ...]] = {
        "float": (int, float),
        "int": (int,),
        "bool": (bool,),
        "str": (str,),
        "date": (date,),
    }
    fits = isinstance(value, accepted[kind]) and (kind == "bool" or (value is not True and value is not False))
    if not fits:
        raise FactsError(f"{path}: {where} = {value!r} is not of kind {kind}")
    low, high = item.metadata.get("low"), item.metadata.get("high")
    if low is not None and high is not None and not low <= value <= high:
        raise FactsError(f"{path}: {where} = {value} is impossible; it must lie between {low} and {high}")
    return float(value) if kind == "float" else value
