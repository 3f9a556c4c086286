"""Pictures of a letter: the slice of the new lesion, now and before, right and left as the viewer shows them."""

from __future__ import annotations

import io
from dataclasses import replace
from datetime import date

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from clams_dash.imaging.encode import image_vti, mask_vti
from clams_dash.model.records import Case, Patient, Scan, Series, Source
from clams_dash.report.pictures import pictures_of

SOURCE = Source("b-1", "series.csv", 2)
AFFINE = np.array([[2.0, 0, 0, -40], [0, 2.0, 0, -50], [0, 0, 3.0, -30], [0, 0, 0, 1]])
SHAPE = (40, 50, 20)
ORANGE = (255, 122, 61, 230)


def _series(name: str, sequence: str, focus: tuple[float, float, float] | None = None) -> Series:
    window = None if "lesion" in sequence else (0.0, 200.0)
    return Series(
        series_id=name, study_id="s", sequence=sequence, shape=SHAPE, spacing_mm=(2.0, 2.0, 3.0),
        origin_mm=(-40.0, -50.0, -30.0), box_mm=((-41.0, -51.0, -31.5), (39.0, 49.0, 28.5)), focus_mm=focus, space=None,
        window=window, drawable=True, source=SOURCE,
    )  # fmt: skip


def _scan(study: str, day: date, own: tuple[Series, ...], aligned: tuple[Series, ...] = ()) -> Scan:
    empty = Scan(
        study, day, False, "brain", 3.0, None, None, None, None, None, None, None, None, None, None, None, None, None,
        None, None, own, (), SOURCE,
    )  # fmt: skip
    return replace(empty, aligned=aligned)


def _case(*scans: Scan) -> Case:
    patient = Patient("anna", "female", None, False, None, None, "RRMS", None, True, SOURCE)
    return Case(patient=patient, scans=scans)


def _files() -> dict[str, bytes]:
    """A head with a bright spot on the patient's right, and a lesion on the patient's left; both at S 0 only."""
    levels = np.full(SHAPE, 60, dtype=np.uint8)
    levels[34:38, 22:28, 10] = 200
    lesion = np.zeros(SHAPE, dtype=np.uint8)
    lesion[4:10, 22:28, 10] = 1
    mask = mask_vti(lesion, AFFINE, {1: ORANGE})
    assert mask is not None
    return {"now": image_vti(levels, AFFINE), "before": image_vti(levels, AFFINE), "mask": mask}


def _pixels(png: bytes) -> NDArray[np.int16]:
    return np.asarray(Image.open(io.BytesIO(png)).convert("RGB")).astype(np.int16)


FOCUS = (-26.0, 0.0, 0.0)


def test_the_patients_right_is_on_the_left_of_the_picture_and_the_lesion_has_its_colour() -> None:
    scan = _scan("s", date(2024, 5, 1), (_series("now", "FLAIR"), _series("mask", "lesion_mask", FOCUS)))
    (picture,) = pictures_of(_case(scan), _files().get)
    seen = _pixels(picture.png)
    middle = seen[seen.shape[0] // 2]
    grey = (middle.max(axis=1) - middle.min(axis=1)) < 20
    white = np.flatnonzero(grey & (middle.min(axis=1) > 240))
    orange = np.flatnonzero(middle[:, 0] - middle[:, 2] > 100)
    assert np.median(white[white > 40]) < 0.25 * len(middle)
    assert orange.min() > 0.7 * len(middle)
    assert "S 0 mm" in picture.caption
    assert "2024-05-01" in picture.caption
    assert picture.width_mm / picture.height_mm == 0.8


def test_the_study_before_is_shown_at_the_same_place_where_both_lie_in_one_space() -> None:
    before = _scan("a", date(2023, 5, 1), (_series("x", "FLAIR"),), (_series("before", "FLAIR"),))
    shown = (_series("now", "FLAIR"), _series("mask", "lesion_change", FOCUS))
    now = _scan("b", date(2024, 5, 1), (_series("y", "FLAIR"),), shown)
    first, second = pictures_of(_case(before, now), _files().get)
    assert first.caption.startswith("2023-05-01")
    assert second.caption.startswith("2024-05-01")
    assert "lesions by change" in second.caption
    assert "no lesion mask shown" in first.caption
    assert all("S 0 mm" in one.caption for one in (first, second))


def test_two_studies_apart_are_not_put_side_by_side() -> None:
    before = _scan("a", date(2023, 5, 1), (_series("before", "FLAIR"),))
    now = _scan("b", date(2024, 5, 1), (_series("now", "FLAIR"),))
    assert len(pictures_of(_case(before, now), _files().get)) == 1


def test_without_a_file_there_is_no_picture() -> None:
    scan = _scan("s", date(2024, 5, 1), (_series("now", "FLAIR"),))
    assert pictures_of(_case(scan), lambda series_id: None) == ()
    assert pictures_of(_case(), _files().get) == ()


def test_a_damaged_copy_gives_no_picture_and_no_error() -> None:
    scan = _scan("s", date(2024, 5, 1), (_series("now", "FLAIR"),))
    assert pictures_of(_case(scan), lambda series_id: b"not an image") == ()
