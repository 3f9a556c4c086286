"""Bloods as a clinic takes them: by the drug's monitoring schedule, with the drug's effect on them (table ``lab``)."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from clams_dash.cohort.course_record import Courses
from clams_dash.cohort.drugs import Drugs, LabEffects
from clams_dash.cohort.examinations import Window
from clams_dash.cohort.frames import dates, numbers, words
from clams_dash.cohort.parameters import LaboratoryParameters
from clams_dash.cohort.people import People
from clams_dash.model.catalogues import Analyte, analytes, dmts

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]
IntArray = NDArray[np.int64]
StepArray = NDArray[np.int8]

_KEY = 1_000_000
_ASSAYS = {"nfl": "Simoa", "gfap": "Simoa"}
Block = tuple[str, IntArray, IntArray, FloatArray]
"""analyte, person, day, value"""


class Bloods:
    """Draws every analyte for a cohort. Levels under therapy are kept by month, so that stops are seen to recover."""

    def __init__(
        self,
        people: People,
        courses: Courses,
        window: Window,
        drugs: Drugs,
        effects: LabEffects,
        parameters: LaboratoryParameters,
        seeds: np.random.SeedSequence,
    ) -> None:
        self.people, self.courses, self.window = people, courses, window
        self.drugs, self.effects, self.parameters = drugs, effects, parameters
        self.rng = np.random.default_rng(seeds)
        self.watched, self.months_watched = _watched(courses, drugs)
        months = np.arange(len(courses.month_day))
        first = courses.month_of(window.first)
        last = courses.month_of(window.last)
        self.seen: BoolArray = (months >= first[:, None]) & (months <= last[:, None])

    def frame(self, ids: NDArray[np.object_]) -> pd.DataFrame:
        """One row per result, ordered by person, date and analyte."""
        blocks = [
            *self._blood_counts(),
            *self._immunoglobulins(),
            self._jcv(),
            self._nfl(),
            self._gfap(),
            self._oligoclonal_bands(),
            self._vitamin_d(),
        ]
        catalogue = analytes()
        names = sorted({block[0] for block in blocks})
        code = np.concatenate([np.full(len(block[1]), names.index(block[0])) for block in blocks])
        person, day, value = (np.concatenate([np.asarray(block[item]) for block in blocks]) for item in (1, 2, 3))
        order = np.lexsort((code, day, person))
        # Two schedules may ask for one analyte on the same day; it is taken once.
        again = np.concatenate(
            [[False], np.all([np.diff(column[order]) == 0 for column in (code, day, person)], axis=0)]
        )
        order = order[~again]
        code, person, day, value = code[order], person[order], day[order], value[order]
        entries = [catalogue[name] for name in names]
        decimals = np.array([10.0**entry.decimals for entry in entries])[code]
        value = np.round(value * decimals) / decimals
        return pd.DataFrame(
            {
                "patient_id": words(ids[person]),
                "date": dates(day),
                "analyte": words(np.array(names, dtype=object)[code]),
                "loinc": words(np.array([entry.loinc for entry in entries], dtype=object)[code]),
                "value": numbers(value),
                "unit": words(np.array([entry.unit for entry in entries], dtype=object)[code]),
                "lower_limit": numbers(_limits(entries, "lower_limit")[code]),
                "upper_limit": numbers(_limits(entries, "upper_limit")[code]),
                "specimen": words(np.array([_specimen(name) for name in names], dtype=object)[code]),
                "assay": words(np.array([_ASSAYS.get(name) for name in names], dtype=object)[code]),
            }
        )

    def _taken(self, every: FloatArray, early: tuple[int, ...] = ()) -> tuple[IntArray, IntArray, IntArray]:
        """Person, month and day of the tests due by the schedule of the drug watched, less those skipped."""
        interval = every[self.watched]
        due = np.isfinite(interval) & (self.months_watched % np.where(np.isfinite(interval), interval, 1e9) == 0)
        for month in early:
            due |= (interval <= 3) & (self.months_watched == month)
        due &= self.seen & (self.rng.random(due.shape, dtype=np.float32) >= self.parameters.skipped_share)
        return self._days(due)

    def _days(self, due: BoolArray) -> tuple[IntArray, IntArray, IntArray]:
        person, month = np.nonzero(due)
        day = self.courses.month_day[month] + self.rng.integers(0, 28, len(month))
        kept = (day >= self.window.first[person]) & (day <= self.window.last[person])
        return person[kept], month[kept], day[kept]

    def _blood_counts(self) -> list[Block]:
        p, rng, count = self.parameters, self.rng, len(self.people)
        person, month, day = self._taken(self.effects.cbc_every, early=(1,))
        base = np.exp(rng.normal(np.log(p.lymphocyte_median), p.lymphocyte_log_sd, count))
        response = np.exp(rng.normal(0.0, p.lymphocyte_response_sd, count))
        level = self._lymphocyte_factor(response)[person, month]
        value = base[person] * level * np.exp(rng.normal(0.0, p.lymphocyte_noise, len(person)))
        liver_person, liver_month, liver_day = self._taken(self.effects.liver_every, early=(1,))
        own = np.exp(rng.normal(np.log(p.alt_median), p.alt_log_sd, count))
        factor = self.effects.alt_factor[self.courses.drug[liver_person, liver_month]]
        spike = (rng.random(len(liver_person)) < 0.03) & (factor > 1.1)
        alt = own[liver_person] * factor * np.exp(rng.normal(0.0, p.alt_noise, len(liver_person)))
        alt = np.where(spike, alt * rng.uniform(2.0, 4.0, len(liver_person)), alt)
        return [
            ("lymphocytes", person, day, np.clip(value, 0.05, 8.0)),
            ("alt", liver_person, liver_day, np.clip(alt, 5.0, 900.0)),
        ]

    def _lymphocyte_factor(self, response: FloatArray) -> NDArray[np.float32]:
        """Factor on a person's lymphocytes by month: towards the drug's target, and back after a stop."""
        drug, effects = self.courses.drug, self.effects
        log_target = np.log(effects.lymphocyte_factor)
        level = np.zeros(len(drug))
        last = np.zeros(len(drug), dtype=np.int64)
        out = np.empty(drug.shape, dtype=np.float32)
        for month in range(drug.shape[1]):
            now = drug[:, month].astype(np.int64)
            last = np.where(now > 0, now, last)
            speed = np.where(now > 0, effects.months_to_full[now], effects.months_to_recover[last])
            level += (log_target[now] * response - level) * (1.0 - np.exp(-1.5 / speed))
            out[:, month] = np.exp(level)
        return out

    def _immunoglobulins(self) -> list[Block]:
        """IgG, IgM and CD19 cells: under anti-CD20 IgG falls slowly, IgM faster; B cells go and come back after it."""
        p, rng, count = self.parameters, self.rng, len(self.people)
        person, month, day = self._taken(self.effects.immunoglobulin_every)
        catalogue = dmts()
        depleting = np.array([catalogue[name].drug_class == "anti_cd20" for name in self.drugs.names])
        under = depleting[self.courses.drug]
        years = np.cumsum(under, axis=1)[person, month] / 12.0
        slope = self.effects.igg_slope.max() * rng.gamma(2.0, 0.5, count)
        own = np.clip(rng.normal(p.igg_mean, p.igg_sd, count), 6.5, 18.0)
        igg = own[person] * np.exp(-slope[person] * years + rng.normal(0.0, p.igg_noise, len(person)))
        own_b = np.exp(rng.normal(np.log(p.cd19_median), p.cd19_log_sd, count))
        gone = under[person, month] & (self.months_watched[person, month] >= 1)
        returning = np.clip((self._months_since(under)[person, month] - 9.0) / 12.0, 0.0, 1.0)
        share = np.where(gone, 0.0, np.where(years > 0, returning, 1.0))
        cells = own_b[person] * share + rng.poisson(1.0, len(person))
        own_m = np.exp(rng.normal(np.log(p.igm_median), p.igm_log_sd, count))
        fall = p.igm_slope_ratio * slope[person] * years
        igm = own_m[person] * np.exp(-fall + rng.normal(0.0, p.igm_noise, len(person)))
        return [
            ("igg", person, day, np.maximum(igg, 2.5)),
            ("igm", person, day, np.maximum(igm, 0.05)),
            ("cd19", person, day, cells),
        ]

    @staticmethod
    def _months_since(active: BoolArray) -> IntArray:
        months = np.arange(active.shape[1])
        return np.asarray(months - np.maximum.accumulate(np.where(active, months, -1000), axis=1))

    def _jcv(self) -> Block:
        p, rng = self.parameters, self.rng
        own = rng.uniform(0.05, 0.19, len(self.people))
        person, _, day = self._taken(self.effects.jcv_every)
        at_entry = np.flatnonzero(rng.random(len(self.people)) < 0.5)
        person = np.concatenate([person, at_entry])
        day = np.concatenate([day, self.window.first[at_entry]])
        positive = self.people.jcv_positive_day[person] <= day
        noise = np.exp(rng.normal(0.0, p.jcv_noise, len(person)))
        index = np.maximum(self.people.jcv_index[person] * noise, 0.41)
        return "jcv_index", person, day, np.where(positive, index, np.minimum(own[person] * noise, 0.19))

    def _nfl(self) -> Block:
        """Serum NfL: age and BMI (clinical.md 3.1), progression, activity, fading relapses (S24), lesions, assay."""
        p, rng, count, courses = self.parameters, self.rng, len(self.people), self.courses
        person, month, day = self._regularly(p.nfl_share, p.nfl_every_months)
        log = np.log(p.nfl_at_25) + p.nfl_age_slope * (self.people.age_on(day, person) - 25.0)
        log = log + p.nfl_bmi_slope * (self.people.bmi[person] - 25.0)
        log = log + rng.normal(0.0, p.nfl_log_sd, count)[person]
        log = log + p.nfl_progressing * courses.progressing[person, month]
        log = log + p.nfl_untreated_excess * (courses.drug[person, month] == 0)
        log = log + p.nfl_activity * courses.activity[person, month] + self._relapse_washout(person, day)
        births = courses.births
        begun = np.searchsorted(births.person * _KEY + births.day, person * _KEY + day, side="right")
        recent = np.searchsorted(births.person * _KEY + births.day, person * _KEY + day - 21, side="right")
        log = log + p.nfl_per_gd * np.minimum(begun - recent, p.nfl_gd_cap)
        return "nfl", person, day, np.exp(log + rng.normal(0.0, p.nfl_assay_cv, len(person)))

    def _relapse_washout(self, person: IntArray, day: IntArray) -> FloatArray:
        p, relapses = self.parameters, self.courses.relapses
        if not len(relapses.person):
            return np.zeros(len(person))
        last = np.searchsorted(relapses.person * _KEY + relapses.day, person * _KEY + day, side="right") - 1
        known = (last >= 0) & (relapses.person[last] == person)
        since = np.where(known, day - relapses.day[last], 1e6)
        return np.asarray(p.nfl_relapse_log * np.exp(-p.nfl_washout_per_year * since / 365.25))

    def _regularly(self, share: float, every_months: float) -> tuple[IntArray, IntArray, IntArray]:
        """Person, month and day of a test taken in a share of people at regular intervals."""
        count, every = len(self.people), round(every_months)
        measured = self.rng.random(count) < share
        phase = self.rng.integers(0, every, count)
        months = np.arange(self.courses.drug.shape[1])
        return self._days(measured[:, None] & self.seen & ((months + phase[:, None]) % every == 0))

    def _gfap(self) -> Block:
        """Serum GFAP: age, and a person's tendency to progress (clinical.md 3.2)."""
        p, rng = self.parameters, self.rng
        person, _, day = self._regularly(p.gfap_share, p.gfap_every_months)
        log = np.log(p.gfap_at_40) + p.gfap_age_slope * (self.people.age_on(day, person) - 40.0)
        log = log + p.gfap_progression * np.log(np.maximum(self.people.progression_frailty[person], 1e-6))
        log = log + rng.normal(0.0, p.gfap_log_sd, len(self.people))[person]
        return "gfap", person, day, np.exp(log + rng.normal(0.0, p.gfap_noise, len(person)))

    def _oligoclonal_bands(self) -> Block:
        """CSF-only bands, counted once at diagnosis; two or more are positive."""
        p, rng, count = self.parameters, self.rng, len(self.people)
        tapped = np.flatnonzero(rng.random(count) < p.csf_share)
        bands = np.where(rng.random(count) < p.ocb_positive_share, 2 + rng.poisson(p.ocb_mean - 2.0, count), 0)
        return "ocb", tapped, self.people.diagnosis_day[tapped], bands[tapped].astype(np.float64)

    def _vitamin_d(self) -> Block:
        p, rng = self.parameters, self.rng
        due = self.seen & (rng.random(self.seen.shape, dtype=np.float32) < p.vitamin_d_per_year / 12.0)
        person, month, day = self._days(due)
        own = rng.normal(p.vitamin_d_mean, p.vitamin_d_sd, len(self.people))
        season = p.vitamin_d_season * np.cos((month % 12 - 7.5) * np.pi / 6.0)
        return "vitamin_d", person, day, np.clip(own[person] + season + rng.normal(0.0, 7.0, len(person)), 10.0, 220.0)


def _watched(courses: Courses, drugs: Drugs) -> tuple[IntArray, IntArray]:
    """Drug whose monitoring applies by month (the last one while its effect lasts), and months since that began."""
    months = courses.drug.shape[1]
    watched = np.empty(courses.drug.shape, dtype=np.int64)
    last = np.zeros(len(courses.drug), dtype=np.int64)
    off = np.zeros(len(courses.drug))
    for month in range(months):
        now = courses.drug[:, month].astype(np.int64)
        off = np.where(now > 0, 0.0, off + 1.0)
        last = np.where(now > 0, now, last)
        watched[:, month] = np.where(now > 0, now, np.where(off <= drugs.carry_months[last], last, 0))
    changed = np.concatenate([np.ones((len(watched), 1), dtype=np.bool_), watched[:, 1:] != watched[:, :-1]], axis=1)
    since = np.arange(months) - np.maximum.accumulate(np.where(changed, np.arange(months), 0), axis=1)
    return watched, since


def _specimen(analyte: str) -> str:
    if analyte == "ocb":
        return "csf"
    return "blood" if analyte in {"lymphocytes", "cd19"} else "serum"


def _limits(entries: list[Analyte], name: str) -> FloatArray:
    return np.array([np.nan if getattr(entry, name) is None else getattr(entry, name) for entry in entries])
