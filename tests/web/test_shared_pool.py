"""The consultation served from a pool that several machines share says what one served from a file says."""

from __future__ import annotations

import json

from plotly.utils import PlotlyJSONEncoder

from clams_dash.config import Settings
from clams_dash.pool.folder import PoolFolder
from clams_dash.web.factory import create_app
from clams_dash.web.pool_services import PoolServices
from clams_dash.web.views import shell
from tests.conftest import ImportTables
from tests.pools import both_kinds
from tests.web.conftest import HOST


@both_kinds
def test_a_case_is_served_and_a_later_import_is_seen(pool: PoolFolder, import_tables: ImportTables) -> None:
    import_tables(
        patient=[{"patient_id": "anna", "sex": "female", "synthetic": True}],
        visit=[{"patient_id": "anna", "date": "2021-01-10", "edss": 3.5}],
    )
    services = PoolServices(Settings(pool_dir=pool.path))
    client = create_app(Settings(pool_dir=pool.path), services).server.test_client()
    assert client.get("/case/anna", headers=HOST).status_code == 200
    assert client.get("/case/ben", headers=HOST).status_code == 404
    assert services.counts().patients == 1
    assert "EDSS 3.5" in _page(services)
    import_tables(visit=[{"patient_id": "anna", "date": "2022-01-10", "edss": 4.0}])
    assert "EDSS 4.0" in _page(services)
    letter = client.get("/case/anna/letter.pdf", headers=HOST)
    assert letter.status_code == 200
    services.close()


def _page(services: PoolServices) -> str:
    page = shell.page(services, "/case/anna", "")
    return json.dumps(page, cls=PlotlyJSONEncoder, ensure_ascii=False)
