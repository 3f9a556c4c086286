"""What the model has seen of people like this one: comparable people per arm, how likely each class is chosen."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from clams_dash.response.timelines import Floats, Ints


@dataclass(frozen=True, slots=True)
class Neighbours:
    """The training decisions in standardised key features, held to find comparable people.

    ``points`` (n, k) float32, 0 where missing; ``arm`` and ``person`` (n,) codes, without pseudonyms or dates.
    """

    points: np.ndarray[tuple[int, int], np.dtype[np.float32]]
    arm: Ints
    person: Ints

    def people_by_arm(self, point: Floats, nearest: int, arms: int) -> list[Ints]:
        """Codes of the people on each arm among the ``nearest`` decisions, each person once per arm."""
        distance = np.square(self.points.astype(np.float64) - point).sum(axis=1)
        close = np.argsort(distance, kind="stable")[:nearest]
        return [np.unique(self.person[close[self.arm[close] == arm]]) for arm in range(arms)]

    def to_array(self) -> np.ndarray[tuple[int, int], np.dtype[np.float32]]:
        """One float32 array (n, k + 2) for storage; codes are exact up to 2^24."""
        return np.column_stack([self.points, self.arm.astype(np.float32), self.person.astype(np.float32)])

    @classmethod
    def from_array(cls, stored: np.ndarray[tuple[int, int], np.dtype[np.float32]]) -> Neighbours:
        """As written by :meth:`to_array`."""
        return cls(stored[:, :-2], stored[:, -2].astype(np.int64), stored[:, -1].astype(np.int64))


@dataclass(frozen=True, slots=True)
class Propensity:
    """Multinomial logistic model of the drug class decided on; ``coefficients`` (classes, 1 + columns)."""

    classes: tuple[str, ...]
    coefficients: Floats

    def of(self, columns: Floats) -> dict[str, float]:
        """Probability of each class for one person's standardised features (columns,)."""
        linear = self.coefficients @ np.concatenate([[1.0], columns])
        grown = np.exp(linear - linear.max())
        return {name: float(share) for name, share in zip(self.classes, grown / grown.sum(), strict=True)}

    def to_json(self) -> dict[str, Any]:
        """All fields as lists."""
        return {"classes": list(self.classes), "coefficients": self.coefficients.tolist()}

    @classmethod
    def from_json(cls, raw: Mapping[str, Any]) -> Propensity:
        """As written by :meth:`to_json`."""
        return cls(tuple(str(name) for name in raw["classes"]), np.asarray(raw["coefficients"], dtype=np.float64))
