"""Making a pool folder one that several machines share."""

from __future__ import annotations

from clams_dash.errors import PoolError
from clams_dash.pool.folder import PoolFolder
from clams_dash.pool.shared.place import SHARED_FILE, place_of, write_place
from clams_dash.pool.shared.writer import publish_file, start_lake


def share(folder: PoolFolder, url: str) -> bool:
    """Let a database name the versions of this pool; returns whether there was a pool to move there.

    A pool that lies in the folder becomes the first version and its files go, so that erasing a person reaches all
    there is. Raises PoolError when the folder is shared already or the database cannot be used.
    """
    if folder.shared_place() is not None:
        raise PoolError(f"{folder.path / SHARED_FILE}: this pool is shared already")
    place = place_of(url, folder.path)
    with folder.writing():
        held = folder.version_file(folder.current_version()) if folder.exists() else None
        start_lake(place)
        if held is not None:
            publish_file(place, held, lambda: None)
        write_place(place)
        (folder.path / "CURRENT").unlink(missing_ok=True)
        for file in folder.path.glob("pool-*.duckdb"):
            file.unlink()
    return held is not None
