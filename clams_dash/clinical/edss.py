"""The EDSS as a scale: its valid steps, and how large a change counts (``data/rules/edss.toml``).

References: Kurtzke 1983 (steps); the two threshold conventions differ at a reference of 5.5 only, which decides
whether 5.5 to 6.0 is an event, so every result names the one it used.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from clams_dash.config import FACTS_DIR
from clams_dash.errors import FactsError
from clams_dash.model.tables import EDSS_STEPS

EDSS_RULES = FACTS_DIR / "rules" / "edss.toml"


@dataclass(frozen=True, slots=True)
class ThresholdConvention:
    """How much change counts, by reference. ``steps``: (highest reference it holds for, change needed)."""

    name: str
    label: str
    source: str
    steps: tuple[tuple[float, float], ...]

    def delta(self, reference: float) -> float:
        """Smallest change from ``reference`` (EDSS points) that counts. Raises ValueError off the scale."""
        require_valid(reference)
        return next(delta for upper, delta in self.steps if reference <= upper)


@dataclass(frozen=True, slots=True)
class EdssRules:
    """The data file as read: threshold conventions by name and the defaults of confirmation."""

    conventions: dict[str, ThresholdConvention]
    default_threshold: str
    default_confirm_days: int
    default_tolerance_days: int
    default_relapse_days: int


def is_valid(value: float) -> bool:
    """Whether ``value`` is one of the twenty EDSS scores (there is no 0.5)."""
    return value in EDSS_STEPS


def require_valid(value: float) -> None:
    """Raise ValueError, naming the value, when it is no EDSS score."""
    if not is_valid(value):
        raise ValueError(f"{value} is not an EDSS score; valid are 0, 1.0, 1.5 ... 10.0")


def next_step(value: float) -> float | None:
    """The score one step above ``value``; None above 10. Raises ValueError off the scale."""
    require_valid(value)
    position = EDSS_STEPS.index(value) + 1
    return EDSS_STEPS[position] if position < len(EDSS_STEPS) else None


def previous_step(value: float) -> float | None:
    """The score one step below ``value``; None below 0. Raises ValueError off the scale."""
    require_valid(value)
    position = EDSS_STEPS.index(value) - 1
    return EDSS_STEPS[position] if position >= 0 else None


def threshold(convention: str) -> ThresholdConvention:
    """The threshold convention ``A`` or ``B``. Raises FactsError for another name."""
    known = edss_rules().conventions
    if convention not in known:
        raise FactsError(f"threshold convention {convention!r} is not known; choose one of {', '.join(sorted(known))}")
    return known[convention]


def load_rules(path: Path) -> EdssRules:
    """Read and check a rules file. Raises FactsError naming the file and what is wrong in it."""
    try:
        raw = tomllib.loads(path.read_text(encoding="utf-8"))
        conventions = {
            entry["convention"]: ThresholdConvention(
                name=entry["convention"],
                label=entry["label"],
                source=entry["source"],
                steps=tuple((float(step["upper_reference"]), float(step["delta"])) for step in entry["steps"]),
            )
            for entry in raw["threshold"]
        }
        confirmation = raw["confirmation"]
        rules = EdssRules(
            conventions=conventions,
            default_threshold=str(confirmation["default_threshold"]),
            default_confirm_days=int(confirmation["default_confirm_days"]),
            default_tolerance_days=int(confirmation["default_tolerance_days"]),
            default_relapse_days=int(confirmation["default_relapse_days"]),
        )
    except OSError as error:
        raise FactsError(
            f"{path}: cannot be read ({error.strerror}); it belongs to the project's data folder"
        ) from error
    except (tomllib.TOMLDecodeError, KeyError, TypeError, ValueError) as error:
        raise FactsError(f"{path}: not a valid EDSS rules file ({error!r})") from error
    for convention in rules.conventions.values():
        uppers = [upper for upper, _ in convention.steps]
        if uppers != sorted(uppers) or not uppers or uppers[-1] < EDSS_STEPS[-1]:
            raise FactsError(f"{path}: convention {convention.name}: steps must ascend and reach 10.0")
    if rules.default_threshold not in rules.conventions:
        raise FactsError(f"{path}: default_threshold {rules.default_threshold!r} is not one of the conventions")
    return rules


@lru_cache(maxsize=1)
def edss_rules() -> EdssRules:
    """The project's EDSS rules."""
    return load_rules(EDSS_RULES)
