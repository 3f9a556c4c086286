"""Named definitions of PIRA and RAW as data (``data/rules/progression.toml``), each with its source."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal, get_args

from clams_dash.clinical import rule_files
from clams_dash.errors import FactsError
from clams_dash.model import catalogues

PROGRESSION_RULES = rule_files.RULES_DIR / "progression.toml"

Anchor = Literal["reference", "previous", "onset", "confirmation"]
Reference = Literal["fixed", "roving", "roving_worsening", "roving_improvement"]
Rebaseline = Literal["never", "at_change", "always"]


@dataclass(frozen=True, slots=True)
class Bound:
    """One end of an interval: ``days`` after (negative: before) a visit of the event."""

    anchor: Anchor
    days: int


@dataclass(frozen=True, slots=True)
class PiraDefinition:
    """When a confirmed worsening is PIRA: no relapse within any of the intervals ``free`` (ends included).

    ``reference``, ``rebaseline`` and ``keep_higher`` are what the definition was published with.
    """

    name: str
    label: str
    source: str
    reference: Reference
    rebaseline: Rebaseline
    keep_higher: bool
    free: tuple[tuple[Bound, Bound], ...]


@dataclass(frozen=True, slots=True)
class ProgressionRules:
    """The data file as read."""

    definitions: dict[str, PiraDefinition]
    default_pira: str
    raw_days: int


def pira_definition(name: str) -> PiraDefinition:
    """The definition of that name. Raises FactsError for another name."""
    known = progression_rules().definitions
    if name not in known:
        raise FactsError(f"PIRA definition {name!r} is not known; choose one of {', '.join(known)}")
    return known[name]


def load_rules(path: Path) -> ProgressionRules:
    """Read and check a rules file. Raises FactsError naming the file and what is wrong in it."""
    raw = catalogues.read_toml(path)
    try:
        definitions = {entry["name"]: _definition(entry) for entry in raw["pira"]}
        rules = ProgressionRules(definitions, str(raw["default_pira"]), int(raw["raw"]["days_before_onset"]))
    except (KeyError, TypeError, ValueError) as error:
        raise FactsError(f"{path}: not a valid progression rules file ({error!r})") from error
    if rules.default_pira not in definitions:
        raise FactsError(f"{path}: default_pira {rules.default_pira!r} is not one of the definitions")
    if rules.raw_days < 0:
        raise FactsError(f"{path}: raw.days_before_onset must not be negative")
    return rules


def _definition(entry: dict[str, Any]) -> PiraDefinition:
    for key, known in (("reference", get_args(Reference)), ("rebaseline", get_args(Rebaseline))):
        if entry[key] not in known:
            raise ValueError(f"pira {entry['name']}: {key} {entry[key]!r} is not known")
    return PiraDefinition(
        name=entry["name"],
        label=entry["label"],
        source=entry["source"],
        reference=entry["reference"],
        rebaseline=entry["rebaseline"],
        keep_higher=bool(entry["keep_higher"]),
        free=tuple((_bound(one["from"]), _bound(one["to"])) for one in entry["free"]),
    )


def _bound(raw: list[Any]) -> Bound:
    anchor, days = raw
    if anchor not in get_args(Anchor):
        raise ValueError(f"{anchor!r} is no visit of an event; known are {', '.join(get_args(Anchor))}")
    return Bound(anchor, int(days))


@lru_cache(maxsize=1)
def progression_rules() -> ProgressionRules:
    """The project's rules."""
    return load_rules(PROGRESSION_RULES)
