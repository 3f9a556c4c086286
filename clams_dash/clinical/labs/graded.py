"""The newest result of every analyte of a case: graded, adjusted for age where that decides, with its trend."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date
from statistics import NormalDist

from clams_dash.clinical.labs import pml
from clams_dash.clinical.labs.grades import GfapLimit, Grade, Limits, Severity, gfap_upper_limit, grade, limits_of
from clams_dash.clinical.labs.kappa import computed_indices
from clams_dash.clinical.labs.nfl import NflPosition, NflReference, default_reference
from clams_dash.clinical.labs.settings import lab_settings
from clams_dash.clinical.labs.trends import TooFew, Trend, trend
from clams_dash.clinical.person import age_on, bmi_near, exposures
from clams_dash.model import catalogues
from clams_dash.model.records import Case, LabResult, Source


@dataclass(frozen=True, slots=True)
class GradedLab:
    """The newest result of one analyte.

    ``lower`` and ``upper`` are the limits it was read against. ``severity`` of an old result is never ``ok``:
    ``stale`` says that it no longer describes the present. ``nfl`` is its position among controls, for sNfL.
    ``text`` is one clause for the reader; ``origin`` the rule; ``sources`` the rows of the results used.
    """

    analyte: str
    label: str
    specimen: str | None
    date: date
    value: float
    unit: str
    lower: float | None
    upper: float | None
    grade: str
    severity: Severity
    stale: bool
    age_days: int
    text: str
    nfl: NflPosition | None
    trend: Trend | TooFew
    origin: str
    sources: tuple[Source, ...]


def graded(case: Case, as_of: date, nfl_reference: NflReference | None = None) -> tuple[GradedLab, ...]:
    """The newest result of each analyte (and specimen) known on ``as_of``, in the order of the catalogue.

    ``nfl_reference`` places sNfL among controls; by default the centre's table where one is set, else the surrogate.
    Raises ValueError for an analyte that is not in the catalogue; a drug that is not there only has no class.
    """
    known = case.as_of(as_of)
    catalogue = catalogues.dmts()
    running = [one.dmt for one in exposures(known, as_of) if one.stop is None or as_of < one.stop]
    classes = frozenset(catalogue[dmt].drug_class for dmt in running if dmt in catalogue)
    series: dict[tuple[str, str | None], list[LabResult]] = {}
    for result in (*known.labs, *computed_indices(known.labs)):
        series.setdefault((result.analyte, result.specimen), []).append(result)
    order = {name: at for at, name in enumerate(catalogues.analytes())}
    unknown = sorted({analyte for analyte, _ in series} - set(order))
    if unknown:
        raise ValueError(f"not in the catalogue of analytes: {', '.join(unknown)}")
    keys = sorted(series, key=lambda key: (order[key[0]], key[1] or ""))
    reference = nfl_reference or default_reference()
    return tuple(_newest(known, sorted(series[key], key=_date_of), as_of, classes, reference) for key in keys)


def _date_of(result: LabResult) -> date:
    return result.date


def _newest(
    case: Case, results: list[LabResult], as_of: date, classes: frozenset[str], reference: NflReference
) -> GradedLab:
    last, settings = results[-1], lab_settings()
    analyte = catalogues.analytes()[last.analyte]
    limits = limits_of(last)
    position = _nfl_position(case, last, reference) if last.analyte == "nfl" else None
    gfap = _gfap_limit(case, last, limits) if last.analyte == "gfap" else None
    found = _grade(last, classes, reference, position, gfap)
    age_days = (as_of - last.date).days
    stale = age_days > settings.valid_for(last.analyte)
    if stale and found.severity == "ok":
        found = replace(found, severity="not_assessable")
    unit = "" if analyte.unit == "index" else f" {last.unit}"
    old = f", {age_days} d old" if stale else ""
    return GradedLab(
        analyte=last.analyte,
        label=analyte.label,
        specimen=last.specimen,
        date=last.date,
        value=last.value,
        unit=last.unit,
        lower=limits.lower,
        upper=gfap.upper if gfap else limits.upper,
        grade=found.grade,
        severity=found.severity,
        stale=stale,
        age_days=age_days,
        text=f"{analyte.label} {last.value:.{analyte.decimals}f}{unit} on {last.date.isoformat()}{old}: {found.grade}",
        nfl=position,
        trend=trend(
            [result.date for result in results],
            [result.value for result in results],
            settings.trend,
            relative=last.analyte in settings.trend.log_analytes,
        ),
        origin=found.origin,
        sources=(last.source,),
    )


def _nfl_position(case: Case, result: LabResult, reference: NflReference) -> NflPosition | None:
    age = age_on(case.patient, result.date)
    if age is None or _incomparable(result, reference):
        return None
    return reference.place(result.value, age, bmi_near(case, result.date, lab_settings().nfl.bmi_most_days))


def _incomparable(result: LabResult, reference: NflReference) -> str | None:
    """Why the reference does not hold for a result: CSF, or another platform; one that is not named may be the same."""
    if (result.specimen or "").strip().lower() == "csf":
        return "measured in CSF, the reference holds for blood"
    if result.assay and reference.assay is not None and reference.assay.lower() not in result.assay.lower():
        return f"measured by {result.assay}, the reference holds for {reference.assay}"
    return None


def _grade(
    result: LabResult,
    classes: frozenset[str],
    reference: NflReference,
    position: NflPosition | None,
    gfap: GfapLimit | None,
) -> Grade:
    if result.analyte == "nfl":
        return _nfl_grade(result, reference, position)
    if result.analyte == "gfap" and gfap is not None:
        return _gfap_grade(result, gfap)
    if result.analyte == "jcv_index":
        band = pml.pml_table().stratum(result.value)
        severity: Severity = "ok" if band.stratum == "negative" else "watch"
        return Grade(band.label, severity, pml.STRATA_FILE.name)
    return grade(result, classes)


def _nfl_grade(result: LabResult, reference: NflReference, position: NflPosition | None) -> Grade:
    if position is None:
        reason = _incomparable(result, reference) or "age not known or outside the range of the reference"
        return Grade(reason, "not_assessable", "clinical.md 3.1")
    parts = [f"percentile {position.words} for {' and '.join(position.adjusted_for)}"]
    if position.z is not None:
        parts[0] += f" (z {position.z:+.1f})"
    if position.approximate:
        parts.append(position.label)
    if reference.assay is not None and not result.assay:
        parts.append("platform not on record")
    severity = _nfl_severity(position)
    word = {"watch": "raised, ", "not_assessable": "beyond the table, "}.get(severity, "")
    return Grade(f"{word}{', '.join(parts)}", severity, position.source)


def _nfl_severity(position: NflPosition) -> Severity:
    """Raised above the percentile of ``raised_z``; a value beyond the ends of a table only where that settles it."""
    limit = 100.0 * NormalDist().cdf(lab_settings().nfl.raised_z)
    if position.bound == "<":
        return "ok" if position.percentile <= limit else "not_assessable"
    if position.bound == ">":
        return "watch" if position.percentile >= limit else "not_assessable"
    return "watch" if position.percentile > limit else "ok"


def _gfap_limit(case: Case, result: LabResult, limits: Limits) -> GfapLimit | None:
    """The laboratory's own upper limit, else that of its platform at the person's age."""
    if limits.origin == "laboratory" and limits.upper is not None:
        return GfapLimit(limits.upper, "laboratory limit")
    age = age_on(case.patient, result.date)
    return None if age is None else gfap_upper_limit(age, result.assay)


def _gfap_grade(result: LabResult, limit: GfapLimit) -> Grade:
    if result.value > limit.upper:
        return Grade(f"above {limit.upper:g} for age", "watch", limit.source)
    return Grade(f"not above {limit.upper:g} for age", "ok", limit.source)
