"""Everything a case letter says, from a case and what the models and versions behind it are."""

from __future__ import annotations

from datetime import date

from clams_dash.clinical.safety import eligibility
from clams_dash.clinical.summary import summary
from clams_dash.model.records import Case
from clams_dash.report.content import CaseLetter, Origin, Picture
from clams_dash.response.prediction import Prediction


def gather(
    case: Case, day: date, prediction: Prediction | str, origin: Origin, pictures: tuple[Picture, ...] = ()
) -> CaseLetter:
    """The letter of ``case`` as known on ``day``; ``prediction`` is the estimates, or why there are none."""
    found = summary(case, day)
    present = found.case.treatment_on(day)
    chips = tuple(
        chip
        for drug in eligibility.drugs()
        if present is None or drug != present.dmt
        for chip in eligibility.chips(found.case, drug, day)
        if chip.verdict == "stop"
    )
    return CaseLetter(
        summary=found,
        prediction=None if isinstance(prediction, str) else prediction,
        without_prediction=prediction if isinstance(prediction, str) else "",
        eligibility=chips,
        pictures=pictures,
        origin=origin,
    )
