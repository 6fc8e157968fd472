"""What printers answer, as it was recorded in tests/data/slip, is understood; any other bytes do no harm."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.slip.errors import Code
from drivers.slip.status import ASKED, Answers, Status

RECORDINGS = sorted((Path(__file__).parents[1] / "data" / "slip").glob("*.txt"))


def meaning(answers: dict[int, int]) -> str:
    hindrance = Status(answers).hindrance()
    return "ready" if hindrance is None else str(hindrance[0])


@pytest.mark.parametrize("recording", RECORDINGS, ids=lambda path: str(path.stem))
def test_what_was_recorded_is_understood(recording: Path) -> None:
    sorter, asked, answers = Answers(), b"", dict[int, int]()
    verdicts, through = 0, False
    for line in recording.read_text().splitlines():
        sign, _, rest = line.partition(" ")
        if sign == ">":
            asked = bytes.fromhex(rest)
        elif sign == "<":
            heard = sorter.feed(bytes.fromhex(rest))
            through = heard.worked_through
            if asked[:2] == b"\x10\x04" and not through:
                assert len(heard.statuses) <= 1
                answers.update(dict.fromkeys(asked[2:], heard.statuses[0]) if heard.statuses else {})
        elif sign == "=":
            verdicts += 1
            if rest in ("worked_through", "nothing"):
                assert through == (rest == "worked_through")
            else:
                assert meaning(answers) == rest
        else:
            assert sign == "#", line
    assert verdicts


def test_there_are_recordings() -> None:
    assert len(RECORDINGS) >= 4


@pytest.mark.parametrize(
    ("answers", "code"),
    [
        ({1: 0x12, 2: 0x12, 3: 0x12, 4: 0x12}, "ready"),
        ({1: 0x1A, 2: 0x16, 3: 0x12, 4: 0x12}, Code.COVER_OPEN),
        ({1: 0x1A, 2: 0x32, 3: 0x12, 4: 0x12}, Code.NO_PAPER),
        ({1: 0x12, 2: 0x12, 3: 0x12, 4: 0x72}, Code.NO_PAPER),
        ({1: 0x1A, 2: 0x52, 3: 0x1A, 4: 0x12}, Code.PRINTER_ERROR),
        ({1: 0x1A, 2: 0x52, 3: 0x32, 4: 0x12}, Code.PRINTER_ERROR),
        ({1: 0x1A, 2: 0x52, 3: 0x52, 4: 0x12}, Code.PRINTER_ERROR),
        ({1: 0x1A, 2: 0x52, 3: 0x12, 4: 0x12}, Code.PRINTER_ERROR),
        ({1: 0x12, 2: 0x1A, 3: 0x12, 4: 0x1E}, "ready"),
        ({1: 0x1A, 2: 0x36, 3: 0x12, 4: 0x72}, Code.COVER_OPEN),
    ],
)
def test_each_bit_that_stops_printing_has_its_code(answers: dict[int, int], code: str) -> None:
    assert meaning(answers) == code


def test_a_roll_near_its_end_is_a_concern_and_stops_nothing() -> None:
    assert Status({4: 0x1E}).little_paper
    assert not Status({4: 0x12}).little_paper


def test_an_automatic_status_is_no_answer() -> None:
    """Its second byte would be taken for GS r's, as if the slip were printed."""
    heard = Answers().feed(b"\x14\x00\x00\x0f" + b"\x12")
    assert heard.statuses == (0x12,)
    assert not heard.worked_through


@given(st.binary(max_size=200), st.binary(max_size=200))
def test_any_bytes_are_sorted_however_they_are_cut(first: bytes, second: bytes) -> None:
    whole, cut = Answers().feed(first + second), Answers()
    one, two = cut.feed(first), cut.feed(second)
    assert one.statuses + two.statuses == whole.statuses
    assert (one.worked_through or two.worked_through) == whole.worked_through
    assert all(byte & 0x93 == 0x12 for byte in whole.statuses)
    assert not set(whole.statuses) & {0x11, 0x13}


@given(st.dictionaries(st.sampled_from(ASKED), st.integers(0, 255)))
def test_any_answers_have_a_meaning(answers: dict[int, int]) -> None:
    hindrance = Status(answers).hindrance()
    assert hindrance is None or hindrance[0] in Code
