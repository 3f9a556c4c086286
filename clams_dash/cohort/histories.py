"""What the chart holds besides visits, scans and bloods: patient, relapses, therapies and dated facts."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from clams_dash.cohort.course_record import RELAPSE_SYSTEMS, Courses
from clams_dash.cohort.drugs import Drugs
from clams_dash.cohort.examinations import Window
from clams_dash.cohort.frames import dates, flags, numbers, words
from clams_dash.cohort.parameters import CohortParameters, TreatmentParameters
from clams_dash.cohort.people import DAYS_PER_YEAR, People
from clams_dash.cohort.treatment import STOP_REASONS

BoolArray = NDArray[np.bool_]
IntArray = NDArray[np.int64]
TextArray = NDArray[np.object_]

_SEVERITIES = np.array(["mild", "moderate", "severe"], dtype=object)
_SMOKING = np.array(["never", "former", "current"], dtype=object)
_COMORBIDITIES = np.array(["migraine", "hypothyroidism", "hypertension", "depression", "psoriasis"], dtype=object)
RECALL_DAYS = 730


def patient_frame(
    ids: TextArray, people: People, courses: Courses, window: Window, cohort: CohortParameters
) -> pd.DataFrame:
    """One row per person; the course is the one on the last day the person was seen."""
    count = len(people)
    relapses = np.bincount(
        courses.relapses.person[courses.relapses.day <= window.last[courses.relapses.person]], minlength=count
    )
    last_month = courses.month_of(window.last)
    few_lesions = courses.t2_count[np.arange(count), last_month] < 4
    course = np.full(count, "RRMS", dtype=object)
    course[(relapses <= 1) & few_lesions] = "CIS"
    course[(courses.spms_day >= 0) & (courses.spms_day <= window.last)] = "SPMS"
    course[people.ppms] = "PPMS"
    return pd.DataFrame(
        {
            "patient_id": words(ids),
            "sex": words(np.where(people.female, "female", "male").astype(object)),
            "birth_date": dates(people.birth_day),
            "birth_date_approximate": flags(np.zeros(count, dtype=np.bool_)),
            "onset_date": dates(people.onset_day),
            "diagnosis_date": dates(people.diagnosis_day),
            "course": words(course),
            "centre": words(np.array(cohort.centres, dtype=object)[people.centre]),
            "synthetic": flags(np.ones(count, dtype=np.bool_)),
        }
    )


def relapse_frame(ids: TextArray, people: People, courses: Courses, window: Window) -> pd.DataFrame:
    """Relapses while observed, those of the two years before (recalled at entry), and the first one."""
    rows = courses.relapses
    recalled = (rows.day >= window.first[rows.person] - RECALL_DAYS) | (rows.day == people.onset_day[rows.person])
    kept = recalled & (rows.day <= window.last[rows.person])
    person, day = rows.person[kept], rows.day[kept]
    names = np.array(RELAPSE_SYSTEMS, dtype=object)
    systems = names[rows.system[kept]]
    second = rows.second_system[kept]
    systems = np.where(second >= 0, systems + ";" + names[np.maximum(second, 0)], systems)
    residual, acute = rows.residual_steps[kept], rows.acute_steps[kept]
    recovery = np.where(residual == 0, "complete", np.where(residual < acute, "partial", "none")).astype(object)
    recovery[window.last[person] - day < 90] = "unknown"
    return pd.DataFrame(
        {
            "patient_id": words(ids[person]),
            "date": dates(day),
            "functional_systems": words(systems),
            "severity": words(_SEVERITIES[rows.severity[kept]]),
            "steroids": flags(rows.steroids[kept]),
            "recovery": words(recovery),
        }
    )


def treatment_frame(
    ids: TextArray, courses: Courses, drugs: Drugs, parameters: TreatmentParameters, seed: np.random.SeedSequence
) -> pd.DataFrame:
    """Courses of therapy. The stop reason of a small share was not recorded."""
    rows = courses.therapies
    unrecorded = np.random.default_rng(seed).random(len(rows.person)) < parameters.stop_reason_unknown
    stopped = rows.stop_day >= 0
    reason = np.array(STOP_REASONS, dtype=object)[np.maximum(rows.reason, 0)]
    reason[unrecorded] = "unknown"
    reason[~stopped] = None
    return pd.DataFrame(
        {
            "patient_id": words(ids[rows.person]),
            "dmt": words(np.array(drugs.names, dtype=object)[rows.drug]),
            "start_date": dates(rows.start_day),
            "stop_date": dates(rows.stop_day, ~stopped),
            "stop_reason": words(reason),
            "dose": words(np.array(drugs.dose, dtype=object)[rows.drug]),
            "interval_weeks": numbers(drugs.interval_weeks[rows.drug]),
        }
    )


def fact_frame(
    ids: TextArray,
    people: People,
    courses: Courses,
    drugs: Drugs,
    window: Window,
    last_record: IntArray,
    data_day: int,
    seed: np.random.SeedSequence,
) -> pd.DataFrame:
    """Dated facts: BMI, smoking, wish for pregnancy, comorbidity, adverse events that ended a therapy, last contact."""
    rng = np.random.default_rng(seed)
    count = len(people)
    everyone = np.arange(count)
    blocks: list[tuple[IntArray, IntArray, str, TextArray, str | None]] = []
    for visit in range(8):
        day = window.first + round(visit * 3 * DAYS_PER_YEAR)
        bmi = people.bmi + rng.normal(0.3 * visit, 0.6, count)
        shown = (day <= window.last) & (rng.random(count) < 0.9)
        text = np.array([f"{value:.1f}" for value in bmi], dtype=object)
        blocks.append((everyone[shown], day[shown], "bmi", text[shown], "kg/m2"))
    asked = rng.random(count) < 0.92
    blocks.append((everyone[asked], window.first[asked], "smoking", _SMOKING[people.smoking[asked]], None))
    blocks += _wishes(people, window, rng)
    ill = np.flatnonzero(rng.random(count) < 0.22)
    blocks.append((ill, window.first[ill], "comorbidity", rng.choice(_COMORBIDITIES, len(ill)), None))
    treated_before = rng.random(count) < 0.04
    answers = np.where(treated_before, "yes", "no").astype(object)
    blocks.append((everyone[asked], window.first[asked], "prior_immunosuppression", answers[asked], None))
    rows = courses.therapies
    ended = (rows.reason == STOP_REASONS.index("adverse_event")) & (rows.stop_day >= window.first[rows.person])
    cause = np.array([f"led to stop of {drugs.names[drug]}" for drug in rows.drug[ended]], dtype=object)
    blocks.append((rows.person[ended], rows.stop_day[ended], "adverse_event", cause, None))
    lost = people.lost_day < data_day
    contact = np.where(lost, "lost to follow-up", "in care").astype(object)
    blocks.append((everyone, last_record, "last_contact", contact, None))
    return _facts(ids, blocks)


def _wishes(
    people: People, window: Window, rng: np.random.Generator
) -> list[tuple[IntArray, IntArray, str, TextArray, str | None]]:
    age = people.age_on(window.first)
    young = people.female & (age < 45) & (rng.random(len(people)) < 0.7)
    none = np.flatnonzero(young & (people.wish_day < 0))
    told = np.maximum(people.wish_day - 120, window.first)
    wish = np.flatnonzero((people.wish_day >= 0) & (told <= window.last) & (people.wish_day > window.first))
    born = people.wish_day + rng.integers(90, 500, len(people))
    pregnant = np.flatnonzero(
        (people.wish_day >= 0) & (rng.random(len(people)) < 0.75) & (born <= window.last) & (born > window.first)
    )
    return [
        (none, window.first[none], "pregnancy_wish", np.full(len(none), "no", dtype=object), None),
        (wish, told[wish], "pregnancy_wish", np.full(len(wish), "yes", dtype=object), None),
        (pregnant, born[pregnant], "pregnancy", np.full(len(pregnant), "yes", dtype=object), None),
    ]


def _facts(ids: TextArray, blocks: list[tuple[IntArray, IntArray, str, TextArray, str | None]]) -> pd.DataFrame:
    person = np.concatenate([block[0] for block in blocks])
    day = np.concatenate([block[1] for block in blocks])
    kind = np.concatenate([np.full(len(block[0]), block[2], dtype=object) for block in blocks])
    value = np.concatenate([block[3] for block in blocks])
    unit = np.concatenate([np.full(len(block[0]), block[4], dtype=object) for block in blocks])
    order = np.lexsort((kind.astype(str), day, person))
    return pd.DataFrame(
        {
            "patient_id": words(ids[person[order]]),
            "date": dates(day[order]),
            "kind": words(kind[order]),
            "value": words(value[order]),
            "unit": words(unit[order]),
        }
    )
