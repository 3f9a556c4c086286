"""A real PostgreSQL for the tests of the shared pool. It is found or installed, and listens on loopback."""

from __future__ import annotations

import os
import pwd
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

ROLE = "clams"


class PostgresMissing(Exception):
    """No PostgreSQL server on this machine and none could be installed."""


@dataclass(frozen=True, slots=True)
class Server:
    """A running server; ``as_superuser`` runs statements one by one."""

    port: int
    folder: Path
    programs: Path
    owner: str | None

    def as_superuser(self, *statements: str, database: str = "postgres") -> str:
        return self._psql("postgres", database, statements)

    def as_role(self, *statements: str, database: str) -> str:
        return self._psql(ROLE, database, statements)

    def _psql(self, user: str, database: str, statements: tuple[str, ...]) -> str:
        command = [str(self.programs / "psql"), "-X", "-At", "-v", "ON_ERROR_STOP=1", "-h", "127.0.0.1"]
        for statement in statements:
            command += ["-c", statement]
        command += ["-p", str(self.port), "-U", user, database]
        return subprocess.check_output(command, text=True).strip()

    def make_database(self, name: str) -> str:
        """An empty database that the plain role owns; returns its address."""
        self.as_superuser(f"CREATE DATABASE {name} OWNER {ROLE}")
        return f"postgresql://{ROLE}@127.0.0.1:{self.port}/{name}?sslmode=disable"

    def stop(self) -> None:
        self._control("-m", "immediate", "stop")

    def start(self) -> None:
        options = f"-p {self.port} -c listen_addresses=127.0.0.1 -c unix_socket_directories={self.folder} -c fsync=off"
        self._control("-l", str(self.folder / "log"), "-o", options, "start")

    def _control(self, *words: str) -> None:
        run_as(self.owner, [self.programs / "pg_ctl", "-w", "-D", str(self.folder / "data"), *words])


@contextmanager
def running_server() -> Iterator[Server]:
    """A new server in a temporary folder, stopped and removed at the end. Raises PostgresMissing."""
    programs = find_programs()
    # A server does not run as root, and the user it runs as has to reach its folder.
    owner = _other_user() if os.geteuid() == 0 else None
    with tempfile.TemporaryDirectory(prefix="clams-postgres-") as name:
        folder = Path(name)
        if owner is not None:
            shutil.chown(folder, owner)
        server = Server(_free_port(), folder, programs, owner)
        initialise = ["-D", str(folder / "data"), "-U", "postgres", "-A", "trust", "-E", "UTF8", "--no-sync"]
        run_as(owner, [programs / "initdb", *initialise])
        server.start()
        try:
            server.as_superuser(f"CREATE ROLE {ROLE} LOGIN")
            yield server
        finally:
            server.stop()


def run_as(user: str | None, command: list[Path | str]) -> None:
    """Run a command of the server's, as another user when this one is root."""
    done = subprocess.run(
        command, user=user, group=user, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, check=False
    )
    if done.returncode != 0:
        raise PostgresMissing(f"{command[0]} {command[-1]}: {done.stderr.decode(errors='replace').strip()}")


def find_programs() -> Path:
    """Folder of initdb and pg_ctl: CLAMS_POSTGRES, Debian's, the one on PATH, or installed by apt as root."""
    named = os.environ.get("CLAMS_POSTGRES")
    if named:
        if (Path(named) / "initdb").exists():
            return Path(named)
        raise PostgresMissing(f"CLAMS_POSTGRES names {named}, where there is no initdb")
    found = _installed() or _from_apt()
    if found is None:
        raise PostgresMissing(
            "the tests of the shared pool need PostgreSQL's server: install it (Debian: apt-get install postgresql), "
            "or set CLAMS_POSTGRES to the folder of its programs"
        )
    return found


def _installed() -> Path | None:
    debian = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]))
    if debian:
        return debian[-1].parent
    on_path = shutil.which("initdb")
    return Path(on_path).resolve().parent if on_path else None


def _from_apt() -> Path | None:
    if not Path("/etc/debian_version").exists() or os.geteuid() != 0 or not shutil.which("apt-get"):
        return None
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    for command in (["apt-get", "update"], ["apt-get", "install", "-y", "--no-install-recommends", "postgresql"]):
        if subprocess.run(command, env=environment, capture_output=True, check=False).returncode != 0:
            return None
    return _installed()


def _other_user() -> str:
    names = {entry.pw_name for entry in pwd.getpwall()}
    return next(name for name in ("postgres", "nobody") if name in names)


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port
