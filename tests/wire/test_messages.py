"""Acks and states: decoded strictly, with bounds that every store can hold."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.model.entry import Stream
from gateway.model.errors import InputRefused
from gateway.wire.messages import Ack, Acks, State, decode, encode

EPOCH = "a1" * 8
seqs = st.integers(0, 2**31 - 1)
acks = st.builds(
    Ack,
    st.sampled_from(Stream),
    st.just(EPOCH),
    seqs,
    st.lists(st.tuples(seqs, seqs), max_size=3).map(tuple),
    st.lists(seqs, max_size=3).map(tuple),
)


@given(st.lists(acks, max_size=4))
def test_acks_out_and_back(words: list[Ack]) -> None:
    message = Acks(tuple(words))
    assert decode(encode(message), Acks, "ack") == message


def test_state_out_and_back() -> None:
    state = State(True, "s", EPOCH, "b", "0.1", {Stream.RECEIPT: 5}, {Stream.RECEIPT: 3}, {"rules": 7})
    assert decode(encode(state), State, "state") == state


@pytest.mark.parametrize(
    "ack",
    [
        {"stream": "gossip"},
        {"epoch": "XYZ"},
        {"epoch": EPOCH + "\n"},
        {"through": -1},
        {"through": 2**31},
        {"through": "5"},
        {"missing": [[1]]},
        {"missing": [[1, 2**63]]},
        {"missing": [[1, 1]] * 2000},
        {"refused": [2**63]},
        {"refused": [1] * 2000},
        {"refused": [-1]},
    ],
)
def test_a_word_that_makes_no_sense_is_refused_and_says_where(ack: dict[str, object]) -> None:
    whole = {"stream": "receipt", "epoch": EPOCH, "through": 1, **ack}
    with pytest.raises(InputRefused, match="here: not a Acks"):
        decode(msgspec.json.encode({"acks": [whole]}), Acks, "here")


@given(st.binary(max_size=100))
def test_any_bytes_are_decoded_or_refused(payload: bytes) -> None:
    with pytest.raises(InputRefused):
        decode(payload, Acks, "here")


def test_deep_nesting_is_refused() -> None:
    with pytest.raises(InputRefused):
        decode(b'{"acks":' + b"[" * 100_000, Acks, "here")
