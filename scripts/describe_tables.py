"""Write the pool's tables into data/README.md from their one description; ``--check`` only compares."""

from __future__ import annotations

import sys

from clams_dash.config import FACTS_DIR
from clams_dash.model import tables

BEGIN, END = "<!-- tables:begin (written by scripts/describe_tables.py) -->", "<!-- tables:end -->"


def described() -> str:
    """The tables as Markdown."""
    parts = []
    for table in tables.CLINICAL_TABLES:
        key = ", ".join(table.key)
        parts.append(f"**{table.name}**: {table.meaning}; one row per {key}\n")
        parts += [_line(column) for column in table.source_columns]
        parts.append("")
    parts.append("Worked out by the import itself, and brought anew when a person's studies change:\n")
    for table in tables.DERIVED_TABLES:
        parts.append(f"**{table.name}**: {table.meaning}; one row per {', '.join(table.key)}\n")
        parts += [_line(column) for column in table.columns]
        parts.append("")
    return "\n".join(parts)


def _line(column: tables.Column) -> str:
    star = "*" if column.required else ""
    bounds = ""
    if column.low is not None or column.high is not None:
        low = "" if column.low is None else f"{column.low:g}"
        high = "" if column.high is None else f"{column.high:g}"
        bounds = f", {low} to {high}" if low and high else f", from {low}" if low else f", up to {high}"
    unit = f" ({column.unit})" if column.unit else ""
    if isinstance(column.choices, str):
        bounds += f", see `catalogues/{column.choices}.csv`"
    elif column.choices is not None and column.name != "edss":
        bounds += f": {', '.join(str(choice) for choice in column.choices)}"
    elif column.name == "edss":
        bounds += ": 0, 1.0, 1.5 ... 10.0"
    return f"- `{column.name}`{star} {column.kind}{unit}: {column.meaning}{bounds}"


def main() -> int:
    """Write or check."""
    page = FACTS_DIR / "README.md"
    before = page.read_text(encoding="utf-8")
    head, rest = before.split(BEGIN)
    after = f"{head}{BEGIN}\n{described()}\n{END}{rest.split(END)[1]}"
    if "--check" in sys.argv:
        if after != before:
            print("data/README.md does not describe the tables as they are; run scripts/describe_tables.py")
        return int(after != before)
    page.write_text(after, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
