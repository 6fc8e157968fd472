"""Whatever a caller sends, it is decoded or refused; nothing else."""

from __future__ import annotations

import contextlib
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.api.body import decode, idempotency_key
from gateway.model.errors import InputRefused
from gateway.stations.till_words import CommitRequest, QuoteRequest

anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(("receipt", "lines", "id", "quote", "x")), inner)
    ),
    max_leaves=20,
)


@given(st.binary(max_size=300))
def test_any_bytes_are_refused_or_a_quote(body: bytes) -> None:
    with contextlib.suppress(InputRefused):
        assert isinstance(decode(body, QuoteRequest), QuoteRequest)


@given(anything)
def test_any_json_is_refused_or_a_request(value: object) -> None:
    body = json.dumps(value).encode()
    for kind in (QuoteRequest, CommitRequest):
        with contextlib.suppress(InputRefused):
            assert isinstance(decode(body, kind), kind)


@pytest.mark.parametrize("deep", [b"[" * 100_000, b'{"receipt":' * 20_000, b'{"receipt":{"lines":' + b"[" * 100_000])
def test_deep_nesting_is_refused(deep: bytes) -> None:
    with pytest.raises(InputRefused):
        decode(deep, QuoteRequest)


@pytest.mark.parametrize("body", [b'{"quote":"\xff"}', b'{"quote":"\\ud800"}', b"", b"{}{}", b"\xef\xbb\xbf{}"])
def test_what_is_no_json_in_utf8_is_malformed(body: bytes) -> None:
    with pytest.raises(InputRefused) as refused:
        decode(body, CommitRequest)
    assert refused.value.code in ("malformed_json", "bad_request")


@given(st.lists(st.text(max_size=70), max_size=2))
def test_a_key_is_printable_ascii_or_refused(given: list[str]) -> None:
    with contextlib.suppress(InputRefused):
        key = idempotency_key(given, required=True)
        assert key is not None
        assert 1 <= len(key) <= 64
        assert key.isascii()
        assert key.isprintable()


@given(st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=64))
def test_every_printable_key_is_taken_as_it_is(key: str) -> None:
    assert idempotency_key([key], required=True) == key


def test_a_quote_may_go_without_a_key() -> None:
    assert idempotency_key([], required=False) is None
