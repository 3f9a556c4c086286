"""The services over a real pool. One object per process, shared by its threads.

What makes predictions takes seconds to import, so that happens with the first prediction, or in :meth:`warm_up`.
"""

from __future__ import annotations

import hashlib
import logging
import threading
from collections import OrderedDict
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from clams_dash import __version__
from clams_dash.clinical.bands import Along, Bands, bands
from clams_dash.clinical.convention import Convention
from clams_dash.clinical.person import years_between
from clams_dash.clinical.summary import Summary, summary
from clams_dash.config import Settings
from clams_dash.errors import ClamsError, ImageError, ModelError
from clams_dash.imaging.decode import DisplayGrid, DisplayVolume, read_display
from clams_dash.journal import lesion_marks
from clams_dash.journal.lesion_marks import LesionKey
from clams_dash.journal.store import journal_file
from clams_dash.model.records import Case
from clams_dash.pool import cases, quality
from clams_dash.pool.background import Background
from clams_dash.pool.database import Database
from clams_dash.pool.folder import PoolFolder
from clams_dash.pool.reference import reference_points
from clams_dash.response.prediction import Prediction
from clams_dash.response.vault import current_version
from clams_dash.web.services import DisplayFile, News, NoPrediction, Quality

if TYPE_CHECKING:
    from clams_dash.response.bundle import Bundle

_BAND_STEP_YEARS = 0.5
_UNPACKED_KEPT = 4

_LOG = logging.getLogger(__name__)


class PoolServices:
    """Cases, images and predictions out of one pool folder."""

    def __init__(self, settings: Settings) -> None:
        self._folder = PoolFolder(settings.pool_dir)
        self._database = Database(self._folder)
        self._lock = threading.Lock()
        self._bundle: Bundle | None = None
        self._edss: dict[bool, tuple[str, Along]] = {}
        self._journal = journal_file(settings.pool_dir)
        self._unpacked_volumes: OrderedDict[str, DisplayVolume] = OrderedDict()

    def open_case(self, patient_id: str, at: date | None = None) -> Case:
        """See :class:`clams_dash.web.services.Services`."""
        case = cases.load_case(self._database, patient_id)
        return case if at is None else case.as_of(at)

    def summary(self, patient_id: str, at: date | None = None, convention: Convention | None = None) -> Summary | None:
        """See :class:`clams_dash.web.services.Services`."""
        case = self.open_case(patient_id)
        day = at or case.last_date()
        return summary(case, day, convention) if day else None

    def edss_band(self, patient_id: str, at: date | None = None) -> Bands | None:
        """See :class:`clams_dash.web.services.Services`."""
        case = self.open_case(patient_id, at)
        onset, last = case.patient.onset_date, case.last_date()
        if onset is None or last is None or last <= onset:
            return None
        years = np.arange(0.0, years_between(onset, last) + _BAND_STEP_YEARS, _BAND_STEP_YEARS)
        return bands(self._edss_along(synthetic=case.patient.synthetic), years)

    def case_page(
        self, search: str, sort: cases.SortKey, descending: bool, rows: int, first: int
    ) -> tuple[list[cases.CaseRow], int]:
        """See :class:`clams_dash.web.services.Services`."""
        return cases.case_page(self._database, search=search, sort=sort, descending=descending, rows=rows, first=first)

    def counts(self) -> cases.PoolCounts:
        """See :class:`clams_dash.web.services.Services`."""
        return cases.pool_counts(self._database)

    def data_quality(self) -> Quality:
        """See :class:`clams_dash.web.services.Services`."""
        return Quality(
            tuple(quality.batches(self._database)),
            tuple(quality.finding_counts(self._database)),
            tuple(quality.completeness(self._database)),
        )

    def findings(self, wanted: quality.FindingFilter, rows: int, first: int) -> tuple[list[quality.Finding], int]:
        """See :class:`clams_dash.web.services.Services`."""
        return quality.finding_page(self._database, wanted, rows=rows, first=first)

    def display_file(self, series_id: str) -> DisplayFile | None:
        """See :class:`clams_dash.web.services.Services`."""
        found = cases.display_copy(self._database, series_id)
        return _checked(found.path, found.sha256) if found else None

    def mesh(self, mesh_id: str) -> DisplayFile | None:
        """See :class:`clams_dash.web.services.Services`."""
        found = cases.mesh_file(self._database, mesh_id)
        return _checked(found.path, found.sha256) if found else None

    def still(self, series_id: str, plane: str, index: int) -> DisplayFile | None:
        """See :class:`clams_dash.web.services.Services`."""
        found = cases.display_copy(self._database, series_id)
        if found is None:
            return None
        try:
            volume = self._unpacked(series_id, found)
            picture = None if volume is None else volume.slice_png(plane, index)
        except ImageError:
            return None
        return None if picture is None else DisplayFile(picture, f"{found.sha256}-{plane}-{index}")

    def disputed(self, patient_id: str) -> frozenset[LesionKey]:
        """See :class:`clams_dash.web.services.Services`."""
        return lesion_marks.disputed_lesions(self._journal, patient_id)

    def dispute(self, patient_id: str, lesion: LesionKey, *, disputed: bool) -> None:
        """See :class:`clams_dash.web.services.Services`."""
        scan = next((one for one in self.open_case(patient_id).scans if one.study_id == lesion.study_id), None)
        held = scan is not None and any(one.series_id == lesion.mask_id for one in scan.series)
        if scan is None or not held or all(one.lesion_id != lesion.lesion_id for one in scan.lesions):
            raise ClamsError(f"{patient_id}: the pool has no such lesion to dispute; reload the page")
        lesion_marks.mark_lesion(self._journal, patient_id, lesion, disputed=disputed)

    def predict(self, patient_id: str, at: date | None = None) -> Prediction | NoPrediction:
        """See :class:`clams_dash.web.services.Services`."""
        from clams_dash.response.predict import predict

        frames = cases.load_patient_frames(self._database, patient_id)
        try:
            bundle = self._current_bundle()
        except ModelError as error:
            _LOG.warning("no therapy-response model can be used: %s", error)
            return NoPrediction(_without_model(self.news()))
        day = at or self.open_case(patient_id).decision_date()
        if day is None:
            return NoPrediction("No estimate: nothing is recorded about this person")
        return predict(bundle, frames, patient_id, day)

    def letter(self, patient_id: str, at: date | None = None) -> bytes | None:
        """See :class:`clams_dash.web.services.Services`."""
        from clams_dash.report.content import Origin
        from clams_dash.report.gather import gather
        from clams_dash.report.letter import case_letter
        from clams_dash.report.pictures import pictures_of

        case = self.open_case(patient_id)
        day = at or case.last_date()
        if day is None:
            return None
        prediction = self.predict(patient_id, at)
        reason = prediction.reason if isinstance(prediction, NoPrediction) else prediction
        origin = Origin(__version__, self._database.version, self._model_version(), datetime.now(UTC))
        pictures = pictures_of(case.as_of(day), self._content)
        return case_letter(gather(case, day, reason, origin, pictures))

    def _content(self, series_id: str) -> bytes | None:
        found = self.display_file(series_id)
        return found.content if found is not None else None

    def news(self) -> News:
        """See :class:`clams_dash.web.services.Services`."""
        background = Background(self._folder)
        return News(f"{self._database.version} {self._model_version()}", background.read(), background.alive())

    def ready(self) -> dict[str, object]:
        """See :class:`clams_dash.web.services.Services`."""
        return {
            "status": "ok",
            "version": __version__,
            "pool": self._database.version,
            "patients": self.counts().patients,
        }

    def warm_up(self) -> None:
        """Load the model, so that the first page need not; a model that cannot be used is reported by the page."""
        try:
            self._current_bundle()
        except ModelError:
            _LOG.info("no therapy-response model to load yet")

    def close(self) -> None:
        """Close the pool."""
        self._database.close()

    def _unpacked(self, series_id: str, copy: cases.DisplayCopy) -> DisplayVolume | None:
        """A display copy as an array; the last few are kept, since slices are asked for one after the other."""
        key = f"{series_id} {copy.sha256}"
        with self._lock:
            known = self._unpacked_volumes.pop(key, None)
        if known is None:
            file = self.display_file(series_id)
            if file is None:
                return None
            known = read_display(file.content, DisplayGrid(copy.shape, copy.spacing_mm, copy.origin_mm))
        with self._lock:
            self._unpacked_volumes[key] = known
            while len(self._unpacked_volumes) > _UNPACKED_KEPT:
                self._unpacked_volumes.popitem(last=False)
        return known

    def _model_version(self) -> str | None:
        try:
            return current_version(self._folder.models)
        except ModelError:
            return None

    def _edss_along(self, *, synthetic: bool) -> Along:
        """The cohort's EDSS by duration, read once per version of the pool and kind of patient."""
        version = self._database.version
        with self._lock:
            known = self._edss.get(synthetic)
            if known is None or known[0] != version:
                points = reference_points(self._database, "edss", synthetic=synthetic)
                known = self._edss[synthetic] = (version, Along.of(points, "duration"))
            return known[1]

    def _current_bundle(self) -> Bundle:
        from clams_dash.response.bundle import load_bundle

        version = current_version(self._folder.models)
        with self._lock:
            if self._bundle is None or self._bundle.version != version:
                self._bundle = load_bundle(self._folder.models)
            return self._bundle


def _checked(path: Path, sha256: str) -> DisplayFile | None:
    """A file's content when it has the digest that the pool says."""
    try:
        content = path.read_bytes()
    except OSError:
        return None
    return DisplayFile(content, sha256) if hashlib.sha256(content).hexdigest() == sha256 else None


def _without_model(news: News) -> str:
    if news.alive and news.work is not None and news.work.unfinished:
        return "The therapy-response model is being trained; its estimates are shown here when it is ready."
    return "No model that this version can use: train one with `clams train`."
