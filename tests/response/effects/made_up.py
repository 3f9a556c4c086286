"""Tables of which the truth is known, for the tests of the learner and for the script that learns interval widths."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from clams_dash.response.logistic import expit
from clams_dash.response.timelines import Floats, Ints

FAMILIES: tuple[str, ...] = ("linear", "step", "smooth", "crossing", "wavy", "same")


@dataclass(frozen=True)
class MadeUp:
    """Features with gaps (n, p), arms given, outcome, its true mean under every arm (n, K) and the true propensity."""

    features: Floats
    arm: Ints
    y: Floats
    mean: Floats
    propensity: Floats

    def part(self, rows: slice) -> MadeUp:
        """Some of the rows."""
        return MadeUp(*(getattr(self, name)[rows] for name in self.__dataclass_fields__))


def made_up(family: str, rows: int, seed: int, *, arms: int = 2, binary: bool = True) -> MadeUp:
    """A table of one family of baselines and effects; arms are given by what also drives the outcome."""
    random = np.random.default_rng([seed, rows, arms, FAMILIES.index(family)])
    x = random.normal(size=(rows, 10))
    x[:, 0] = x[:, 0] > 0
    x[:, 1] = np.round(2 * x[:, 1])
    base = x @ random.normal(0.0, 0.35, 10)
    if family == "smooth":
        base = base + 0.6 * np.tanh(x[:, 2]) + 0.4 * np.sin(1.5 * x[:, 3])
    elif family == "step":
        base = base + 0.8 * (x[:, 2] > 0.5) - 0.5 * (x[:, 3] < -0.5)
    elif family == "crossing":
        base = base + 0.5 * x[:, 2] * x[:, 3]
    elif family == "wavy":
        base = 0.3 * base + np.sin(x[:, 2] * x[:, 3]) + 0.3 * (x[:, 4] - 0.5) ** 2
    linear = np.column_stack([base + _effect(family, x, arm, random) for arm in range(arms)])
    pull = [x @ random.normal(0.0, 0.3, 10) + 0.4 * base if arm else np.zeros(rows) for arm in range(arms)]
    chance = np.exp(np.column_stack(pull))
    chance /= chance.sum(axis=1, keepdims=True)
    given = np.minimum((random.random(rows)[:, None] > chance.cumsum(axis=1)).sum(axis=1), arms - 1)
    own = np.arange(rows), given
    if binary:
        mean = expit(linear - 0.3)
        y = (random.random(rows) < mean[own]).astype(np.float64)
    else:
        mean = 5.0 + 2.0 * linear
        y = mean[own] + 2.0 * random.normal(size=rows)
    gaps = random.random(x.shape) < 0.05
    gaps[:, :4] = False
    return MadeUp(np.where(gaps, np.nan, x), given.astype(np.int64), y, mean, chance)


def _effect(family: str, x: Floats, arm: int, random: np.random.Generator) -> Floats:
    if not arm:
        return np.zeros(len(x))
    average, weights = -0.7 + 0.3 * random.normal(), random.normal(0.0, 0.25, x.shape[1])
    shapes = {
        "linear": x @ weights,
        "smooth": 0.7 * np.tanh(x[:, 2] + x[:, 5]),
        "step": 0.7 * np.where(x[:, 2] > 0.3, 1.0, -1.0) * (1 if arm % 2 else -1),
        "crossing": 0.6 * x[:, 2] * np.where(x[:, 6] > 0, 1.0, -1.0),
        "wavy": np.log1p(np.exp(x[:, 2])) - 0.5 * np.abs(x[:, 6]),
        "same": np.zeros(len(x)),
    }
    return np.asarray(average + shapes[family])
