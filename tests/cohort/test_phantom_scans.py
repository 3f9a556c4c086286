"""Phantom MRI: what the tables say is what the masks on disk recount to, and left stays left."""

from __future__ import annotations

from pathlib import Path

import nibabel as nib
import numpy as np
import pandas as pd
import pytest
from scipy import ndimage

from clams_dash.cohort.phantom import add_phantoms
from clams_dash.cohort.phantom_anatomy import torque
from clams_dash.cohort.phantom_stories import STORIES, choose_stories
from clams_dash.cohort.simulate import simulate_cohort
from clams_dash.errors import ClamsError

Frames = dict[str, pd.DataFrame]
TOUCHING = np.ones((3, 3, 3), dtype=bool)


def silent(text: str, fraction: float) -> None:
    assert text
    assert 0.0 <= fraction <= 1.0


@pytest.fixture(scope="module")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> tuple[Frames, Frames, Path]:
    """One person of a small cohort, drawn."""
    folder = tmp_path_factory.mktemp("phantom")
    frames = simulate_cohort(40, seed=5)
    return frames, add_phantoms(frames, scans=1, seed=5, folder=folder, progress=silent), folder


def imaged(frames: Frames) -> pd.DataFrame:
    return frames["mri"][frames["mri"]["study_id"].isin(frames["series"]["study_id"])].sort_values("date")


def volume(frames: Frames, folder: Path, study: str, sequence: str) -> nib.Nifti1Image:
    series = frames["series"]
    path = series[(series["study_id"] == study) & (series["sequence"] == sequence)]["path"].iloc[0]
    image = nib.load(folder / path)
    assert isinstance(image, nib.Nifti1Image)
    return image


def mask_of(frames: Frames, folder: Path, study: str) -> np.ndarray:
    return np.asarray(volume(frames, folder, study, "lesion_mask").dataobj)


def test_counts_and_volumes_in_the_tables_are_those_of_the_masks(drawn: tuple[Frames, Frames, Path]) -> None:
    _, frames, folder = drawn
    studies = imaged(frames)
    assert len(studies) >= 2
    before: np.ndarray | None = None
    for row in studies.itertuples():
        mask = mask_of(frames, folder, str(row.study_id)) > 0
        labels, count = ndimage.label(mask, structure=TOUCHING)
        sizes = np.bincount(labels.ravel(), minlength=count + 1)[1:]
        assert row.t2_count == (sizes >= 14).sum()
        assert row.t2_volume_ml == pytest.approx(mask.sum() / 1000.0, abs=1e-9)
        if before is None:
            assert row.new_t2 is pd.NA
        else:
            grown = ndimage.binary_dilation(before, structure=TOUCHING)
            fresh = [n for n in range(1, count + 1) if sizes[n - 1] >= 14 and not (grown & (labels == n)).any()]
            assert row.new_t2 == len(fresh)
        before = mask


def test_every_lesion_is_one_component_of_at_least_the_counting_floor(drawn: tuple[Frames, Frames, Path]) -> None:
    _, frames, folder = drawn
    for study in imaged(frames)["study_id"]:
        mask = mask_of(frames, folder, study)
        labels, count = ndimage.label(mask > 0, structure=TOUCHING)
        numbers = np.unique(mask[mask > 0])
        assert mask.dtype == np.uint8
        assert count == len(numbers)
        for number in numbers:
            assert len(np.unique(labels[mask == number])) == 1
            assert (mask == number).sum() >= 14


def test_a_study_has_the_sequences_its_contrast_allows(drawn: tuple[Frames, Frames, Path]) -> None:
    _, frames, _ = drawn
    for row in imaged(frames).itertuples():
        have = set(frames["series"][frames["series"]["study_id"] == row.study_id]["sequence"])
        given = row.gd_given is not pd.NA and bool(row.gd_given)
        assert have == {"FLAIR", "T1W", "lesion_mask"} | ({"T1W_GD"} if given else set())
        assert (row.gd_lesions is pd.NA) != given


def test_lesions_are_brighter_than_white_matter_on_flair_and_ventricles_darker(
    drawn: tuple[Frames, Frames, Path],
) -> None:
    _, frames, folder = drawn
    study = imaged(frames)["study_id"].iloc[0]
    flair = np.asarray(volume(frames, folder, study, "FLAIR").dataobj).astype(float)
    mask = mask_of(frames, folder, study) > 0
    around = ndimage.binary_dilation(mask, iterations=8) & ~ndimage.binary_dilation(mask, iterations=4) & (flair > 0)
    assert np.median(flair[mask]) > 1.15 * np.median(flair[around])
    assert np.percentile(flair[flair > 0], 3) < 0.4 * np.median(flair[flair > 0])


def test_left_stays_left_from_mask_to_image_on_a_ras_grid(drawn: tuple[Frames, Frames, Path]) -> None:
    """The bright spots lie where the mask says, not at its mirror image."""
    _, frames, folder = drawn
    study = imaged(frames)["study_id"].iloc[0]
    image = volume(frames, folder, study, "FLAIR")
    assert nib.aff2axcodes(image.affine) == ("R", "A", "S")
    flair = np.asarray(image.dataobj).astype(float)
    mask = mask_of(frames, folder, study) > 0
    assert np.allclose(volume(frames, folder, study, "lesion_mask").affine, image.affine)
    middle = -2.0 * image.affine[0, 3]
    columns = np.round(middle - np.arange(mask.shape[0])).astype(int)
    mirrored = mask[columns.clip(0, mask.shape[0] - 1)] & ~mask
    assert flair[mask].mean() > 1.15 * flair[mirrored].mean()


def test_the_left_occipital_and_right_frontal_poles_reach_further() -> None:
    """Yakovlevian torque; tissue is taken from further front where the pole reaches further back."""
    affine = np.eye(4)
    affine[:3, 3] = (-60.0, -100.0, -60.0)
    field = torque((121, 181, 121), affine)
    left, right, back, front = 20, 100, 15, 165
    assert field[1, left, back, 60] > field[1, right, back, 60]
    assert field[1, right, front, 60] < field[1, left, front, 60]


def test_other_patients_and_other_tables_stay_as_they_were(drawn: tuple[Frames, Frames, Path]) -> None:
    before, after, _ = drawn
    patient = imaged(after)["patient_id"].iloc[0]
    for name in ("patient", "visit", "relapse", "treatment", "clinical_fact", "lab"):
        assert after[name].equals(before[name])
    others = [frame["mri"][frame["mri"]["patient_id"] != patient].reset_index(drop=True) for frame in (before, after)]
    assert others[0].equals(others[1])
    assert (after["mri"].dtypes == before["mri"].dtypes).all()


def test_comparison_studies_are_studies_that_exist(drawn: tuple[Frames, Frames, Path]) -> None:
    _, frames, _ = drawn
    studies = imaged(frames)
    assert studies["comparison_study_id"].tolist()[1:] == studies["study_id"].tolist()[:-1]
    assert studies["comparison_study_id"].isna().iloc[0]


def test_stories_are_told_by_patients_who_fit_them(cohort: Frames) -> None:
    chosen = {item.story: item for item in choose_stories(cohort, 4)}
    assert set(STORIES) <= set(chosen)
    relapses = cohort["relapse"].groupby("patient_id")["date"]
    scans = cohort["mri"].set_index("study_id")
    stable, breakthrough, smouldering = (chosen[story] for story in STORIES)

    def since_first_scan(item: object) -> int:
        patient, first = item.patient_id, scans["date"][item.study_ids[0]]  # type: ignore[attr-defined]
        return int((relapses.get_group(patient) > first).sum()) if patient in relapses.groups else 0

    def edss_rise(item: object) -> float:
        patient, first = item.patient_id, scans["date"][item.study_ids[0]]  # type: ignore[attr-defined]
        visits = cohort["visit"][(cohort["visit"]["patient_id"] == patient)].dropna(subset=["edss"])
        later = visits[visits["date"] >= first - pd.Timedelta(days=200)]["edss"]
        return float(later.tail(2).mean() - later.head(2).mean())

    assert since_first_scan(stable) == 0
    assert abs(edss_rise(stable)) <= 0.5
    assert since_first_scan(breakthrough) >= 1
    assert scans["new_t2"][list(breakthrough.study_ids)].iloc[-1] >= 2
    assert since_first_scan(smouldering) == 0
    assert edss_rise(smouldering) >= 1.0


def test_more_scans_than_patients_are_refused(cohort: Frames, tmp_path: Path) -> None:
    with pytest.raises(ClamsError, match="the cohort has 1500"):
        add_phantoms(cohort, scans=1501, seed=1, folder=tmp_path, progress=silent)
    assert not list(tmp_path.iterdir())


def test_no_scans_asked_for_gives_an_empty_series_table(cohort: Frames, tmp_path: Path) -> None:
    frames = add_phantoms(cohort, scans=0, seed=1, folder=tmp_path, progress=silent)
    assert len(frames["series"]) == 0
    assert list(frames["series"].columns) == ["study_id", "sequence", "path", "space"]


@pytest.mark.slow
def test_same_seed_draws_the_same_files(tmp_path: Path) -> None:
    frames = simulate_cohort(40, seed=5)
    first, second = tmp_path / "a", tmp_path / "b"
    for folder in (first, second):
        add_phantoms(frames, scans=1, seed=9, folder=folder, progress=silent)
    files = sorted(path.relative_to(first) for path in first.rglob("*.nii.gz"))
    assert files
    for path in files:
        assert (first / path).read_bytes() == (second / path).read_bytes()
