"""Routes beside the Dash pages: image bytes by opaque id, the health check, and honest 404s."""

from __future__ import annotations

import re
from datetime import date

from dash.exceptions import DependencyException
from flask import Flask, Response, jsonify, request

from clams_dash.errors import PoolError, UnknownPatient
from clams_dash.model.tables import PATIENT_ID_PATTERN
from clams_dash.web.services import DisplayFile, Services

_CASE_PAGE = re.compile(rf"/case/(?P<patient>{PATIENT_ID_PATTERN})/?")
DATA_POOL = "/pool"
"""Address of the page of imports and data quality."""
_ANY_PAGE = "/<path:path>"
"""The rule under which Dash answers every address that is nobody else's."""


def volume_url(series_id: str) -> str:
    """Address of a series' image."""
    return f"/volume/{series_id}.vti"


def letter_url(patient_id: str, at: date | None) -> str:
    """Address of a case's letter in PDF."""
    return f"/case/{patient_id}/letter.pdf" + (f"?at={at.isoformat()}" if at else "")


def mesh_url(mesh_id: str) -> str:
    """Address of a surface."""
    return f"/volume/{mesh_id}.vtp"


def patient_of(path: str) -> str | None:
    """Pseudonym in the address of a consultation page, or None when it is another page."""
    match = _CASE_PAGE.fullmatch(path)
    return match["patient"] if match else None


def add_routes(server: Flask, services: Services) -> None:
    """Add the routes to the server."""
    _add_letter(server, services)
    _add_images(server, services)

    @server.get("/healthz")
    def healthz() -> Response:
        try:
            return jsonify(services.ready())
        except PoolError:
            answer = jsonify({"status": "no pool can be served"})
            answer.status_code = 503
            return answer

    @server.before_request
    def unknown_address() -> Response | None:
        """Dash answers 200 to any address; a page that does not exist must say so in its status too."""
        if request.url_rule is not None and request.url_rule.rule != _ANY_PAGE:
            return None
        if request.path == DATA_POOL:
            return None
        patient = patient_of(request.path)
        if patient is None:
            return _no_such("page")
        try:
            services.open_case(patient)
        except UnknownPatient:
            return _no_such("patient")
        return None


def _add_letter(server: Flask, services: Services) -> None:
    @server.get("/case/<patient_id>/letter.pdf")
    def letter(patient_id: str) -> Response:
        try:
            at = date.fromisoformat(request.args["at"]) if "at" in request.args else None
        except ValueError:
            return _no_such("day")
        content = services.letter(patient_id, at)
        if content is None:
            return _no_such("record")
        response = Response(content, mimetype="application/pdf")
        response.headers["Content-Disposition"] = f'inline; filename="{patient_id}.pdf"'
        response.headers["Cache-Control"] = "private, no-store"
        return response


def _add_images(server: Flask, services: Services) -> None:
    """Image bytes by opaque id: whole volumes, and single slices for browsers without WebGL."""

    @server.get("/volume/<series_id>.vti")
    def volume(series_id: str) -> Response:
        found = services.display_file(series_id)
        if found is None:
            return _no_such("image")
        return _cached(found, "application/octet-stream", "private, no-cache")

    @server.get("/volume/<mesh_id>.vtp")
    def mesh(mesh_id: str) -> Response:
        found = services.mesh(mesh_id)
        return _no_such("surface") if found is None else _cached(found, "application/octet-stream", "private, no-cache")

    @server.get("/volume/<series_id>/<plane>/<int:index>.png")
    def still(series_id: str, plane: str, index: int) -> Response:
        found = services.still(series_id, plane, index)
        # Kept for a while without asking, so that stepping back needs no answer; the id goes with the content.
        return _no_such("slice") if found is None else _cached(found, "image/png", "private, max-age=3600")


def _cached(file: DisplayFile, mimetype: str, rule: str) -> Response:
    response = Response(file.content, mimetype=mimetype)
    response.set_etag(file.sha256)
    response.headers["Cache-Control"] = rule
    response.make_conditional(request)
    return response


def add_error_answers(server: Flask) -> None:
    """Answer what goes wrong in a page or callback with its status and words, not with an internal error."""

    @server.errorhandler(UnknownPatient)
    def no_patient(error: UnknownPatient) -> Response:
        return _no_such("patient")

    @server.errorhandler(PoolError)
    def no_pool(error: PoolError) -> Response:
        return Response("The pool cannot be read at the moment.", status=503, mimetype="text/plain")

    @server.errorhandler(DependencyException)
    def no_file(error: DependencyException) -> Response:
        return _no_such("file")


def _no_such(thing: str) -> Response:
    body = (
        "<!doctype html><html lang='en'><title>CLAMS Dash: not found</title><body style='font-family:sans-serif'>"
        f"<h1>Not found</h1><p>There is no such {thing} here.</p><p><a href='/'>All cases</a></p>"
        "<p>Research and demonstration software, not a medical device.</p></body></html>"
    )
    return Response(body, status=404, mimetype="text/html")
