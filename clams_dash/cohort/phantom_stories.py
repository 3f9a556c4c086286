"""Which simulated persons get a phantom: three stories a visitor must be able to see, then others worth seeing.

Stable on treatment, breakthrough on treatment, and smouldering progression without relapses (product.md, kiosk).
"""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from clams_dash.cohort.phantom_parameters import Studies, load_phantom_parameters
from clams_dash.errors import ClamsError
from clams_dash.model.catalogues import dmts

STORIES: tuple[str, ...] = ("stable", "breakthrough", "smouldering")
_STORY_STUDIES = 5
_VARIED_STUDIES = (6, 4, 7, 3, 5)
"""studies imaged of the persons after the stories, in turn"""
_LOOKED_AT = 600


@dataclass(frozen=True, slots=True)
class Chosen:
    """One person to draw, the story told, and the studies to be imaged, oldest first."""

    patient_id: str
    story: str
    study_ids: tuple[str, ...]


def choose_stories(frames: dict[str, pd.DataFrame], scans: int) -> list[Chosen]:
    """The best example of every story, then further persons with the most to see.

    Raises ClamsError when the cohort has fewer persons, or fewer persons with enough brain studies, than ``scans``.
    """
    patients = len(frames["patient"])
    if scans > patients:
        raise ClamsError(f"phantom scans for {scans} patients asked for, but the cohort has {patients}")
    rules = load_phantom_parameters().studies
    brain = _brain_studies(frames["mri"], rules)
    table = _features(frames, brain, rules)
    if scans > len(table):
        raise ClamsError(
            f"phantom scans for {scans} patients asked for, but only {len(table)} have {rules.least} brain studies or "
            "more; ask for fewer or for a larger cohort"
        )
    chosen: list[Chosen] = []
    for place in range(scans):
        story = STORIES[place] if place < len(STORIES) else "varied"
        score = _score(table, story)
        best = str(score.drop([item.patient_id for item in chosen]).idxmax())
        varied = _VARIED_STUDIES[(place - len(STORIES)) % len(_VARIED_STUDIES)]
        wanted = _STORY_STUDIES if story in STORIES else varied
        kept = _spaced(brain[brain["patient_id"] == best], rules, wanted)
        chosen.append(Chosen(best, story, tuple(kept["study_id"])))
    return chosen


def _brain_studies(mri: pd.DataFrame, rules: Studies) -> pd.DataFrame:
    """Brain studies of the first few hundred persons who have enough of them.

    In a large cohort these hold every story; the rest need not be read.
    """
    brain = mri[mri["region"] == "brain"]
    number = brain.groupby("patient_id", sort=True).size()
    enough = number[number >= min(_STORY_STUDIES, rules.most)].index
    looked_at = enough[:_LOOKED_AT] if len(number) > _LOOKED_AT else number[number >= rules.least].index
    return brain[brain["patient_id"].isin(looked_at)].sort_values(["patient_id", "date"])


def _features(frames: dict[str, pd.DataFrame], brain: pd.DataFrame, rules: Studies) -> pd.DataFrame:
    """Per person with enough brain studies: what the years covered by the imaged studies hold."""
    rows = {}
    for patient, studies in brain.groupby("patient_id", sort=True):
        kept = _spaced(studies, rules, _STORY_STUDIES)
        if len(kept) >= rules.least:
            rows[str(patient)] = {
                "studies": tuple(kept["study_id"]),
                "first": kept["date"].iloc[0],
                "last": kept["date"].iloc[-1],
                "count": float(kept["t2_count"].iloc[0]),
                "volume": float(kept["t2_volume_ml"].iloc[0]),
                "new": float(studies.loc[studies["date"] > kept["date"].iloc[0], "new_t2"].sum()),
                "new_last": float(studies.loc[studies["date"] > kept["date"].iloc[-2], "new_t2"].sum()),
                "gd_last": float(pd.to_numeric(kept["gd_lesions"]).fillna(0).iloc[-1]),
            }
    table = pd.DataFrame.from_dict(rows, orient="index")
    if table.empty:
        return table
    table = table.join(frames["patient"].set_index("patient_id")[["course"]])
    return table.join(_clinical(frames, table))


def _spaced(studies: pd.DataFrame, rules: Studies, wanted: int) -> pd.DataFrame:
    """The latest studies far enough apart, oldest first, ``wanted`` at most."""
    kept: list[int] = []
    later: pd.Timestamp | None = None
    dates = studies["date"].tolist()
    for position in range(len(dates) - 1, -1, -1):
        day = dates[position]
        if later is None or (later - day).days >= rules.least_gap_days:
            kept.append(position)
            later = day
        if len(kept) == min(wanted, rules.most):
            break
    return studies.iloc[kept[::-1]]


def _clinical(frames: dict[str, pd.DataFrame], table: pd.DataFrame) -> pd.DataFrame:
    """EDSS at both ends, relapses, and the drug taken when the last study was made."""
    tiers = {name: dmt.tier for name, dmt in dmts().items()}
    visit, relapse, treatment = (
        frames[name][frames[name]["patient_id"].isin(table.index)] for name in ("visit", "relapse", "treatment")
    )
    visits = dict(tuple(visit.dropna(subset=["edss"]).groupby("patient_id")))
    relapses = dict(tuple(relapse.groupby("patient_id")))
    courses = dict(tuple(treatment.groupby("patient_id")))
    rows = {}
    for patient, first, last in zip(table.index, table["first"], table["last"], strict=True):
        own = visits.get(patient, frames["visit"].head(0))
        own = own[own["date"] >= first - pd.Timedelta(days=200)]["edss"]
        dates = relapses.get(patient, frames["relapse"].head(0))["date"]
        dates = dates[dates > first]
        taken = courses.get(patient, frames["treatment"].head(0))
        shortly_before = last - pd.Timedelta(days=45)
        at_last = taken[(taken["start_date"] <= shortly_before) & ~(taken["stop_date"] <= shortly_before)]
        rows[patient] = {
            "edss_begin": own.head(2).mean(),
            "edss_end": own.tail(2).mean(),
            "edss_range": own.max() - own.min(),
            "relapses": len(dates),
            "relapses_late": int((dates > last - pd.Timedelta(days=600)).sum()),
            "years_on_drug": (last - at_last["start_date"].iloc[-1]).days / 365.25 if len(at_last) else 0.0,
            "tier": tiers[at_last["dmt"].iloc[-1]] if len(at_last) else "none",
            "switches": int((taken["start_date"] > first).sum()),
        }
    return pd.DataFrame.from_dict(rows, orient="index")


def _score(table: pd.DataFrame, story: str) -> pd.Series:
    """Higher fits better. Everyone gets a score, so that even a small cohort has its nearest example."""
    years = (table["last"] - table["first"]).dt.days / 365.25
    recent = (table["last"].max() - table["last"]).dt.days / 365.25
    moderate_load = -0.08 * (table["count"] - 20).abs() - 0.1 * (table["volume"].fillna(8.0) - 7.0).abs()
    score: pd.Series = 1.5 * table["studies"].map(len) - 2.0 * recent.clip(upper=4) + moderate_load
    score = score - 0.4 * (15 - table["count"]).clip(lower=0) - 0.3 * (table["count"] - 45).clip(lower=0)
    relapsing = 6.0 * table["course"].eq("RRMS")
    rise = (table["edss_end"] - table["edss_begin"]).fillna(0.0)
    if story == "stable":
        score = score + relapsing - 4.0 * table["relapses"] - 2.0 * table["new"] - 1.5 * table["edss_end"].fillna(9)
        score = score - 3.0 * table["edss_range"].fillna(9) + 2.0 * table["years_on_drug"].clip(upper=4.0)
    elif story == "breakthrough":
        room = table["tier"].isin(["platform", "moderate", "moderate_high"])
        score = score + relapsing + 9.0 * (room & (table["years_on_drug"] > 0.8))
        # Without a late relapse and new lesions on the last scan there is no breakthrough to see.
        score = score + 12.0 * (table["new_last"].ge(2) & table["relapses_late"].ge(1))
        score = score + 3.0 * table["relapses_late"].clip(upper=2) + 1.2 * table["new_last"].clip(upper=6)
        score = score + 5.0 * table["gd_last"].clip(upper=2) - 2.0 * (table["edss_end"].fillna(9) - 3.5).clip(lower=0)
    elif story == "smouldering":
        score = score + 4.0 * rise.clip(-1.0, 2.5) - 5.0 * table["relapses"] - 1.5 * table["new"]
        score = score + 5.0 * table["edss_end"].between(3.0, 6.5) + 2.0 * table["tier"].ne("none")
        score = score - 8.0 * table["course"].eq("PPMS")
    else:
        score = score + table["switches"].clip(upper=2) + table["new"].clip(upper=8) + 0.5 * years.clip(upper=6)
        score = score - 6.0 * table["course"].eq("PPMS")
    return score
