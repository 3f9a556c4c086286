"""Format ``mapped``: a centre's own tables, read by the mapping file that lies with them or is named."""

from __future__ import annotations

from difflib import get_close_matches
from pathlib import Path

import pandas as pd

from clams_dash.errors import ImportRefused
from clams_dash.ingest import units
from clams_dash.ingest.mapping.convert import date_reader, recoded, scaled, with_point
from clams_dash.ingest.mapping.model import MAPPING_NAMES, LabColumn, Mapping, TableMapping, read_mapping
from clams_dash.ingest.normalise import normalised
from clams_dash.ingest.parse import is_blank
from clams_dash.ingest.staging import FILE, ROW, Reject, Staged, digest, refuse_unknown_columns
from clams_dash.ingest.tabular import SUFFIXES, Sheet, read_sheet, refuse_outside, sheets
from clams_dash.model import tables


def recognises(source: Path) -> bool:
    """Whether ``source`` is a folder with a mapping file in it."""
    return source.is_dir() and any((source / name).is_file() for name in MAPPING_NAMES)


def stage(source: Path, mapping_file: Path | None = None) -> Staged:
    """Read a folder or file by its mapping.

    Parameters
    ----------
    mapping_file
        The mapping; None = ``mapping.toml``, ``mapping.yaml`` or ``mapping.yml`` in the folder.

    Raises
    ------
    ImportRefused
        Naming the mapping file and the entry, or the source file, row and column: a file, worksheet or column that is
        not there, a unit without a rule, anything :func:`read_mapping` or the files themselves refuse.
    """
    path = mapping_file or _own_mapping(source)
    mapping = read_mapping(path)
    root = source if source.is_dir() else source.parent
    parts: dict[str, list[pd.DataFrame]] = {}
    used: list[Path] = [path]
    for table in mapping.table:
        sheet = _sheet(source, root, table, path)
        used.append(sheet.file)
        raw = read_sheet(sheet, encoding=table.encoding or mapping.encoding)
        parts.setdefault(table.into, []).extend(_frames(raw, table, mapping, path))
    return Staged(
        format="mapped",
        source=str(source),
        sha256=digest((file.name, file) for file in set(used)),
        frames={name: pd.concat(frames) for name, frames in parts.items()},
        centre=mapping.centre,
        image_root=root,
        notes=tuple(_left_out(source, used)),
    )


def _own_mapping(source: Path) -> Path:
    found = [source / name for name in MAPPING_NAMES if (source / name).is_file()]
    if len(found) != 1:
        raise ImportRefused(f"{source}: holds {len(found)} mapping files ({', '.join(MAPPING_NAMES)}); one is needed")
    return found[0]


def _sheet(source: Path, root: Path, table: TableMapping, path: Path) -> Sheet:
    file = root / table.file
    if not file.resolve().is_relative_to(root.resolve()):
        raise ImportRefused(f"{path}: file {table.file!r} lies outside the imported folder")
    if source.is_file() and file != source:
        raise ImportRefused(f"{path}: file {table.file!r} is not {source.name}; give the folder with both instead")
    if not file.is_file():
        raise ImportRefused(f"{path}: file {table.file!r} is not in {root}")
    refuse_outside(file, root)
    if file.suffix.lower() not in SUFFIXES:
        raise ImportRefused(f"{path}: file {table.file!r} is none of {', '.join(SUFFIXES)}")
    found = sheets(file)
    if table.sheet is not None:
        return Sheet(file, table.sheet)
    if len(found) > 1:
        names = ", ".join(str(sheet.name) for sheet in found)
        raise ImportRefused(f"{path}: file {table.file!r} has several worksheets ({names}); name one as 'sheet'")
    return found[0]


def _frames(raw: pd.DataFrame, table: TableMapping, mapping: Mapping, path: Path) -> list[pd.DataFrame]:
    for name in (*table.columns.values(), *(lab.column for lab in table.labs)):
        if name not in raw.columns:
            near = get_close_matches(name, [str(one) for one in raw.columns], n=1)
            hint = f"; did you mean {near[0]!r}?" if near else ""
            raise ImportRefused(f"{path}: {table.file}: row 1: there is no column {name!r}{hint}")
    columns = {name: raw[source] for name, source in table.columns.items()}
    frame = pd.DataFrame({**columns, **table.constants, FILE: raw[FILE], ROW: raw[ROW]}, index=raw.index, dtype=object)
    made = [_lab_rows(frame, raw[lab.column], lab) for lab in table.labs]
    if not table.labs:
        made = [frame]
    return [_finished(one, table, mapping, path) for one in made]


def _lab_rows(frame: pd.DataFrame, results: pd.Series, lab: LabColumn) -> pd.DataFrame:
    given = ~results.map(is_blank).astype(bool)
    return frame.assign(analyte=lab.analyte, unit=lab.unit, value=results)[given]


def _finished(frame: pd.DataFrame, table: TableMapping, mapping: Mapping, path: Path) -> pd.DataFrame:
    target = tables.BY_NAME[table.into]
    dates = table.dates or mapping.dates
    for name, words in table.values.items():
        if name in frame:
            frame = frame.assign(**{name: recoded(frame[name], words)})
    for name in frame.columns.intersection(list(target.by_name)):
        kind = target.by_name[name].kind
        if kind == "date" and dates is not None:
            frame = frame.assign(**{name: frame[name].map(date_reader(dates))})
        if kind in ("number", "whole") and (table.decimal or mapping.decimal) == ",":
            frame = frame.assign(**{name: frame[name].map(with_point)})
    for name, unit in table.units.items():
        factor = _factor(target, name, unit, table, path)
        frame = frame.assign(**{name: scaled(frame[name], factor)})
    if table.distinct:
        frame = frame.loc[~frame.drop(columns=ROW).duplicated()]
    place = f"{path}: {table.file} into {table.into}"
    return normalised(refuse_unknown_columns(frame, target, place), table.into)


def _factor(target: tables.Table, name: str, unit: str, table: TableMapping, path: Path) -> float:
    own = target.by_name[name].unit
    found = None if own is None or name not in table.columns else units.factor(unit, own)
    if found is None:
        raise ImportRefused(
            f"{path}: {table.file} into {table.into}: units.{name}: no rule from {unit!r} to {own or 'a unit'} "
            f"(see data/catalogues/units.csv)"
        )
    return found


def _left_out(source: Path, used: list[Path]) -> list[Reject]:
    if not source.is_dir():
        return []
    reason = "not named in the mapping; file left out"
    return [
        Reject("source", file.name, None, None, None, reason, "warning")
        for file in sorted(source.iterdir())
        if file.suffix.lower() in SUFFIXES and file not in used
    ]
