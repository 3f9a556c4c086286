"""``shared.toml``: makes a pool folder a shared one and says which PostgreSQL database names its versions.

No password is ever part of it: PostgreSQL's client library takes it from the user's own password file.
"""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

from clams_dash.errors import PoolError

SHARED_FILE = "shared.toml"
_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_-]{0,62}")
_HOST = re.compile(r"[A-Za-z0-9.:-]{1,253}")
_SSL_MODES = frozenset({"disable", "allow", "prefer", "require", "verify-ca", "verify-full"})
_CONNECT_SECONDS = 5


@dataclass(frozen=True, slots=True)
class SharedPlace:
    """Where a shared pool is kept: ``folder`` as this machine sees it, and the database."""

    folder: Path
    url: str
    host: str
    port: int
    database: str
    user: str
    sslmode: str

    @property
    def tables(self) -> Path:
        """Folder of the tables' Parquet files."""
        return self.folder / "tables"

    @property
    def connection(self) -> str:
        """The database as PostgreSQL's client library wants it named; every part was checked for its characters."""
        return (
            f"host={self.host} port={self.port} dbname={self.database} user={self.user} sslmode={self.sslmode} "
            f"connect_timeout={_CONNECT_SECONDS} application_name=clams"
        )

    @property
    def name(self) -> str:
        """For messages."""
        return f"{self.folder} (shared through {self.host}:{self.port}/{self.database})"


def shared_place(folder: Path) -> SharedPlace | None:
    """Where the pool of a folder is shared; None when it is not. Raises PoolError, naming what is wrong."""
    file = folder / SHARED_FILE
    try:
        found = tomllib.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise PoolError(f"{file}: cannot be read ({error})") from error
    if set(found) != {"catalogue"} or not isinstance(found["catalogue"], str):
        raise PoolError(f'{file}: holds one entry, catalogue = "postgresql://user@host:5432/database"')
    return place_of(found["catalogue"], folder)


def place_of(url: str, folder: Path) -> SharedPlace:
    """Take a database address apart. Raises PoolError for a password in it, or what cannot be an address."""
    try:
        parts = urlsplit(url)
        port = parts.port or 5432
        options = dict(parse_qsl(parts.query, keep_blank_values=True, strict_parsing=bool(parts.query)))
    except ValueError as error:
        raise PoolError("the address of the database cannot be read; postgresql://user@host:5432/database") from error
    if parts.password is not None:
        raise PoolError(
            "the address of the database holds a password: leave it out, and put it into the file that PGPASSFILE "
            "names (~/.pgpass if unset), readable by you alone"
        )
    sslmode = options.pop("sslmode", "prefer")
    host, user, database = parts.hostname or "", parts.username or "", parts.path.removeprefix("/")
    wrong = {
        "scheme": parts.scheme not in ("postgresql", "postgres"),
        "user": not _NAME.fullmatch(user),
        "host": not _HOST.fullmatch(host),
        "database": not _NAME.fullmatch(database),
        "sslmode": sslmode not in _SSL_MODES,
        "options": bool(options) or bool(parts.fragment),
    }
    for part, is_wrong in wrong.items():
        if is_wrong:
            raise PoolError(
                f"{part} of the database's address: cannot be used; postgresql://user@host:5432/database is its form, "
                f"?sslmode={'|'.join(sorted(_SSL_MODES))} may follow"
            )
    return SharedPlace(folder, url, host, port, database, user, sslmode)


def write_place(place: SharedPlace) -> None:
    """Make the folder a shared one, in one step."""
    staged = place.folder / f".{SHARED_FILE}"
    staged.write_text(
        "# The database that names this pool's versions (docs/shared-pool.md). No password belongs here.\n"
        f'catalogue = "{place.url}"\n',
        encoding="utf-8",
    )
    staged.replace(place.folder / SHARED_FILE)
