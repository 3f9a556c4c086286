"""What readers of coded records share: conditions, observations, drugs and procedures of people become rows.

Only people with MS are kept: those with a condition coded as MS or one of its courses. What has no place in the pool is
counted and named once, not row by row.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import pandas as pd

from clams_dash.errors import ImportRefused
from clams_dash.ingest.coded.courses import Prescription, courses_of
from clams_dash.ingest.normalise import normalised
from clams_dash.ingest.parse import is_blank
from clams_dash.ingest.staging import FILE, ROW, Reject
from clams_dash.ingest.units import factor
from clams_dash.model import codes, tables

_COURSE_WORDS = (
    (re.compile(r"primary[\s-]+progressive", re.IGNORECASE), "PPMS"),
    (re.compile(r"secondary[\s-]+progressive", re.IGNORECASE), "SPMS"),
    (re.compile(r"relapsing[\s/-]+remitting", re.IGNORECASE), "RRMS"),
)
_MEASURED = ("visit", "mri")
_LOINC = ("loinc", codes.SYSTEM_URIS["loinc"])
_ROUTES = {"intramuscular": "_im", "subcutaneous": "_sc"}


@dataclass(frozen=True, slots=True)
class Coded:
    """One coded entry of a source: whose, which codes (system, code), in which words, and where it stands."""

    patient: str
    codes: tuple[tuple[str, str], ...]
    text: str
    file: str
    row: int

    def concepts(self) -> frozenset[str]:
        """Concepts of the pool its codes stand for."""
        return frozenset(concept for system, code in self.codes for concept in codes.concepts_of(system, code))


@dataclass
class _Diagnosis:
    onset: str | None = None
    diagnosed: str | None = None
    courses: list[tuple[str, str]] = field(default_factory=list)


@dataclass
class CodedRecords:
    """Collects entries in any order; :meth:`frames` makes the tables once all are there."""

    notes: list[Reject] = field(default_factory=list)
    _people: dict[str, dict[str, Any]] = field(default_factory=dict)
    _diagnoses: dict[str, _Diagnosis] = field(default_factory=dict)
    _rows: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    _measured: dict[tuple[str, str, str], dict[str, Any]] = field(default_factory=dict)
    _prescriptions: list[Prescription] = field(default_factory=list)
    _contacts: dict[str, tuple[str, str, int]] = field(default_factory=dict)
    _unused: Counter[str] = field(default_factory=Counter)

    def person(self, patient: str, file: str, row: int, **columns: object) -> None:
        """A person; ``columns`` are those of the table ``patient``."""
        self._people[patient] = {"patient_id": patient, **columns, FILE: file, ROW: row}

    def add(self, table: str, entry: Coded, **columns: object) -> None:
        """A row of a table as it is."""
        row = {"patient_id": entry.patient, **columns, FILE: entry.file, ROW: entry.row}
        self._rows.setdefault(table, []).append(row)

    def warn(
        self, table: str, entry: Coded, column: str, value: object, reason: str, severity: str = "warning"
    ) -> None:
        """A finding about an entry."""
        text = None if is_blank(value) else str(value)[:200]
        self.notes.append(Reject(table, entry.file, entry.row, column, text, reason, severity))

    def contact(self, entry: Coded, day: str | None) -> None:
        """A day on which the person was seen; the latest is kept as last contact."""
        if day and day > self._contacts.get(entry.patient, ("", "", 0))[0]:
            self._contacts[entry.patient] = (day, entry.file, entry.row)

    def condition(self, entry: Coded, *, onset: str | None, recorded: str | None, **relapse: object) -> None:
        """A diagnosis: MS, its course, a relapse, a pregnancy; any other is counted.

        ``relapse`` holds further columns of the table ``relapse``, should it be one.
        """
        found = entry.concepts()
        start = onset or recorded
        if found & {"disease:ms"} or any(concept.startswith("course:") for concept in found):
            diagnosis = self._diagnoses.setdefault(entry.patient, _Diagnosis())
            diagnosis.onset = _earlier(diagnosis.onset, onset)
            diagnosis.diagnosed = _earlier(diagnosis.diagnosed, recorded)
            if course := self._course(entry, found):
                diagnosis.courses.append((start or "", course))
        elif "event:relapse" in found:
            self.add("relapse", entry, date=start, **relapse)
        elif "fact:pregnancy" in found:
            self.add("clinical_fact", entry, date=start, kind="pregnancy")
        else:
            self._unused["conditions"] += 1

    def _course(self, entry: Coded, found: frozenset[str]) -> str | None:
        coded = [concept.removeprefix("course:") for concept in found if concept.startswith("course:")]
        said = next((course for pattern, course in _COURSE_WORDS if pattern.search(entry.text)), None)
        if coded and said and said not in coded:
            self.warn(
                "patient", entry, "course", entry.text, f"the code means {coded[0]}, its text {said}; course not taken"
            )
            return None
        return coded[0] if coded else said

    def observation(
        self,
        entry: Coded,
        day: str | None,
        value: object,
        unit: str | None,
        *,
        study: str | None = None,
        approximate: bool = False,
        **more: object,
    ) -> None:
        """A measured value: a score or test of an examination, a count of a scan, a laboratory result, a dated fact.

        Parameters
        ----------
        study
            MRI study the value was read from; a count without one is left out.
        approximate
            Whether the day is nominal; said of examinations only.
        more
            Further columns of the table ``lab`` (limits, specimen, assay).
        """
        for concept in sorted(entry.concepts()):
            kind, _, name = concept.partition(":")
            if kind in _MEASURED:
                self._measure(kind, name, entry, day, value, unit, study)
                if approximate and kind == "visit":
                    self._measured["visit", entry.patient, day or ""]["date_approximate"] = True
            elif kind == "lab":
                loinc = next((code for system, code in entry.codes if system in _LOINC), None)
                self.add("lab", entry, date=day, analyte=name, loinc=loinc, value=value, unit=unit, **more)
            elif kind == "fact":
                self.add("clinical_fact", entry, date=day, kind=name, value=value, unit=unit)
            else:
                self._unused["observations"] += 1
            return
        self._unused["observations"] += 1

    def _measure(
        self, table: str, column: str, entry: Coded, day: str | None, value: object, unit: str | None, study: str | None
    ) -> None:
        key = (table, entry.patient, (study if table == "mri" else day) or "")
        if table == "mri" and study is None:
            self.warn("mri", entry, column, value, "the count names no MRI study; left out")
            return
        row = self._measured.setdefault(key, {"patient_id": entry.patient, FILE: entry.file, ROW: entry.row})
        row.update({"study_id": study} if table == "mri" else {"date": day})
        wanted = tables.BY_NAME[table].by_name[column].unit
        rate = factor(unit, wanted) if unit and wanted else 1.0
        if rate is None:
            self.warn(table, entry, "unit", unit, f"{column}: no rule from this unit to {wanted}; left out", "error")
        elif column in row and str(row[column]) != str(value):
            self.warn(table, entry, column, value, f"{column}: another value of the same day was kept ({row[column]})")
        else:
            row.setdefault(column, _scaled(value, rate))

    def about_visit(self, entry: Coded, day: str | None, **columns: object) -> None:
        """Further columns of an examination of which something was measured."""
        self._measured["visit", entry.patient, day or ""].update(columns)

    def study(self, entry: Coded, study: str, day: str | None, **columns: object) -> None:
        """An MRI study; counts that name it join its row."""
        row = self._measured.setdefault(("mri", entry.patient, study), {"patient_id": entry.patient})
        row.update({"study_id": study, "date": day, FILE: entry.file, ROW: entry.row})
        row.update({name: value for name, value in columns.items() if not is_blank(value)})

    def finding(self, entry: Coded, study: str, **columns: object) -> None:
        """What a report says of an MRI study that is there."""
        self._measured["mri", entry.patient, study].update(columns)

    def drug(self, entry: Coded, start: str | None, stop: str | None, *, route: str = "", **told: Any) -> None:
        """A prescription: one of MS becomes part of a course of therapy, any other is counted.

        Parameters
        ----------
        route
            In words; it may tell interferon beta-1a IM from SC.
        told
            Further fields of :class:`Prescription`.
        """
        found = codes.dmts_of(entry.codes, entry.text)
        ending = next((end for word, end in _ROUTES.items() if word in route.casefold()), None)
        if len(found) > 1 and ending:
            found = frozenset(dmt for dmt in found if dmt.endswith(ending)) or found
        if not found:
            self._unused["drugs"] += 1
        elif len(found) > 1:
            reason = f"dmt: leaves open which of {' or '.join(sorted(found))}; row set aside"
            self.warn("treatment", entry, "dmt", entry.text, reason, "error")
        else:
            (dmt,) = found
            self._prescriptions.append(Prescription(entry.patient, dmt, start, stop, entry.file, entry.row, **told))

    def procedure(self, entry: Coded, day: str | None) -> None:
        """A procedure: an MRI becomes a study without findings, any other is counted."""
        found = entry.concepts()
        region = "brain" if "procedure:mri_brain" in found else "cord" if "procedure:mri_cord" in found else None
        if region is None:
            self._unused["procedures"] += 1
        else:
            self.study(entry, f"{entry.patient}-{(day or '')[:10]}-{region}", day, region=region)

    def with_ms(self) -> frozenset[str]:
        """People who have MS."""
        return frozenset(self._diagnoses)

    def frames(self, source: str) -> dict[str, pd.DataFrame]:
        """Tables of the people with MS. Raises ImportRefused when there is none."""
        kept = self.with_ms() & set(self._people)
        if not kept:
            raise ImportRefused(
                f"{source}: {len(self._people)} people, none with a diagnosis of MS (SNOMED CT 24700007 or a course of "
                f"it, ICD-10 G35)"
            )
        rows = {name: [row for row in group if row["patient_id"] in kept] for name, group in self._rows.items()}
        rows["patient"] = [self._with_diagnosis(patient) for patient in sorted(kept)]
        for (table, patient, _), row in self._measured.items():
            if patient in kept:
                rows.setdefault(table, []).append(row)
        courses, findings = courses_of(one for one in self._prescriptions if one.patient in kept)
        rows["treatment"] = courses
        rows.setdefault("clinical_fact", []).extend(
            {"patient_id": patient, "date": day, "kind": "last_contact", FILE: file, ROW: row}
            for patient, (day, file, row) in self._contacts.items()
            if patient in kept
        )
        made = {name: normalised(pd.DataFrame(group, dtype=object), name) for name, group in rows.items() if group}
        once = {name: frame[~_repeats(frame)] for name, frame in made.items()}
        repeated = sum(len(made[name]) - len(once[name]) for name in made)
        self.notes += [*findings, *self._counted(source, len(self._people) - len(kept), repeated)]
        return once

    def _with_diagnosis(self, patient: str) -> dict[str, Any]:
        diagnosis = self._diagnoses[patient]
        course = max(diagnosis.courses, default=("", "unknown"))[1]
        told = self._people[patient]
        found = {"onset_date": diagnosis.onset, "diagnosis_date": diagnosis.diagnosed, "course": course}
        return {**found, **{name: value for name, value in told.items() if not is_blank(value)}}

    def _counted(self, source: str, without: int, repeated: int) -> Iterable[Reject]:
        if without:
            yield Reject("patient", source, None, None, str(without), "people without MS were left out", "warning")
        if repeated:
            yield Reject(
                "source", source, None, None, str(repeated), "rows that repeat another were left out", "warning"
            )
        for what, number in sorted(self._unused.items()):
            yield Reject("source", source, None, None, str(number), f"{what} without a place in the pool", "warning")


def _repeats(frame: pd.DataFrame) -> pd.Series:
    """Rows equal to an earlier one but for their place: a value reported by two resources is one value."""
    return frame.drop(columns=[FILE, ROW]).astype(str).duplicated()


def _earlier(first: str | None, second: str | None) -> str | None:
    return min((day for day in (first, second) if day), default=None)


def _scaled(value: object, rate: float) -> object:
    try:
        return value if rate == 1.0 else float(str(value)) * rate
    except ValueError:
        return value
