"""Units of laboratory results: from what a laboratory writes to the unit of the pool and back (``lab_units.csv``).

Every analyte is kept in one unit (``catalogues/analytes.csv``). A factor holds for one analyte, or for all of a pool
unit when it is metric or a mere spelling. A unit that is not on file is refused, never guessed.
"""

from __future__ import annotations

import re
from functools import lru_cache
from pathlib import Path

from clams_dash.clinical import rule_files
from clams_dash.clinical.rule_files import RULES_DIR
from clams_dash.model import catalogues

UNITS_FILE = RULES_DIR / "lab_units.csv"

Factors = dict[tuple[str | None, str], dict[str, float]]
"""(analyte or None for all, unit as spelled by ``normalised``) to factors by pool unit."""

_SPELLINGS = str.maketrans({"µ": "u", "μ": "u", "⁰": "0", "²": "2", "³": "3", "⁶": "6", "⁹": "9", "*": "^", " ": None})
_TEN_TO_THE = re.compile(r"^[x×]?10\^?[eE]?\^?(?=\d)(\d)")
_ANNOTATION = re.compile(r"\{([^}]*)\}")
_WRITTEN_OUT = (("[IU]", "IU"), ("[iU]", "IU"), ("mcg", "ug"), ("mcL", "uL"))
_LITRE = re.compile(r"(?<=/)([dmunf]?)l\b")


def normalised(unit: str) -> str:
    """One spelling of a unit: ``10^9/L`` for ``10*9/L``, ``x 10⁹/l`` and ``10E9/L``; ``uL`` for ``µl``.

    What UCUM writes in braces is an annotation: ``{cells}/uL`` is ``/uL``, and ``{index}`` alone its own word.

    Upper and lower case stay apart elsewhere: ``G/L`` counts cells, ``g/L`` weighs.
    """
    annotated = _ANNOTATION.sub("", unit).strip() or _ANNOTATION.sub(r"\1", unit)
    text = annotated.strip().translate(_SPELLINGS)
    for written, short in _WRITTEN_OUT:
        text = text.replace(written, short)
    return _LITRE.sub(r"\1L", _TEN_TO_THE.sub(r"10^\1", text))


def to_pool_unit(analyte: str, value: float, unit: str) -> float:
    """A value in the pool's unit of the analyte. Raises ValueError naming analyte, unit and the units on file."""
    return value * _factor(analyte, unit)


def from_pool_unit(analyte: str, value: float, unit: str) -> float:
    """A value of the pool in another unit. Raises ValueError likewise."""
    return value / _factor(analyte, unit)


def known_units(analyte: str) -> tuple[str, ...]:
    """Units an analyte can be read in, the pool's first. Raises ValueError for an analyte not in the catalogue."""
    pool_unit = _pool_unit(analyte)
    found = [
        unit
        for (whose, unit), factors in lab_units().items()
        if whose in (None, analyte) and pool_unit in factors and normalised(pool_unit) != unit
    ]
    return (pool_unit, *dict.fromkeys(found))


def load_units(path: Path) -> Factors:
    """Read the factors. Raises FactsError naming file, row and column."""
    found: Factors = {}
    pool_units = {analyte.unit for analyte in catalogues.analytes().values()}
    for row in rule_files.rows(path):
        analyte, factor = row.text("analyte") or None, row.number_in("factor")
        pool_unit = row.one_of("pool_unit", tuple(pool_units))
        if analyte is not None and catalogues.analytes()[row.one_of("analyte", tuple(catalogues.analytes()))].unit != (
            pool_unit
        ):
            raise row.fault("pool_unit", f"is not the unit {analyte} is kept in")
        if factor is None or factor <= 0:
            raise row.fault("factor", "has to be above 0")
        spelled = normalised(row.text("unit"))
        factors = found.setdefault((analyte, spelled), {})
        if pool_unit in factors:
            raise row.fault("unit", "stands here twice")
        factors[pool_unit] = factor
    return found


@lru_cache(maxsize=1)
def lab_units() -> Factors:
    """The project's factors."""
    return load_units(UNITS_FILE)


def _pool_unit(analyte: str) -> str:
    entry = catalogues.analytes().get(analyte)
    if entry is None:
        raise ValueError(f"{analyte!r} is not in the catalogue of analytes")
    return entry.unit


def _factor(analyte: str, unit: str) -> float:
    pool_unit, spelled = _pool_unit(analyte), normalised(unit)
    if spelled == normalised(pool_unit):
        return 1.0
    for whose in (analyte, None):
        factor = lab_units().get((whose, spelled), {}).get(pool_unit)
        if factor is not None:
            return factor
    raise ValueError(
        f"{analyte}: unit {unit!r} is not on file; known are {', '.join(known_units(analyte))} "
        f"(more go into {UNITS_FILE.name})"
    )
