"""Figures of merit of predicted risks, weighted: discrimination, log-loss, calibration."""

from __future__ import annotations

import numpy as np

from clams_dash.response.logistic import expit, fit_logistic, logit
from clams_dash.response.timelines import Floats


def auroc(y: Floats, risk: Floats, weights: Floats) -> float:
    """Area under the ROC curve, ties counted half. NaN without both outcomes."""
    order = np.argsort(risk, kind="stable")
    _, group = np.unique(risk[order], return_inverse=True)
    events = np.bincount(group, (weights * y)[order])
    others = np.bincount(group, (weights * (1 - y))[order])
    if events.sum() == 0 or others.sum() == 0:
        return float("nan")
    below = np.cumsum(others) - others
    return float(np.sum(events * (below + 0.5 * others)) / (events.sum() * others.sum()))


def log_loss(y: Floats, risk: Floats, weights: Floats) -> float:
    """Mean negative log-likelihood."""
    linear = logit(risk)
    return float(np.average(np.logaddexp(0.0, linear) - y * linear, weights=weights))


def brier(y: Floats, risk: Floats, weights: Floats) -> float:
    """Mean squared error of the risk."""
    return float(np.average(np.square(y - risk), weights=weights))


def calibration_line(y: Floats, risk: Floats, weights: Floats, slope_sd: float = 10.0) -> tuple[float, float]:
    """Intercept and slope of the outcome on the logit of the risk; 0 and 1 when calibrated.

    A small ``slope_sd`` holds the slope near 1, which recalibration on few events needs.
    """
    design = np.column_stack([np.ones(len(y)), logit(risk)])
    line = fit_logistic(design, y, weights, np.array([0.0, 1.0]), np.array([10.0, slope_sd]))
    return float(line[0]), float(line[1])


def recalibrated(risk: Floats, intercept: float, slope: float) -> Floats:
    """Risks moved by a calibration line."""
    return expit(intercept + slope * logit(risk))


def observed_expected(y: Floats, risk: Floats, weights: Floats) -> float:
    """Ratio of observed to expected events; NaN when none are expected."""
    expected = float(weights @ risk)
    return float(weights @ y) / expected if expected > 0 else float("nan")


def merit(y: Floats, risk: Floats, weights: Floats) -> dict[str, float]:
    """The figures above in one table, rounded for reading."""
    intercept, slope = calibration_line(y, risk, weights)
    return {
        "auroc": round(auroc(y, risk, weights), 4),
        "log_loss": round(log_loss(y, risk, weights), 5),
        "brier": round(brier(y, risk, weights), 5),
        "calibration_intercept": round(intercept, 4),
        "calibration_slope": round(slope, 4),
        "observed_expected": round(observed_expected(y, risk, weights), 4),
    }
