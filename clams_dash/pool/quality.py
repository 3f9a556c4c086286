"""Data quality as the pool holds it: faults page by page, imports, completeness by field and centre."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from clams_dash.model import tables
from clams_dash.model.tables import Column, Table
from clams_dash.pool.database import Database

ANY_ROW = "*"
"""In the completeness: people with at least one row of a table, of all people of the centre."""
NO_CENTRE = "centre not named"


@dataclass(frozen=True, slots=True)
class Finding:
    """One fault of an import that was not withdrawn; ``severity`` error = row set aside, warning = kept."""

    batch_id: str
    table_name: str
    source_file: str | None
    source_row: int | None
    column_name: str | None
    value: str | None
    reason: str
    severity: str
    rule: str | None
    patient_id: str | None
    in_pool: bool


@dataclass(frozen=True, slots=True)
class FindingCount:
    """How often a check found something in a table and batch."""

    batch_id: str
    table_name: str
    rule: str
    severity: str
    count: int


@dataclass(frozen=True, slots=True)
class Batch:
    """One import."""

    batch_id: str
    source: str
    format: str
    centre: str | None
    started_at: datetime
    rows_read: int | None
    rows_kept: int | None
    rows_rejected: int | None
    rows_superseded: int | None
    withdrawn_at: datetime | None
    key_id: str | None
    shift_days: int | None


@dataclass(frozen=True, slots=True)
class Completeness:
    """How many rows of a centre have a value in a field (``unknown`` is none); see ``ANY_ROW``."""

    centre: str
    table_name: str
    column_name: str
    rows: int
    filled: int


@dataclass(frozen=True, slots=True)
class FindingFilter:
    """Which faults to show; an empty text = all."""

    batch_id: str = ""
    table_name: str = ""
    severity: str = ""
    rule: str = ""


def finding_page(
    database: Database, wanted: FindingFilter, *, rows: int = 100, first: int = 0
) -> tuple[list[Finding], int]:
    """One page of faults, the latest import first, errors before warnings, and how many there are."""
    parameters = [wanted.batch_id, wanted.table_name, wanted.severity, wanted.rule, rows, first]
    found = database.rows("finding_page", parameters)
    return [_made(Finding, row) for row in found], int(found[0]["found"]) if found else 0


def finding_counts(database: Database) -> list[FindingCount]:
    """Faults by batch, table and check."""
    return [_made(FindingCount, row) for row in database.rows("finding_counts")]


def batches(database: Database) -> list[Batch]:
    """All imports, the latest first."""
    return [_made(Batch, row) for row in database.rows("batches")]


def completeness(database: Database) -> list[Completeness]:
    """Completeness by table, field and centre, in the order of the tables' description."""
    places = {
        (table.name, name): position
        for position, (table, name) in enumerate(
            (table, name)
            for table in tables.CLINICAL_TABLES
            for name in (ANY_ROW, *(column.name for column in table.columns))
        )
    }
    found = [_made(Completeness, row) for row in database.rows("completeness")]
    return sorted(found, key=lambda one: (places[(one.table_name, one.column_name)], one.centre))


def completeness_statements() -> list[str]:
    """Statements that fill the table ``completeness`` of a version, once when it is built."""
    create = "CREATE TABLE completeness (centre VARCHAR, table_name VARCHAR, column_name VARCHAR, rows BIGINT, filled BIGINT)"  # noqa: E501
    fields = [_fields(table) for table in tables.CLINICAL_TABLES if _optional(table)]
    return [create, *fields, *(_presence(table) for table in tables.CLINICAL_TABLES if table is not tables.PATIENT)]


def _optional(table: Table) -> list[Column]:
    """Fields that may lack a value; not what is said about other fields or filled in when it is missing."""
    return [
        column
        for column in table.source_columns
        if not column.required and not column.name.endswith("_approximate") and column.name != "synthetic"
    ]


def _fields(table: Table) -> str:
    counts = ", ".join(f"count({_given(column)}) AS {column.name}" for column in _optional(table))
    names = ", ".join(column.name for column in _optional(table))
    centre = "t.centre" if table is tables.PATIENT else "p.centre"
    joined = "" if table is tables.PATIENT else "JOIN patient p USING (patient_id)"
    # The centre of a row of people may be the field counted, so the group has a name of its own.
    return f"""
        INSERT INTO completeness BY NAME
        SELECT of_centre AS centre, '{table.name}' AS table_name, column_name, n AS rows, filled FROM (
            UNPIVOT (
                SELECT coalesce({centre}, '{NO_CENTRE}') AS of_centre, count(*) AS n, {counts}
                FROM {table.name} t {joined} GROUP BY of_centre
            ) ON {names} INTO NAME column_name VALUE filled
        )"""  # noqa: S608 - names come from the table description


def _given(column: Column) -> str:
    return f"nullif(t.{column.name}, 'unknown')" if column.kind == "text" else f"t.{column.name}"


def _presence(table: Table) -> str:
    return f"""
        INSERT INTO completeness BY NAME
        SELECT coalesce(p.centre, '{NO_CENTRE}') AS centre, '{table.name}' AS table_name, '{ANY_ROW}' AS column_name,
               count(*) AS rows, count(t.patient_id) AS filled
        FROM patient p LEFT JOIN (SELECT DISTINCT patient_id FROM {table.name}) t USING (patient_id) GROUP BY 1
        """  # noqa: S608 - names come from the table description


def _made(kind: Any, row: Mapping[str, Any]) -> Any:
    return kind(**{name: row[name] for name in kind.__dataclass_fields__})
