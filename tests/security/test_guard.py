"""The request guard: malformed, oversized and foreign requests are turned away before any view sees them."""

import json

import pytest
from flask import Flask
from flask.testing import FlaskClient
from hypothesis import given, settings
from hypothesis import strategies as st

from clams_dash.security.guard import CALLBACK_PATH, Limits, Shape, install

OUTPUT = "list.children"
GOOD = {
    "output": OUTPUT,
    "outputs": {"id": "list", "property": "children"},
    "inputs": [{"id": "search", "property": "value", "value": "anna"}],
    "changedPropIds": ["search.value"],
    "state": [],
}


@pytest.fixture(scope="module")
def client() -> FlaskClient:
    server = Flask("guarded")
    install(
        server,
        Limits(100_000, 24, frozenset({"127.0.0.1", "localhost"})),
        lambda: {OUTPUT: Shape((("search", "value"),), ())},
    )

    @server.get("/")
    def page() -> str:
        return "page"

    @server.post(CALLBACK_PATH)
    def callback() -> str:
        return "called"

    return server.test_client()


def _post(client: FlaskClient, body: object, **headers: str) -> int:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return client.post(
        CALLBACK_PATH, data=raw, content_type="application/json", headers={"Host": "127.0.0.1", **headers}
    ).status_code


def test_a_callback_of_this_app_is_let_through(client: FlaskClient) -> None:
    assert _post(client, GOOD) == 200


@pytest.mark.parametrize(
    "change",
    [
        {"output": "other.children"},
        {"output": 5},
        {"outputs": "list"},
        {"outputs": [1]},
        {"inputs": {"id": "search"}},
        {"inputs": [None]},
        {"inputs": [{"id": ["search"], "property": "value"}]},
        {"state": "none"},
        {"changedPropIds": [1]},
        {"surprise": True},
        {"inputs": []},
        {"inputs": [{"id": "search", "property": "data", "value": "anna"}]},
        {"state": [{"id": "search", "property": "value"}]},
        {"outputs": {"id": "other", "property": "children"}},
        {"inputs": [{"id": "search", "property": "value", "value": "\ud800"}]},
    ],
)
def test_a_body_that_is_no_callback_of_this_app_is_refused(client: FlaskClient, change: dict[str, object]) -> None:
    assert _post(client, {**GOOD, **change}) == 400


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"null", b"\xff\xfe", b'{"output": NaN', b"[" * 50_000])
def test_what_is_not_json_is_refused(client: FlaskClient, body: bytes) -> None:
    assert _post(client, body) == 400


def test_json_nested_too_deeply_is_refused_but_brackets_in_texts_are_not(client: FlaskClient) -> None:
    deep: object = "x"
    for _ in range(40):
        deep = [deep]
    assert _post(client, {**GOOD, "inputs": [{"id": "search", "property": "value", "value": deep}]}) == 400
    brackets = {"id": "search", "property": "value", "value": '\\"' + "[{" * 100}
    assert _post(client, {**GOOD, "inputs": [brackets]}) == 200


def test_a_body_larger_than_the_limit_is_refused(client: FlaskClient) -> None:
    assert _post(client, {**GOOD, "changedPropIds": ["x" * 200_000]}) == 413


def test_other_content_types_are_refused(client: FlaskClient) -> None:
    answer = client.post(CALLBACK_PATH, data=json.dumps(GOOD), content_type="text/plain", headers={"Host": "127.0.0.1"})
    assert answer.status_code == 415


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Sec-Fetch-Site": "cross-site"}, 403),
        ({"Sec-Fetch-Site": "same-site"}, 403),
        ({"Origin": "http://evil.example"}, 403),
        ({"Origin": "null"}, 403),
        ({"Origin": "http://["}, 403),
        ({"Host": "evil.example"}, 421),
        ({"Origin": "http://127.0.0.1", "Sec-Fetch-Site": "same-origin"}, 200),
    ],
)
def test_requests_of_other_sites_and_names_are_refused(
    client: FlaskClient, headers: dict[str, str], status: int
) -> None:
    assert _post(client, GOOD, **headers) == status


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "TRACE"])
def test_other_methods_are_refused(client: FlaskClient, method: str) -> None:
    assert client.open("/", method=method, headers={"Host": "127.0.0.1"}).status_code == 405


def test_a_link_from_elsewhere_opens_a_page(client: FlaskClient) -> None:
    headers = {"Host": "127.0.0.1", "Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate"}
    assert client.get("/", headers=headers).status_code == 200


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=10), inner, max_size=4),
    max_leaves=12,
)


@settings(max_examples=400, deadline=None)
@given(st.dictionaries(st.sampled_from([*GOOD, "background", "job", "x"]), json_values))
def test_no_body_makes_the_guard_itself_fail(client: FlaskClient, body: dict[str, object]) -> None:
    assert _post(client, body) in {200, 400}
    assert _post(client, {**GOOD, **body}) in {200, 400}
