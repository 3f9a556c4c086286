"""Records of one case, as the clinical rules, the figures and the model see it. All immutable; ``None`` = not known."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, timedelta


@dataclass(frozen=True, slots=True)
class Source:
    """Where a record was read: import batch, file and row (the header is row 1)."""

    batch_id: str
    file: str | None
    row: int | None

    def __str__(self) -> str:
        place = self.file or "unknown file"
        return f"{place}, row {self.row} ({self.batch_id})" if self.row is not None else f"{place} ({self.batch_id})"


@dataclass(frozen=True, slots=True)
class Patient:
    """One person. ``patient_id`` is the pseudonym used in addresses."""

    patient_id: str
    sex: str | None
    birth_date: date | None
    birth_date_approximate: bool
    onset_date: date | None
    diagnosis_date: date | None
    course: str
    centre: str | None
    synthetic: bool
    source: Source


@dataclass(frozen=True, slots=True)
class Visit:
    """One examination. ``fs`` holds the functional systems given, by name without the ``fs_`` prefix."""

    date: date
    date_approximate: bool
    edss: float | None
    fs: dict[str, int]
    t25fw_s: float | None
    hpt9_dominant_s: float | None
    hpt9_nondominant_s: float | None
    sdmt: int | None
    source: Source


@dataclass(frozen=True, slots=True)
class Relapse:
    """One relapse by its onset date."""

    date: date
    functional_systems: tuple[str, ...]
    severity: str
    steroids: bool | None
    recovery: str
    source: Source


@dataclass(frozen=True, slots=True)
class TreatmentCourse:
    """One course of a therapy; ``stop_date`` None = goes on."""

    dmt: str
    start_date: date
    stop_date: date | None
    stop_reason: str | None
    dose: str | None
    interval_weeks: float | None
    source: Source

    def active_on(self, day: date) -> bool:
        """Whether the course covers ``day`` (start included, stop excluded)."""
        return self.start_date <= day and (self.stop_date is None or day < self.stop_date)


@dataclass(frozen=True, slots=True)
class ClinicalFact:
    """A dated fact of a catalogued kind."""

    date: date
    kind: str
    value: str | None
    unit: str | None
    source: Source


@dataclass(frozen=True, slots=True)
class LabResult:
    """One laboratory result in the pool's unit, with the laboratory's own limits where given."""

    date: date
    analyte: str
    value: float
    unit: str
    lower_limit: float | None
    upper_limit: float | None
    specimen: str | None
    assay: str | None
    source: Source


@dataclass(frozen=True, slots=True)
class Series:
    """One image or mask series: its display copy on an axis-aligned RAS+ grid, millimetres.

    ``origin_mm`` is the centre of the first voxel; ``box_mm`` the low and high corner of what is not background;
    ``window`` the 8-bit levels shown black and white; ``focus_mm`` a point inside a mask's largest component.
    """

    series_id: str
    study_id: str
    sequence: str
    shape: tuple[int, int, int]
    spacing_mm: tuple[float, float, float]
    origin_mm: tuple[float, float, float]
    box_mm: tuple[tuple[float, float, float], tuple[float, float, float]] | None
    focus_mm: tuple[float, float, float] | None
    space: str | None
    window: tuple[float, float] | None
    drawable: bool
    source: Source


@dataclass(frozen=True, slots=True)
class Registration:
    """How a study lies in its person's reference space.

    ``matrix`` is 4 x 4 and takes millimetres RAS+ of the reference study to those of this one; None where nothing was
    found. ``quality`` is pass, doubtful or fail, with its ``reason`` in words; only "pass" may be compared.
    ``template`` takes millimetres of the reference to those of MNI152 (affine); only the reference study has it.
    """

    study_id: str
    reference_study_id: str
    matrix: tuple[tuple[float, float, float, float], ...] | None
    metric: float | None
    overlap: float | None
    error_mm: float | None
    quality: str
    reason: str
    sequence: str | None
    template: tuple[tuple[float, float, float, float], ...] | None

    @property
    def is_reference(self) -> bool:
        """Whether the study is the person's reference."""
        return self.study_id == self.reference_study_id

    @property
    def comparable(self) -> bool:
        """Whether the study may be compared with the person's others."""
        return self.quality == "pass"


@dataclass(frozen=True, slots=True)
class LesionCourse:
    """What became of one component of a mask, as the masks of the person's studies show it.

    ``prior_lesions`` are the components of the prior study that are the same lesion, ``prior_volume_mm3`` and
    ``group_volume_mm3`` their volume then and that of all its components now; ``change_error_mm3`` and
    ``volume_error_mm3`` hold for 95 of 100; ``reliability`` is high, moderate or low. ``undecided``: changes fast
    enough to count but within its error, so it counts as stable. ``reference_ras_mm``: a voxel inside the lesion in the
    person's reference space; None where the study does not lie in it. See docs/lesions.md.
    """

    track_id: str
    prior_lesions: tuple[int, ...]
    event: str | None
    prior_volume_mm3: float | None
    group_volume_mm3: float | None
    change_error_mm3: float | None
    percent_per_year: float | None
    undecided: bool
    seen_before: bool
    volume_error_mm3: float | None
    reliability: str | None
    reference_ras_mm: tuple[float, float, float] | None
    t1_share: float | None
    black_hole: bool | None
    enhancing: bool | None


@dataclass(frozen=True, slots=True)
class Lesion:
    """One connected component of a T2 lesion mask; centroid in millimetres, RAS+, of the study."""

    study_id: str
    lesion_id: int
    track_id: str | None
    region: str
    volume_mm3: float
    change: str | None
    centroid_ras_mm: tuple[float, float, float]
    below_floor: bool
    course: LesionCourse | None = None

    @property
    def reference_ras_mm(self) -> tuple[float, float, float] | None:
        """A voxel inside the lesion in the person's reference space, mm; None where it does not lie in it."""
        return self.course.reference_ras_mm if self.course else None


@dataclass(frozen=True, slots=True)
class Counted:
    """A count from masks with the least and the most it may be; ``grade`` is high, moderate or low."""

    value: int
    low: int
    high: int
    grade: str


@dataclass(frozen=True, slots=True)
class StudyPair:
    """What the lesion mask of a study shows, alone and against an earlier study's.

    ``comparable`` None = no earlier study to compare with. Counts of change are there for comparable pairs only;
    ``reasons`` say why a pair is not one, or with what caution it is. Volumes in ml, errors hold for 95 of 100.
    ``resolved_lesions`` are numbers of the prior study's lesions; ``enhancing`` counts lesions of the mask.
    """

    study_id: str
    prior_study_id: str | None
    comparable: bool | None
    reasons: tuple[str, ...]
    interval_days: int | None
    registration_error_mm: float | None
    t2_count: Counted | None
    t2_volume_ml: float | None
    t2_volume_error_ml: float | None
    t2_volume_grade: str | None
    new: Counted | None
    enlarging: Counted | None
    stable: int | None
    shrinking: int | None
    resolved: int | None
    resolved_lesions: tuple[int, ...]
    undecided: int | None
    reappeared: int | None
    volume_change_ml: float | None
    volume_change_error_ml: float | None
    black_holes: int | None
    black_hole_volume_ml: float | None
    enhancing: int | None
    brain_change_percent: float | None
    brain_change_error_percent: float | None


@dataclass(frozen=True, slots=True)
class Mesh:
    """A surface: brain, lesions_new, lesions_enlarging, lesions_stable or lesions_resolved.

    ``common_space``: it lies in the person's reference space, else in the study's own.
    """

    mesh_id: str
    study_id: str
    kind: str
    common_space: bool


@dataclass(frozen=True, slots=True)
class Scan:
    """One MRI study with its series and lesions.

    ``aligned`` holds copies on the one grid of the person: they exist where the registration passed, prior and current
    share their grid, and their sequences are those of ``series`` as well as ``difference`` and ``lesion_change``.
    """

    study_id: str
    date: date
    date_approximate: bool
    region: str | None
    field_t: float | None
    vendor: str | None
    model: str | None
    protocol: str | None
    gd_given: bool | None
    new_t2: int | None
    enlarging_t2: int | None
    gd_lesions: int | None
    t2_count: int | None
    t2_volume_ml: float | None
    brain_volume_ml: float | None
    pbvc_percent: float | None
    report_text: str | None
    mask_source: str | None
    comparison_study_id: str | None
    note: str | None
    series: tuple[Series, ...]
    lesions: tuple[Lesion, ...]
    source: Source
    registration: Registration | None = None
    aligned: tuple[Series, ...] = ()
    pair: StudyPair | None = None
    meshes: tuple[Mesh, ...] = ()

    def first_series(self, *sequences: str) -> Series | None:
        """The series of the first of ``sequences`` that exists, or None."""
        return _first(self.series, sequences)

    def first_aligned(self, *sequences: str) -> Series | None:
        """The copy on the person's common grid of the first of ``sequences`` that has one, or None."""
        return _first(self.aligned, sequences)


def _first(held: tuple[Series, ...], sequences: tuple[str, ...]) -> Series | None:
    by_name = {series.sequence: series for series in held}
    return next((by_name[name] for name in sequences if name in by_name), None)


@dataclass(frozen=True, slots=True)
class Case:
    """Everything the pool knows about one person; every tuple is in ascending order of date."""

    patient: Patient
    visits: tuple[Visit, ...] = ()
    relapses: tuple[Relapse, ...] = ()
    treatments: tuple[TreatmentCourse, ...] = ()
    facts: tuple[ClinicalFact, ...] = ()
    labs: tuple[LabResult, ...] = ()
    scans: tuple[Scan, ...] = ()

    def last_date(self) -> date | None:
        """The latest date on which anything was recorded."""
        days = [
            record.date for group in (self.visits, self.relapses, self.facts, self.labs, self.scans) for record in group
        ]
        days += [course.start_date for course in self.treatments]
        days += [course.stop_date for course in self.treatments if course.stop_date]
        return max(days, default=None)

    def decision_date(self) -> date | None:
        """The day after the last record: a decision taken then may use all that is known."""
        last = self.last_date()
        return last + timedelta(days=1) if last else None

    def as_of(self, day: date) -> Case:
        """The case as it was known on ``day``: later records gone, a stop after ``day`` not yet known."""
        courses = tuple(
            course
            if course.stop_date is None or course.stop_date <= day
            else replace(course, stop_date=None, stop_reason=None)
            for course in self.treatments
            if course.start_date <= day
        )
        return Case(
            patient=self.patient,
            visits=tuple(record for record in self.visits if record.date <= day),
            relapses=tuple(record for record in self.relapses if record.date <= day),
            treatments=courses,
            facts=tuple(record for record in self.facts if record.date <= day),
            labs=tuple(record for record in self.labs if record.date <= day),
            scans=tuple(record for record in self.scans if record.date <= day),
        )

    def treatment_on(self, day: date) -> TreatmentCourse | None:
        """The course covering ``day`` (the one started last), or None when untreated."""
        active = [course for course in self.treatments if course.dmt != "none" and course.active_on(day)]
        return active[-1] if active else None
