"""The activity strip: relapse, EDSS, T2 lesions, enhancing lesions, brain volume and safety, each with its reason.

ok, watch, alert, or not assessable where nothing on record could have shown otherwise. The look-back is twelve months
(``data/rules/activity.toml``).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Literal

from clams_dash.clinical.activity.clinical_fields import edss_field, relapse_field
from clams_dash.clinical.activity.findings import FieldState, known_on
from clams_dash.clinical.activity.mri_fields import brain_volume_field, gd_field, t2_field
from clams_dash.clinical.activity.safety_field import safety_field, safety_view
from clams_dash.clinical.convention import Convention
from clams_dash.clinical.progression import progression
from clams_dash.model.records import Case

Field = Literal["relapse", "edss", "t2", "gd", "brain_volume", "safety"]
FIELDS: tuple[Field, ...] = ("relapse", "edss", "t2", "gd", "brain_volume", "safety")


@dataclass(frozen=True, slots=True)
class Strip:
    """The six fields as judged on one day."""

    relapse: FieldState
    edss: FieldState
    t2: FieldState
    gd: FieldState
    brain_volume: FieldState
    safety: FieldState

    def items(self) -> tuple[tuple[Field, FieldState], ...]:
        """The fields by name, in the order of the screen."""
        states = (self.relapse, self.edss, self.t2, self.gd, self.brain_volume, self.safety)
        return tuple(zip(FIELDS, states, strict=True))


def activity_strip(case: Case, as_of: date, convention: Convention | None = None) -> Strip:
    """The strip as known on ``as_of``; ``convention`` decides what counts as worsening (None = the defaults).

    Raises ValueError where two EDSS scores lie on one day or a value is no EDSS score, which no pool holds.
    """
    known, chosen = known_on(case, as_of), convention or Convention()
    return Strip(
        relapse=relapse_field(known, as_of),
        edss=edss_field(known, as_of, progression(known, chosen), chosen),
        t2=t2_field(known, as_of),
        gd=gd_field(known, as_of),
        brain_volume=brain_volume_field(known, as_of),
        safety=safety_field(known, as_of, safety_view(known, as_of)),
    )
