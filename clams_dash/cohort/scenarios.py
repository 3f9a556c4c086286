"""Scenarios of the generator: what is wrong, or different, with the data (``scenarios.toml``)."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from clams_dash.cohort.sections import EFFECTS_DIR, limits, read_sections
from clams_dash.errors import FactsError

SCENARIOS_FILE = EFFECTS_DIR / "scenarios.toml"


@dataclass(frozen=True, slots=True)
class Scenario:
    """Knobs. ``confounder_*`` are per standard deviation of a trait U that is recorded nowhere."""

    heterogeneity: float = limits(0, 2)
    """factor on all effect modification; 0 = every person has the same ratios"""
    confounder_assignment: float = limits(-5, 5)
    """added to the activity that pulls towards stronger drugs"""
    confounder_relapse: float = limits(-2, 2)
    """log rate ratio"""
    confounder_worsening: float = limits(-2, 2)
    """log hazard ratio"""
    choice_sharpness: float = limits(0, 20)
    """factor on what drives the choice of a drug; large = little overlap between therapies"""
    shift_onset_age_years: float = limits(-30, 30)
    shift_relapse_ratio: float = limits(0.1, 10)
    shift_escalation: float = limits(-5, 5)
    """added to the centre's pull towards stronger drugs"""
    shifted_centre: str = ""
    """name of the centre that differs; empty = none"""


def scenario_named(name: str, centres: tuple[str, ...], path: Path = SCENARIOS_FILE) -> Scenario:
    """One scenario. Raises FactsError for a name the file does not have, an impossible knob or an unknown centre."""
    known: dict[str, Scenario] = read_sections(path, Scenario)
    if name not in known:
        raise FactsError(f"{path}: no scenario {name!r}; known are {', '.join(known)}")
    for section, scenario in known.items():
        if scenario.shifted_centre and scenario.shifted_centre not in centres:
            raise FactsError(
                f"{path}: [{section}] shifted_centre = {scenario.shifted_centre!r} is no centre of generator.toml"
            )
    return known[name]
