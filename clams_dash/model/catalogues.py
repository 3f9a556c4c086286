"""Catalogues: the closed lists of drugs, analytes, courses, sequences and fact kinds, read from ``data/catalogues``."""

from __future__ import annotations

import csv
import tomllib
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from clams_dash.config import FACTS_DIR
from clams_dash.errors import FactsError

CATALOGUE_DIR = FACTS_DIR / "catalogues"


@dataclass(frozen=True, slots=True)
class Dmt:
    """A disease-modifying therapy. ``tier`` is its efficacy tier; ``approved_year`` its first approval anywhere."""

    dmt: str
    label: str
    drug_class: str
    tier: str
    route: str | None
    atc: str | None
    atc_old: str | None
    approved_year: int | None


@dataclass(frozen=True, slots=True)
class Analyte:
    """A laboratory analyte: unit of the pool, reference limits (None = none fixed) and plausible range."""

    analyte: str
    label: str
    loinc: str | None
    unit: str
    lower_limit: float | None
    upper_limit: float | None
    plausible_low: float
    plausible_high: float
    decimals: int
    limits_note: str


def read_toml(path: Path) -> dict[str, Any]:
    """A TOML file of facts. Raises FactsError, naming the file, when it cannot be read or is no TOML."""
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise FactsError(
            f"{path}: cannot be read ({error.strerror}); it belongs to the project's data folder"
        ) from error
    except ValueError as error:
        raise FactsError(f"{path}: not valid TOML ({error})") from error


def read_rows(path: Path) -> list[dict[str, str]]:
    """Rows of a facts file as text. Raises FactsError, naming the file, when it cannot be read."""
    try:
        with path.open(encoding="utf-8", newline="") as handle:
            return list(csv.DictReader(handle))
    except OSError as error:
        raise FactsError(
            f"{path}: cannot be read ({error.strerror}); it belongs to the project's data folder"
        ) from error


def _number(text: str) -> float | None:
    return float(text) if text else None


@lru_cache(maxsize=1)
def dmts() -> dict[str, Dmt]:
    """Therapies by name (INN in lower case with underscores; ``none`` for untreated)."""
    return {
        row["dmt"]: Dmt(
            dmt=row["dmt"],
            label=row["label"],
            drug_class=row["class"],
            tier=row["tier"],
            route=row["route"] or None,
            atc=row["atc"] or None,
            atc_old=row["atc_old"] or None,
            approved_year=int(row["approved_year"]) if row["approved_year"] else None,
        )
        for row in read_rows(CATALOGUE_DIR / "dmts.csv")
    }


@lru_cache(maxsize=1)
def analytes() -> dict[str, Analyte]:
    """Laboratory analytes by name."""
    return {
        row["analyte"]: Analyte(
            analyte=row["analyte"],
            label=row["label"],
            loinc=row["loinc"] or None,
            unit=row["unit"],
            lower_limit=_number(row["lower_limit"]),
            upper_limit=_number(row["upper_limit"]),
            plausible_low=float(row["low"]),
            plausible_high=float(row["high"]),
            decimals=int(row["decimals"]),
            limits_note=row["limits_note"],
        )
        for row in read_rows(CATALOGUE_DIR / "analytes.csv")
    }


@lru_cache(maxsize=8)
def labels(catalogue: str) -> dict[str, str]:
    """Code to label of a simple catalogue: ``courses``, ``sequences``, ``stop_reasons`` or ``fact_kinds``."""
    rows = read_rows(CATALOGUE_DIR / f"{catalogue}.csv")
    key = next(iter(rows[0]))
    return {row[key]: row["label"] for row in rows}


@lru_cache(maxsize=1)
def mask_sequences() -> frozenset[str]:
    """Sequences that are masks, not images."""
    return frozenset(row["sequence"] for row in read_rows(CATALOGUE_DIR / "sequences.csv") if row["role"] == "mask")
