"""Eligibility chips: per drug, what in the record speaks for or against giving it (``data/rules/eligibility.csv``).

Rules over the record only, kept apart from every prediction. A topic without a valid result is ``unknown``.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from pathlib import Path
from typing import Literal

from clams_dash.clinical import rule_files
from clams_dash.clinical.rule_files import RULES_DIR, UNSURE
from clams_dash.clinical.safety.findings import CHECK_LABEL
from clams_dash.clinical.safety.topics import LABELS, LEVELS, standing
from clams_dash.errors import FactsError
from clams_dash.model import catalogues
from clams_dash.model.records import Case, Source

ELIGIBILITY_FILE = RULES_DIR / "eligibility.csv"

Verdict = Literal["ok", "caution", "stop", "unknown"]
_VERDICTS: tuple[Verdict, ...] = ("ok", "caution", "stop")


@dataclass(frozen=True, slots=True)
class EligibilityChip:
    """One topic for one drug. ``stop``: contraindicated or not yet; ``unknown``: nothing valid on record.

    ``finding`` is what the record says, ``advice`` what the rule makes of it.
    """

    drug: str
    topic: str
    label: str
    level: str
    verdict: Verdict
    finding: str
    advice: str
    origin: str
    unsure: bool
    sources: tuple[Source, ...]

    @property
    def text(self) -> str:
        """The chip as sentences, always ending in the advice to check the label."""
        advice = f". {self.advice[:1].upper()}{self.advice[1:]}" if self.advice else ""
        return f"{self.label}: {self.finding}{advice}. {CHECK_LABEL}"


@dataclass(frozen=True, slots=True)
class _Rule:
    verdict: Verdict
    text: str
    origin: str
    unsure: bool


Rules = dict[str, dict[str, dict[str, _Rule]]]
"""drug -> topic -> level -> rule, in the order of the file."""


def chips(case: Case, drug: str, as_of: date) -> tuple[EligibilityChip, ...]:
    """Chips of one drug on a day, in the order of the file; empty for a drug without rules (see ``drugs``)."""
    found = []
    for topic, levels in eligibility_rules().get(drug, {}).items():
        stand = standing(topic, case, as_of)
        rule = levels.get(stand.level)
        found.append(
            EligibilityChip(
                drug=drug,
                topic=topic,
                label=LABELS[topic],
                level=stand.level,
                verdict=rule.verdict if rule else "unknown",
                finding=stand.words,
                advice=rule.text if rule else "has to be known before the first dose",
                origin=(rule or next(iter(levels.values()))).origin,
                unsure=rule is not None and rule.unsure,
                sources=stand.sources,
            )
        )
    return tuple(found)


def drugs() -> tuple[str, ...]:
    """Drugs with eligibility rules on file."""
    return tuple(eligibility_rules())


def load_eligibility(path: Path) -> Rules:
    """Read the rules. Raises FactsError naming file, row and column, or the level a drug's topic leaves open."""
    rules: Rules = {}
    known = catalogues.dmts()
    for row in rule_files.rows(path):
        topic = row.one_of("topic", tuple(LEVELS))
        verdict = row.one_of("verdict", _VERDICTS)
        rule = _Rule(
            verdict=next(one for one in _VERDICTS if one == verdict),
            text=row.text("text"),
            origin=f"{path.name} row {row.number}: {row.text('source')}",
            unsure=row.text("unsure") == UNSURE,
        )
        if verdict != "ok" and not rule.text:
            raise row.fault("text", "is needed beside a caution or a stop")
        for drug in row.words("drug"):
            if drug not in known:
                raise row.fault("drug", f"is not in the catalogue: {drug}")
            levels = rules.setdefault(drug, {}).setdefault(topic, {})
            for level in row.words("levels"):
                if level not in LEVELS[topic] or level in levels:
                    raise row.fault("levels", f"is unknown or given twice: {level}")
                levels[level] = rule
    for drug, topics in rules.items():
        for topic, levels in topics.items():
            if missing := [level for level in LEVELS[topic] if level not in levels]:
                raise FactsError(f"{path}: {drug}, topic {topic}: no row for {', '.join(missing)}")
    return rules


@lru_cache(maxsize=1)
def eligibility_rules() -> Rules:
    """The project's rules."""
    return load_eligibility(ELIGIBILITY_FILE)
