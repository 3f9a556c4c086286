"""The kappa free light chain index, from its four measurements."""

from __future__ import annotations

from datetime import date

from clams_dash.model import catalogues
from clams_dash.model.records import LabResult

INDEX = "kappa_index"
_PARTS = (("kappa_flc", "csf"), ("kappa_flc", "serum"), ("albumin", "csf"), ("albumin", "serum"))


def kappa_index(kappa_csf: float, kappa_serum: float, albumin_csf: float, albumin_serum: float) -> float:
    """Kappa free light chain index: (kappa CSF / kappa serum) / (albumin CSF / albumin serum).

    Each pair in the same unit. Raises ValueError when a value is not above 0. Source: Hegen 2023 (clinical.md 3.2).
    """
    if min(kappa_csf, kappa_serum, albumin_csf, albumin_serum) <= 0:
        raise ValueError("the kappa index needs four values above 0")
    return (kappa_csf / kappa_serum) / (albumin_csf / albumin_serum)


def computed_indices(labs: tuple[LabResult, ...]) -> tuple[LabResult, ...]:
    """The index of every day on which all four measurements were made and the laboratory gave no index itself."""
    given = {lab.date for lab in labs if lab.analyte == INDEX}
    days: dict[date, dict[tuple[str, str], LabResult]] = {}
    for lab in labs:
        part = (lab.analyte, (lab.specimen or "").lower())
        if part in _PARTS and lab.value > 0:
            days.setdefault(lab.date, {})[part] = lab
    return tuple(
        _computed(parts) for day, parts in sorted(days.items()) if day not in given and len(parts) == len(_PARTS)
    )


def _computed(parts: dict[tuple[str, str], LabResult]) -> LabResult:
    first = parts[_PARTS[0]]
    return LabResult(
        date=first.date,
        analyte=INDEX,
        value=kappa_index(*(parts[part].value for part in _PARTS)),
        unit=catalogues.analytes()[INDEX].unit,
        lower_limit=None,
        upper_limit=None,
        specimen=None,
        assay="computed from kappa free light chains and albumin",
        source=first.source,
    )
