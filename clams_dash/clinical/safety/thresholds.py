"""Whether a threshold is breached, by the results since the drug was started."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

from clams_dash.clinical.safety.evidence import Measured, measured, quantity_label, shown
from clams_dash.clinical.safety.findings import Severity, State, Verdict
from clams_dash.clinical.safety.rules import Rule, Threshold
from clams_dash.clinical.safety_settings import safety_settings
from clams_dash.model.records import Case


@dataclass(frozen=True, slots=True)
class _Bound:
    """A threshold as a number for one result."""

    value: float
    words: str


def judge(case: Case, rule: Rule, threshold: Threshold, start: date, day: date, valid_until: date | None) -> Verdict:
    """Apply a threshold to the results from ``start`` to ``day``; without one since then, to the last before it.

    ``valid_until``: the day up to which the newest result may be taken as normal; None = it does not age. A breach
    stands until a newer result ends it, however old it is. What has to persist or be repeated is ``due`` until it has.
    """
    everything = measured(case, threshold.quantity, day)
    results = [item for item in everything if item.date >= start] or list(everything[-1:])
    if not results:
        return Verdict(State.NOT_ASSESSABLE, "not_assessable", f"no {quantity_label(threshold.quantity)} on record")
    newest, baseline = results[-1], _baseline(everything, start)
    bound = _bound(threshold, newest, baseline)
    if bound is None:
        return _about(newest, State.NOT_ASSESSABLE, "not_assessable", f"{_shown(newest, threshold)}: no limit known")
    run = _run(case, threshold, results, baseline)
    if run:
        return _breach(rule, threshold, run, newest, bound)
    if threshold.also is not None and _beyond(newest.value, threshold.operator, bound.value):
        return _alone(case, threshold, threshold.also, newest, bound)
    return _normal(newest, threshold, bound, valid_until, day)


def _baseline(everything: tuple[Measured, ...], start: date) -> float | None:
    before = [item.value for item in everything if item.date <= start]
    return before[-1] if before else None


def _bound(threshold: Threshold, item: Measured, baseline: float | None) -> _Bound | None:
    if threshold.basis == "value":
        return _Bound(threshold.limit, f"{threshold.limit:g}")
    reference = {"uln": item.upper, "lln": item.lower, "baseline": baseline}[threshold.basis]
    if reference is None:
        return None
    name = {"uln": "the upper limit", "lln": "the lower limit", "baseline": "the value before the drug"}
    times = "" if threshold.limit == 1 else f"{threshold.limit:g} times "
    return _Bound(threshold.limit * reference, f"{times}{name[threshold.basis]} ({threshold.limit * reference:.4g})")


def _beyond(value: float, operator: str, bound: float) -> bool:
    return value < bound if operator == "<" else value > bound


def _run(case: Case, threshold: Threshold, results: list[Measured], baseline: float | None) -> list[Measured]:
    """The unbroken run of results beyond the threshold up to the newest; once held by ``clear``, results below it."""
    run: list[Measured] = []
    held = False
    for item in results:
        bound = _bound(threshold, item, baseline)
        beyond = bound is not None and _beyond(item.value, threshold.operator, bound.value)
        beyond = beyond and (threshold.also is None or _also_raised(case, threshold.also, item) is True)
        held = held or (beyond and (not threshold.repeat or bool(run)))
        if beyond or (held and not _cleared(item.value, threshold)):
            run.append(item)
        else:
            run, held = [], False
    return run


def _cleared(value: float, threshold: Threshold) -> bool:
    if threshold.clear is None:
        return True
    return value > threshold.clear if threshold.operator == "<" else value < threshold.clear


def _also_raised(case: Case, analyte: str, item: Measured) -> bool | None:
    """Whether a second analyte of the same sample is above its upper limit; None when it was not measured."""
    span = safety_settings().monitoring.same_sample_days
    near = [
        other
        for other in measured(case, analyte, item.date + timedelta(days=span))
        if abs((other.date - item.date).days) <= span and other.upper is not None
    ]
    return any(other.value > other.upper for other in near if other.upper is not None) if near else None


def _alone(case: Case, threshold: Threshold, also: str, newest: Measured, bound: _Bound) -> Verdict:
    """The first of two analytes is beyond its limit: the rule holds off only when the second is known not to be."""
    side = "below" if threshold.operator == "<" else "above"
    reason, second = f"{_shown(newest, threshold)}, {side} {bound.words}", quantity_label(also)
    if _also_raised(case, also, newest) is None:
        return _about(
            newest, State.NOT_ASSESSABLE, "not_assessable", f"{reason}, and {second} was not measured with it"
        )
    return _about(newest, State.OK, "ok", f"{reason}, but {second} is not raised")


def _normal(newest: Measured, threshold: Threshold, bound: _Bound, valid_until: date | None, day: date) -> Verdict:
    side = "not below" if threshold.operator == "<" else "not above"
    if valid_until is not None and day > valid_until:
        reason = f"{_shown(newest, threshold)} is too old to count as normal"
        return _about(newest, State.NOT_ASSESSABLE, "not_assessable", reason)
    return _about(newest, State.OK, "ok", f"{_shown(newest, threshold)}, {side} {bound.words}")


def _breach(rule: Rule, threshold: Threshold, run: list[Measured], newest: Measured, bound: _Bound) -> Verdict:
    side = "below" if threshold.operator == "<" else "above"
    reason = f"{_shown(newest, threshold)}, {side} {bound.words}"
    if threshold.clear is not None and not _beyond(newest.value, threshold.operator, bound.value):
        reason = f"{_shown(newest, threshold)}: was {side} {bound.words} and not yet beyond {threshold.clear:g} again"
    if threshold.also is not None:
        reason = f"{reason}, with raised {quantity_label(threshold.also)}"
    if threshold.persist_days is not None:
        held = (newest.date - run[0].date).days
        reason = f"{reason}, since {run[0].date.isoformat()}"
        if held <= threshold.persist_days:
            until = run[0].date + timedelta(days=threshold.persist_days)
            reason = f"{reason}; counts once it has lasted beyond {until.isoformat()}"
            return _about(newest, State.DUE, "watch", reason, due=until, run=run)
    if threshold.repeat and len(run) == 1:
        reason = f"{reason}; repeat to confirm"
        return _about(newest, State.DUE, rule.severity, reason, due=newest.date, run=run)
    return _about(newest, State.BREACHED, rule.severity, reason, run=run)


def _shown(item: Measured, threshold: Threshold) -> str:
    return shown(item, threshold.quantity)


def _about(
    item: Measured,
    state: State,
    severity: Severity,
    reason: str,
    due: date | None = None,
    run: list[Measured] | None = None,
) -> Verdict:
    return Verdict(
        state=state,
        severity=severity,
        reason=reason,
        due_date=due,
        last_date=item.date,
        value=item.value,
        unit=item.unit,
        sources=tuple(one.source for one in run) if run else (item.source,),
    )
