"""When the next test is due: ``due = last test or start + interval`` (clinical.md 3.5)."""

from __future__ import annotations

from datetime import date, timedelta
from itertools import pairwise

from clams_dash.clinical.safety.rules import Rule


def next_due(rule: Rule, start: date, last: date | None, early_share: float) -> tuple[date, int] | None:
    """Day on which the next test is due and the interval (days) it closes; None when the schedule is complete.

    Without a test since the start the first date of the schedule is due. A fixed date counts as met by a test in the
    last ``early_share`` of the way to it. After the fixed dates the interval runs from the last test.
    """
    elapsed = (last - start).days if last is not None else 0
    for before, at in pairwise((0, *rule.at)):
        if last is None or elapsed < at - early_share * (at - before):
            return start + timedelta(days=at), at - before
    if rule.every is None:
        return None
    return (last or start) + timedelta(days=rule.every), rule.every
