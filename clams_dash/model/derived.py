"""Tables worked out from a person's studies together: one space per person, and what is compared in it.

Their rows stand as long as the person's studies, series and lesions do: an import that brings or corrects one of these
brings the person's derived rows anew, a withdrawn import drops them, and an erased person's go. They come from no file.
"""

from __future__ import annotations

from clams_dash.model.description import Column, Table

REFERENCE_SPACE = "common grid of the person"
"""``Series.space`` of display copies that all lie on the one grid of their person."""

_STUDY = Column("study_id", "text", "study", required=True)
_PATIENT = Column("patient_id", "text", "pseudonym of the study's patient", required=True)
_BATCH = Column("batch_id", "text", "import that worked it out", required=True)
_QUALITY = ("pass", "doubtful", "fail")

REGISTRATION = Table(
    "registration",
    "how each study lies in the space of its person's reference study",
    (
        _STUDY,
        _PATIENT,
        Column(
            "reference_study_id", "text", "the person's reference study; its own row is the identity", required=True
        ),
        Column("matrix", "numbers", "4 x 4, row by row: mm RAS+ of the reference to mm RAS+ of the study"),
        Column("metric", "number", "normalised mutual information of the two scans in the brain, 1 to 2"),
        Column("overlap", "number", "share of the reference's brain that lies inside the study's field of view"),
        Column("error_mm", "number", "mean disagreement over the brain of two ways to the same result", unit="mm"),
        Column("quality", "text", "pass; doubtful and fail are never compared", required=True, choices=_QUALITY),
        Column("reason", "text", "what speaks for or against it, in words", required=True),
        Column("sequence", "text", "sequence that was registered"),
        Column(
            "template", "numbers", "4 x 4: mm RAS+ of the reference to mm of MNI152; affine, on the reference's row"
        ),
        Column("inputs", "text", "digest of all it was made of, method included: the same inputs are not worked again"),
        _BATCH,
    ),
    key=("study_id",),
    order=("patient_id", "study_id"),
    replaces=(),
)

ALIGNED = Table(
    "aligned",
    "display copies on the one grid of their person, for reading prior and current at the same place",
    (
        Column("series_id", "text", "opaque id of the copy, used in addresses", required=True),
        _STUDY,
        _PATIENT,
        Column("sequence", "text", "sequence, lesion_mask, difference or lesion_change", required=True),
        Column("source_series_id", "text", "series it was made of, where it is one"),
        Column("matrix", "numbers", "4 x 4: mm RAS+ of the reference to mm RAS+ of that series"),
        Column("shape", "wholes", "voxels along right, anterior, superior", required=True),
        Column("spacing_mm", "numbers", "voxel size, same axes", unit="mm", required=True),
        Column("origin_mm", "numbers", "centre of the first voxel, RAS+ of the reference", unit="mm", required=True),
        Column("box_mm", "numbers", "box of the head: low corner, high corner", unit="mm"),
        Column("focus_mm", "numbers", "point to open a mask at: inside its largest component", unit="mm"),
        Column("display_path", "text", "file (.vti) relative to imaging/; missing for an empty mask"),
        Column("display_sha256", "text", "digest of that file"),
        Column("window_low", "number", "level of the 8-bit copy shown as black"),
        Column("window_high", "number", "level shown as white"),
        _BATCH,
    ),
    key=("series_id",),
    order=("patient_id", "study_id", "sequence"),
    replaces=(),
)

DERIVED_TABLES: tuple[Table, ...] = (REGISTRATION, ALIGNED)
