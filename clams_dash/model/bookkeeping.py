"""What the pool notes about its own making: imports, faults, links between centres, erasures."""

from __future__ import annotations

from clams_dash.model.description import Column, Table

IMPORT_BATCH = Table(
    "import_batch",
    "one row per import",
    (
        Column("batch_id", "text", "batch", required=True),
        Column("source", "text", "folder or file imported", required=True),
        Column("format", "text", "format", required=True),
        Column("centre", "text", "centre given or found"),
        Column("started_at", "timestamp", "start, UTC", required=True),
        Column("finished_at", "timestamp", "end, UTC"),
        Column("rows_read", "whole", "rows read"),
        Column("rows_kept", "whole", "rows kept"),
        Column("rows_rejected", "whole", "rows or values set aside"),
        Column("rows_superseded", "whole", "earlier rows whose place this import took"),
        Column("sha256", "text", "digest over the source's files"),
        Column("withdrawn_at", "timestamp", "when its rows were taken out again, UTC"),
        Column("key_id", "text", "which key made the pseudonyms; missing = ids as given"),
        Column("shift_days", "whole", "dates were moved back by 1 to this many days, the same for all of one person"),
    ),
    key=("batch_id",),
    order=("started_at", "batch_id"),
    replaces=("batch_id",),
)

REJECT = Table(
    "reject",
    "what an import set aside or warned of",
    (
        Column("batch_id", "text", "batch", required=True),
        Column("table_name", "text", "table meant", required=True),
        Column("source_file", "text", "file"),
        Column("source_row", "whole", "row; the header is row 1"),
        Column("column_name", "text", "column at fault"),
        Column("value", "text", "value at fault, as text"),
        Column("reason", "text", "what is wrong and what was done", required=True),
        Column("severity", "text", "error = set aside, warning = kept", required=True, choices=("error", "warning")),
        Column("rule", "text", "check that found it"),
        Column("patient_id", "text", "pseudonym of the person meant, where the row names one"),
    ),
    key=(),
    order=("batch_id", "table_name", "source_file", "source_row"),
    replaces=(),
)

PATIENT_LINK = Table(
    "patient_link",
    "who is the same person under two centres' pseudonyms, as a centre said",
    (
        Column("centre", "text", "centre that said so", required=True),
        Column("linked_id", "text", "pseudonym that centre uses", required=True),
        Column("patient_id", "text", "pseudonym the person has in this pool", required=True),
        Column("batch_id", "text", "import that brought the link", required=True),
    ),
    key=("centre", "linked_id"),
    order=("centre", "linked_id"),
    replaces=("centre", "linked_id"),
)

ERASURE = Table(
    "erasure",
    "persons erased: a later import that brings them again sets their rows aside",
    (
        Column("person_sha256", "text", "SHA-256 of the pseudonym", required=True),
        Column("erased_at", "timestamp", "when, UTC", required=True),
    ),
    key=("person_sha256",),
    order=("person_sha256",),
    replaces=("person_sha256",),
)
