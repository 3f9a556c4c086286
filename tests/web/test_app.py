"""The app as a server: pages, honest 404s, images by opaque id, headers, no address of another host."""

import json
import re
from datetime import date

import pytest
from plotly.utils import PlotlyJSONEncoder

from clams_dash.clinical import case_words
from clams_dash.model.records import Case, Patient, Source, Visit
from clams_dash.pool import cases
from clams_dash.pool.database import Database
from clams_dash.web import ids
from clams_dash.web.ids import Consultation
from clams_dash.web.routes import volume_url
from clams_dash.web.views import shell
from tests.web.conftest import HOST, SmallApp


def _text(component: object) -> str:
    return json.dumps(component, cls=PlotlyJSONEncoder, ensure_ascii=False)


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/", 200),
        ("/case/anna", 200),
        ("/case/nobody", 404),
        ("/case/../etc/passwd", 404),
        ("/nowhere", 404),
        ("/case/", 404),
    ],
)
def test_pages_that_do_not_exist_say_so_in_their_status(small_app: SmallApp, path: str, status: int) -> None:
    assert small_app.client().get(path, headers=HOST).status_code == status


def test_healthz_answers_with_the_pool_version(small_app: SmallApp) -> None:
    answer = small_app.client().get("/healthz", headers=HOST)
    assert answer.get_json() == {
        "status": "ok", "version": "0.1.0", "pool": small_app.folder.current_version(), "patients": 2,
    }  # fmt: skip


def test_healthz_says_when_nothing_can_be_served(small_app: SmallApp) -> None:
    pointer = small_app.folder.path / "CURRENT"
    before = pointer.read_text()
    pointer.write_text("gone")
    try:
        assert small_app.client().get("/healthz", headers=HOST).status_code == 503
    finally:
        pointer.write_text(before)


def test_every_response_carries_a_policy_of_this_server_only(small_app: SmallApp) -> None:
    for path in ("/", "/healthz", "/nowhere", "/_dash-layout", "/assets/clams.css"):
        with small_app.client().get(path, headers=HOST) as answer:
            headers = answer.headers
        policy = headers["Content-Security-Policy"]
        assert "default-src 'self'" in policy
        assert "unsafe-eval" not in policy
        assert "unsafe-inline" not in policy.split("style-src")[0]
        assert not re.search(r"https?://", policy)
        assert headers["X-Content-Type-Options"] == "nosniff"


def test_pages_are_not_kept_by_caches(small_app: SmallApp) -> None:
    assert small_app.client().get("/case/anna", headers=HOST).headers["Cache-Control"] == "no-store"


def _series_id(small_app: SmallApp) -> str:
    return cases.load_case(Database(small_app.folder), "anna").scans[0].series[0].series_id


def test_an_image_comes_by_its_opaque_id_and_is_not_sent_twice(small_app: SmallApp) -> None:
    client, url = small_app.client(), volume_url(_series_id(small_app))
    first = client.get(url, headers=HOST)
    assert first.status_code == 200
    assert b"<VTKFile" in first.data[:200]
    again = client.get(url, headers={**HOST, "If-None-Match": first.headers["ETag"]})
    assert (again.status_code, again.data) == (304, b"")


@pytest.mark.parametrize("name", ["0" * 32, "..%2f..%2fCURRENT", "../CURRENT", "%00", "A" * 32, "x" * 500, "CURRENT"])
def test_no_address_reaches_a_file_that_is_no_image(small_app: SmallApp, name: str) -> None:
    assert small_app.client().get(f"/volume/{name}.vti", headers=HOST).status_code == 404


def test_a_slice_comes_as_a_picture_for_browsers_without_webgl(small_app: SmallApp) -> None:
    client, series_id = small_app.client(), _series_id(small_app)
    answer = client.get(f"/volume/{series_id}/axial/10.png", headers=HOST)
    assert (answer.status_code, answer.mimetype) == (200, "image/png")
    assert answer.data.startswith(b"\x89PNG")
    again = client.get(f"/volume/{series_id}/axial/10.png", headers={**HOST, "If-None-Match": answer.headers["ETag"]})
    assert again.status_code == 304


@pytest.mark.parametrize("slice_name", ["axial/20", "axial/-1", "axial/x", "..%2f/1", "oblique/3", "axial/1%00", "/3"])
def test_a_slice_that_is_not_there_is_not_found(small_app: SmallApp, slice_name: str) -> None:
    answer = small_app.client().get(f"/volume/{_series_id(small_app)}/{slice_name}.png", headers=HOST)
    assert answer.status_code == 404
    assert small_app.client().get(f"/volume/{'0' * 32}/axial/1.png", headers=HOST).status_code == 404


def test_an_image_that_was_altered_on_disk_is_not_served(small_app: SmallApp) -> None:
    series_id = _series_id(small_app)
    copy = cases.display_copy(Database(small_app.folder), series_id)
    assert copy is not None
    before = copy.path.read_bytes()
    copy.path.write_bytes(before[:-1] + b"?")
    try:
        assert small_app.client().get(volume_url(series_id), headers=HOST).status_code == 404
    finally:
        copy.path.write_bytes(before)


def test_no_callback_body_makes_the_server_fail(small_app: SmallApp) -> None:
    """Every callback, each of its values replaced by hostile ones: refused or answered, never an internal error."""
    client = small_app.client()
    hostile: list[object] = [None, 5, "nobody", "' OR 1=1 --", [], {}, [[1]], {"points": [{}]}, "\u0000", True]
    for output, callback in small_app.app.callback_map.items():
        if "callback" not in callback:
            continue
        parts = [*callback["inputs"], *callback["state"]]
        names = output[2:-2].split("...") if output.startswith("..") else [output]
        outputs = [dict(zip(("id", "property"), name.rsplit(".", 1), strict=True)) for name in names]
        for place in range(len(parts)):
            for value in hostile:
                sent = [{"id": str(one["id"]), "property": one["property"], "value": value if at == place else "anna"}
                        for at, one in enumerate(parts)]  # fmt: skip
                body = {"output": output, "outputs": outputs if len(outputs) > 1 else outputs[0],
                        "inputs": sent[: len(callback["inputs"])], "state": sent[len(callback["inputs"]) :],
                        "changedPropIds": [f"{sent[0]['id']}.{sent[0]['property']}"]}  # fmt: skip
                answer = client.post("/_dash-update-component", json=body, headers=HOST)
                assert answer.status_code < 500, (output, place, value)


@pytest.mark.parametrize("path", ["/_dash-component-suites/os/x.js", "/_dash-component-suites/dash/../../etc/passwd"])
def test_files_of_no_component_are_not_found(small_app: SmallApp, path: str) -> None:
    assert small_app.client().get(path, headers=HOST).status_code == 404


def test_every_callback_names_components_of_the_layout(small_app: SmallApp) -> None:
    known = {
        member.value for kind in (ids.Shell, ids.CaseList, ids.DataPool, ids.Consultation, ids.Mri) for member in kind
    }
    for callback in small_app.app.callback_map.values():
        for part in (*callback["inputs"], *callback["state"]):
            name = part["id"]
            assert name in known or name.startswith("{"), name


def test_no_debug_tools_and_no_outside_scripts(small_app: SmallApp) -> None:
    page = small_app.client().get("/", headers=HOST).text
    assert '"ui":false' in page
    assert re.findall(r'(?:src|href)="(?:https?:)?//', page) == []


def test_the_consultation_shows_the_facts_of_the_case(small_app: SmallApp) -> None:
    text = _text(shell.page(small_app.services, "/case/anna", ""))
    for fact in ("SYNTHETIC", "woman, 30", "relapsing-remitting MS, 5 years since onset", "dimethyl fumarate, 6 months",
                 "EDSS 3.5", "(was 2.0)", "data to 2021-01-12"):  # fmt: skip
        assert fact in text, fact


def test_what_is_not_known_is_said_and_never_shown_as_normal(small_app: SmallApp) -> None:
    text = _text(shell.page(small_app.services, "/case/ben", ""))
    for gap in ("sex not known, age not known", "course not known", "therapy not recorded", "EDSS not recorded",
                "no therapy on record", "no EDSS on record", "no MRI on record", "not measured",
                "No MRI study on record.", "No model"):  # fmt: skip
        assert gap in text, gap


def test_the_case_can_be_seen_as_it_was_known_on_a_day(small_app: SmallApp) -> None:
    text = _text(shell.page(small_app.services, "/case/anna", "?at=2020-06-30"))
    assert "as known on 2020-06-30" in text
    assert "EDSS 2.0" in text
    assert "EDSS 3.5" not in text
    assert "is not a date" in _text(shell.page(small_app.services, "/case/anna", "?at=yesterday"))


def test_texts_of_a_source_are_not_read_as_markup(small_app: SmallApp) -> None:
    """A figure reads tags in its texts, so they are escaped there; React shows the page's own texts as they are."""
    figure = _text(shell.page(small_app.services, "/case/anna", "")[Consultation.TIMELINE])
    assert "&lt;b&gt;optic&lt;/b&gt;" in figure
    assert "<b>optic" not in figure


def test_the_app_says_on_every_page_that_it_is_no_medical_device(small_app: SmallApp) -> None:
    assert "not a medical device" in _text(small_app.app.layout)
    assert "not a medical device" in small_app.client().get("/nowhere", headers=HOST).text


@pytest.mark.parametrize("day", ["1875-01-01", "9999-12-31"])
def test_a_day_nobody_can_ask_for_is_refused(small_app: SmallApp, day: str) -> None:
    assert "before 1950 or in the future" in _text(shell.page(small_app.services, "/case/anna", f"?at={day}"))


def test_nobody_has_a_negative_age(small_app: SmallApp) -> None:
    assert "age not known" in _text(shell.page(small_app.services, "/case/anna", "?at=1980-01-01"))


def test_an_old_edss_is_named_with_its_date() -> None:
    source = Source("b", "f", 2)
    patient = Patient("a", None, None, False, None, None, "RRMS", None, True, source)
    visit = Visit(date(2005, 1, 1), False, 2.0, {}, None, None, None, None, source)
    assert case_words.edss(Case(patient, visits=(visit,)), date(2024, 1, 1)) == ("EDSS 2.0", "of 2005-01-01")
    assert case_words.edss(Case(patient, visits=(visit,)), date(2005, 6, 1)) == ("EDSS 2.0", None)


def test_the_case_on_a_day_knows_nothing_of_later_days(small_app: SmallApp) -> None:
    case = small_app.services.open_case("anna", date(2020, 6, 30))
    assert len(case.visits) == 1
    assert case.treatments == ()
    assert case.scans == ()


def _answer(small_app: SmallApp, trigger: Consultation, values: dict[Consultation, object]) -> dict[str, object]:
    """What the server answers to the callback that the page sends when ``trigger`` changes."""
    output, callback = next(
        (key, one)
        for key, one in small_app.app.callback_map.items()
        if "callback" in one and any(part["id"] == trigger for part in one["inputs"]) and Consultation.VIEWER in key
    )
    named = {str(name): value for name, value in values.items()}
    body = {
        "output": output,
        "outputs": [{"id": part.rsplit(".", 1)[0], "property": "children"} for part in output.strip(".").split("...")],
        "changedPropIds": [f"{trigger}.value"],
        "inputs": [{**part, "value": named.get(part["id"])} for part in callback["inputs"]],
        "state": [{**part, "value": named.get(part["id"])} for part in callback["state"]],
    }
    answer = small_app.client().post("/_dash-update-component", json=body, headers=HOST)
    assert answer.status_code == 200, answer.data
    told: dict[str, object] = answer.get_json()
    return told


def test_choosing_a_study_on_an_earlier_day_shows_nothing_later(small_app: SmallApp) -> None:
    chosen: dict[Consultation, object] = {
        Consultation.STUDY: "anna-1", Consultation.SEQUENCE: "FLAIR", Consultation.PATIENT: "anna",
    }  # fmt: skip
    assert "No MRI study on record" not in json.dumps(_answer(small_app, Consultation.STUDY, chosen))
    earlier = chosen | {Consultation.AT: "2021-01-01"}
    assert "No MRI study on record" in json.dumps(_answer(small_app, Consultation.STUDY, earlier))
