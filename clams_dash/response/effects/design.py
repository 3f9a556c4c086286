"""What a linear part is made of: intercept, features, arms, how arms meet the present one, and features by arm."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from clams_dash.response.effects.glm import Blocks
from clams_dash.response.timelines import Floats, Ints

_INTERCEPT_SD = 5.0


@dataclass(frozen=True, slots=True)
class ArmDesign:
    """Numbers by which arms (K) enter a model.

    anchor : (K,) evidence on each arm, on the link's scale, added as it is.
    main : (K, q) indicators of the arm and of the groups it belongs to; ``main_sd`` (q,) prior spread of their effects.
    modifiers : (K, r) indicators that features are multiplied by; ``modifier_block`` (r,) which share a learnt spread.
    trees : (K, t) what the trees are told of an arm; () columns make trees that know no arms.
    pair : (P, K, s) what is known of arm k together with a person's context p (such as the present therapy).
    """

    anchor: Floats
    main: Floats
    main_sd: Floats
    modifiers: Floats
    modifier_block: Ints
    trees: Floats
    pair: Floats

    @property
    def count(self) -> int:
        """Number of arms."""
        return len(self.anchor)


@dataclass(frozen=True, slots=True)
class Rows:
    """Persons, each under one arm: ``raw`` (n, p) features with NaN, prepared ``columns`` (n, c), ``smooth`` (n, m).

    ``arm`` and ``context`` (n,) are codes; ``main`` (n, q) the arm's indicators, which may be coarser than its own.
    """

    raw: Floats
    columns: Floats
    smooth: Floats
    arm: Ints
    context: Ints
    main: Floats

    def under(self, arm: int, design: ArmDesign) -> Rows:
        """The same persons under another arm."""
        arms = np.full(len(self.arm), arm, dtype=np.int64)
        return Rows(self.raw, self.columns, self.smooth, arms, self.context, design.main[arms])

    def take(self, positions: Ints) -> Rows:
        """The rows at these positions."""
        return Rows(*(getattr(self, name)[positions] for name in self.__dataclass_fields__))


@dataclass(frozen=True, slots=True)
class Layout:
    """A choice of terms. ``modified``: columns that interact with the arm's modifiers; ``smooth``: kernel terms."""

    modified: tuple[int, ...]
    smooth: bool

    def matrix(self, rows: Rows, design: ArmDesign) -> Floats:
        """Design matrix (n, k)."""
        parts = [np.ones((len(rows.arm), 1)), rows.columns, rows.main, design.pair[rows.context, rows.arm]]
        by_arm = design.modifiers[rows.arm]
        changed = [rows.columns[:, np.array(self.modified, dtype=np.int64)]]
        if self.smooth:
            parts.append(rows.smooth)
            changed.append(rows.smooth)
        if len(self.modified) or self.smooth:
            both = np.column_stack(changed)
            parts += [both * by_arm[:, [place]] for place in range(by_arm.shape[1])]
        return np.column_stack(parts)

    def blocks(self, rows: Rows, design: ArmDesign, feature_sd: Floats | None, direction: Floats | None) -> Blocks:
        """Priors of the columns of :meth:`matrix`: features and interactions learnt, arms given.

        ``feature_sd`` (c,) starts the spread of the features; columns with the same start share one.
        """
        columns, main = rows.columns.shape[1], rows.main.shape[1]
        pairs = design.pair.shape[2]
        start = np.full(columns, 0.2) if feature_sd is None else feature_sd
        kinds, kind_of = np.unique(start, return_inverse=True)
        of, sd, learnt = [np.zeros(1, dtype=np.int64)], [_INTERCEPT_SD], [False]

        def add(which: Ints, spreads: Floats, free: bool) -> None:
            of.append(which + len(sd))
            sd.extend(spreads.tolist())
            learnt.extend([free] * len(spreads))

        add(kind_of.astype(np.int64), kinds, True)
        add(np.arange(main), design.main_sd, False)
        add(np.zeros(pairs, dtype=np.int64), np.full(min(pairs, 1), 0.3), True)
        smooth = rows.smooth.shape[1] if self.smooth else 0
        add(np.zeros(smooth, dtype=np.int64), np.full(min(smooth, 1), 1.0), True)
        if len(design.modifier_block) and (len(self.modified) or smooth):
            groups = int(design.modifier_block.max(initial=-1)) + 1
            width = np.concatenate([np.zeros(len(self.modified)), np.ones(smooth)]).astype(np.int64)
            which = np.concatenate([2 * block + width for block in design.modifier_block])
            add(which.astype(np.int64), np.full(2 * groups, 0.1), True)
        members = np.concatenate(of)
        agreed = np.zeros(len(members))
        if direction is not None:
            agreed[1 : 1 + len(direction)] = direction
        return Blocks(members, np.array(sd), np.array(learnt), np.zeros(len(members)), agreed)
