"""How raw features become columns of a linear model: transform, centre, scale, and indicators of absence."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from clams_dash.response.timelines import Bools, Floats

_CLIP = 4.0
_RARE = 0.02


@dataclass(frozen=True, slots=True)
class Preparation:
    """``centre`` and ``scale`` (p,) after the transform; ``indicated`` (p,) marks features with an indicator column."""

    transforms: tuple[str, ...]
    centre: Floats
    scale: Floats
    indicated: Bools

    @classmethod
    def fit(cls, raw: Floats, transforms: tuple[str, ...]) -> Preparation:
        """From training features (n, p); ``transforms`` as in ``features.csv``, one per feature."""
        moved = _transformed(raw, transforms)
        present = ~np.isnan(moved)
        filled = np.where(present, moved, 0.0)
        count = np.maximum(present.sum(axis=0), 1)
        centre = filled.sum(axis=0) / count
        spread = np.sqrt(np.square(np.where(present, moved - centre, 0.0)).sum(axis=0) / count)
        absent = 1.0 - present.mean(axis=0)
        return cls(transforms, centre, np.where(spread > 1e-9, spread, 1.0), (absent > _RARE) & (absent < 1 - _RARE))

    def standardised(self, raw: Floats) -> Floats:
        """Features (n, p) centred and scaled, held within +-4; 0 where missing."""
        scaled = (_transformed(raw, self.transforms) - self.centre) / self.scale
        return np.nan_to_num(np.clip(scaled, -_CLIP, _CLIP), nan=0.0)

    def columns(self, raw: Floats) -> Floats:
        """Standardised features followed by the indicators of absence (n, p + number indicated)."""
        absent = np.isnan(_transformed(raw, self.transforms)[:, self.indicated])
        return np.column_stack([self.standardised(raw), absent.astype(np.float64)])

    def to_json(self) -> dict[str, list[float] | list[bool] | list[str]]:
        """All fields as lists."""
        return {
            "transforms": list(self.transforms),
            "centre": self.centre.tolist(),
            "scale": self.scale.tolist(),
            "indicated": self.indicated.tolist(),
        }

    @classmethod
    def from_json(cls, raw: Mapping[str, Any]) -> Preparation:
        """As written by :meth:`to_json`."""
        return cls(
            tuple(str(name) for name in raw["transforms"]),
            np.asarray(raw["centre"], dtype=np.float64),
            np.asarray(raw["scale"], dtype=np.float64),
            np.asarray(raw["indicated"], dtype=bool),
        )


def _transformed(raw: Floats, transforms: tuple[str, ...]) -> Floats:
    moved = raw.copy()
    for column, transform in enumerate(transforms):
        positive = np.maximum(raw[:, column], 0.0)
        if transform == "log1p":
            moved[:, column] = np.log1p(positive)
        elif transform == "recency":
            moved[:, column] = np.nan_to_num(1.0 / (1.0 + positive), nan=0.0)
    return moved
