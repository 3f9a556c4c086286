"""What a source calls otherwise brought to the pool's words and units, where a table says how.

A therapy may be given by its name here, another name or brand, or an ATC code (old or new); an analyte by its name,
label or LOINC code; a laboratory value in another unit of the same analyte. What no table knows stays as it is and is
set aside by the checks, naming it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any

import pandas as pd

from clams_dash.clinical.labs import units
from clams_dash.ingest.parse import is_blank
from clams_dash.model import catalogues, codes

_SCALED = ("value", "lower_limit", "upper_limit")


def normalised(frame: pd.DataFrame, table: str) -> pd.DataFrame:
    """Return the raw frame of a table in the pool's words and units."""
    if table == "treatment" and "dmt" in frame:
        return frame.assign(dmt=_each_once(frame["dmt"], therapy_word))
    if table == "lab" and "analyte" in frame:
        return _in_pool_units(frame.assign(analyte=_each_once(frame["analyte"], analyte_word)))
    return frame


def _each_once(column: pd.Series, read: Callable[[object], object]) -> pd.Series:
    """Apply ``read`` to each different value once: a column of a million rows holds a handful."""
    words = {value: read(value) for value in column.unique() if isinstance(value, str)}
    return column.map(lambda value: words.get(value, value) if isinstance(value, str) else value)


def therapy_word(text: object) -> object:
    """The pool's name of a therapy, or the text itself where it names none, or leaves open which."""
    if not isinstance(text, str) or text.strip() in catalogues.dmts():
        return text
    found = codes.dmts_of([("atc", text.strip().upper())], text)
    return next(iter(found)) if len(found) == 1 else text


def analyte_word(text: object) -> object:
    """The pool's name of an analyte, or the text itself where it names none."""
    if not isinstance(text, str) or text.strip() in catalogues.analytes():
        return text
    by_code = [concept.removeprefix("lab:") for concept in codes.concepts_of("loinc", text.strip())]
    return by_code[0] if by_code else _analyte_labels().get(text.strip().casefold(), text)


@lru_cache(maxsize=1)
def _analyte_labels() -> dict[str, str]:
    known = catalogues.analytes().values()
    return {word.casefold(): one.analyte for one in known for word in (one.label, one.analyte)}


def _in_pool_units(lab: pd.DataFrame) -> pd.DataFrame:
    if not {"value", "unit"} <= set(lab.columns):
        return lab
    own = {name: analyte.unit for name, analyte in catalogues.analytes().items()}
    other = lab["analyte"].isin(list(own)) & (lab["unit"] != lab["analyte"].map(own))
    if not other.any():
        return lab
    rows = [_converted(row) for row in lab[other].to_dict("records")]
    converted = lab.astype({name: object for name in (*_SCALED, "unit") if name in lab})
    for name in (*_SCALED, "unit"):
        if name in lab:
            converted.loc[other, name] = pd.Series([row[name] for row in rows], index=lab.index[other], dtype=object)
    return converted


def _converted(row: Mapping[Any, Any]) -> Mapping[Any, Any]:
    analyte, unit = catalogues.analytes().get(row["analyte"]), row["unit"]
    if analyte is None or not isinstance(unit, str) or unit == analyte.unit:
        return row
    try:
        factor = units.to_pool_unit(analyte.analyte, 1.0, unit)
    except ValueError:  # no rule: the checks name it
        return row
    return {**row, **{name: times(row[name], factor) for name in _SCALED if name in row}, "unit": analyte.unit}


def times(value: object, factor: float) -> object:
    """A raw number in another unit; what is no number stays as it is."""
    if factor == 1.0 or is_blank(value):
        return value
    try:
        return float(f"{float(str(value)) * factor:.12g}")
    except ValueError:
        return value
