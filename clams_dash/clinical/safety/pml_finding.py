"""The risk of PML on natalizumab as a finding beside the monitoring rules."""

from __future__ import annotations

from datetime import date

from clams_dash.clinical.labs import pml
from clams_dash.clinical.person import Exposure
from clams_dash.clinical.safety.findings import SafetyFinding, Severity, State
from clams_dash.clinical.safety.rules import Phase
from clams_dash.model.records import Case

TEST = "pml_risk"


def pml_finding(case: Case, exposure: Exposure, day: date) -> SafetyFinding | None:
    """The PML risk of a running exposure to natalizumab; None for other drugs and after the last dose."""
    if exposure.dmt != pml.NATALIZUMAB or (exposure.stop is not None and day >= exposure.stop):
        return None
    risk = pml.assess(case, day)
    severity: Severity
    state, severity = State.NOT_ASSESSABLE, "not_assessable"
    if risk.high_risk:
        state, severity = State.BREACHED, "alert"
    elif risk.high_risk is False and risk.stratum is not None:
        state, severity = State.OK, "ok"
    per_1000 = "" if risk.per_1000 is None else f": about {risk.per_1000:g} per 1,000"
    return SafetyFinding(
        drug=exposure.dmt,
        test=TEST,
        label="PML risk",
        phase=Phase.ALERT,
        state=state,
        severity=severity,
        due_date=None,
        last_date=risk.index_date,
        value=risk.per_1000,
        unit="per 1,000",
        reason=f"{risk.reason}{per_1000}",
        action="high risk: brain MRI every 3 to 4 months, and review whether to go on" if risk.high_risk else "",
        origin=f"{pml.RISK_FILE.name}: clinical.md 3.3 (Ho 2017, EMA 2016)",
        region="any",
        unsure=False,
        sources=(*risk.sources, exposure.source),
    )
