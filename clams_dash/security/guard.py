"""The request guard: what is malformed, too large or from another site is turned away before any view sees it.

A stock Dash server answers most malformed callback bodies with an internal error and takes a callback from any site
that can make a browser send JSON; it also answers to any host name, which lets a rebound DNS name read a loopback
server.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection
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


def install(server: Flask, limits: Limits, known_outputs: Callable[[], Collection[str]]) -> None:
    """Check every request of ``server``; ``known_outputs`` gives the outputs of the app's callbacks."""
    server.config["MAX_CONTENT_LENGTH"] = limits.max_body_bytes

    @server.before_request
    def guard() -> Response | None:
        refusal = check_request(request, limits) or (
            check_callback(request, limits, known_outputs()) if request.path == CALLBACK_PATH else None
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
    if origin is not None and urlsplit(origin).netloc != incoming.host:
        return Refusal(403, "requests from other origins are refused")
    if (incoming.content_length or 0) > limits.max_body_bytes:
        return Refusal(413, "the request is too large")
    return None


def check_callback(incoming: Request, limits: Limits, known_outputs: Collection[str]) -> Refusal | None:
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
    except (ValueError, RecursionError):
        return Refusal(400, "the body is not JSON")
    return _check_body(body, known_outputs)


def _check_body(body: object, known_outputs: Collection[str]) -> Refusal | None:
    wrong = Refusal(400, "the body is not a callback of this app")
    if not isinstance(body, dict) or not set(body) <= _BODY_FIELDS:
        return wrong
    if not isinstance(body.get("output"), str) or body["output"] not in known_outputs:
        return wrong
    if not isinstance(body.get("changedPropIds", []), list):
        return wrong
    if any(not isinstance(prop, str) for prop in body.get("changedPropIds", [])):
        return wrong
    outputs = body.get("outputs")
    if not (_is_dependency(outputs) or (isinstance(outputs, list) and all(_is_dependency(one) for one in outputs))):
        return wrong
    for group in ("inputs", "state"):
        given = body.get(group, [])
        if not isinstance(given, list) or not all(_is_dependency_or_many(one) for one in given):
            return wrong
    return None


def _is_dependency(part: object) -> bool:
    if not isinstance(part, dict) or not isinstance(part.get("property"), str):
        return False
    identity = part.get("id")
    if isinstance(identity, dict):
        return all(isinstance(value, str | int) for value in identity.values())
    return isinstance(identity, str)


def _is_dependency_or_many(part: object) -> bool:
    """A pattern-matching input sends a list of dependencies in the place of one."""
    return all(_is_dependency(one) for one in part) if isinstance(part, list) else _is_dependency(part)


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
