"""Checked rows of an import to rows of the pool: what the images give, what is missing, where each row came from."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, replace

import pandas as pd

from clams_dash.ingest.images import ImagesDone
from clams_dash.ingest.known import Known
from clams_dash.ingest.parse import empty_column
from clams_dash.ingest.staging import FILE, ROW, Reject
from clams_dash.model import tables


def additions(
    checked: Mapping[str, pd.DataFrame],
    images: ImagesDone,
    known: Known,
    batch_id: str,
    centre: str | None,
    rejects: list[Reject],
) -> dict[str, pd.DataFrame]:
    """Rows by clinical table, every column of the table present. Disagreements are added to ``rejects``."""
    frames = dict(checked)
    if "patient" in frames:
        people = frames["patient"]
        frames["patient"] = people.assign(
            centre=people["centre"].fillna(centre or pd.NA),
            synthetic=people["synthetic"].fillna(False),
            course=people["course"].fillna("unknown"),
            birth_date_approximate=people["birth_date_approximate"].fillna(False),
        )
    if "mri" in frames:
        frames["mri"] = _with_measurements(frames["mri"], images, known, rejects)
    frames["series"] = pd.DataFrame(images.series)
    frames["lesion"] = _lesions(frames.get("lesion"), frames.get("mri"), images, rejects)
    return {name: _complete(frame, tables.BY_NAME[name], batch_id) for name, frame in frames.items() if len(frame)}


def superseded_rows(name: str, rows: pd.DataFrame, known: Known) -> int:
    """How many rows of the pool these take the place of."""
    table = tables.BY_NAME[name]
    held, key = known.frame(table), list(table.replaces)
    if held.empty:
        return 0
    mine = pd.MultiIndex.from_frame(rows[key].astype("string").fillna(""))
    return int(pd.MultiIndex.from_frame(held[key].astype("string").fillna("")).isin(mine).sum())


def reject_frame(rejects: Iterable[Reject], batch_id: str) -> pd.DataFrame:
    """Rows of the table ``reject``."""
    columns = [column.name for column in tables.REJECT.columns]
    frame = pd.DataFrame([{**asdict(reject), "batch_id": batch_id} for reject in rejects], columns=columns)
    return frame.assign(source_row=frame["source_row"].astype("Int64"))


def naming_people(rejects: Iterable[Reject], staged: Mapping[str, pd.DataFrame]) -> list[Reject]:
    """Give each fault its person's pseudonym (not those of erased people), and one without a check what found it."""
    owners: dict[tuple[str, str, int], str] = {}
    studies = staged.get("mri")
    of_study = {} if studies is None else dict(zip(studies["study_id"], studies["patient_id"], strict=True))
    for name, frame in staged.items():
        people = frame["patient_id"] if "patient_id" in frame else frame["study_id"].map(of_study)
        places = zip(frame[FILE], frame[ROW], people, strict=True)
        owners |= {(name, str(file), int(row)): patient for file, row, patient in places if isinstance(patient, str)}
    named = []
    for reject in rejects:
        place = (reject.table_name, reject.source_file or "", reject.source_row or 0)
        found_by = reject.rule or ("image" if reject.table_name == "series" else "reader")
        owner = None if reject.rule == "erased" else reject.patient_id or owners.get(place)
        named.append(replace(reject, rule=found_by, patient_id=owner))
    return named


def _with_measurements(studies: pd.DataFrame, images: ImagesDone, known: Known, rejects: list[Reject]) -> pd.DataFrame:
    """Put what was measured from the masks into the studies; the mask is right where a table says otherwise."""
    before = _measured_before(known)
    measured = before | images.measured
    origins = known.frame(tables.MRI).set_index("study_id")["mask_source"]
    studies = studies.copy()
    for position, study_id in enumerate(studies["study_id"]):
        for column, value in measured.get(study_id, {}).items():
            told = studies[column].iloc[position]
            if not pd.isna(told) and abs(float(told) - value) > 0.02 * max(value, 1.0):
                file, line = str(studies[FILE].iloc[position]), int(studies[ROW].iloc[position])
                reason = f"{column}: the mask gives {value:g}; the mask's value was kept"
                rejects.append(Reject("mri", file, line, column, f"{told:g}", reason, "warning", "mask_disagrees"))
            studies.loc[studies.index[position], column] = value
        if study_id in before and study_id not in images.measured and pd.isna(studies["mask_source"].iloc[position]):
            studies.loc[studies.index[position], "mask_source"] = origins[study_id]
        if study_id in images.notes:
            notes = [studies["note"].iloc[position], *images.notes[study_id]]
            studies.loc[studies.index[position], "note"] = "; ".join(note for note in notes if not pd.isna(note))
    return studies


def _measured_before(known: Known) -> dict[str, dict[str, float]]:
    """Measurements of masks the pool holds: a corrected row of the study does not undo them."""
    series, studies = known.frame(tables.SERIES), known.frame(tables.MRI).set_index("study_id")
    masked = series.loc[series["sequence"] == "lesion_mask", "study_id"]
    return {
        study: {name: float(studies.loc[study, name]) for name in ("t2_count", "t2_volume_ml")}
        for study in masked
        if study in studies.index and studies.loc[study, ["t2_count", "t2_volume_ml"]].notna().all()
    }


def _lesions(
    told: pd.DataFrame | None, studies: pd.DataFrame | None, images: ImagesDone, rejects: list[Reject]
) -> pd.DataFrame:
    measured = pd.DataFrame(images.lesions)
    if told is None or told.empty or studies is None:
        return measured
    told = told.assign(patient_id=told["study_id"].map(studies.set_index("study_id")["patient_id"]))
    clash = told["study_id"].isin(list(images.measured))
    reason = "the study's mask was measured; its lesions were kept instead of the table's"
    rejects.extend(
        Reject("lesion", str(row[FILE]), int(row[ROW]), "study_id", row["study_id"], reason, "warning", "mask_kept")
        for row in told[clash].drop_duplicates("study_id").to_dict("records")
    )
    return pd.concat([measured, told[~clash]]) if len(measured) else told[~clash]


def _complete(frame: pd.DataFrame, table: tables.Table, batch_id: str) -> pd.DataFrame:
    given = frame.rename(columns={FILE: "source_file", ROW: "source_row"}).assign(batch_id=batch_id)
    missing = {column.name: empty_column(column, given.index) for column in table.columns if column.name not in given}
    return given.assign(**missing)[[column.name for column in table.columns]]
