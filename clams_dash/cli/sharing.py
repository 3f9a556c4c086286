"""The verb ``share``: a pool for several machines."""

from __future__ import annotations

from typing import Annotated

import typer

from clams_dash.cli.output import JsonOption, PoolOption, pool_folder, print_json


def add_to(app: typer.Typer) -> None:
    """Add the verb."""
    app.command("share")(share)


def share(
    database: Annotated[str, typer.Argument(help="postgresql://user@host:5432/database, without a password.")],
    pool: PoolOption = None,
    json: JsonOption = False,
) -> None:
    """Let several machines share the pool folder: a PostgreSQL database of its own names the versions."""
    from clams_dash.pool.sharing import share as share_pool

    folder = pool_folder(pool)
    moved = share_pool(folder, database)
    if json:
        print_json({"pool": str(folder.path), "database": database, "moved": moved})
        return
    typer.echo(f"{folder.path}: shared; every machine that sees this folder and may reach the database can use it")
    if moved:
        typer.echo("the pool that lay here is its first version")
