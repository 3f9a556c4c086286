"""Parameters of the cohort generator, read from ``data/effects`` and checked entry by entry.

The files carry their sources beside the numbers; this module knows only which entries exist and what is possible.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from itertools import pairwise
from pathlib import Path
from typing import Any

from clams_dash.cohort.sections import EFFECTS_DIR, limits, read_section, share
from clams_dash.errors import FactsError
from clams_dash.model.catalogues import read_toml

GENERATOR_FILE = EFFECTS_DIR / "generator.toml"


@dataclass(frozen=True, slots=True)
class CohortParameters:
    """Who enters the cohort, when, and how long a person stays."""

    data_date: date
    grid_start: date
    first_entry: date
    last_entry: date
    ppms_share: float = share()
    female_share_relapsing: float = share()
    female_share_ppms: float = share()
    onset_age_relapsing_mean: float = limits(15, 60)
    onset_age_relapsing_sd: float = limits(0.1, 20)
    onset_age_ppms_mean: float = limits(20, 65)
    onset_age_ppms_sd: float = limits(0.1, 20)
    incident_share: float = share()
    incident_lag_years: float = limits(0.05, 20)
    prevalent_lag_years: float = limits(0.05, 20)
    diagnosis_lag_years: float = limits(0.01, 10)
    frailty_shape: float = limits(0.1, 1000)
    frailty_shared: float = share()
    progression_frailty_shape: float = limits(0.1, 1000)
    loss_per_year: float = share()
    loss_age_ratio: float = limits(0.5, 3)
    loss_quiet_ratio: float = limits(0.1, 10)
    jcv_positive_share: float = share()
    jcv_conversion_per_year: float = share()
    pregnancy_wish_share: float = share()
    smoker_share: float = share()
    former_smoker_share: float = share()
    bmi_mean: float = limits(15, 45)
    bmi_sd: float = limits(0.1, 15)
    centres: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class RelapseParameters:
    """Rate of relapses without treatment, their severity, and how fast a therapy acts on them."""

    rate_per_year: float = limits(0, 5)
    age_slope: float = limits(0, 0.5)
    age_centre: float = limits(0, 100)
    edss_factor_rrms: tuple[float, ...] = limits(0, 5, 10)
    edss_factor_spms: tuple[float, ...] = limits(0, 5, 10)
    ppms_factor: float = limits(0, 5)
    severity_shares: tuple[float, ...] = limits(0, 1, 3)
    acute_steps: tuple[int, ...] = limits(0, 10, 3)
    steroid_shares: tuple[float, ...] = limits(0, 1, 3)
    lag_months: float = limits(0.1, 60)
    rebound_months: float = limits(0, 24)
    activity_log_sd: float = limits(0, 2)
    activity_months: float = limits(0.5, 600)


@dataclass(frozen=True, slots=True)
class DisabilityParameters:
    """Residual deficit after relapses, progression independent of them, recovery and conversion to SPMS."""

    residual_any: float = share()
    residual_one_point: float = share()
    residual_any_by_severity: tuple[float, ...] = limits(0, 5, 3)
    residual_one_point_by_severity: tuple[float, ...] = limits(0, 5, 3)
    residual_age_slope: float = limits(0, 0.2)
    residual_recovery_per_month: float = share()
    pira_per_year: float = limits(0, 2)
    pira_age_ratio: float = limits(0.5, 3)
    pira_edss_ratio: float = limits(0.5, 3)
    pira_edss_cap: float = limits(0, 10)
    pira_fast_from_edss: float = limits(0, 10)
    pira_fast_steps: int = limits(0, 6)
    pira_ppms_factor: float = limits(0, 20)
    pira_spms_factor: float = limits(0, 20)
    improvement_per_year: float = limits(0, 2)
    improvement_age_limit: float = limits(0, 120)
    lag_months: float = limits(0.1, 60)
    spms_by_edss: tuple[float, ...] = limits(0, 2, 10)
    spms_age_ratio: float = limits(0.5, 3)
    spms_progressing: float = limits(0, 20)
    first_step_shares: tuple[float, ...] = limits(0, 1, 4)
    highest_step: int = limits(1, 19)


@dataclass(frozen=True, slots=True)
class LesionParameters:
    """Births, enhancement, confluence and volume of T2 lesions."""

    new_t2_per_year: float = limits(0, 100)
    age_slope: float = limits(0, 0.5)
    age_centre: float = limits(0, 100)
    per_relapse: float = limits(0, 50)
    lag_months: float = limits(0.1, 60)
    reactivated_per_new: float = limits(0, 10)
    burst_shape: float = limits(0.1, 1000)
    ppms_factor: float = limits(0, 5)
    spms_factor: float = limits(0, 5)
    count_at_onset: float = limits(0, 200)
    confluence: float = limits(0, 1)
    volume_ml_per_lesion: float = limits(0.014, 10)
    volume_log_sd: float = limits(0, 3)
    volume_loss_per_year: float = share()
    volume_saturation_ml: float = limits(5, 500)
    enhancement_days: float = limits(1, 365)


@dataclass(frozen=True, slots=True)
class BrainParameters:
    """Normalised brain volume (ml) and its yearly loss (%)."""

    volume_at_onset_ml: float = limits(800, 2000)
    volume_sd_ml: float = limits(0, 300)
    volume_age_slope_ml: float = limits(0, 20)
    healthy_loss: float = limits(0, 5)
    excess_loss: float = limits(0, 5)
    loss_per_new_t2: float = limits(0, 1)
    person_sd: float = limits(0, 2)
    measurement_sd: float = limits(0, 5)


@dataclass(frozen=True, slots=True)
class TreatmentParameters:
    """When therapies start and stop, and what drives the choice between them."""

    start_at_diagnosis: float = share()
    start_per_month: float = share()
    start_late_per_month: float = share()
    late_after_months: int = limits(0, 600)
    ppms_start_per_month: float = share()
    start_relapse_ratio: float = limits(0, 50)
    restart_per_month: float = share()
    restart_after_choice_per_month: float = share()
    restart_after_pregnancy_per_month: float = share()
    pregnancy_pause_months: int = limits(0, 120)
    activity_weight: float = limits(0, 10)
    escalation_weight: float = limits(0, 10)
    era_weight: float = limits(0, 2)
    deescalation_penalty: float = limits(0, 100)
    tried_penalty: float = limits(0, 100)
    jcv_penalty: float = limits(0, 100)
    jcv_high_penalty: float = limits(0, 100)
    spms_activity_weight: float = limits(0, 10)
    frailty_confounding: float = limits(0, 5)
    centre_escalation: tuple[float, ...] = limits(-5, 5)
    temperature: float = limits(0.01, 100)
    breakthrough_relapse: float = share()
    breakthrough_new_t2: int = limits(1, 100)
    breakthrough_mri: float = share()
    progression_stop: float = share()
    pml_stop_per_year: float = limits(0, 12)
    pml_after_months: int = limits(0, 600)
    early_adverse_ratio: float = limits(0, 50)
    stop_reason_unknown: float = share()
    draw_effects: bool = True


@dataclass(frozen=True, slots=True)
class VisitParameters:
    """Rhythm of visits, rating noise, and performance tests by EDSS (``edss_anchors``, linear between)."""

    gap_median_months: float = limits(0.5, 60)
    gap_log_sd: float = limits(0, 3)
    relapse_visit_share: float = share()
    rating_noise: float = share()
    edss_missing: float = share()
    fs_missing: float = share()
    performance_share: float = share()
    performance_missing: float = share()
    edss_anchors: tuple[float, ...] = limits(0, 10, 8)
    t25fw_s: tuple[float, ...] = limits(1, 600, 8)
    hpt9_s: tuple[float, ...] = limits(1, 600, 8)
    sdmt_points: tuple[float, ...] = limits(0, 110, 8)
    sdmt_age_slope: float = limits(0, 5)
    sdmt_practice: float = limits(0, 20)
    t25fw_limit_edss: float = limits(0, 10)


@dataclass(frozen=True, slots=True)
class MriParameters:
    """Rhythm of scans, contrast, missing measurements and reports."""

    every_months: float = limits(0.5, 120)
    jitter_days: float = limits(0, 365)
    missing_share: float = share()
    rebaseline_share: float = share()
    least_gap_days: int = limits(1, 1000)
    gd_share_2008: float = share()
    gd_share_2025: float = share()
    gd_unknown: float = share()
    enlarging_per_year: float = limits(0, 50)
    volume_missing: float = share()
    brain_volume_missing: float = share()
    pbvc_least_days: int = limits(1, 10000)
    report_share: float = share()
    report_misses: float = share()


@dataclass(frozen=True, slots=True)
class LaboratoryParameters:
    """Levels, spread and kinetics of the analytes."""

    lymphocyte_median: float = limits(0.1, 10)
    lymphocyte_log_sd: float = limits(0, 3)
    lymphocyte_response_sd: float = limits(0, 3)
    lymphocyte_noise: float = limits(0, 3)
    alt_median: float = limits(1, 500)
    alt_log_sd: float = limits(0, 3)
    alt_noise: float = limits(0, 3)
    nfl_share: float = share()
    nfl_every_months: float = limits(0.5, 120)
    nfl_at_25: float = limits(0.1, 100)
    nfl_age_slope: float = limits(0, 1)
    nfl_bmi_slope: float = limits(-1, 1)
    nfl_log_sd: float = limits(0, 3)
    nfl_progressing: float = limits(0, 5)
    nfl_relapse_log: float = limits(0, 5)
    nfl_activity: float = limits(0, 5)
    nfl_washout_per_year: float = limits(0.1, 100)
    nfl_per_gd: float = limits(0, 5)
    nfl_gd_cap: float = limits(0, 100)
    nfl_assay_cv: float = limits(0, 1)
    nfl_untreated_excess: float = limits(0, 3)
    gfap_share: float = share()
    gfap_every_months: float = limits(0.5, 120)
    gfap_at_40: float = limits(1, 500)
    gfap_age_slope: float = limits(0, 0.2)
    gfap_log_sd: float = limits(0, 3)
    gfap_progression: float = limits(0, 2)
    gfap_noise: float = limits(0, 1)
    igg_mean: float = limits(1, 30)
    igg_sd: float = limits(0, 10)
    igg_noise: float = limits(0, 1)
    igm_median: float = limits(0.05, 10)
    igm_log_sd: float = limits(0, 3)
    igm_slope_ratio: float = limits(0, 20)
    igm_noise: float = limits(0, 1)
    csf_share: float = share()
    ocb_positive_share: float = share()
    ocb_mean: float = limits(2, 40)
    cd19_median: float = limits(1, 2000)
    cd19_log_sd: float = limits(0, 3)
    jcv_log_median: float = limits(-5, 5)
    jcv_log_sd: float = limits(0, 3)
    jcv_noise: float = limits(0, 1)
    vitamin_d_mean: float = limits(5, 300)
    vitamin_d_sd: float = limits(0, 100)
    vitamin_d_season: float = limits(0, 100)
    vitamin_d_per_year: float = limits(0, 12)
    skipped_share: float = share()


@dataclass(frozen=True, slots=True)
class Parameters:
    """All sections of ``generator.toml``."""

    cohort: CohortParameters
    relapse: RelapseParameters
    disability: DisabilityParameters
    lesions: LesionParameters
    brain: BrainParameters
    treatment: TreatmentParameters
    visits: VisitParameters
    mri: MriParameters
    laboratory: LaboratoryParameters


_SECTIONS: dict[str, type[Any]] = {
    "cohort": CohortParameters,
    "relapse": RelapseParameters,
    "disability": DisabilityParameters,
    "lesions": LesionParameters,
    "brain": BrainParameters,
    "treatment": TreatmentParameters,
    "visits": VisitParameters,
    "mri": MriParameters,
    "laboratory": LaboratoryParameters,
}


def load_parameters(path: Path = GENERATOR_FILE) -> Parameters:
    """Parameters of the generator. Raises FactsError naming the file and the key at fault."""
    document = read_toml(path)
    unknown = sorted(set(document) - set(_SECTIONS))
    if unknown:
        raise FactsError(f"{path}: unknown section [{unknown[0]}]; known are {', '.join(_SECTIONS)}")
    loaded = Parameters(**{name: read_section(path, name, kind, document) for name, kind in _SECTIONS.items()})
    _check(path, loaded)
    return loaded


def _check(path: Path, loaded: Parameters) -> None:
    """What no single entry can tell: order of dates, shares that sum to one, one value per centre."""
    cohort = loaded.cohort
    for earlier, later in pairwise(("grid_start", "first_entry", "last_entry", "data_date")):
        if getattr(cohort, earlier) >= getattr(cohort, later):
            raise FactsError(f"{path}: [cohort] {earlier} must lie before {later}")
    shares = {
        "[relapse] severity_shares": loaded.relapse.severity_shares,
        "[disability] first_step_shares": loaded.disability.first_step_shares,
    }
    for where, values in shares.items():
        if abs(sum(values) - 1.0) > 1e-6:
            raise FactsError(f"{path}: {where} must sum to 1, not {sum(values):g}")
    if len(loaded.treatment.centre_escalation) != len(cohort.centres):
        raise FactsError(f"{path}: [treatment] centre_escalation must have one value for each of [cohort] centres")
