"""The tables of the pool: one description from which the DDL, the import checks and the documentation follow."""

from __future__ import annotations

from collections.abc import Sequence

from clams_dash.model.bookkeeping import ERASURE, IMPORT_BATCH, PATIENT_LINK, REJECT
from clams_dash.model.derived import ALIGNED, DERIVED_TABLES, LESION_COURSE, MESH, REGISTRATION, STUDY_PAIR
from clams_dash.model.description import Column, Table

__all__ = [
    "ALIGNED", "DERIVED_TABLES", "ERASURE", "IMPORT_BATCH", "LESION_COURSE", "MESH", "PATIENT_LINK", "REGISTRATION",
    "REJECT", "STUDY_PAIR", "Column", "Table",
]  # fmt: skip

EDSS_STEPS: tuple[float, ...] = (0.0, *(1.0 + 0.5 * step for step in range(19)))
"""The twenty valid EDSS values: 0, 1.0, 1.5 ... 10.0. There is no 0.5 (Kurtzke 1983; Neurostatus)."""


PROVENANCE: tuple[Column, ...] = (
    Column("batch_id", "text", "import batch the row came with", derived=True),
    Column("source_file", "text", "file the row was read from", derived=True),
    Column("source_row", "whole", "row of that file; the header is row 1", derived=True),
)

PATIENT_ID_PATTERN = r"[A-Za-z0-9_-][A-Za-z0-9._-]{0,79}"
"""Pseudonyms stand in addresses: letters, digits, dot, dash and underscore, at most 80."""

_PATIENT = Column(
    "patient_id", "text", "pseudonym, used in addresses: letters, digits and . _ - (at most 80, no dot first)",
    required=True, pattern=PATIENT_ID_PATTERN,
)  # fmt: skip
_DATE = Column("date", "date", "date of the event", required=True)


def _fs(name: str, high: int, meaning: str) -> Column:
    return Column(name, "whole", f"functional system score: {meaning}", low=0, high=high)


def _table(
    name: str,
    meaning: str,
    columns: Sequence[Column],
    key: tuple[str, ...],
    order: tuple[str, ...] | None = None,
    replaces: tuple[str, ...] | None = None,
) -> Table:
    return Table(name, meaning, (*columns, *PROVENANCE), key, order or key, replaces or key)


PATIENT = _table(
    "patient",
    "one row per person",
    (
        _PATIENT,
        Column("sex", "text", "sex", choices=("female", "male")),
        Column("birth_date", "date", "date of birth, not before 1900"),
        Column("birth_date_approximate", "flag", "true when the birth date was derived from an age"),
        Column("onset_date", "date", "first symptom"),
        Column("diagnosis_date", "date", "diagnosis"),
        Column("course", "text", "disease course", choices="courses"),
        Column("centre", "text", "treating centre"),
        Column("synthetic", "flag", "true for a simulated person"),
    ),
    key=("patient_id",),
)

VISIT = _table(
    "visit",
    "neurological examinations",
    (
        _PATIENT,
        _DATE,
        Column("date_approximate", "flag", "true when the date is nominal"),
        Column("edss", "number", "Expanded Disability Status Scale", choices=EDSS_STEPS),
        _fs("fs_visual", 6, "visual"),
        _fs("fs_brainstem", 5, "brainstem"),
        _fs("fs_pyramidal", 6, "pyramidal"),
        _fs("fs_cerebellar", 5, "cerebellar"),
        _fs("fs_sensory", 6, "sensory"),
        _fs("fs_bowel_bladder", 6, "bowel and bladder"),
        _fs("fs_cerebral", 5, "cerebral"),
        _fs("fs_ambulation", 16, "ambulation"),
        Column("t25fw_s", "number", "timed 25-foot walk", unit="s", low=0, high=600),
        Column("hpt9_dominant_s", "number", "nine-hole peg test, dominant hand", unit="s", low=0, high=600),
        Column("hpt9_nondominant_s", "number", "nine-hole peg test, other hand", unit="s", low=0, high=600),
        Column("sdmt", "whole", "symbol digit modalities test", unit="points", low=0, high=110),
    ),
    key=("patient_id", "date"),
)

RELAPSE = _table(
    "relapse",
    "clinical relapses",
    (
        _PATIENT,
        _DATE,
        Column("functional_systems", "text", "systems involved, separated by semicolons"),
        Column("severity", "text", "severity", choices=("mild", "moderate", "severe", "unknown")),
        Column("steroids", "flag", "treated with steroids"),
        Column("recovery", "text", "recovery", choices=("complete", "partial", "none", "unknown")),
    ),
    key=("patient_id", "date"),
)

TREATMENT = _table(
    "treatment",
    "courses of disease-modifying therapy",
    (
        _PATIENT,
        Column("dmt", "text", "therapy", required=True, choices="dmts"),
        Column("start_date", "date", "first dose", required=True),
        Column("stop_date", "date", "last dose; missing while it goes on"),
        Column("stop_reason", "text", "why it was stopped", choices="stop_reasons"),
        Column("dose", "text", "dose as recorded"),
        Column("interval_weeks", "number", "weeks between doses", unit="weeks", low=0, high=260),
    ),
    key=("patient_id", "dmt", "start_date"),
    order=("patient_id", "start_date", "dmt"),
)

CLINICAL_FACT = _table(
    "clinical_fact",
    "dated facts that have no table of their own",
    (
        _PATIENT,
        _DATE,
        Column("kind", "text", "kind of fact", required=True, choices="fact_kinds"),
        Column("value", "text", "value as recorded"),
        Column("unit", "text", "unit of the value"),
    ),
    key=("patient_id", "date", "kind", "value"),
)

LAB = _table(
    "lab",
    "laboratory results",
    (
        _PATIENT,
        _DATE,
        Column("analyte", "text", "analyte", required=True, choices="analytes"),
        Column("loinc", "text", "LOINC code"),
        Column("value", "number", "result", required=True),
        Column("unit", "text", "unit of the result", required=True),
        Column("lower_limit", "number", "laboratory's lower limit, same unit"),
        Column("upper_limit", "number", "laboratory's upper limit, same unit"),
        Column("specimen", "text", "specimen"),
        Column("assay", "text", "assay or platform"),
    ),
    key=("patient_id", "date", "analyte", "specimen"),
)

MRI = _table(
    "mri",
    "MRI studies with what was read from them",
    (
        Column("study_id", "text", "study, unique in the pool", required=True),
        _PATIENT,
        _DATE,
        Column("date_approximate", "flag", "true when the date is nominal"),
        Column("region", "text", "body region", choices=("brain", "cord", "optic", "unknown")),
        Column("field_t", "number", "field strength", unit="T", low=0.05, high=12),
        Column("vendor", "text", "scanner vendor"),
        Column("model", "text", "scanner model"),
        Column("protocol", "text", "protocol"),
        Column("gd_given", "flag", "contrast given; missing = not known"),
        Column("new_t2", "whole", "new T2 lesions against the comparison study", low=0, high=1000),
        Column("enlarging_t2", "whole", "enlarging T2 lesions against the comparison study", low=0, high=1000),
        Column("gd_lesions", "whole", "gadolinium-enhancing lesions", low=0, high=1000),
        Column("t2_count", "whole", "components (26-connectivity) of at least 14.0 mm3", low=0, high=5000),
        Column("t2_volume_ml", "number", "volume of the whole mask", unit="ml", low=0, high=500),
        Column("brain_volume_ml", "number", "brain volume", unit="ml", low=300, high=2500),
        Column(
            "pbvc_percent", "number", "brain volume change against the comparison study", unit="%", low=-20, high=20
        ),
        Column("report_text", "text", "radiology report"),
        Column("mask_source", "text", "who or what drew the mask"),
        Column("comparison_study_id", "text", "study compared with"),
        Column("note", "text", "what is absent or nominal about this study, in words"),
    ),
    key=("study_id",),
    order=("patient_id", "date", "study_id"),
)

SERIES = _table(
    "series",
    "image and mask series of the studies",
    (
        Column("series_id", "text", "opaque id, used in addresses", derived=True),
        Column("study_id", "text", "study", required=True),
        Column("patient_id", "text", "pseudonym of the study's patient", derived=True),
        Column("sequence", "text", "sequence or kind of mask", required=True, choices="sequences"),
        Column(
            "path", "text", "NIfTI file; in a source relative to its folder, in the pool to imaging/", required=True
        ),
        Column("sha256", "text", "digest of that file", derived=True),
        Column("shape", "wholes", "voxels of the display copy along right, anterior, superior", derived=True),
        Column("spacing_mm", "numbers", "voxel size of the display copy, same axes", unit="mm", derived=True),
        Column("origin_mm", "numbers", "centre of its first voxel, RAS+ world", unit="mm", derived=True),
        Column("box_mm", "numbers", "box of the head or brain, RAS+ world: low corner, high corner", derived=True),
        Column(
            "focus_mm", "numbers", "voxel to open a mask at: inside its largest component, RAS+ world", derived=True
        ),
        Column("space", "text", "grid the display copy lies on: native, common grid, MNI152"),
        Column(
            "placement",
            "numbers",
            "4 x 4: mm RAS+ of the study to mm RAS+ of the file, where they differ",
            derived=True,
        ),
        Column("display_path", "text", "display copy (.vti) relative to imaging/", derived=True),
        Column("display_sha256", "text", "digest of the display copy", derived=True),
        Column("window_low", "number", "intensity shown as black, as a level of the 8-bit display copy", derived=True),
        Column("window_high", "number", "intensity shown as white, likewise", derived=True),
    ),
    key=("study_id", "sequence"),
    order=("patient_id", "study_id", "sequence"),
)

LESION = _table(
    "lesion",
    "connected components of the T2 lesion masks",
    (
        Column("study_id", "text", "study", required=True),
        Column("patient_id", "text", "pseudonym of the study's patient", derived=True),
        Column("lesion_id", "whole", "number within the study, largest first", required=True, low=1),
        Column("track_id", "text", "the same lesion across studies"),
        Column(
            "region",
            "text",
            "region",
            choices=("periventricular", "juxtacortical", "infratentorial", "deep_white_matter", "unknown"),
        ),
        Column("volume_mm3", "number", "volume", required=True, unit="mm3", low=0),
        Column(
            "change",
            "text",
            "against the comparison study",
            choices=("new", "enlarging", "stable", "shrinking", "resolved"),
        ),
        Column("centroid_r", "number", "centroid, right positive, RAS+", unit="mm"),
        Column("centroid_a", "number", "centroid, anterior positive, RAS+", unit="mm"),
        Column("centroid_s", "number", "centroid, superior positive, RAS+", unit="mm"),
        Column("below_floor", "flag", "smaller than the 14.0 mm3 counting floor"),
    ),
    key=("study_id", "lesion_id"),
    order=("patient_id", "study_id", "lesion_id"),
    replaces=("study_id",),
)

CLINICAL_TABLES: tuple[Table, ...] = (
    PATIENT,
    VISIT,
    RELAPSE,
    TREATMENT,
    CLINICAL_FACT,
    LAB,
    MRI,
    SERIES,
    LESION,
)
RECORD_TABLES: tuple[Table, ...] = (IMPORT_BATCH, REJECT, PATIENT_LINK, ERASURE)
"""What the pool notes about its own making."""
ALL_TABLES: tuple[Table, ...] = (*CLINICAL_TABLES, *DERIVED_TABLES, *RECORD_TABLES)
BY_NAME: dict[str, Table] = {table.name: table for table in ALL_TABLES}
