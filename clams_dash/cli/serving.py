"""The verb ``serve``: the web app, with a demo pool built on the first start."""

from __future__ import annotations

import threading
from enum import StrEnum
from typing import Annotated

import typer

from clams_dash.cli.output import PoolOption, pool_folder, progress_bar
from clams_dash.cli.therapy import train_on
from clams_dash.config import DEMO_PATIENTS, DEMO_SCANS, DEMO_SEED, NOT_A_DEVICE, Settings
from clams_dash.errors import ClamsError
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
    """Serve the app; builds the demo pool and its model when there is no pool yet."""
    from clams_dash.web.factory import refuse_open_host

    refuse_open_host(host)
    folder = pool_folder(pool)
    if not folder.exists():
        _first_start(folder)
    run(Settings(pool_dir=folder.path, host=host, port=port, threads=workers, mode=mode.value))


def _first_start(folder: PoolFolder) -> None:
    from clams_dash.ingest.demo import build_demo

    typer.echo("First start: building the synthetic demo pool and its model.", err=True)
    with progress_bar() as progress:
        build_demo(folder, patients=DEMO_PATIENTS, seed=DEMO_SEED, scans=DEMO_SCANS, progress=progress)
    with progress_bar() as progress:
        train_on(folder, 0, progress)


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
