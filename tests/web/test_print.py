"""Printing a case from its page: the letter of the same day, and nothing for what is not there."""

from __future__ import annotations

import io
from datetime import date

import pytest
from pypdf import PdfReader

from clams_dash.web.routes import letter_url
from tests.web.conftest import HOST, SmallApp


def _words(content: bytes) -> str:
    return " ".join(" ".join(page.extract_text().split()) for page in PdfReader(io.BytesIO(content)).pages)


def test_the_printed_letter_is_of_the_person_and_not_kept_by_the_browser(small_app: SmallApp) -> None:
    answer = small_app.client().get(letter_url("anna", None), headers=HOST)
    assert answer.status_code == 200
    assert answer.mimetype == "application/pdf"
    assert answer.headers["Cache-Control"] == "private, no-store"
    words = _words(answer.data)
    assert "anna" in words
    assert "EDSS 3.5" in words


def test_the_letter_of_an_earlier_day_knows_nothing_later(small_app: SmallApp) -> None:
    answer = small_app.client().get(letter_url("anna", date(2020, 3, 1)), headers=HOST)
    words = _words(answer.data)
    assert "As known on 2020-03-01" in words
    assert "EDSS 2.0" in words
    assert "EDSS 3.5" not in words
    assert "dimethyl" not in words.lower()


@pytest.mark.parametrize(
    "address", ["/case/nobody/letter.pdf", "/case/anna/letter.pdf?at=yesterday", "/case/ben/letter.pdf"]
)
def test_nothing_to_print_is_a_plain_not_found(small_app: SmallApp, address: str) -> None:
    assert small_app.client().get(address, headers=HOST).status_code == 404
