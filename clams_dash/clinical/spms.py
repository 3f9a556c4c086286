"""Conversion to secondary progressive MS by the CORe definition (Lorscheider 2016; clinical.md 1.3).

At the converting visit the EDSS is at least 4.0 and the pyramidal score at least 2, the EDSS has risen by a step from
the reference (the first visit since the last relapse), a visit three months later or more confirms it in the EDSS and
in the leading functional system (one that rose with it), and every visit up to the last holds it. All numbers are data
(``data/rules/progression.toml``). What is not recorded is not taken for met: the result says so.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from pathlib import Path
from typing import Literal

from clams_dash.clinical.definitions import PROGRESSION_RULES
from clams_dash.clinical.edss import ThresholdConvention, threshold
from clams_dash.clinical.neurostatus import SYSTEMS
from clams_dash.clinical.scan import days_since_relapse
from clams_dash.errors import FactsError
from clams_dash.model import catalogues
from clams_dash.model.records import Case, Visit

State = Literal["converted", "not_converted", "not_assessable"]


@dataclass(frozen=True, slots=True)
class SpmsRule:
    """The definition's numbers; ``confirm_days`` and ``relapse_days`` in days."""

    limits: ThresholdConvention
    least_edss: float
    least_pyramidal: int
    pyramidal_assumed_from_edss: float
    confirm_days: float
    relapse_days: int
    least_visits: int
    source: str


@dataclass(frozen=True, slots=True)
class Conversion:
    """The converting visit. ``leading_systems``: those that rose and stayed up, None = not recorded well enough to say.

    ``pyramidal_assumed``: the pyramidal score was missing and was taken as met because of the EDSS.
    """

    converted_date: date
    edss: float
    reference_date: date
    reference_edss: float
    confirmed_date: date
    leading_systems: tuple[str, ...] | None
    pyramidal_assumed: bool


@dataclass(frozen=True, slots=True)
class Spms:
    """Whether the course has converted, as of its last visit, and why in words.

    ``conversion`` is set when the state is "converted", and when it hangs on functional systems that are not recorded:
    then the state is "not_assessable" and the conversion is what the EDSS alone says.
    """

    state: State
    conversion: Conversion | None
    reason: str


def spms(case: Case) -> Spms:
    """CORe conversion to SPMS of a case, as of its last visit; the course recorded in the pool plays no part."""
    rule = spms_rule()
    visits = [visit for visit in case.visits if visit.edss is not None]
    if len(visits) < rule.least_visits:
        return Spms("not_assessable", None, f"{rule.least_visits} visits with an EDSS are needed; {len(visits)} known")
    course = _Course(visits, [relapse.date for relapse in case.relapses], rule)
    unsure: Spms | None = None
    for onset in range(1, len(visits)):
        found = course.conversion(onset)
        if found is not None and found.state == "converted":
            return found
        unsure = unsure or found
    return unsure or Spms("not_converted", None, "no visit meets the definition up to the last visit")


class _Course:
    """Visits with an EDSS in order, with the days since the last relapse and the reference of each."""

    def __init__(self, visits: Sequence[Visit], relapses: Iterable[date], rule: SpmsRule) -> None:
        self.rule, self.visits = rule, visits
        self.edss = [float(visit.edss) for visit in visits if visit.edss is not None]
        days = [visit.date.toordinal() for visit in visits]
        onsets = sorted(day.toordinal() for day in relapses)
        self.days, self.since = days, days_since_relapse(days, onsets)
        self.calm = [since > rule.relapse_days for since in self.since]
        self.references = self._references()

    def _references(self) -> list[int | None]:
        """For each visit, the first calm visit since the last relapse before it; None where there is none."""
        references: list[int | None] = []
        current: int | None = None
        for position, calm in enumerate(self.calm):
            if current is not None and self.days[position] - self.since[position] > self.days[current]:
                current = None
            references.append(current)
            if current is None and calm:
                current = position
        return references

    def conversion(self, onset: int) -> Spms | None:
        """What the definition says of that visit; None when it does not convert."""
        reference = self.references[onset]
        if reference is None or not self.calm[onset] or self.edss[onset] < self.rule.least_edss:
            return None
        least = max(self.edss[reference] + self.rule.limits.delta(self.edss[reference]), self.rule.least_edss)
        confirmation = next(
            (
                later
                for later in range(onset + 1, len(self.days))
                if self.calm[later] and self.days[later] - self.days[onset] >= self.rule.confirm_days
            ),
            None,
        )
        if confirmation is None or any(score < least for score in self.edss[onset:]):
            return None
        return self._judged(reference, onset, confirmation)

    def _judged(self, reference: int, onset: int, confirmation: int) -> Spms | None:
        pyramidal = self.visits[onset].fs.get("pyramidal")
        assumed = pyramidal is None and self.edss[onset] >= self.rule.pyramidal_assumed_from_edss
        if pyramidal is not None and pyramidal < self.rule.least_pyramidal:
            return None
        leading = _leading(*(self.visits[at].fs for at in (reference, onset, confirmation)))
        if leading == ():
            return None
        conversion = Conversion(
            converted_date=self.visits[onset].date,
            edss=self.edss[onset],
            reference_date=self.visits[reference].date,
            reference_edss=self.edss[reference],
            confirmed_date=self.visits[confirmation].date,
            leading_systems=leading,
            pyramidal_assumed=assumed,
        )
        if pyramidal is None and not assumed:
            return Spms("not_assessable", conversion, "the pyramidal score of the converting visit is not recorded")
        if leading is None:
            return Spms("not_assessable", conversion, "the leading functional system cannot be told from the record")
        return Spms("converted", conversion, f"led by {', '.join(leading)}")


def _leading(reference: dict[str, int], onset: dict[str, int], confirmation: dict[str, int]) -> tuple[str, ...] | None:
    """Systems that rose from reference to onset and are still up at the confirmation; None = cannot be told."""
    rose = [name for name in onset if name in reference and onset[name] > reference[name]]
    stayed = tuple(name for name in rose if name in confirmation and confirmation[name] > reference[name])
    if stayed:
        return stayed
    complete = all(name in reference and name in onset for name in SYSTEMS) and all(
        name in confirmation for name in rose
    )
    return () if complete else None


def load_spms_rule(path: Path) -> SpmsRule:
    """Read and check the definition. Raises FactsError naming the file and what is wrong in it."""
    raw = catalogues.read_toml(path)
    try:
        entry = raw["spms"]
        rule = SpmsRule(
            limits=threshold(entry["threshold"]),
            least_edss=float(entry["least_edss"]),
            least_pyramidal=int(entry["least_pyramidal"]),
            pyramidal_assumed_from_edss=float(entry["pyramidal_assumed_from_edss"]),
            confirm_days=float(entry["confirm_days"]),
            relapse_days=int(entry["relapse_days"]),
            least_visits=int(entry["least_visits"]),
            source=str(entry["source"]),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise FactsError(f"{path}: not a valid progression rules file ({error!r})") from error
    if rule.confirm_days <= 0 or rule.relapse_days < 0 or rule.least_visits < 2:
        raise FactsError(
            f"{path}: spms needs confirm_days above 0, relapse_days of 0 or more, least_visits of 2 or more"
        )
    return rule


@lru_cache(maxsize=1)
def spms_rule() -> SpmsRule:
    """The project's definition."""
    return load_spms_rule(PROGRESSION_RULES)
