"""What safety monitoring says of one case: a finding per rule, with its state, due date, reason and source rows."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Literal

from clams_dash.clinical.safety.rules import Phase, Rule
from clams_dash.model.records import Source

CHECK_LABEL = "Check the current label."

Severity = Literal["ok", "watch", "alert", "not_assessable"]


class State(StrEnum):
    """Where a rule stands on a day.

    ``not_assessable``: a check before a drug that runs already, or a threshold, without a valid result to judge it
    by. It is never to be shown as normal. ``not_applicable``: the rule does not concern this person, or no longer.
    """

    OK = "ok"
    DUE = "due"
    OVERDUE = "overdue"
    BREACHED = "breached"
    NOT_ASSESSABLE = "not_assessable"
    NOT_APPLICABLE = "not_applicable"


@dataclass(frozen=True, slots=True)
class SafetyFinding:
    """One rule applied to one case on one day.

    ``due_date``: when the test is or was due, or the result has to be repeated. ``last_date``, ``value`` and ``unit``
    are of the newest result looked at. ``reason`` is a clause in plain English; ``action`` what the rule asks for.
    ``origin`` names file, row, label version and source of the rule; ``sources`` the rows of the record it rests on.
    """

    drug: str
    test: str
    label: str
    phase: Phase
    state: State
    severity: Severity
    due_date: date | None
    last_date: date | None
    value: float | None
    unit: str | None
    reason: str
    action: str
    origin: str
    region: str
    unsure: bool
    sources: tuple[Source, ...]

    @property
    def text(self) -> str:
        """The finding as sentences for the reader, always ending in the advice to check the label."""
        parts = [f"{self.label[:1].upper()}{self.label[1:]}: {self.reason}"]
        if self.action and self.state in (State.BREACHED, State.DUE) and self.phase is not Phase.ON:
            parts.append(self.action[:1].upper() + self.action[1:])
        return f"{'. '.join(parts)}. {CHECK_LABEL}"


@dataclass(frozen=True, slots=True)
class Verdict:
    """State and words of a finding, before it is joined with its rule."""

    state: State
    severity: Severity
    reason: str
    due_date: date | None = None
    last_date: date | None = None
    value: float | None = None
    unit: str | None = None
    sources: tuple[Source, ...] = ()


def finding(rule: Rule, verdict: Verdict) -> SafetyFinding:
    """Join a rule and its verdict."""
    return SafetyFinding(
        drug=rule.drug,
        test=rule.test.test,
        label=rule.test.label,
        phase=rule.phase,
        state=verdict.state,
        severity=verdict.severity,
        due_date=verdict.due_date,
        last_date=verdict.last_date,
        value=verdict.value,
        unit=verdict.unit,
        reason=verdict.reason,
        action=rule.action,
        origin=rule.origin,
        region=rule.region,
        unsure=rule.unsure,
        sources=verdict.sources,
    )
