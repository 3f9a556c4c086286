"""How much the record tells: discrimination of what is expected given it, and given the hidden state."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from sklearn.metrics import roc_auc_score


@dataclass(frozen=True, slots=True)
class Informative:
    """Of one outcome, over the arms that were decided, with what came of them.

    ``given_record`` is the best AUROC a predictor from the record can have; ``given_state`` the one nobody can reach.
    ``slope`` is that of the second probability on the first: 1 where the hidden states fit the record.
    """

    outcome: str
    decisions: int
    happened: float
    given_record: float
    given_state: float
    slope: float


def informativeness(truth: pd.DataFrame) -> list[Informative]:
    """A line for relapse, worsening and NEDA-3; AUROCs are NaN where an outcome happened to nobody or everybody."""
    decided = truth[truth["decided"]]
    lines: list[Informative] = []
    for name in ("relapse", "worsening", "neda"):
        came = decided[name].to_numpy(dtype=bool)
        record = decided[f"p_{name}"].to_numpy(dtype=np.float64)
        state = decided[f"state_p_{name}"].to_numpy(dtype=np.float64)
        both = came.any() and not came.all()
        lines.append(
            Informative(
                outcome=name,
                decisions=len(decided),
                happened=float(came.mean()),
                given_record=float(roc_auc_score(came, record)) if both else np.nan,
                given_state=float(roc_auc_score(came, state)) if both else np.nan,
                slope=float(np.polyfit(record, state, 1)[0]) if len(decided) > 2 else np.nan,
            )
        )
    return lines
