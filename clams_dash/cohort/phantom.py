"""Phantom MRI for some persons of a simulated cohort: NIfTI files, and tables that agree with what is on disk."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import nibabel as nib
import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import ndimage

from clams_dash.cohort.phantom_anatomy import Anatomy, Tissue
from clams_dash.cohort.phantom_images import Textures, flair, look_of, t1_weighted
from clams_dash.cohort.phantom_lesions import LesionPlan, Load, PhantomLesion, label_volume
from clams_dash.cohort.phantom_stories import Chosen, choose_stories
from clams_dash.cohort.phantom_template import Template, load_template
from clams_dash.cohort.scans import report_line
from clams_dash.errors import ClamsError
from clams_dash.imaging.lesions import COUNTING_FLOOR_MM3, measure
from clams_dash.imaging.nifti import Volume

Frames = dict[str, pd.DataFrame]
Progress = Callable[[str, float], None]
LabelVolume = NDArray[np.uint8]

_SPACE = "common grid"
_NOTE = "phantom image, drawn by the cohort generator; not a scan of a person"
_TEMPLATE_BRAIN_ML = 1560.0
_FIRST_COUNT = (5, 60)
_FIRST_VOLUME_ML = (0.6, 28.0)
_GROWING = {"stable": 0, "breakthrough": 2, "smouldering": 6}
_NEIGHBOURS = np.ones((3, 3, 3), dtype=bool)


def add_phantoms(frames: Frames, scans: int, seed: int, folder: Path, progress: Progress) -> Frames:
    """Draw phantoms for ``scans`` persons under ``folder`` and return the frames with a ``series`` frame added.

    The chosen persons keep only the studies that are imaged (the latest, at most four); their rows in ``mri`` are
    corrected so that ``t2_count``, ``t2_volume_ml`` and ``new_t2`` are what the masks on disk recount to (components
    of at least 14.0 mm3, 26-connectivity; new = not touching the previous study's mask dilated by one voxel) and
    ``gd_lesions`` what was drawn. ``progress`` is told a text and a fraction. Raises ClamsError when there are too few
    persons.
    """
    if scans < 0:
        raise ClamsError(f"the number of patients with phantom scans must not be negative; {scans} given")
    chosen = choose_stories(frames, scans) if scans else []
    if not chosen:
        return {**frames, "series": _series_frame([])}
    progress("preparing the anatomy of the phantoms", 0.0)
    template = load_template()
    total = sum(len(person.study_ids) for person in chosen)
    mri = frames["mri"].copy()
    keep = pd.Series(True, index=mri.index)
    series: list[tuple[str, str, str]] = []
    done = 0
    for person, entropy in zip(chosen, np.random.SeedSequence(seed).spawn(len(chosen)), strict=True):
        own = mri["patient_id"] == person.patient_id
        keep &= ~own | mri["study_id"].isin(person.study_ids)
        studies = _merge_skipped(mri[own], person)
        drawing = _Drawing(template, studies, person, np.random.default_rng(entropy))
        for number, study_id in enumerate(person.study_ids):
            progress(f"drawing {study_id} ({person.story})", done / total)
            series += drawing.write(number, folder)
            done += 1
        mri = _replaced(mri, studies.index, drawing.corrected())
    progress("phantoms drawn", 1.0)
    return {**frames, "mri": mri[keep].reset_index(drop=True), "series": _series_frame(series)}


def _series_frame(rows: list[tuple[str, str, str]]) -> pd.DataFrame:
    frame = pd.DataFrame(rows, columns=["study_id", "sequence", "path"], dtype="str")
    return frame.assign(space=pd.Series(_SPACE, index=frame.index, dtype="str"))


def _replaced(mri: pd.DataFrame, rows: pd.Index, columns: dict[str, list[object]]) -> pd.DataFrame:
    """``mri`` with the given rows' values replaced, every column in its own type."""
    place = mri.index.get_indexer(rows)
    changed = {}
    for name, values in columns.items():
        column = mri[name].astype("object").to_numpy(copy=True)
        column[place] = values
        changed[name] = pd.Series(column, index=mri.index).astype(mri[name].dtype)
    return mri.assign(**changed)


def _merge_skipped(rows: pd.DataFrame, person: Chosen) -> pd.DataFrame:
    """The imaged studies, each with the new lesions of the skipped ones before it; the first has nothing before it."""
    rows = rows.sort_values("date")
    group = rows["study_id"].isin(person.study_ids)[::-1].cumsum()
    new = rows["new_t2"].fillna(0).groupby(group).sum()
    studies = rows[rows["study_id"].isin(person.study_ids)].copy()
    studies["new_t2"] = new[group[studies.index]].to_numpy()
    return studies


class _Drawing:
    """All studies of one person: anatomy, lesions, images and what they recount to."""

    def __init__(self, template: Template, studies: pd.DataFrame, person: Chosen, rng: np.random.Generator) -> None:
        self.studies, self.person, self.rng = studies, person, rng
        self.shape, self.affine = template.shape, template.affine
        self.anatomy = Anatomy(template, rng)
        self.loss = _tissue_loss(studies)
        self.textures = Textures(self.anatomy, rng)
        self._first = self._tissue(0)
        self.lesions = LesionPlan(self.anatomy, self._first, rng).draw(_load(studies, person.story))
        self.masks = [label_volume(self.lesions, number, self.shape) for number in range(len(studies))]

    def _tissue(self, number: int) -> Tissue:
        loss = self.loss[number]
        return self.anatomy.at(ventricle_mm=0.4 + 20.0 * loss, sulcal_widening=0.42 * loss)

    def write(self, number: int, folder: Path) -> list[tuple[str, str, str]]:
        """Write the series of one study and return their rows."""
        row = self.studies.iloc[number]
        tissue = self._first if number == 0 else self._tissue(number)
        protocol = None if pd.isna(row["protocol"]) else str(row["protocol"])
        look = look_of(float(row["field_t"]), protocol, self.shape, self.rng)
        parts = (self.anatomy, tissue, self.textures, self.lesions, number, look, self.rng)
        volumes: dict[str, NDArray[np.int16] | LabelVolume] = {
            "FLAIR": flair(*parts),
            "T1W": t1_weighted(*parts, contrast=False),
        }
        if not pd.isna(row["gd_given"]) and bool(row["gd_given"]):
            volumes["T1W_GD"] = t1_weighted(*parts, contrast=True)
        volumes["lesion_mask"] = self.masks[number]
        written = []
        for sequence, volume in volumes.items():
            path = Path(self.person.patient_id) / f"{row['study_id']}_{sequence}.nii.gz"
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            image = nib.Nifti1Image(volume, self.affine)
            image.header.set_xyzt_units("mm", "sec")
            nib.save(image, folder / path)
            written.append((str(row["study_id"]), sequence, path.as_posix()))
        return written

    def corrected(self) -> dict[str, list[object]]:
        """Columns of the studies' rows as the masks recount."""
        columns: dict[str, list[object]] = {}
        for number in range(len(self.studies)):
            for name, value in self._row(number).items():
                columns.setdefault(name, []).append(value)
        return columns

    def _row(self, number: int) -> dict[str, object]:
        row, mask = self.studies.iloc[number], self.masks[number]
        load = measure(Volume(mask, self.affine))
        contrast = None if pd.isna(row["gd_given"]) else bool(row["gd_given"])
        enhancing = sum(lesion.enhancing and lesion.born == number for lesion in self.lesions)
        new = None if number == 0 else count_new(mask, self.masks[number - 1], self.affine)
        return {
            "t2_count": load.t2_count,
            "t2_volume_ml": load.t2_volume_ml,
            "new_t2": pd.NA if new is None else new,
            "enlarging_t2": pd.NA if number == 0 else self._enlarging(number),
            "gd_lesions": enhancing if contrast else pd.NA,
            "pbvc_percent": np.nan if number == 0 else _brain_change(self.studies.iloc[number - 1], row),
            "comparison_study_id": None if number == 0 else str(self.studies["study_id"].iloc[number - 1]),
            "report_text": report_line(new, enhancing, load.t2_count, contrast),
            "mask_source": "phantom",
            "note": _NOTE,
        }

    def _enlarging(self, number: int) -> int:
        """Lesions present before that gained at least 9 % a year and 3 voxels (clinical.md 2.3)."""
        days = (self.studies["date"].iloc[number] - self.studies["date"].iloc[number - 1]).days
        return sum(_enlarged(lesion, number, days / 365.25) for lesion in self.lesions)


def _enlarged(lesion: PhantomLesion, number: int, years: float) -> bool:
    before, after = lesion.sizes[number - 1], lesion.sizes[number]
    return before > 0 and after - before >= 3 and (after / before) ** (1.0 / years) >= 1.09


def count_new(mask: LabelVolume, before: LabelVolume, affine: NDArray[np.float64]) -> int:
    """Counted components of ``mask`` that do not touch ``before`` dilated by one voxel (26-neighbourhood)."""
    labels, count = ndimage.label(mask > 0, structure=_NEIGHBOURS)
    sizes = np.bincount(labels.ravel(), minlength=count + 1) * abs(float(np.linalg.det(affine[:3, :3])))
    touched = np.unique(labels[ndimage.binary_dilation(before > 0, structure=_NEIGHBOURS)])
    counted = np.flatnonzero(sizes >= COUNTING_FLOOR_MM3)
    return len(set(counted[counted > 0].tolist()) - set(touched.tolist()))


def _load(studies: pd.DataFrame, story: str) -> Load:
    first = studies.iloc[0]
    count = int(np.clip(first["t2_count"], *_FIRST_COUNT))
    volume = first["t2_volume_ml"]
    volume = 0.28 * count if pd.isna(volume) else float(volume)
    new = [0, *(int(value) for value in studies["new_t2"].iloc[1:])]
    seen = [0 if pd.isna(value) else int(value) for value in studies["gd_lesions"]]
    enhancing = [min(seen[0], 3), *(min(bright, fresh) for bright, fresh in zip(seen[1:], new[1:], strict=True))]
    return Load(
        first_count=count,
        first_volume_ml=float(np.clip(volume, *_FIRST_VOLUME_ML)),
        new=tuple(new),
        enhancing=tuple(enhancing),
        growing=_GROWING.get(story, 2),
    )


def _tissue_loss(studies: pd.DataFrame) -> list[float]:
    """Share of the template's brain volume lost at every study: a straight line through the volumes measured."""
    years = ((studies["date"] - studies["date"].iloc[0]).dt.days / 365.25).to_numpy(dtype=np.float64)
    volume = studies["brain_volume_ml"].to_numpy(dtype=np.float64)
    known = np.isfinite(volume)
    level = float(volume[known].mean()) if known.any() else 1430.0
    slope = -0.005 * level
    if known.sum() >= 2 and np.ptp(years[known]) > 0.9:
        fitted = float(np.polyfit(years[known], volume[known], 1)[0])
        slope = float(np.clip(fitted, -0.014 * level, -0.001 * level))
    start = level - slope * (float(years[known].mean()) if known.any() else 0.0)
    loss = 1.0 - (start + slope * years) / _TEMPLATE_BRAIN_ML
    return [float(value) for value in np.clip(loss, 0.0, 0.20)]


def _brain_change(before: pd.Series, after: pd.Series) -> float:
    """Change in per cent where both volumes are known and come from the same scanner, else NaN."""
    same = all(before[name] == after[name] for name in ("field_t", "vendor", "model"))
    if not same or pd.isna(before["brain_volume_ml"]) or pd.isna(after["brain_volume_ml"]):
        return float("nan")
    return round(100.0 * (float(after["brain_volume_ml"]) / float(before["brain_volume_ml"]) - 1.0), 2)
