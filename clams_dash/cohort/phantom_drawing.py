"""All studies of one person: anatomy, lesions, NIfTI files, and the rows that the files recount to."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from zlib import crc32

import nibabel as nib
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from clams_dash.cohort.phantom_anatomy import Anatomy, Tissue
from clams_dash.cohort.phantom_course import Load
from clams_dash.cohort.phantom_grid import LabelVolume, StudyGrid
from clams_dash.cohort.phantom_images import (
    Look,
    Scene,
    Textures,
    finished_t1,
    flair,
    look_of,
    t1_weighted,
    with_contrast,
)
from clams_dash.cohort.phantom_lesions import LesionPlan, label_volume
from clams_dash.cohort.phantom_parameters import PhantomParameters, Scanner, load_phantom_parameters
from clams_dash.cohort.phantom_recount import count_enlarging, count_new, on_grid
from clams_dash.cohort.phantom_reports import TRUTH_FILE, Reading, Report, write_report
from clams_dash.cohort.phantom_stories import STORIES, Chosen
from clams_dash.cohort.phantom_template import load_template
from clams_dash.imaging.lesions import measure
from clams_dash.imaging.nifti import Volume

_NOTE = "phantom image, drawn by the cohort generator; not a scan of a person"
_SPACE = "native"
_SLOW = {"smouldering": 6, "stable": 0}
_SCANNER = ("field_t", "vendor", "model", "protocol")
_USUAL_ML = 1440.0
_PARENCHYMA_ML = (1200.0, 1620.0)
_TOLERANCE = 0.012


@dataclass(frozen=True, slots=True)
class DrawnPatient:
    """Rows of the tables ``mri`` (the imaged studies, corrected to the masks) and ``series`` of one person."""

    patient_id: str
    mri: pd.DataFrame
    series: pd.DataFrame


def draw_patient(mri: pd.DataFrame, person: Chosen, seed: int, folder: Path) -> DrawnPatient:
    """Draw one person's studies under ``folder`` and return their rows.

    Parameters
    ----------
    mri
        Rows of table ``mri`` that hold at least this person's brain studies.
    seed
        With the person's id it fixes every byte: neither other persons nor the order of drawing matter.

    Beside the images a ``phantom_truth.json`` says what no table may hold: which reports disagree with the masks.
    """
    rng = np.random.default_rng([seed, crc32(person.patient_id.encode())])
    parameters = load_phantom_parameters()
    own = mri[(mri["patient_id"] == person.patient_id) & (mri["region"].fillna("brain") == "brain")]
    studies = _elsewhere(_merge_skipped(own, person), person, parameters.scanner, rng)
    drawing = _Drawing(studies, person, parameters, rng)
    series, rows, truth = [], [], []
    for number in range(len(studies)):
        series += drawing.write(number, folder)
        row, said = drawing.row(number)
        rows.append(row)
        truth.append(said)
    text = json.dumps({"patient_id": person.patient_id, "story": person.story, "studies": truth}, indent=1)
    (folder / person.patient_id / TRUTH_FILE).write_text(text + "\n", encoding="utf-8")
    frame = pd.DataFrame(series, columns=["study_id", "sequence", "path"], dtype="str")
    frame = frame.assign(space=pd.Series(_SPACE, index=frame.index, dtype="str"))
    return DrawnPatient(person.patient_id, _with_values(studies, rows), frame)


def _with_values(studies: pd.DataFrame, rows: list[dict[str, object]]) -> pd.DataFrame:
    """``studies`` with values replaced, every column in its own type."""
    return studies.assign(
        **{
            name: pd.Series([row[name] for row in rows], index=studies.index, dtype="object").astype(
                studies[name].dtype
            )
            for name in rows[0]
        }
    )


def _merge_skipped(rows: pd.DataFrame, person: Chosen) -> pd.DataFrame:
    """The imaged studies, each with the new lesions of the skipped ones before it; the first has nothing before it."""
    rows = rows.sort_values("date")
    group = rows["study_id"].isin(person.study_ids)[::-1].cumsum()
    new = rows["new_t2"].fillna(0).groupby(group).sum()
    studies = rows[rows["study_id"].isin(person.study_ids)].copy()
    studies["new_t2"] = new[group[studies.index]].set_axis(studies.index).astype(rows["new_t2"].dtype)
    return studies


def _elsewhere(studies: pd.DataFrame, person: Chosen, scanner: Scanner, rng: np.random.Generator) -> pd.DataFrame:
    """Now and then one study between the others was made on another scanner, as its row then says."""
    drawn, place = rng.random() < scanner.elsewhere_share, int(rng.integers(1, max(len(studies) - 1, 2)))
    if not drawn or person.story in STORIES or len(studies) < 3:
        return studies
    row = studies.index[place]
    studies.loc[row, ["vendor", "model", "protocol"]] = [
        scanner.elsewhere_vendor, scanner.elsewhere_model, scanner.elsewhere_protocol,
    ]  # fmt: skip
    studies.loc[row, "field_t"] = scanner.elsewhere_field_t
    return studies


class _Drawing:
    """One person: the anatomy, the lesions and the masks of all studies."""

    def __init__(
        self, studies: pd.DataFrame, person: Chosen, parameters: PhantomParameters, rng: np.random.Generator
    ) -> None:
        self.studies, self.person, self.parameters, self.rng = studies, person, parameters, rng
        template = load_template()
        self.years = ((studies["date"] - studies["date"].iloc[0]).dt.days / 365.25).to_numpy(dtype=np.float64)
        self._goal_ml = _parenchyma(studies, self.years)
        own = float(np.clip(rng.normal(0.3, parameters.atrophy.ventricle_sd_mm), -0.4, 1.4))
        loss = np.clip(1.0 - self._goal_ml / parameters.atrophy.youngest_ml, 0.0, 0.25)
        self._ventricle_mm = own + parameters.atrophy.ventricle_per_loss_mm * loss
        self.anatomy = Anatomy(template, rng, float(self._ventricle_mm[0]), float(self._goal_ml[0]))
        self.textures = Textures(self.anatomy, rng)
        self.grids = [self._grid(number) for number in range(len(studies))]
        self.german = bool(rng.random() < parameters.reports.german_share)
        self.tissues = [self._tissue(number) for number in range(len(studies))]
        slab = max(grid.thickness for grid in self.grids)
        plan = LesionPlan(self.anatomy, self.tissues[0], parameters.lesions, slab, rng)
        self.lesions = plan.draw(_load(studies, self.years, person.story, parameters))
        self.masks = [label_volume(self.lesions, number, grid) for number, grid in enumerate(self.grids)]

    def _grid(self, number: int) -> StudyGrid:
        protocol = self.studies["protocol"].iloc[number]
        flat = not pd.isna(protocol) and str(protocol).startswith("2D")
        thickness = self.parameters.scanner.slice_mm_2d if flat else 1
        return StudyGrid(self.anatomy.shape, self.anatomy.template.affine, thickness)

    def _tissue(self, number: int) -> Tissue:
        return self.anatomy.at(float(self._goal_ml[number]), float(self._ventricle_mm[number]))

    def write(self, number: int, folder: Path) -> list[tuple[str, str, str]]:
        """Write the series of one study and return their rows."""
        row, grid = self.studies.iloc[number], self.grids[number]
        field_t = 3.0 if pd.isna(row["field_t"]) else float(row["field_t"])
        look: Look = look_of(field_t, grid, self.parameters.scanner, self.anatomy, self.rng)
        scene = Scene(self.anatomy, self.tissues[number], self.textures, self.lesions, number, look)
        plain = t1_weighted(scene)
        volumes: dict[str, NDArray[np.int16] | LabelVolume] = {
            "FLAIR": flair(scene, self.rng),
            "T1W": finished_t1(scene, plain, self.rng),
        }
        if self._contrast(number):
            volumes["T1W_GD"] = finished_t1(scene, with_contrast(scene, plain), self.rng)
        volumes["lesion_mask"] = self.masks[number]
        written = []
        for sequence, volume in volumes.items():
            path = Path(self.person.patient_id) / f"{row['study_id']}_{sequence}.nii.gz"
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            image = nib.Nifti1Image(volume, grid.affine)
            image.header.set_xyzt_units("mm", "sec")
            nib.save(image, folder / path)
            written.append((str(row["study_id"]), sequence, path.as_posix()))
        return written

    def _contrast(self, number: int) -> bool | None:
        given = self.studies["gd_given"].iloc[number]
        return None if pd.isna(given) else bool(given)

    def row(self, number: int) -> tuple[dict[str, object], dict[str, object]]:
        """Values of the study's row as the masks recount, and what only the truth beside the images may say."""
        row, mask, grid = self.studies.iloc[number], self.masks[number], self.grids[number]
        before = None if number == 0 else self.studies.iloc[number - 1]
        load = measure(Volume(mask, grid.affine))
        new, enlarging = self._changes(number)
        bright = [item.number for item in self.lesions if number in item.enhancing and item.sizes[number]]
        contrast = self._contrast(number)
        same = before is None or all(row[name] == before[name] for name in _SCANNER)
        reading = Reading(
            new_t2=new,
            enlarging_t2=enlarging,
            gd_lesions=len(bright),
            t2_count=load.t2_count,
            contrast=contrast,
            compared_on=None if before is None else before["date"].date(),
            same_scanner=same,
        )
        report: Report = write_report(reading, self.german, self.parameters.reports, self.rng)
        drawn_ml = self.tissues[number].parenchyma_ml
        values: dict[str, object] = {
            "t2_count": load.t2_count,
            "t2_volume_ml": load.t2_volume_ml,
            "new_t2": pd.NA if new is None else new,
            "enlarging_t2": pd.NA if enlarging is None else enlarging,
            "gd_lesions": len(bright) if contrast else pd.NA,
            "brain_volume_ml": _measured(row["brain_volume_ml"], drawn_ml),
            "pbvc_percent": np.nan if before is None or not same else self._brain_change(number),
            "comparison_study_id": None if before is None else str(before["study_id"]),
            "report_text": report.text,
            "mask_source": "phantom",
            "note": _NOTE,
            **{name: row[name] for name in _SCANNER},
        }
        truth: dict[str, object] = {
            "study_id": str(row["study_id"]),
            "new_t2": new,
            "report_new_t2": report.new_t2,
            "report_conflict": report.conflict,
            "enhancing_labels": bright if contrast else None,
            "parenchyma_ml": round(drawn_ml, 1),
        }
        return values, truth

    def _changes(self, number: int) -> tuple[int | None, int | None]:
        """New and enlarging lesions against the study before."""
        if number == 0:
            return None, None
        mask, grid = self.masks[number], self.grids[number]
        before, grid_before = self.masks[number - 1], self.grids[number - 1]
        span = float(self.years[number] - self.years[number - 1])
        new = count_new(mask, on_grid(before, grid_before, grid), grid)
        return new, count_enlarging(mask, grid, before, grid_before, span)

    def _brain_change(self, number: int) -> float:
        """Change in per cent where both volumes are known and come from the same scanner, else NaN."""
        after, before = (self.studies["brain_volume_ml"].iloc[place] for place in (number, number - 1))
        if pd.isna(before) or pd.isna(after):
            return float("nan")
        now = _measured(after, self.tissues[number].parenchyma_ml)
        return round(100.0 * (now / _measured(before, self.tissues[number - 1].parenchyma_ml) - 1.0), 2)


def _measured(table_ml: float, drawn_ml: float) -> float:
    """The volume in the table where the drawn brain agrees with it, else that of the drawn brain; NaN stays NaN."""
    if pd.isna(table_ml) or abs(drawn_ml / float(table_ml) - 1.0) <= _TOLERANCE:
        return float(table_ml)
    return round(drawn_ml, 1)


def _load(studies: pd.DataFrame, years: NDArray[np.float64], story: str, parameters: PhantomParameters) -> Load:
    first = studies.iloc[0]
    count = int(np.clip(first["t2_count"], 1, parameters.lesions.most_at_first))
    volume = 0.28 * count if pd.isna(first["t2_volume_ml"]) else float(first["t2_volume_ml"])
    new = _counts(studies["new_t2"])
    total = studies["t2_count"].to_numpy(dtype=np.int64)
    gone = [0, *(int(np.clip(new[at] - (total[at] - total[at - 1]), 0, 2)) for at in range(1, len(total)))]
    return Load(
        first_count=count,
        first_volume_ml=float(min(volume, parameters.lesions.most_volume_ml)),
        years=tuple(float(year) for year in years),
        new=(0, *new[1:]),
        enlarging=(0, *_counts(studies["enlarging_t2"])[1:]),
        enhancing=tuple(_counts(studies["gd_lesions"])),
        resolved=tuple(gone),
        slow=_SLOW.get(story, 2),
    )


def _counts(column: pd.Series) -> list[int]:
    return [0 if pd.isna(value) else int(value) for value in column]


def _parenchyma(studies: pd.DataFrame, years: NDArray[np.float64]) -> NDArray[np.float64]:
    """Brain volume (ml) to draw at every study: a straight line through the volumes measured."""
    volume = studies["brain_volume_ml"].to_numpy(dtype=np.float64)
    known = np.isfinite(volume)
    level = float(volume[known].mean()) if known.any() else _USUAL_ML
    slope = -0.004 * level
    if known.sum() >= 2 and np.ptp(years[known]) > 0.9:
        fitted = float(np.polyfit(years[known], volume[known], 1)[0])
        slope = float(np.clip(fitted, -0.016 * level, 0.0))
    start = level - slope * (float(years[known].mean()) if known.any() else 0.0)
    return np.clip(start + slope * years, *_PARENCHYMA_ML)
