"""Base45 (RFC 9285), by the examples of its sections 4.3 and 4.4."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.model.errors import InputRefused
from gateway.wire import base45


@pytest.mark.parametrize(
    ("plain", "text"),
    [(b"AB", b"BB8"), (b"Hello!!", b"%69 VD92EX0"), (b"base-45", b"UJCLQE7W581"), (b"ietf!", b"QED8WEX0"), (b"", b"")],
)
def test_as_published(plain: bytes, text: bytes) -> None:
    assert base45.encode(plain) == text
    assert base45.decode(text) == plain


@pytest.mark.parametrize("text", [b"GGW", b":::", b"::", b"A", b"ABCD", b"bb8", b"BB\xff", b"BB8\n"])
def test_what_no_encoder_makes_is_refused(text: bytes) -> None:
    with pytest.raises(InputRefused):
        base45.decode(text)


@given(st.binary(max_size=300))
def test_round_trip(data: bytes) -> None:
    assert base45.decode(base45.encode(data)) == data


@given(st.binary(max_size=40))
def test_there_is_one_text_for_each_content(text: bytes) -> None:
    try:
        data = base45.decode(text)
    except InputRefused:
        return
    assert base45.encode(data) == text
