"""What is wrong: forged, unknown, negative, backwards, twice, too large."""

from __future__ import annotations

import json
from contextlib import suppress
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.model.errors import InputRefused
from gateway.wire import quota as wire
from gateway.wire.quota import (
    Beyond,
    Cell,
    Close,
    Hello,
    QuotaSaid,
    Report,
    Request,
    Void,
    Want,
    decode_said,
    decode_told,
)
from tests.quota.messages import ANNA, ENTRY, FIRST, SECOND
from tests.quota.world import World

REQUEST = Request(SECOND, Cell("rides", "2026-11", ANNA))
GOOD: list[wire.Said] = [
    Hello("0" * 32),
    REQUEST,
    Report(FIRST, 1, 0, ENTRY),
    Close(FIRST, 1),
    Void(FIRST, ENTRY, 1),
    Beyond(1, REQUEST.cell, 1, 1),
    wire.HandOver(1, ((1, 1, 0),), "a" * 64, "b" * 128),
]


@pytest.mark.parametrize("message", GOOD, ids=lambda one: type(one).__name__)
def test_each_message_comes_through_as_it_was(message: wire.Said) -> None:
    group = QuotaSaid("museum-1", (message,))
    assert decode_said(msgspec.json.encode(group), "museum-1") == group


BAD: list[tuple[str, Any]] = [
    ("another gateway", {"gateway": "school-1"}),
    ("no message", {"said": []}),
    ("too many", {"said": [{"say": "hello", "nonce": "0" * 32}] * 65}),
    ("unknown message", {"said": [{"say": "give"}]}),
    ("unknown field", {"said": [{"say": "hello", "nonce": "0" * 32, "x": 1}]}),
    ("negative units", {"said": [{"say": "close", "lease": {"incarnation": 1, "number": 1}, "used": -1}]}),
    ("too many units", {"said": [{"say": "close", "lease": {"incarnation": 1, "number": 1}, "used": 2**60}]}),
    ("number 0", {"said": [{"say": "close", "lease": {"incarnation": 1, "number": 0}, "used": 1}]}),
    ("life 0", {"said": [{"say": "close", "lease": {"incarnation": 0, "number": 1}, "used": 1}]}),
    ("a half", {"said": [{"say": "close", "lease": {"incarnation": 1, "number": 1}, "used": 0.5}]}),
    ("no entry", {"said": [{"say": "void", "lease": {"incarnation": 1, "number": 1}, "entry": "x", "units": 1}]}),
    (
        "a zero in a holder",
        {
            "said": [
                {
                    "say": "request",
                    "lease": {"incarnation": 1, "number": 1},
                    "cell": {"key": "rides", "period": "ever", "subject": "h\0"},
                }
            ]
        },
    ),
]


@pytest.mark.parametrize(("_what", "change"), BAD, ids=[what for what, _ in BAD])
def test_what_is_wrong_is_refused_whole_and_is_an_alarm(world: World, _what: str, change: dict[str, Any]) -> None:
    good = {"gateway": "museum-1", "said": [{"say": "hello", "nonce": "0" * 32}]}
    payload = json.dumps({**good, **change}).encode()
    before = world.leases()
    world.to_centre("museum-1", payload)
    assert (world.down, world.leases()) == ([], before)
    assert world.alarms()["poison"] == 1


def test_what_is_too_large_is_refused_unread() -> None:
    with pytest.raises(InputRefused, match="bytes"):
        decode_said(b" " * (wire.MAX_BYTES + 1), "museum-1")


@given(st.binary(max_size=300) | st.text(max_size=200).map(str.encode))
def test_no_bytes_do_more_than_be_refused(payload: bytes) -> None:
    for decode in (decode_said, decode_told):
        with suppress(InputRefused):
            decode(payload, "museum-1")


WORDS = st.sampled_from([*Want, "hello", "rides", "ever"])
NAMES = st.sampled_from(["say", "lease", "cell", "used", "number", "incarnation", "key"])
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=12) | WORDS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=4),
    max_leaves=12,
)


@given(st.lists(JSON, max_size=3))
def test_no_json_does_more_than_be_refused(messages: list[Any]) -> None:
    payload = json.dumps({"gateway": "museum-1", "said": messages, "told": messages}).encode()
    for decode in (decode_said, decode_told):
        with suppress(InputRefused):
            decode(payload, "museum-1")
