"""Therapy-response models: features, training, bundle, prediction, and the learner for any table."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from clams_dash.response.effects.public import ArmPrior as ArmPrior
    from clams_dash.response.effects.public import Contrast as Contrast
    from clams_dash.response.effects.public import EffectModel as EffectModel
    from clams_dash.response.effects.public import Effects as Effects
    from clams_dash.response.effects.public import fit_effects as fit_effects

__all__ = ["ArmPrior", "Contrast", "EffectModel", "Effects", "fit_effects"]


def __getattr__(name: str) -> Any:
    """Import the learner when it is asked for: pages and the data reader must not wait for XGBoost."""
    if name in __all__:
        from clams_dash.response.effects import public

        return getattr(public, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
