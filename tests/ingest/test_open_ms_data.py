"""The real data set as it lies there: 30 cross-sectional and 20 longitudinal patients, EDSS, masks, transforms."""

from datetime import date
from pathlib import Path

import numpy as np
import pytest

from clams_dash.ingest.run import ImportReport, import_source
from clams_dash.pool import cases
from clams_dash.pool.database import Database
from clams_dash.pool.folder import PoolFolder
from tests.imaging.test_encode import read_vti

pytestmark = pytest.mark.real_data


@pytest.fixture(scope="module")
def imported(open_ms_data: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Database, ImportReport]:
    folder = PoolFolder(tmp_path_factory.mktemp("real") / "pool")
    report = import_source(
        folder, open_ms_data, format_name=None, centre=None, dry_run=False, progress=lambda doing, share: None
    )
    return Database(folder), report


def test_the_format_is_recognised_and_everyone_is_registered(imported: tuple[Database, ImportReport]) -> None:
    database, report = imported
    assert report.format == "open_ms_data"
    page, found = cases.case_page(database, rows=100)
    assert found == 50
    assert sum(row.patient_id.startswith("cs-") for row in page) == 30
    assert sum(row.patient_id.startswith("long-") for row in page) == 20
    assert {row.centre for row in page} == {"Ljubljana"}
    assert not any(row.synthetic for row in page)


@pytest.mark.parametrize(("patient", "count", "volume"), [("cs-patient07", 23, 1.300), ("cs-patient19", 44, 49.769)])
def test_lesions_are_measured_from_the_consensus_masks(
    imported: tuple[Database, ImportReport], patient: str, count: int, volume: float
) -> None:
    (scan,) = cases.load_case(imported[0], patient).scans
    assert scan.t2_count == count
    assert scan.t2_volume_ml == pytest.approx(volume, abs=5e-4)
    assert sum(not lesion.below_floor for lesion in scan.lesions) == count
    assert sum(lesion.volume_mm3 for lesion in scan.lesions) / 1000 == pytest.approx(volume, abs=5e-4)
    assert {series.sequence for series in scan.series} == {"FLAIR", "T1W", "T1W_GD", "T2W", "lesion_mask"}
    assert scan.gd_given is True
    assert scan.gd_lesions is None


def test_edss_is_kept_missing_or_set_aside(imported: tuple[Database, ImportReport]) -> None:
    database, report = imported
    assert [visit.edss for visit in cases.load_case(database, "cs-patient15").visits] == [6.5]
    assert cases.load_case(database, "cs-patient03").visits == ()
    seventh = cases.load_case(database, "cs-patient07")
    assert (seventh.patient.sex, seventh.visits) == ("female", ())
    (error,) = [reject for reject in report.rejects if reject.severity == "error"]
    assert (error.source_file, error.source_row, error.column_name, error.value) == (
        "cross_sectional/patient_info.csv", 8, "edss", "0.5",
    )  # fmt: skip


def test_not_available_is_missing_and_not_text(imported: tuple[Database, ImportReport]) -> None:
    third = cases.load_case(imported[0], "cs-patient03")
    assert third.patient.course == "unknown"
    assert [fact.kind for fact in third.facts] == ["age_at_scan"]


def test_ages_become_approximate_birth_dates(imported: tuple[Database, ImportReport]) -> None:
    patient = cases.load_case(imported[0], "cs-patient07").patient
    assert (patient.birth_date, patient.birth_date_approximate) == (date(1962, 1, 1), True)
    (scan,) = cases.load_case(imported[0], "cs-patient07").scans
    assert (scan.date, scan.date_approximate) == (date(2015, 7, 1), True)


def test_the_second_study_lies_the_published_number_of_days_after_the_first(
    imported: tuple[Database, ImportReport],
) -> None:
    first, second = cases.load_case(imported[0], "long-patient01").scans
    assert (second.date - first.date).days == 203
    assert second.comparison_study_id == first.study_id


def test_the_change_mask_is_on_the_common_grid_and_is_no_lesion_count(imported: tuple[Database, ImportReport]) -> None:
    for scan in cases.load_case(imported[0], "long-patient01").scans:
        assert {(series.shape, series.space) for series in scan.series} == {((325, 334, 53), "common grid")}
        assert (scan.t2_count, scan.t2_volume_ml, scan.lesions) == (None, None, ())
    assert cases.load_case(imported[0], "long-patient01").scans[1].first_series("change_mask") is not None


def test_scans_without_image_or_mask_are_registered_and_say_so(imported: tuple[Database, ImportReport]) -> None:
    database, report = imported
    (without_mask,) = cases.load_case(database, "cs-patient26").scans
    assert without_mask.note == "scan date is nominal; not in the source folder: images, consensus lesion mask"
    assert (without_mask.t2_count, without_mask.mask_source) == (None, None)
    (without_images,) = cases.load_case(database, "cs-patient03").scans
    assert without_images.t2_count == 8
    warned = {reject.value for reject in report.rejects if reject.severity == "warning"}
    assert {"cs-patient26-study1", "cs-patient03-study1", "long-patient20-study2"} <= warned


def test_the_display_copies_of_both_studies_show_the_same_head(imported: tuple[Database, ImportReport]) -> None:
    database, _ = imported
    shown = []
    for scan in cases.load_case(database, "long-patient01").scans:
        flair = scan.first_series("FLAIR")
        assert flair is not None
        copy = cases.display_copy(database, flair.series_id)
        assert copy is not None
        shown.append(read_vti(copy.path.read_bytes()).values_xyzc.astype(float))
    inside = (shown[0] > 40) & (shown[1] > 40)
    assert float(np.corrcoef(shown[0][inside], shown[1][inside])[0, 1]) > 0.8
