"""Small values: freshness of readings, receipts, errors, bodies."""

from __future__ import annotations

import time
from pathlib import Path

import msgspec
import pytest

from gateway.model.bodies import BODIES
from gateway.model.clock import ClockQuality, SystemClock, read_boot_id
from gateway.model.entry import BULK_LANE, FIRST_LANE, EntryKind, Stream
from gateway.model.errors import ConfigurationError, GatewayError
from gateway.model.reading import READING_LIFE_MS, InputReading, is_fresh
from gateway.model.receipt import MAX_CENTS, Line, Receipt, check_receipt

LINE = {"id": "1", "text": "A book", "category": "books", "unit_cents": 100}


@pytest.mark.parametrize(
    ("age_ms", "fresh"), [(0, True), (READING_LIFE_MS, True), (READING_LIFE_MS + 1, False), (-100, True), (-101, False)]
)
def test_a_reading_lives_two_seconds_and_does_not_come_from_the_future(age_ms: int, fresh: bool) -> None:
    now_ns = 10**12
    assert is_fresh(InputReading("d", now_ns - age_ms * 1_000_000, 0, True), now_ns) is fresh


def test_a_line_costs_price_times_quantity() -> None:
    assert Line("1", "A", "a", 333, 1500).list_cents == 500


@pytest.mark.parametrize(
    "changed",
    [
        {"text": "a\nb"},
        {"text": ""},
        {"text": "x" * 73},
        {"category": "Books"},
        {"category": "books\n"},
        {"unit_cents": 0},
        {"unit_cents": MAX_CENTS + 1},
        {"unit_cents": 1.5},
        {"quantity": 0},
        {"vat": "I"},
        {"vat": "A\n"},
        {"id": ""},
        {"more": 1},
    ],
)
def test_a_line_that_makes_no_sense_is_refused_by_its_type(changed: dict[str, object]) -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.json.decode(msgspec.json.encode({"lines": [{**LINE, **changed}]}), type=Receipt)


def test_a_receipt_of_more_than_a_million_is_a_mistake() -> None:
    half = Line("1", "A", "a", MAX_CENTS // 2 + 1)
    assert check_receipt(Receipt((half,))) is None
    fault = check_receipt(Receipt((half, msgspec.structs.replace(half, id="2"))))
    assert fault is not None
    assert "$.receipt" in fault


def test_an_error_says_where_what_and_what_next() -> None:
    error = ConfigurationError("no such file", "Make one", where="gateway.toml:3", code="no_file")
    assert (str(error), error.code) == ("gateway.toml:3: no such file. Make one", "no_file")
    assert str(GatewayError("alone")) == "alone"


def test_every_kind_of_entry_has_its_body() -> None:
    assert set(BODIES) == set(EntryKind)


def test_every_stream_has_one_lane() -> None:
    assert sorted((*FIRST_LANE, *BULK_LANE)) == sorted(Stream)


def test_the_machines_clock() -> None:
    clock = SystemClock()
    before, stamp, after = time.monotonic_ns(), clock.stamp(), time.monotonic_ns()
    assert before <= stamp.mono_ns <= after
    assert abs(stamp.wall_ms - time.time() * 1000) < 5000
    assert stamp.boot == read_boot_id() == Path("/proc/sys/kernel/random/boot_id").read_text().strip().replace("-", "")


def test_a_vouched_clock_is_never_a_guess() -> None:
    assert SystemClock(vouched=True).stamp().quality is not ClockQuality.GUESS
