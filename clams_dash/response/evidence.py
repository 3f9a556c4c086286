"""Published effects of the therapies against no treatment, as the anchor of the model (``published_effects.csv``).

Relapse: ratios of the *risk* of a relapse within 24 months (Li 2020), not of relapse rates. Worsening: hazard ratios of
confirmed worsening; trials against an active drug go through that drug's own effect. Several trials of one drug are
pooled by inverse variance. A drug without published figures takes the mean of its class, else of its tier, with a
wider spread.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from clams_dash.config import FACTS_DIR
from clams_dash.errors import FactsError
from clams_dash.model.catalogues import Dmt, dmts, read_rows

EFFECTS_FILE = FACTS_DIR / "effects" / "published_effects.csv"
MEASURES: dict[str, str] = {"relapse": "risk_ratio_24m", "worsening": "hazard_ratio"}
_CI_WIDTH = 2 * 1.959963984540054


@dataclass(frozen=True, slots=True)
class Effect:
    """Log ratio against no treatment with its standard error; ``basis``: own, class, tier or none."""

    log_ratio: float
    se: float
    basis: str


@dataclass(frozen=True, slots=True)
class _Row:
    dmt: str
    comparator: str
    log_ratio: float
    se: float | None


def _rows(path: Path, outcome: str) -> list[_Row]:
    found = []
    for number, row in enumerate(read_rows(path), start=2):
        if row["outcome"] not in MEASURES or row["measure"] != MEASURES[row["outcome"]]:
            raise FactsError(
                f"{path}, row {number}: outcome {row['outcome']!r} with measure {row['measure']!r} is not known"
            )
        if row["dmt"] not in dmts() or row["comparator"] not in dmts():
            raise FactsError(
                f"{path}, row {number}: {row['dmt']!r} or {row['comparator']!r} is not in the DMT catalogue"
            )
        if row["outcome"] != outcome:
            continue
        se = (math.log(float(row["high"])) - math.log(float(row["low"]))) / _CI_WIDTH if row["low"] else None
        found.append(_Row(row["dmt"], row["comparator"], math.log(float(row["estimate"])), se))
    return found


def _pooled(effects: Sequence[tuple[float, float]]) -> tuple[float, float]:
    weights = [1.0 / se**2 for _, se in effects]
    mean = sum(weight * value for weight, (value, _) in zip(weights, effects, strict=True)) / sum(weights)
    return mean, math.sqrt(1.0 / sum(weights))


def _own(path: Path, outcome: str) -> dict[str, tuple[float, float]]:
    rows = _rows(path, outcome)
    widest = max((row.se for row in rows if row.se is not None), default=0.3)
    direct: dict[str, list[tuple[float, float]]] = {}
    for row in rows:
        if row.comparator == "none":
            direct.setdefault(row.dmt, []).append((row.log_ratio, row.se if row.se is not None else widest))
    against_none = {dmt: _pooled(effects) for dmt, effects in direct.items()}
    indirect: dict[str, list[tuple[float, float]]] = {}
    bridges: dict[str, str] = {}
    for row in rows:
        if row.comparator != "none" and row.dmt not in against_none:
            if row.comparator not in against_none or bridges.setdefault(row.dmt, row.comparator) != row.comparator:
                raise FactsError(
                    f"{path}: {row.dmt}: {row.comparator} is no single comparator with an effect of its own"
                )
            indirect.setdefault(row.dmt, []).append((row.log_ratio, row.se if row.se is not None else widest))
    for dmt, effects in indirect.items():
        (mean, se), (bridge, bridge_se) = _pooled(effects), against_none[bridges[dmt]]
        against_none[dmt] = (mean + bridge, math.hypot(se, bridge_se))
    return against_none


def published_effects(outcome: str, fallback_sd: float, path: Path = EFFECTS_FILE) -> dict[str, Effect]:
    """Effect of every DMT of the catalogue on an outcome (``relapse`` or ``worsening``) against no treatment.

    ``fallback_sd`` widens effects borrowed from a class or tier. Raises FactsError for unknown entries.
    """
    own = _own(path, outcome)
    effects: dict[str, Effect] = {}
    for name, dmt in dmts().items():
        if name == "none":
            effects[name] = Effect(0.0, 0.0, "none")
        elif name in own:
            effects[name] = Effect(*own[name], "own")
        else:
            effects[name] = _borrowed(dmt, own, fallback_sd)
    return effects


def _borrowed(dmt: Dmt, own: dict[str, tuple[float, float]], fallback_sd: float) -> Effect:
    catalogue = dmts()
    relatives = {
        "class": [own[name] for name in own if catalogue[name].drug_class == dmt.drug_class],
        "tier": [own[name] for name in own if catalogue[name].tier == dmt.tier],
        "all": list(own.values()),
    }
    basis = next(name for name, found in relatives.items() if found)
    values = np.array(relatives[basis])
    spread = float(np.std(values[:, 0])) if len(values) > 1 else 0.0
    se = math.sqrt(float(np.mean(values[:, 1] ** 2)) + spread**2 + fallback_sd**2)
    return Effect(float(np.mean(values[:, 0])), se, basis)


def logit_shift(outcome: str, log_ratio: float, untreated_risk: float) -> float:
    """Shift on the logit that a published ratio means at an untreated 24-month risk.

    A risk ratio multiplies the risk, a hazard ratio the cumulative hazard: 1 - (1 - risk)^ratio.
    """
    ratio = math.exp(log_ratio)
    if MEASURES[outcome] == "risk_ratio_24m":
        treated = min(ratio * untreated_risk, 0.999)
    else:
        treated = 1.0 - (1.0 - untreated_risk) ** ratio
    return math.log(treated / (1 - treated)) - math.log(untreated_risk / (1 - untreated_risk))
