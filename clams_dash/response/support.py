"""What the model has seen of people like this one: comparable people per arm, how likely each class is chosen."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from clams_dash.response.arms import UNTREATED, Arms
from clams_dash.response.effects.assignment import Assignment
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
    """What was decided for people like this: a multinomial model of the arm given features and present therapy."""

    assignment: Assignment

    def of(self, columns: Floats, present: Ints) -> Floats:
        """Probability of every arm (n, K), keeping the present therapy (or none) among them."""
        return self.assignment.of(assignment_columns(columns, present, len(self.assignment.coefficients)))

    def shown(self, columns: Floats, present: int, stay: int, arms: Arms) -> Floats:
        """Of one person (1, c): of every arm (K,) its class's share among therapies begun by people like this one.

        For ``stay`` and for no therapy it is the share of all decisions instead. ``present`` is the therapy in the
        sense of the features: one stopped within the wash-out still counts.
        """
        every = self.of(columns, np.array([present], dtype=np.int64))[0]
        begun = every.copy()
        begun[[stay, arms.names.index(UNTREATED)]] = 0.0
        classes = np.asarray(arms.drug_classes, dtype=object)
        of_class = np.array([begun[classes == name].sum() for name in classes]) / max(float(begun.sum()), 1e-12)
        for arm in {stay, arms.names.index(UNTREATED)}:
            of_class[arm] = every[arm]
        return of_class

    def to_json(self) -> dict[str, Any]:
        """All fields as lists."""
        return {"coefficients": self.assignment.coefficients.tolist()}

    @classmethod
    def from_json(cls, raw: Mapping[str, Any]) -> Propensity:
        """As written by :meth:`to_json`."""
        return cls(Assignment(np.asarray(raw["coefficients"], dtype=np.float64)))


def assignment_columns(columns: Floats, present: Ints, arms: int) -> Floats:
    """Prepared features followed by an indicator of the present therapy (n, c + arms)."""
    return np.column_stack([columns, np.eye(arms)[present]])
