"""Slips to the contract's words and back: in bounds, and about this very slip."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.contract import slip
from drivers.contract.codec import BadMessage, raw
from gateway.devices import convert_slip
from gateway.model.slip import MOST_PARTS, SlipAlign, SlipCode, SlipJob, SlipText

JOB = SlipJob("k1", (SlipText("a", bold=True, align=SlipAlign.RIGHT), SlipCode("C-1"), SlipText("b", large=True)))


def test_every_part_is_said_as_it_is() -> None:
    assert convert_slip.slip_call(JOB) == slip.Slip(
        "k1",
        (slip.SlipText("a", bold=True, align=slip.Align.RIGHT), slip.SlipCode("C-1"), slip.SlipText("b", large=True)),
    )


@pytest.mark.parametrize(
    "parts",
    [
        (),
        (SlipText("a"),) * (MOST_PARTS + 1),
        (SlipText("a" * 2001),),
        (SlipCode(""),),
        (SlipCode("a" * 501),),
        (SlipText("\ud800"),),
    ],
)
def test_what_the_contract_cannot_say_is_refused_without_a_word_of_it(parts: tuple[SlipText | SlipCode, ...]) -> None:
    with pytest.raises(BadMessage) as refused:
        convert_slip.slip_call(SlipJob("k1", parts))
    assert "aaa" not in str(refused.value)


def test_a_confirmation_counts_for_its_own_slip_only() -> None:
    assert convert_slip.slip_printed(JOB, raw(slip.SlipPrinted("k1")))
    assert not convert_slip.slip_printed(JOB, raw(slip.SlipPrinted("k1", sure=False)))
    with pytest.raises(BadMessage):
        convert_slip.slip_printed(JOB, raw(slip.SlipPrinted("k2")))


@given(st.binary(max_size=200))
def test_any_bytes_are_a_word_or_refused(data: bytes) -> None:
    try:
        assert convert_slip.slip_printed(JOB, msgspec.Raw(data)) in (True, False)
    except BadMessage as refused:
        assert str(refused)  # noqa: PT017
