"""Families of the generator: how features of a person change the size of a therapy's effect (``families.toml``).

A person's log effect is the drug's log effect times an exponent, 1 on the whole, that depends on what can be recorded
when the therapy starts. Families differ in the form of that dependence, so that a model fitted to one can be scored on
another. Sources: clinical.md 4.3; which drug gains where is a design value there and in the file (⚠).
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from clams_dash.cohort.sections import EFFECTS_DIR
from clams_dash.errors import FactsError
from clams_dash.model.catalogues import dmts, read_toml

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

FAMILIES_FILE = EFFECTS_DIR / "families.toml"
OUTCOMES: tuple[str, ...] = ("relapse", "new_t2", "worsening")
SHAPES: tuple[str, ...] = ("linear", "logistic", "step")
AGE_SHAPES: tuple[str, ...] = ("ramp", "soft", "steps")
EVERY_CLASS = "all"
_EXPONENT_LIMITS = (0.2, 1.9)


@dataclass(frozen=True, slots=True)
class Features:
    """What may modify an effect, at the start of a therapy; arrays over persons."""

    age: FloatArray
    female: FloatArray
    edss: FloatArray
    relapses_year: FloatArray
    new_t2_year: FloatArray
    gd: FloatArray
    """1 = an enhancing lesion"""
    t2_volume_ml: FloatArray
    treated_before: FloatArray

    @property
    def activity(self) -> FloatArray:
        """Relapses of the last year, one more for an enhancing lesion."""
        return self.relapses_year + self.gd

    @property
    def active(self) -> FloatArray:
        """1 = an enhancing lesion or two relapses in the last year (clinical.md 4.3)."""
        return np.maximum(self.gd, self.relapses_year >= 2)

    @property
    def log_t2_volume(self) -> FloatArray:
        """Natural logarithm of the lesion volume in ml."""
        return np.log(np.maximum(self.t2_volume_ml, 0.05))


FEATURES: tuple[str, ...] = (*(item.name for item in fields(Features)), "activity", "active", "log_t2_volume")


@dataclass(frozen=True, slots=True)
class Factor:
    """A feature brought to -1 to 1: a clipped line, a logistic curve or a step at ``centre``."""

    feature: str
    shape: str
    centre: float
    scale: float

    def of(self, features: Features) -> FloatArray:
        """Value for every person."""
        value: FloatArray = getattr(features, self.feature)
        away = (value - self.centre) / self.scale
        if self.shape == "linear":
            return np.clip(away, -1.0, 1.0)
        return np.asarray(np.tanh(away) if self.shape == "logistic" else np.where(away >= 0.0, 1.0, -1.0))


@dataclass(frozen=True, slots=True)
class Term:
    """Adds ``weight`` times its factors' product to the exponent of one outcome under drugs of some classes."""

    outcome: str
    classes: tuple[str, ...]
    weight: float
    factors: tuple[Factor, ...]


@dataclass(frozen=True, slots=True)
class AgeRule:
    """Factor on the log effect on worsening by present age: none from ``zero_age`` on (clinical.md 4.3, S45)."""

    shape: str
    zero_age: float
    span_years: float
    cap: float

    def of(self, age: FloatArray) -> FloatArray:
        """Factor at an age: a ramp, one with soft corners, or steps of a third of the cap."""
        ramp = np.clip((self.zero_age - age) / self.span_years, 0.0, self.cap)
        if self.shape == "ramp":
            return ramp
        if self.shape == "steps":
            return np.asarray(np.rint(ramp / self.cap * 3.0) * self.cap / 3.0)
        middle = self.zero_age - self.span_years / 1.5
        return np.asarray(self.cap / (1.0 + np.exp(-(middle - age) * 3.0 / self.span_years)))


@dataclass(frozen=True, slots=True)
class Family:
    """How effects vary between persons."""

    name: str
    age_rule: AgeRule
    terms: tuple[Term, ...]

    def exponents(self, features: Features, drug_class: NDArray[np.str_], heterogeneity: float) -> FloatArray:
        """Exponents (outcome x person) on the log effect of drugs of the given class (one, or by person)."""
        total = np.ones((len(OUTCOMES), len(features.age)))
        for term in self.terms:
            value = np.full(len(features.age), term.weight * heterogeneity)
            for factor in term.factors:
                value = value * factor.of(features)
            if EVERY_CLASS not in term.classes:
                value = value * np.isin(drug_class, term.classes)
            total[OUTCOMES.index(term.outcome)] += value
        return np.clip(total, *_EXPONENT_LIMITS)


def load_families(path: Path = FAMILIES_FILE) -> dict[str, Family]:
    """Families by name. Raises FactsError naming file, family, term and key."""
    return {name: _family(path, name, raw) for name, raw in read_toml(path).items()}


def family_named(name: str, path: Path = FAMILIES_FILE) -> Family:
    """One family. Raises FactsError for a name the file does not have."""
    known = load_families(path)
    if name not in known:
        raise FactsError(f"{path}: no family {name!r}; known are {', '.join(known)}")
    return known[name]


class _Entry:
    """One table of the file whose values are read with errors that name it."""

    def __init__(self, path: Path, where: str, raw: Any, keys: tuple[str, ...]) -> None:
        self.path, self.where = path, where
        if not isinstance(raw, dict):
            raise self.fault("must be a table")
        self.raw = raw
        for key in raw:
            if key not in keys:
                raise self.fault(f"{key} is unknown; known are {', '.join(keys)}")

    def fault(self, text: str) -> FactsError:
        return FactsError(f"{self.path}: {self.where} {text}")

    def text(self, key: str, choices: tuple[str, ...] | None = None) -> str:
        value = self.raw.get(key)
        if not isinstance(value, str) or not value.strip():
            raise self.fault(f"{key} is missing")
        if choices is not None and value not in choices:
            raise self.fault(f"{key} = {value!r} is unknown; known are {', '.join(choices)}")
        return value

    def number(self, key: str, low: float, high: float) -> float:
        value = self.raw.get(key)
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise self.fault(f"{key} = {value!r} is not a number")
        if not low <= value <= high:
            raise self.fault(f"{key} = {value} is impossible; it must lie between {low} and {high}")
        return float(value)

    def several(self, key: str) -> list[Any]:
        value = self.raw.get(key)
        if not isinstance(value, list) or not value:
            raise self.fault(f"{key} must be a list with at least one entry")
        return value


def _family(path: Path, name: str, raw: Any) -> Family:
    entry = _Entry(path, f"[{name}]", raw, ("source", "age_rule", "terms"))
    entry.text("source")
    rule = _Entry(path, f"[{name}] age_rule", entry.raw.get("age_rule"), ("shape", "zero_age", "span_years", "cap"))
    terms = [
        _Entry(path, f"[{name}] terms {number}", raw_term, ("outcome", "classes", "weight", "factors"))
        for number, raw_term in enumerate(entry.several("terms"), start=1)
    ]
    return Family(
        name=name,
        age_rule=AgeRule(
            rule.text("shape", AGE_SHAPES),
            rule.number("zero_age", 20, 120),
            rule.number("span_years", 1, 100),
            rule.number("cap", 0.1, 3),
        ),
        terms=tuple(_term(term) for term in terms),
    )


def _term(entry: _Entry) -> Term:
    known = (EVERY_CLASS, *sorted({dmt.drug_class for dmt in dmts().values()}))
    classes = entry.several("classes")
    for drug_class in classes:
        if drug_class not in known:
            raise entry.fault(f"classes = {drug_class!r} is unknown; known are {', '.join(known)}")
    factors = [
        _Entry(entry.path, f"{entry.where} factors {number}", raw, ("feature", "shape", "centre", "scale"))
        for number, raw in enumerate(entry.several("factors"), start=1)
    ]
    return Term(
        outcome=entry.text("outcome", OUTCOMES),
        classes=tuple(classes),
        weight=entry.number("weight", -0.9, 0.9),
        factors=tuple(
            Factor(
                factor.text("feature", FEATURES),
                factor.text("shape", SHAPES),
                factor.number("centre", -100, 1000),
                factor.number("scale", 0.01, 1000),
            )
            for factor in factors
        ),
    )
