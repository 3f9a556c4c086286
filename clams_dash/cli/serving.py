"""The verb ``serve``: the web app, with a demo pool built on the first start."""

from __future__ import annotations

import subprocess
import threading
from enum import StrEnum
from typing import Annotated

import typer

from clams_dash.cli import first_start
from clams_dash.cli.output import PoolOption, pool_folder, progress_bar
from clams_dash.config import DEMO_PATIENTS, DEMO_SCANS, DEMO_SEED, NOT_A_DEVICE, Settings
from clams_dash.errors import ClamsError
from clams_dash.pool.background import Work
from clams_dash.pool.folder import PoolFolder


class Mode(StrEnum):
    """What the server shows."""

    CONSULT = "consult"


def add_to(app: typer.Typer) -> None:
    """Add the verb."""
    app.command("serve")(serve)


def serve(
    host: Annotated[
        str, typer.Option(help="Loopback address; others need identities, which do not exist yet.")
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=1, max=65535)] = 8050,
    workers: Annotated[int, typer.Option(min=1, max=64, help="Threads that answer requests.")] = 8,
    mode: Annotated[Mode, typer.Option(help="What the server shows.")] = Mode.CONSULT,
    pool: PoolOption = None,
) -> None:
    """Serve the app; where there is no pool yet, a demo pool is built and its model trained beside it."""
    from clams_dash.web.factory import refuse_open_host

    refuse_open_host(host)
    folder = pool_folder(pool)
    helper = _start_building(folder)
    try:
        run(Settings(pool_dir=folder.path, host=host, port=port, threads=workers, mode=mode.value))
    finally:
        if helper is not None:
            helper.terminate()


def _start_building(folder: PoolFolder) -> subprocess.Popen[bytes] | None:
    """Start what the pool lacks, if anything, and wait until there is a pool to serve."""
    if folder.shared_place() is not None:
        if not folder.exists():
            raise ClamsError(f"{folder.path}: shared, and holds nothing yet: `clams import` writes its first version")
        return None  # a server writes nothing into a pool of several machines
    work = first_start.unfinished_work(folder, Work(DEMO_PATIENTS, DEMO_SEED, DEMO_SCANS))
    if work is None:
        return None
    helper = first_start.start(folder, work)
    if not folder.exists():
        typer.echo("First start: building the synthetic demo pool; scans and model go on arriving.", err=True)
        with progress_bar() as progress:
            first_start.wait_for_pool(folder, helper, progress)
    return helper


def run(settings: Settings) -> None:
    """Serve until interrupted."""
    import waitress

    from clams_dash.web.factory import create_app
    from clams_dash.web.pool_services import PoolServices

    services = PoolServices(settings)
    app = create_app(settings, services)
    threading.Thread(target=services.warm_up, name="warm-up", daemon=True).start()
    typer.echo(f"CLAMS Dash on http://{settings.host}:{settings.port}  ({NOT_A_DEVICE})", err=True)
    try:
        waitress.serve(
            app.server,
            host=settings.host,
            port=settings.port,
            threads=settings.threads,
            ident=None,
            max_request_body_size=settings.max_body_bytes,
        )
    except OSError as error:
        raise ClamsError(f"--port {settings.port}: cannot be used ({error.strerror}); give another") from error
