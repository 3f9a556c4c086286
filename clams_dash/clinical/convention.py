"""The choices a progression result depends on. They change the answer, so they are printed beside every result."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any, Literal, Self, get_args

from clams_dash.clinical.definitions import PiraDefinition, Rebaseline, Reference, pira_definition, progression_rules
from clams_dash.clinical.edss import edss_rules, is_valid, threshold
from clams_dash.clinical.scan import FOREVER, Rules
from clams_dash.errors import ConventionError, FactsError

EventChoice = Literal["first", "multiple"]
_WORDS = {"late_days": "any", "sustained_days": "end"}
"""What None is called on the command line and in JSON."""


@dataclass(frozen=True, slots=True)
class Convention:
    """How worsening and improvement are found, and under which definition worsening is called PIRA or RAW.

    ``confirm_days``: a visit so long after onset confirms; ``tolerance_days`` how much earlier it may be,
    ``late_days`` how much later (None = any later visit). ``relapse_days``: distance a reference or confirmation
    visit keeps from the last relapse before it; ``onset_relapse_days``: the same for the onset. ``reference``:
    ``fixed`` = the first eligible visit; ``roving`` = moves to the confirmation visit after each confirmed change,
    ``roving_worsening`` and ``roving_improvement`` after changes of that kind only. ``rebaseline``: a new reference
    after every relapse, ``always`` at once or ``at_change`` when the score departs from the old reference (as pymsprog
    does), or ``never``; ``keep_higher``: a new reference is never below the one before (Kappos 2020). ``event``:
    ``first`` of each kind or ``multiple``; against one fixed reference only the first of each kind counts, a second
    would be the same step again. ``sustained_days``: least time a change must hold from onset, unless it holds to
    the last visit (0 = as long as to its confirmation, None = to the last visit). ``improvement_from``: least reference
    EDSS of an improvement (trials ask for 2.0, OPERA; 0 = any). ``pira``: a named definition.

    Made by keyword it takes the values given; :meth:`named` takes from a definition what it was published with.
    Raises ConventionError (a ValueError) for an impossible choice, FactsError for an unknown threshold or definition.
    """

    threshold: str = field(default_factory=lambda: edss_rules().default_threshold)
    confirm_days: int = field(default_factory=lambda: edss_rules().default_confirm_days)
    tolerance_days: int = field(default_factory=lambda: edss_rules().default_tolerance_days)
    late_days: int | None = None
    relapse_days: int = field(default_factory=lambda: edss_rules().default_relapse_days)
    onset_relapse_days: int = 0
    reference: Reference = "roving"
    rebaseline: Rebaseline = "never"
    keep_higher: bool = False
    event: EventChoice = "multiple"
    sustained_days: int | None = 0
    improvement_from: float = 0.0
    pira: str = field(default_factory=lambda: progression_rules().default_pira)

    def __post_init__(self) -> None:
        threshold(self.threshold)
        pira_definition(self.pira)
        if self.confirm_days < 1 or not 0 <= self.tolerance_days < self.confirm_days:
            raise ConventionError("confirm_days must be at least 1, and tolerance_days must be 0 or more and below it")
        for name in ("late_days", "relapse_days", "onset_relapse_days", "sustained_days"):
            value = getattr(self, name)
            if value is not None and value < 0:
                raise ConventionError(f"{name} must be 0 or more; {value} given")
        if not is_valid(self.improvement_from):
            raise ConventionError(f"improvement_from must be an EDSS score; {self.improvement_from:g} given")
        words = {"reference": Reference, "rebaseline": Rebaseline, "event": EventChoice}
        for name, choices in words.items():
            known = get_args(choices)
            if getattr(self, name) not in known:
                raise ConventionError(f"{name} must be one of {', '.join(known)}; {getattr(self, name)!r} given")

    @classmethod
    def named(cls, pira: str, **choices: Any) -> Self:
        """The convention of a named definition, with its own reference scheme unless chosen otherwise."""
        own = pira_definition(pira)
        scheme = {"reference": own.reference, "rebaseline": own.rebaseline, "keep_higher": own.keep_higher}
        return cls(pira=pira, **(scheme | choices))

    @classmethod
    def parsed(cls, options: Mapping[str, str]) -> Self:
        """From KEY=VALUE options as words. Raises ConventionError naming the option that is unknown or unreadable."""
        known = {one.name for one in fields(cls)}
        unknown = [name for name in options if name not in known]
        if unknown:
            raise ConventionError(f"convention {unknown[0]!r} is not known; choose among {', '.join(sorted(known))}")
        choices = {name: _read(name, text) for name, text in options.items()}
        try:
            return cls.named(str(choices.pop("pira", progression_rules().default_pira)), **choices)
        except FactsError as error:
            raise ConventionError(str(error)) from error

    def definition(self) -> PiraDefinition:
        """The definition of PIRA in force."""
        return pira_definition(self.pira)

    def rules(self) -> Rules:
        """The same choices as the search reads them."""
        late = self.late_days
        return Rules(
            confirm_from=self.confirm_days - self.tolerance_days,
            confirm_to=FOREVER if late is None else self.confirm_days + late,
            reference_gap=self.relapse_days,
            onset_gap=self.onset_relapse_days,
            confirmation_gap=self.relapse_days,
            moves_worse=self.reference in ("roving", "roving_worsening"),
            moves_better=self.reference in ("roving", "roving_improvement"),
            rebaseline_after=None if self.rebaseline == "never" else progression_rules().raw_days,
            rebaseline_always=self.rebaseline == "always",
            keep_higher=self.keep_higher,
            better_from=self.improvement_from or -math.inf,
            sustained=FOREVER if self.sustained_days is None else self.sustained_days,
        )

    def to_json(self) -> dict[str, object]:
        """The choices by name, in words where there is no number, with the texts of threshold and definition."""
        plain = {name: _WORDS.get(name) if value is None else value for name, value in asdict(self).items()}
        return plain | {"threshold_text": threshold(self.threshold).label, "pira_text": self.definition().label}


def _read(name: str, text: str) -> object:
    if name == "keep_higher":
        if text not in ("yes", "no", "true", "false"):
            raise ConventionError(f"convention {name}={text}: must be yes or no")
        return text in ("yes", "true")
    if name == "improvement_from":
        try:
            return float(text)
        except ValueError:
            raise ConventionError(f"convention {name}={text}: must be an EDSS score") from None
    if not name.endswith("_days"):
        return text
    if text == _WORDS.get(name):
        return None
    try:
        return int(text)
    except ValueError:
        also = f" or {_WORDS[name]!r}" if name in _WORDS else ""
        raise ConventionError(f"convention {name}={text}: must be a whole number of days{also}") from None
