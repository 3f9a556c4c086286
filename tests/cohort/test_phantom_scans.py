"""Phantom MRI: what the tables say is what the files on disk recount to, brain only, and left stays left."""

from __future__ import annotations

import json
from pathlib import Path

import nibabel as nib
import numpy as np
import pandas as pd
import pytest
from scipy import ndimage

from clams_dash.cohort.phantom import draw_patients, plan_phantoms, with_phantoms
from clams_dash.cohort.phantom_drawing import draw_patient
from clams_dash.cohort.phantom_fields import torque
from clams_dash.cohort.phantom_reports import TRUTH_FILE, report_conflicts
from clams_dash.cohort.phantom_stories import STORIES, Chosen, choose_stories
from clams_dash.cohort.simulate import simulate_cohort
from clams_dash.config import DEMO_PATIENTS, DEMO_SCANS, DEMO_SEED
from clams_dash.errors import ClamsError
from clams_dash.imaging.grid import resample
from clams_dash.imaging.lesions import as_mask, measure
from clams_dash.imaging.nifti import Volume, read_nifti

Frames = dict[str, pd.DataFrame]
TOUCHING = np.ones((3, 3, 3), dtype=bool)
SEED = 5


def phantoms_of(frames: Frames, scans: int, seed: int, folder: Path, processes: int = 1) -> Frames:
    chosen = plan_phantoms(frames, scans)
    return with_phantoms(frames, chosen, list(draw_patients(frames["mri"], chosen, seed, folder, processes)))


def thick_between(frames: Frames) -> tuple[Frames, Chosen]:
    """A person with several studies of which the middle one has 2D slices, lesions of all kinds and contrast."""
    person = choose_stories(frames, 6)[3]
    mri = frames["mri"].copy()
    rows = mri.index[mri["study_id"].isin(person.study_ids)]
    mri.loc[rows, "protocol"] = "3D FLAIR 1 mm"
    mri.loc[rows, "gd_given"] = True
    mri.loc[mri["patient_id"] == person.patient_id, "new_t2"] = 0
    mri.loc[rows, "new_t2"] = 3
    mri.loc[rows, "enlarging_t2"] = 2
    mri.loc[rows, "gd_lesions"] = 2
    mri.loc[rows, ["t2_count", "t2_volume_ml"]] = [20, 6.0]
    middle = rows[len(rows) // 2]
    mri.loc[middle, "protocol"] = "2D FLAIR 3 mm"
    mri.loc[middle, "field_t"] = 1.5
    return {**frames, "mri": mri}, Chosen(person.patient_id, "stable", person.study_ids)


@pytest.fixture(scope="module")
def drawn(cohort: Frames, tmp_path_factory: pytest.TempPathFactory) -> tuple[Frames, Frames, Path]:
    """One person with a 2D study among 3D ones, drawn."""
    folder = tmp_path_factory.mktemp("phantom")
    frames, person = thick_between(cohort)
    patients = list(draw_patients(frames["mri"], [person], SEED, folder))
    return frames, with_phantoms(frames, [person], patients), folder


def imaged(frames: Frames) -> pd.DataFrame:
    mri = frames["mri"]
    return mri[mri["study_id"].isin(frames["series"]["study_id"])].sort_values(["patient_id", "date"])


def path_of(frames: Frames, folder: Path, study: str, sequence: str) -> Path:
    series = frames["series"]
    return folder / str(series[(series["study_id"] == study) & (series["sequence"] == sequence)]["path"].iloc[0])


def volume(frames: Frames, folder: Path, study: str, sequence: str) -> Volume:
    return read_nifti(path_of(frames, folder, study, sequence))


def mask_of(frames: Frames, folder: Path, study: str) -> Volume:
    return as_mask(volume(frames, folder, study, "lesion_mask"), study)


def recounted_new(mask: Volume, before: Volume) -> int:
    """Counted components clear of the earlier mask, brought to the same grid and dilated by one voxel."""
    shape = (mask.data.shape[0], mask.data.shape[1], mask.data.shape[2])
    earlier = resample(before, mask.affine, shape, is_mask=True).data > 0
    grown = ndimage.binary_dilation(earlier, structure=TOUCHING)
    labels, count = ndimage.label(mask.data > 0, structure=TOUCHING)
    sizes = np.bincount(labels.ravel(), minlength=count + 1)[1:] * mask.voxel_volume_mm3
    return sum(sizes[n - 1] >= 14.0 and not (grown & (labels == n)).any() for n in range(1, count + 1))


def assert_recounts(frames: Frames, folder: Path) -> None:
    """Every study's count, volume and new lesions as its mask file and that of the study before recount."""
    before: Volume | None = None
    patient = None
    for row in imaged(frames).itertuples():
        if str(row.patient_id) != patient:
            before, patient = None, str(row.patient_id)
        mask = mask_of(frames, folder, str(row.study_id))
        load = measure(mask)
        assert row.t2_count == load.t2_count
        assert row.t2_volume_ml == pytest.approx(load.t2_volume_ml, rel=0.02)
        if before is None:
            assert row.new_t2 is pd.NA
        else:
            assert row.new_t2 == recounted_new(mask, before)
        before = mask


def test_counts_in_the_tables_are_those_of_the_mask_files(drawn: tuple[Frames, Frames, Path]) -> None:
    _, frames, folder = drawn
    assert len(imaged(frames)) >= 3
    assert_recounts(frames, folder)


def test_lesions_come_grow_and_light_up_as_the_simulated_tables_say(drawn: tuple[Frames, Frames, Path]) -> None:
    simulated, frames, _ = drawn
    later = imaged(frames)[1:]
    asked = simulated["mri"].set_index("study_id").loc[later["study_id"]]
    assert later["new_t2"].tolist() == asked["new_t2"].tolist()
    assert later["gd_lesions"].tolist() == asked["gd_lesions"].tolist()
    thin = later["protocol"].str.startswith("3D") & later["protocol"].shift(1, fill_value="3D").str.startswith("3D")
    assert later["enlarging_t2"][thin].tolist() == asked["enlarging_t2"][thin.tolist()].tolist()


def test_a_2d_study_lies_on_its_own_thick_slices_in_the_same_world(drawn: tuple[Frames, Frames, Path]) -> None:
    _, frames, folder = drawn
    spacings = {}
    boxes = []
    for row in imaged(frames).itertuples():
        image, mask = (volume(frames, folder, str(row.study_id), name) for name in ("FLAIR", "lesion_mask"))
        assert np.allclose(image.affine, mask.affine)
        assert nib.aff2axcodes(image.affine) == ("R", "A", "S")
        spacings[row.protocol] = tuple(image.spacing_mm)
        where = np.argwhere(image.data > 0)
        boxes.append(nib.affines.apply_affine(image.affine, where.mean(axis=0)))
    assert spacings == {"3D FLAIR 1 mm": (1.0, 1.0, 1.0), "2D FLAIR 3 mm": (1.0, 1.0, 3.0)}
    assert np.ptp(np.array(boxes), axis=0).max() < 1.5
    assert set(frames["series"]["space"]) == {"native"}


def test_every_lesion_is_one_component_and_two_voxels_from_the_next(drawn: tuple[Frames, Frames, Path]) -> None:
    _, frames, folder = drawn
    for study in imaged(frames)["study_id"]:
        mask = mask_of(frames, folder, study)
        labels, count = ndimage.label(mask.data > 0, structure=TOUCHING)
        numbers = np.unique(mask.data[mask.data > 0])
        assert count == len(numbers)
        for number in numbers:
            own = mask.data == number
            assert len(np.unique(labels[own])) == 1
            assert own.sum() * mask.voxel_volume_mm3 >= 14.0
            near = ndimage.binary_dilation(own, structure=TOUCHING, iterations=2)
            assert not ((mask.data > 0) & near & ~own).any()


def recounted_enhancing(frames: Frames, folder: Path, study: str) -> int:
    """Lesions of the mask that are brighter on T1 after contrast than before it."""
    before, after = (volume(frames, folder, study, name).data.astype(float) for name in ("T1W", "T1W_GD"))
    mask = mask_of(frames, folder, study).data
    white = np.median(before[before > 0])
    # The core of a ring and its open side stay dark.
    rises = [np.percentile((after - before)[mask == n], 75) for n in np.unique(mask[mask > 0])]
    return sum(rise > 0.22 * white for rise in rises)


def assert_enhancing_recount(frames: Frames, folder: Path) -> int:
    """The number of studies after contrast; every one shows as many enhancing lesions as its row says."""
    studies = imaged(frames)
    after_contrast = studies[studies["gd_lesions"].notna()]
    for row in after_contrast.itertuples():
        assert recounted_enhancing(frames, folder, str(row.study_id)) == row.gd_lesions
    return len(after_contrast)


def test_enhancing_lesions_can_be_recounted_from_the_two_t1_images(drawn: tuple[Frames, Frames, Path]) -> None:
    _, frames, folder = drawn
    assert assert_enhancing_recount(frames, folder) == len(imaged(frames))


def test_brain_volume_in_the_table_is_that_of_the_drawn_brain(drawn: tuple[Frames, Frames, Path]) -> None:
    """Tissue on T1 (brighter than about halfway from fluid to white matter) has the volume of the table within 2 %."""
    _, frames, folder = drawn
    known = imaged(frames).dropna(subset=["brain_volume_ml"])
    assert len(known)
    for row in known.itertuples():
        image = volume(frames, folder, str(row.study_id), "T1W")
        smooth = ndimage.gaussian_filter(image.data.astype(np.float32), 0.5 / np.array(image.spacing_mm))
        tissue = smooth > 0.485 * np.percentile(smooth[smooth > 0], 90)
        assert tissue.sum() * image.voxel_volume_mm3 / 1000.0 == pytest.approx(row.brain_volume_ml, rel=0.02)
    truth = json.loads((folder / str(known["patient_id"].iloc[0]) / TRUTH_FILE).read_text())
    drawn_ml = {study["study_id"]: study["parenchyma_ml"] for study in truth["studies"]}
    for row in known.itertuples():
        assert drawn_ml[row.study_id] == pytest.approx(row.brain_volume_ml, rel=0.02)


def test_a_study_has_the_sequences_its_contrast_allows(cohort: Frames, tmp_path: Path) -> None:
    person = choose_stories(cohort, 1)[0]
    chosen = Chosen(person.patient_id, person.story, person.study_ids[-2:])
    mri = cohort["mri"].copy()
    mri.loc[mri["study_id"] == chosen.study_ids[0], "gd_given"] = False
    mri.loc[mri["study_id"] == chosen.study_ids[1], "gd_given"] = True
    result = draw_patient(mri, chosen, SEED, tmp_path)
    have = [set(result.series[result.series["study_id"] == study]["sequence"]) for study in chosen.study_ids]
    assert have == [{"FLAIR", "T1W", "lesion_mask"}, {"FLAIR", "T1W", "T1W_GD", "lesion_mask"}]
    assert result.mri["gd_lesions"].isna().tolist() == [True, False]


def test_lesions_are_brighter_than_white_matter_on_flair_and_ventricles_darker(
    drawn: tuple[Frames, Frames, Path],
) -> None:
    _, frames, folder = drawn
    study = imaged(frames)["study_id"].iloc[0]
    flair = volume(frames, folder, study, "FLAIR").data.astype(float)
    mask = mask_of(frames, folder, study).data > 0
    around = ndimage.binary_dilation(mask, iterations=8) & ~ndimage.binary_dilation(mask, iterations=4) & (flair > 0)
    assert np.median(flair[mask]) > 1.15 * np.median(flair[around])
    # Ventricles alone: about one part in a hundred of a young brain.
    assert np.percentile(flair[flair > 0], 0.5) < 0.4 * np.median(flair[flair > 0])


def test_left_stays_left_from_mask_to_image(drawn: tuple[Frames, Frames, Path]) -> None:
    """The bright spots lie where the mask says, not at its mirror image."""
    _, frames, folder = drawn
    for study in imaged(frames)["study_id"]:
        image = volume(frames, folder, study, "FLAIR")
        flair = image.data.astype(float)
        mask = mask_of(frames, folder, study).data > 0
        columns = np.round(-2.0 * image.affine[0, 3] - np.arange(mask.shape[0])).astype(int)
        mirrored = mask[columns.clip(0, mask.shape[0] - 1)] & ~mask & (flair > 0)
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
    other_scanner = studies["protocol"] != studies["protocol"].shift(1)
    assert studies["pbvc_percent"][other_scanner].isna().all()


def test_reports_in_conflict_with_the_mask_are_known_and_only_those(drawn: tuple[Frames, Frames, Path]) -> None:
    _, frames, folder = drawn
    conflicts = report_conflicts(folder)
    for row in imaged(frames).itertuples():
        if row.new_t2 is pd.NA:
            assert str(row.study_id) not in conflicts
            continue
        number = "No new T2 lesions" if row.new_t2 == 0 else f"{row.new_t2} new T2 lesion"
        german = "Keine neuen T2" if row.new_t2 == 0 else f"{row.new_t2} neue T2"
        agrees = number in str(row.report_text) or german in str(row.report_text)
        assert agrees != (str(row.study_id) in conflicts)


def test_stories_are_told_by_patients_who_fit_them(cohort: Frames) -> None:
    chosen = {item.story: item for item in choose_stories(cohort, 4)}
    assert set(STORIES) <= set(chosen)
    relapses = cohort["relapse"].groupby("patient_id")["date"]
    scans = cohort["mri"].set_index("study_id")
    stable, breakthrough, smouldering = (chosen[story] for story in STORIES)

    def since_first_scan(item: Chosen) -> int:
        patient, first = item.patient_id, scans["date"][item.study_ids[0]]
        return int((relapses.get_group(patient) > first).sum()) if patient in relapses.groups else 0

    def edss_rise(item: Chosen) -> float:
        patient, first = item.patient_id, scans["date"][item.study_ids[0]]
        visits = cohort["visit"][(cohort["visit"]["patient_id"] == patient)].dropna(subset=["edss"])
        later = visits[visits["date"] >= first - pd.Timedelta(days=200)]["edss"]
        return float(later.tail(2).mean() - later.head(2).mean())

    assert since_first_scan(stable) == 0
    assert abs(edss_rise(stable)) <= 0.5
    assert since_first_scan(breakthrough) >= 1
    own = scans[scans["patient_id"] == breakthrough.patient_id]
    assert own["new_t2"][own["date"] > own["date"][breakthrough.study_ids[-2]]].sum() >= 2
    assert since_first_scan(smouldering) == 0
    assert edss_rise(smouldering) >= 1.0


def test_everyone_scanned_has_three_to_seven_studies(cohort: Frames) -> None:
    numbers = [len(person.study_ids) for person in choose_stories(cohort, 12)]
    assert all(3 <= number <= 7 for number in numbers)
    assert len(set(numbers)) > 2
    assert len({person.patient_id for person in choose_stories(cohort, 12)}) == 12


def test_more_scans_than_patients_are_refused_before_any_work(cohort: Frames, tmp_path: Path) -> None:
    with pytest.raises(ClamsError, match="the cohort has 1500"):
        phantoms_of(cohort, scans=1501, seed=1, folder=tmp_path)
    with pytest.raises(ClamsError, match="must not be negative; -1 given"):
        plan_phantoms(cohort, -1)
    assert not list(tmp_path.iterdir())


def test_no_scans_asked_for_gives_an_empty_series_table(cohort: Frames, tmp_path: Path) -> None:
    frames = phantoms_of(cohort, scans=0, seed=1, folder=tmp_path)
    assert len(frames["series"]) == 0
    assert list(frames["series"].columns) == ["study_id", "sequence", "path", "space"]


@pytest.mark.slow
def test_same_seed_draws_the_same_files_in_one_process_or_two(cohort: Frames, tmp_path: Path) -> None:
    first, second = tmp_path / "a", tmp_path / "b"
    results = [
        phantoms_of(cohort, scans=2, seed=9, folder=folder, processes=processes)
        for folder, processes in ((first, 1), (second, 2))
    ]
    assert results[0]["mri"].equals(results[1]["mri"])
    assert results[0]["series"].equals(results[1]["series"])
    files = sorted(path.relative_to(first) for path in first.rglob("*") if path.is_file())
    assert files
    for path in files:
        assert (first / path).read_bytes() == (second / path).read_bytes()


@pytest.mark.slow
def test_every_scanned_patient_of_the_default_demo_recounts_from_the_files(tmp_path: Path) -> None:
    whole = simulate_cohort(DEMO_PATIENTS, DEMO_SEED)
    frames = phantoms_of(whole, scans=DEMO_SCANS, seed=DEMO_SEED, folder=tmp_path, processes=2)
    assert frames["series"]["study_id"].nunique() == len(imaged(frames))
    assert imaged(frames)["patient_id"].nunique() == DEMO_SCANS
    assert_recounts(frames, tmp_path)
    assert assert_enhancing_recount(frames, tmp_path) > DEMO_SCANS
    assert report_conflicts(tmp_path)


def test_a_person_chosen_but_not_drawn_yet_has_no_brain_studies_so_far(
    drawn: tuple[Frames, Frames, Path], cohort: Frames
) -> None:
    before, after, folder = drawn
    person = thick_between(cohort)[1]
    waiting = with_phantoms(before, [person], [])
    own = waiting["mri"][waiting["mri"]["patient_id"] == person.patient_id]
    assert not own["region"].fillna("brain").eq("brain").any()
    assert len(waiting["series"]) == 0
    added = len(after["mri"]) - len(waiting["mri"])
    assert added == len(imaged(after))
    others = waiting["mri"]["patient_id"] != person.patient_id
    assert others.sum() == (before["mri"]["patient_id"] != person.patient_id).sum()
    assert folder.is_dir()
