import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss as sklearn_log_loss
from sklearn.metrics import roc_auc_score

from clams_dash.response.logistic import expit, fit_logistic, logit
from clams_dash.response.scores import auroc, brier, calibration_line, log_loss, observed_expected, recalibrated


@pytest.fixture
def data():
    random = np.random.default_rng(0)
    x = random.normal(size=(400, 3))
    y = (random.random(400) < expit(x @ np.array([1.0, -0.5, 0.0]) - 0.7)).astype(float)
    return x, y, random.uniform(0.5, 2.0, 400)


def test_map_fit_equals_ridge_logistic_of_scikit_learn(data):
    x, y, weights = data
    other = LogisticRegression(C=0.25, tol=1e-10, max_iter=10_000).fit(x, y, sample_weight=weights)
    ours = fit_logistic(np.column_stack([np.ones(len(y)), x]), y, weights, np.zeros(4), np.array([1e4, 0.5, 0.5, 0.5]))
    np.testing.assert_allclose(ours, [other.intercept_[0], *other.coef_[0]], atol=1e-5)


def test_offset_has_coefficient_one(data):
    x, y, weights = data
    line = fit_logistic(np.ones((len(y), 1)), y, weights, np.zeros(1), np.array([1e4]), offset=x[:, 0])
    assert float(weights @ (expit(line[0] + x[:, 0]) - y)) == pytest.approx(0.0, abs=1e-6)


def test_narrow_prior_keeps_a_coefficient_at_its_mean(data):
    x, y, weights = data
    held = fit_logistic(x, y, weights, np.array([0.3, 0.0, 0.0]), np.array([1e-4, 1.0, 1.0]))
    assert held[0] == pytest.approx(0.3, abs=1e-4)


def test_separable_data_stay_finite():
    x = np.linspace(-1, 1, 40)[:, None]
    assert np.isfinite(fit_logistic(x, (x[:, 0] > 0).astype(float), np.ones(40), np.zeros(1), np.array([100.0]))).all()


def test_scores_equal_those_of_scikit_learn(data):
    x, y, weights = data
    risk = np.round(expit(x[:, 0]), 2)
    assert auroc(y, risk, weights) == pytest.approx(roc_auc_score(y, risk, sample_weight=weights))
    assert log_loss(y, risk, weights) == pytest.approx(sklearn_log_loss(y, risk, sample_weight=weights))
    assert brier(y, risk, weights) == pytest.approx(np.average((y - risk) ** 2, weights=weights))


def test_discrimination_is_undefined_without_events():
    assert np.isnan(auroc(np.zeros(3), np.array([0.1, 0.2, 0.3]), np.ones(3)))


def test_recalibration_undoes_a_distortion():
    random = np.random.default_rng(1)
    truth = expit(random.normal(size=20_000))
    y = (random.random(len(truth)) < truth).astype(float)
    distorted = expit(2 * logit(truth) + 1)
    intercept, slope = calibration_line(y, distorted, np.ones(len(y)))
    assert slope == pytest.approx(0.5, abs=0.03)
    moved = recalibrated(distorted, intercept, slope)
    assert observed_expected(y, moved, np.ones(len(y))) == pytest.approx(1.0, abs=1e-3)
