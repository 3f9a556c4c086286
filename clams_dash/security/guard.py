"""The request guard: what is malformed, too large or from another site is turned away before any view sees it.

A stock Dash server answers most malformed callback bodies with an internal error and takes a callback from any site
that can make a browser send JSON; it also answers to any host name, which lets a rebound DNS name read a loopback
server.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from flask import Flask, Request, Response, jsonify, request

CALLBACK_PATH = "/_dash-update-component"
_SAFE_METHODS = frozenset({"GET", "HEAD"})
_SAME_SITE = frozenset({"same-origin", "none"})
_BODY_FIELDS = frozenset(
    {
        "output",
        "outputs",
        "inputs",
        "state",
        "changedPropIds",
        "parsedChangedPropsIds",
        "cancelJob",
        "background",
        "job",
    }
)


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds of a request: bytes of its body, nesting of its JSON, host names answered to."""

    max_body_bytes: int
    max_json_depth: int
    hosts: frozenset[str]


@dataclass(frozen=True, slots=True)
class Refusal:
    """An answer to a request that is turned away."""

    status: int
    reason: str


Dependencies = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Shape:
    """What a callback of this app is sent: ids and properties of its inputs and states, in order."""

    inputs: Dependencies
    state: Dependencies


def install(server: Flask, limits: Limits, callbacks: Callable[[], Mapping[str, Shape]]) -> None:
    """Check every request of ``server``; ``callbacks`` gives the shape of each callback by its output."""
    server.config["MAX_CONTENT_LENGTH"] = limits.max_body_bytes

    @server.before_request
    def guard() -> Response | None:
        refusal = check_request(request, limits) or (
            check_callback(request, limits, callbacks()) if request.path == CALLBACK_PATH else None
        )
        if refusal is None:
            return None
        answer = jsonify({"error": refusal.reason})
        answer.status_code = refusal.status
        return answer


def check_request(incoming: Request, limits: Limits) -> Refusal | None:
    """Check host, method, origin and size of any request."""
    if (urlsplit(f"//{incoming.host}").hostname or "") not in limits.hosts:
        return Refusal(421, "this server does not answer to that host name")
    if incoming.method not in (*_SAFE_METHODS, "POST"):
        return Refusal(405, "method not allowed")
    if incoming.method == "POST" and incoming.path != CALLBACK_PATH:
        return Refusal(405, "method not allowed")
    navigation = incoming.method in _SAFE_METHODS and incoming.headers.get("Sec-Fetch-Mode") == "navigate"
    if not navigation and incoming.headers.get("Sec-Fetch-Site", "none") not in _SAME_SITE:
        return Refusal(403, "requests from other sites are refused")
    origin = incoming.headers.get("Origin")
    if origin is not None and _host_of(origin) != incoming.host:
        return Refusal(403, "requests from other origins are refused")
    if (incoming.content_length or 0) > limits.max_body_bytes:
        return Refusal(413, "the request is too large")
    return None


def _host_of(origin: str) -> str | None:
    try:
        return urlsplit(origin).netloc
    except ValueError:
        return None


def check_callback(incoming: Request, limits: Limits, callbacks: Mapping[str, Shape]) -> Refusal | None:
    """Check that a callback body is JSON of the shape Dash sends, for an output this app has."""
    if incoming.mimetype != "application/json":
        return Refusal(415, "JSON is needed")
    raw = incoming.get_data(cache=True)
    if len(raw) > limits.max_body_bytes:
        return Refusal(413, "the request is too large")
    if _depth(raw) > limits.max_json_depth:
        return Refusal(400, "the JSON is nested too deeply")
    try:
        body = json.loads(raw)
        json.dumps(body, ensure_ascii=False).encode()
    except (ValueError, RecursionError):
        return Refusal(400, "the body is not JSON in proper Unicode")
    return _check_body(body, callbacks)


def _check_body(body: object, callbacks: Mapping[str, Shape]) -> Refusal | None:
    wrong = Refusal(400, "the body is not a callback of this app")
    if not isinstance(body, dict) or not set(body) <= _BODY_FIELDS:
        return wrong
    if not isinstance(body.get("output"), str) or body["output"] not in callbacks:
        return wrong
    shape = callbacks[body["output"]]
    if not isinstance(body.get("changedPropIds", []), list):
        return wrong
    if any(not isinstance(prop, str) for prop in body.get("changedPropIds", [])):
        return wrong
    if not _same(body.get("inputs", []), shape.inputs) or not _same(body.get("state", []), shape.state):
        return wrong
    outputs = body.get("outputs")
    listed = outputs if isinstance(outputs, list) else [outputs]
    named = [f"{one.get('id')}.{one.get('property')}" if isinstance(one, dict) else "" for one in listed]
    expected = body["output"] if not body["output"].startswith("..") else body["output"][2:-2]
    return None if named == expected.split("...") else wrong


def _same(given: object, expected: Dependencies) -> bool:
    """Whether a body's inputs are those of the callback: same ids, same properties, same order."""
    if not isinstance(given, list) or len(given) != len(expected):
        return False
    return all(
        isinstance(part, dict) and part.get("id") == name and part.get("property") == prop
        for part, (name, prop) in zip(given, expected, strict=True)
    )


def _depth(raw: bytes) -> int:
    """Nesting of brackets outside strings; cheap, and safe to run before the parser."""
    depth = deepest = 0
    in_string = escaped = False
    for byte in raw:
        if escaped:
            escaped = False
        elif in_string:
            escaped = byte == 0x5C
            in_string = byte != 0x22
        elif byte == 0x22:
            in_string = True
        elif byte in (0x7B, 0x5B):
            depth += 1
            deepest = max(deepest, depth)
        elif byte in (0x7D, 0x5D):
            depth -= 1
    return deepest
