"""The therapies compared: their place in the hierarchy tier > class > DMT, and what the model may learn of each.

An arm with enough people and events has an effect of its own; otherwise it takes its class's, otherwise its tier's.
Each also carries its published effect as an anchor.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from clams_dash.model.catalogues import dmts
from clams_dash.response.history import TIER_RANKS
from clams_dash.response.settings import Support
from clams_dash.response.timelines import Bools, Floats, Ints

UNTREATED = "none"
LEVELS: tuple[str, ...] = ("dmt", "class", "tier")


@dataclass(frozen=True, slots=True)
class Arms:
    """All arms of the catalogue, and which DMTs, classes and tiers the model has an effect for (in column order)."""

    names: tuple[str, ...]
    drug_classes: tuple[str, ...]
    tiers: tuple[str, ...]
    modelled_tiers: tuple[str, ...]
    modelled_classes: tuple[str, ...]
    modelled_dmts: tuple[str, ...]

    @classmethod
    def catalogued(cls, tiers: Sequence[str], classes: Sequence[str], modelled: Sequence[str]) -> Arms:
        """Of the DMT catalogue, with the groups that have an effect."""
        catalogue = dmts()
        return cls(
            names=tuple(catalogue),
            drug_classes=tuple(dmt.drug_class for dmt in catalogue.values()),
            tiers=tuple(dmt.tier for dmt in catalogue.values()),
            modelled_tiers=tuple(tiers),
            modelled_classes=tuple(classes),
            modelled_dmts=tuple(modelled),
        )

    @classmethod
    def from_json(cls, raw: Mapping[str, Any]) -> Arms:
        """As written by :meth:`to_json`."""
        return cls(**{name: tuple(str(item) for item in raw[name]) for name in cls.__dataclass_fields__})

    def to_json(self) -> dict[str, list[str]]:
        """All fields as lists."""
        return {name: list(getattr(self, name)) for name in self.__dataclass_fields__}

    def codes(self, names: pd.Series) -> Ints:
        """Position of each name; -1 for a DMT the catalogue does not know."""
        return pd.Index(self.names).get_indexer(pd.Index(names.astype(object))).astype(np.int64)

    def level_of(self, arm: int) -> str:
        """The finest level at which the model has an effect for the arm."""
        if self.names[arm] in self.modelled_dmts or self.names[arm] == UNTREATED:
            return "dmt"
        return "class" if self.drug_classes[arm] in self.modelled_classes else "tier"

    def offered(self, present: str) -> list[int]:
        """Arms to predict for: all but legacy drugs, and the present one in any case."""
        return [arm for arm, name in enumerate(self.names) if self.tiers[arm] in TIER_RANKS or name == present]

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of the columns of :meth:`encode`."""
        return (
            *(f"tier:{name}" for name in self.modelled_tiers),
            *(f"class:{name}" for name in self.modelled_classes),
            *(f"dmt:{name}" for name in self.modelled_dmts),
        )

    def encode(self, arms: Ints, levels: Sequence[str] | None = None) -> Floats:
        """Indicators of tier, class and DMT (n, len(columns)); ``levels`` leaves out what is finer than each level."""
        tiers = np.asarray(self.tiers, dtype=object)[arms]
        classes = np.asarray(self.drug_classes, dtype=object)[arms]
        names = np.asarray(self.names, dtype=object)[arms]
        level = np.asarray(["dmt"] * len(arms) if levels is None else levels, dtype=object)
        blocks = [
            *((tiers == name) for name in self.modelled_tiers),
            *((classes == name) & (level != "tier") for name in self.modelled_classes),
            *((names == name) & (level == "dmt") for name in self.modelled_dmts),
        ]
        return np.column_stack(blocks).astype(np.float64) if blocks else np.zeros((len(arms), 0))

    def ranks(self, arms: Ints) -> Floats:
        """Efficacy rank of each arm's tier, NaN for legacy drugs."""
        ranks = np.array([TIER_RANKS.get(tier, np.nan) for tier in self.tiers])
        return np.asarray(ranks[arms], dtype=np.float64)

    def prior_sd(self, tier_sd: float, class_sd: float, dmt_sd: float) -> Floats:
        """Prior spread of each column's effect."""
        sizes = ((tier_sd, self.modelled_tiers), (class_sd, self.modelled_classes), (dmt_sd, self.modelled_dmts))
        return np.concatenate([np.full(len(names), sd) for sd, names in sizes])


def modelled_arms(arm_names: pd.Series, people: pd.Series, happened: Bools, support: Support) -> Arms:
    """The groups with enough people and events in the training decisions of one outcome."""
    catalogue = dmts()
    rows = pd.DataFrame({"dmt": arm_names.to_numpy(), "person": people.to_numpy(), "event": happened})
    rows = rows[rows["dmt"].isin(catalogue) & (rows["dmt"] != UNTREATED)]
    rows["drug_class"] = rows["dmt"].map({name: dmt.drug_class for name, dmt in catalogue.items()})
    rows["tier"] = rows["dmt"].map({name: dmt.tier for name, dmt in catalogue.items()})

    def enough(column: str, minimum_people: int, minimum_events: int) -> list[str]:
        grouped = rows.groupby(column).agg(people=("person", "nunique"), events=("event", "sum"))
        kept = grouped[(grouped["people"] >= minimum_people) & (grouped["events"] >= minimum_events)]
        return sorted(str(name) for name in kept.index)

    return Arms.catalogued(
        tiers=sorted(str(name) for name in rows["tier"].unique()),
        classes=enough("drug_class", support.class_minimum_people, support.class_minimum_events),
        modelled=enough("dmt", support.arm_minimum_people, support.arm_minimum_events),
    )
