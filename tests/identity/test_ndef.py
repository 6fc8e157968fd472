"""The first URI of an NDEF message. What a card holds may be anything."""

from __future__ import annotations

import ndef as library
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.identity.ndef import first_uri

URL = "https://pass.example/t?e=1"


def encoded(*records: object) -> bytes:
    return b"".join(library.message_encoder(records))


def test_a_uri_record_is_found() -> None:
    assert first_uri(encoded(library.UriRecord(URL))) == URL


def test_it_is_found_behind_other_records() -> None:
    message = encoded(
        library.TextRecord("hello"), library.Record("urn:nfc:ext:a.example:x", "id", b"data"), library.UriRecord(URL)
    )
    assert first_uri(message) == URL


def test_a_long_record_has_four_bytes_of_length() -> None:
    url = URL + "&x=" + "1" * 400
    assert first_uri(encoded(library.UriRecord(url))) == url


@pytest.mark.parametrize("url", ["http://www.a.example", "https://www.a.example", "http://a.example", "urn:x:1"])
def test_every_web_prefix_is_known(url: str) -> None:
    found = first_uri(encoded(library.UriRecord(url)))
    assert found == (url if url.startswith("http") else None)


@pytest.mark.parametrize(
    "message", [b"", b"\xd1", b"\xd1\x01\x00U", b"\xd1\x01\x05U\x04a", b"\xc1\x01\x00\x00\x00\x02U\x04"]
)
def test_nothing_is_found_in_pieces(message: bytes) -> None:
    assert first_uri(message) is None


def test_bytes_that_are_no_text_are_no_uri() -> None:
    assert first_uri(b"\xd1\x01\x03U\x04\xff\xff") is None


@given(st.binary(max_size=200))
def test_any_bytes_end_in_a_uri_or_in_nothing(message: bytes) -> None:
    found = first_uri(message)
    assert found is None or isinstance(found, str)


@given(st.integers(0, 60), st.binary(max_size=4))
def test_a_damaged_message_ends_in_a_uri_or_in_nothing(at: int, put: bytes) -> None:
    message = encoded(library.TextRecord("hello"), library.UriRecord(URL))
    first_uri(message[:at] + put + message[at + len(put) :])
