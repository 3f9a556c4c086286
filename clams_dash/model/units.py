"""Units of measured values: from those a source uses to those of the pool, by ``data/catalogues/units.csv``."""

from __future__ import annotations

import re
from functools import lru_cache

from clams_dash.model import catalogues

_SPELLINGS = (
    (re.compile(r"\{[^}]*\}"), ""),
    (re.compile(r"[µμ]|(?<![a-z])mc(?=[glk])"), "u"),
    (re.compile(r"\[iu\]|i\.u\.|(?<![a-z])ie(?=/)"), "iu"),
    (re.compile(r"(?<![a-z0-9])(?:x|×)?\s*10\s*(?:\*\*|\*|\^|e)?\s*([⁰¹²³⁴⁵⁶⁷⁸⁹]|[0-9])(?=\s*/)"), r"10^\1"),
    (re.compile(r"/(?:cubic millimet(?:re|er)|cmm|mm\^3|mm³)$"), "/mm3"),
    (re.compile(r"\s+"), ""),
)
_RAISED = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹", "0123456789")


def plain(unit: str) -> str:
    """One spelling of a unit: UCUM's ``10*9/L``, ``x10⁹/l`` and ``10^9/L`` are the same; case does not matter."""
    annotation = re.fullmatch(r"\s*\{([^}]*)\}\s*", unit)
    text = (annotation.group(1) if annotation else unit).casefold()
    for pattern, replacement in _SPELLINGS:
        text = pattern.sub(replacement, text)
    return text.translate(_RAISED)


@lru_cache(maxsize=1)
def _factors() -> dict[tuple[str, str, str], float]:
    rows = catalogues.read_rows(catalogues.CATALOGUE_DIR / "units.csv")
    return {(row["quantity"], plain(row["from_unit"]), plain(row["to_unit"])): float(row["factor"]) for row in rows}


def factor(quantity: str, unit: str, to_unit: str) -> float | None:
    """What a value in ``unit`` is multiplied by to be in ``to_unit``; None when no rule says.

    ``quantity`` is an analyte, or ``*`` for what needs no molar mass (times, volumes).
    """
    own, wanted = plain(unit), plain(to_unit)
    if own == wanted:
        return 1.0
    table = _factors()
    return table.get((quantity, own, wanted), table.get(("*", own, wanted)))
