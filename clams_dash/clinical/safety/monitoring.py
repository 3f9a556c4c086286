"""Safety monitoring of one case on one day: every rule of the present drugs, and of past ones while they last.

``due = last test or start + interval``; a schedule is due shortly before that day and overdue after it, and a result
past its due date no longer counts as normal (clinical.md 3.5).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, timedelta

from clams_dash.clinical.person import Exposure, exposures
from clams_dash.clinical.safety import schedule, thresholds
from clams_dash.clinical.safety.conditions import holds
from clams_dash.clinical.safety.evidence import Done, times_done
from clams_dash.clinical.safety.findings import SafetyFinding, Severity, State, Verdict, finding
from clams_dash.clinical.safety.pml_finding import pml_finding
from clams_dash.clinical.safety.rules import Phase, Rule, monitoring
from clams_dash.clinical.safety_settings import safety_settings
from clams_dash.model.records import Case


def findings(case: Case, as_of: date, region: str | None = None) -> tuple[SafetyFinding, ...]:
    """Every monitoring rule of the case's drugs as it stands on ``as_of``, by drug and in the order of the file.

    Drugs running on that day, and stopped ones whose monitoring outlasts them. ``region``: ``EU`` or ``US``, by
    default that of ``safety.toml``. Only what was known on that day is looked at.
    """
    known = case.as_of(as_of)
    found: list[SafetyFinding] = []
    for exposure in _latest_of_each_drug(exposures(known, as_of)):
        rules = monitoring().of(exposure.dmt, region or safety_settings().monitoring.region)
        context = _Context(known, as_of, exposure, rules)
        found += [finding(rule, _verdict(context, rule)) for rule in rules if context.follows(rule)]
        if (special := pml_finding(known, exposure, as_of)) is not None:
            found.append(special)
    return tuple(found)


def before_start(case: Case, drug: str, as_of: date, region: str | None = None) -> tuple[SafetyFinding, ...]:
    """Pre-treatment checks of a drug that might be started on ``as_of``: done, due (missing or too old), breached."""
    known = case.as_of(as_of)
    rules = monitoring().of(drug, region or safety_settings().monitoring.region)
    planned = [rule for rule in rules if rule.phase is Phase.BEFORE]
    return tuple(finding(rule, _planned(known, rule, as_of)) for rule in planned)


def without_rules(case: Case, as_of: date) -> tuple[str, ...]:
    """Running drugs that no monitoring rule on file knows: nothing can be said of their safety monitoring."""
    running = {one.dmt for one in exposures(case.as_of(as_of), as_of) if one.stop is None or as_of < one.stop}
    return tuple(sorted(drug for drug in running if drug not in monitoring().by_drug))


@dataclass(frozen=True, slots=True)
class _Context:
    case: Case
    day: date
    exposure: Exposure
    rules: tuple[Rule, ...]

    @property
    def stopped(self) -> bool:
        return self.exposure.stop is not None and self.day >= self.exposure.stop

    def follows(self, rule: Rule) -> bool:
        """Whether the rule is looked at: on the drug always, after it while the rule lasts."""
        if not self.stopped or self.exposure.stop is None:
            return True
        return rule.after_stop_days > 0 and (self.day - self.exposure.stop).days <= rule.after_stop_days

    def schedule_of(self, test: str) -> Rule | None:
        """The schedule that asks for a test on this drug and applies to this person."""
        asked = (rule for rule in self.rules if rule.phase is Phase.ON and rule.test.test == test)
        applying = (rule for rule in asked if _condition(rule, self.case, self.day) is not False)
        return next((rule for rule in applying if self.follows(rule)), None)


def _latest_of_each_drug(found: tuple[Exposure, ...]) -> tuple[Exposure, ...]:
    return tuple({exposure.dmt: exposure for exposure in found}.values())


def _verdict(context: _Context, rule: Rule) -> Verdict:
    condition = _condition(rule, context.case, context.day)
    if condition is False:
        return _not_concerned(rule)
    if rule.phase is Phase.BEFORE:
        return _baseline(context.case, rule, context.exposure)
    if rule.phase is Phase.ALERT:
        return _threshold(context, rule)
    verdict = _scheduled(context, rule)
    unsettled = f"{verdict.reason} (asked for because it is not known: {_words(rule)})"
    return verdict if condition else replace(verdict, reason=unsettled)


def _condition(rule: Rule, case: Case, day: date) -> bool | None:
    """Whether the rule concerns the person; None = the record does not say, and the rule is applied."""
    return True if rule.applies_if is None else holds(rule.applies_if, case, day)


def _not_concerned(rule: Rule) -> Verdict:
    return Verdict(State.NOT_APPLICABLE, "ok", f"does not concern this person ({_words(rule)})")


def _words(rule: Rule) -> str:
    return (rule.applies_if or "").replace("_", " ")


def _valid(rule: Rule, done: Done, day: date) -> bool:
    return rule.test.valid_days is None or (day - done.date).days <= rule.test.valid_days


def _baseline(case: Case, rule: Rule, exposure: Exposure) -> Verdict:
    """A check before a drug that was started: done in time, not on record, or breached when it was started."""
    done = times_done(case, rule.test, exposure.start)
    if not done:
        return Verdict(State.NOT_ASSESSABLE, "not_assessable", f"no record of it before {exposure.start.isoformat()}")
    last = done[-1]
    if not _valid(rule, last, exposure.start):
        reason = f"last before the start on {last.date.isoformat()}, too long before {exposure.start.isoformat()}"
        return Verdict(State.NOT_ASSESSABLE, "not_assessable", reason, last_date=last.date, sources=(last.source,))
    if rule.threshold is not None:
        return thresholds.judge(case, rule, rule.threshold, exposure.start, exposure.start, None)
    return _done(last, f"done before the start, on {last.date.isoformat()}")


def _planned(case: Case, rule: Rule, day: date) -> Verdict:
    """A check before a drug that might be started on ``day``."""
    if _condition(rule, case, day) is False:
        return _not_concerned(rule)
    done = times_done(case, rule.test, day)
    if not done:
        return Verdict(State.DUE, "watch", "needed before the first dose, not on record", due_date=day)
    last = done[-1]
    if not _valid(rule, last, day):
        reason = f"needed before the first dose, last on {last.date.isoformat()} is too old"
        return Verdict(State.DUE, "watch", reason, due_date=day, last_date=last.date, sources=(last.source,))
    if rule.threshold is not None:
        return thresholds.judge(case, rule, rule.threshold, day, day, None)
    return _done(last, f"on record, {last.date.isoformat()}")


def _done(last: Done, reason: str) -> Verdict:
    return Verdict(State.OK, "ok", reason, last_date=last.date, sources=(last.source,))


def _scheduled(context: _Context, rule: Rule) -> Verdict:
    start, settings = context.exposure.start, safety_settings().monitoring
    since = [done for done in times_done(context.case, rule.test, context.day) if done.date >= start]
    last = since[-1] if since else None
    following = schedule.next_due(rule, start, last.date if last else None, settings.early_share)
    if following is None:
        return Verdict(
            State.NOT_APPLICABLE, "ok", "schedule complete", last_date=last.date if last else None,
            sources=(last.source,) if last else (),
        )  # fmt: skip
    due, interval = following
    done = f"last on {last.date.isoformat()}" if last else f"none since the start on {start.isoformat()}"
    late = (context.day - due).days
    severity: Severity
    if late > 0:
        far = late > settings.alert_after_intervals * interval
        state, severity = State.OVERDUE, "alert" if far else "watch"
        when = f"was due {due.isoformat()}, {late} d ago"
    elif -late <= settings.due_window_days:
        state, severity, when = State.DUE, "watch", f"due {due.isoformat()}"
    else:
        state, severity, when = State.OK, "ok", f"next due {due.isoformat()}"
    return Verdict(
        state=state,
        severity=severity,
        reason=f"{done}, {when}",
        due_date=due,
        last_date=last.date if last else None,
        sources=(last.source,) if last else (context.exposure.source,),
    )


def _threshold(context: _Context, rule: Rule) -> Verdict:
    if rule.threshold is None:
        raise AssertionError("a rule of phase alert has a threshold")
    start, day = context.exposure.start, context.day
    low, high = rule.window
    if (day - start).days < low or (high is not None and (day - start).days > high):
        return Verdict(State.NOT_APPLICABLE, "ok", "not at this time of the treatment")
    asked = context.schedule_of(rule.test.test)
    verdict = thresholds.judge(context.case, rule, rule.threshold, start, day, _valid_until(context, rule, asked))
    if asked is None and verdict.state is State.NOT_ASSESSABLE and verdict.last_date is None:
        return Verdict(State.NOT_APPLICABLE, "ok", "not measured, and nothing asks for it on this drug")
    return verdict


def _valid_until(context: _Context, rule: Rule, asked: Rule | None) -> date | None:
    """How long the newest result counts: until the next one is due, else as long as the test is valid."""
    done = times_done(context.case, rule.test, context.day)
    if not done:
        return None
    start = context.exposure.start
    if asked is not None:
        since = [one.date for one in done if one.date >= start]
        early = safety_settings().monitoring.early_share
        following = schedule.next_due(asked, start, since[-1] if since else None, early)
        if following is not None:
            return following[0]
    return None if rule.test.valid_days is None else done[-1].date + timedelta(days=rule.test.valid_days)
