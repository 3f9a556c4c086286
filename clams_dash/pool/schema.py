"""DDL of the pool, made from the one description of its tables."""

from __future__ import annotations

from clams_dash.model import tables

POOL_FORMAT = 4
"""Raised when the tables change so that an older pool can no longer be read."""

_SQL_TYPES = {
    "text": "VARCHAR",
    "date": "DATE",
    "number": "DOUBLE",
    "whole": "INTEGER",
    "flag": "BOOLEAN",
    "timestamp": "TIMESTAMP",
    "wholes": "INTEGER[]",
    "numbers": "DOUBLE[]",
    "texts": "VARCHAR[]",
}


SUPERSEDED = "superseded"
"""Schema of the rows that later imports took the place of: the clinical tables and ``superseded_by``, a batch."""


def create_statements() -> list[str]:
    """One CREATE TABLE per table and per table of superseded rows, and ``pool_info`` (one row: format, engine)."""
    return [
        f"CREATE SCHEMA {SUPERSEDED}",
        *(_create(table.name, table) for table in tables.ALL_TABLES),
        *(_create(f"{SUPERSEDED}.{table.name}", table, ", superseded_by VARCHAR") for table in tables.CLINICAL_TABLES),
        "CREATE TABLE pool_info (format INTEGER NOT NULL, engine VARCHAR NOT NULL, built_at TIMESTAMP NOT NULL)",
    ]


def sql_type(column: tables.Column) -> str:
    """SQL type of a column."""
    return _SQL_TYPES[column.kind]


def _create(name: str, table: tables.Table, more: str = "") -> str:
    columns = ", ".join(
        f"{column.name} {sql_type(column)}{' NOT NULL' if column.required else ''}" for column in table.columns
    )
    return f"CREATE TABLE {name} ({columns}{more})"
