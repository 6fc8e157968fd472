"""A device's local time against ours, over the hours that come twice and those that are left out."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.fiscal.local_time import is_summer, off_s
from tests.support.zone import local_time

RIGA = ZoneInfo("Europe/Riga")
PUT_BACK = datetime(2026, 10, 25, 1, tzinfo=UTC)
"""04:00 becomes 03:00."""
PUT_FORWARD = datetime(2026, 3, 29, 1, tzinfo=UTC)
"""03:00 becomes 04:00."""


@pytest.fixture(scope="module", autouse=True)
def place() -> Iterator[None]:
    with local_time("Europe/Riga"):
        yield


def shown(moment: datetime) -> str:
    """On the display of a device that is right."""
    return moment.astimezone(RIGA).replace(tzinfo=None).isoformat(timespec="seconds")


@given(
    st.datetimes(datetime(2020, 1, 1), datetime(2040, 1, 1)), st.integers(-1500, 1500)  # noqa: DTZ001
)  # fmt: skip
def test_difference_is_found_at_any_time_of_the_year(utc: datetime, off: int) -> None:
    now = utc.replace(tzinfo=UTC, microsecond=0)
    assert off_s(shown(now + timedelta(seconds=off)), now.timestamp()) == off


@pytest.mark.parametrize("change", [PUT_BACK, PUT_FORWARD])
@pytest.mark.parametrize("minutes", [-61, -60, -59, -30, -1, 0, 1, 30, 59, 60, 61])
@pytest.mark.parametrize("off", [-90, -1, 0, 1, 90])
def test_device_that_changes_a_bit_sooner_or_later_is_as_wrong_as_before(
    change: datetime, minutes: int, off: int
) -> None:
    now = change + timedelta(minutes=minutes)
    assert off_s(shown(now + timedelta(seconds=off)), now.timestamp()) == off


@pytest.mark.parametrize(
    ("device_time", "now", "off"),
    [
        ("2026-10-25T05:00:00", PUT_BACK + timedelta(hours=1), 3600),
        ("2026-10-25T04:20:00", PUT_BACK + timedelta(minutes=20), 3600),
        ("2026-10-25T03:20:00", PUT_BACK + timedelta(minutes=20), 0),
        ("2026-03-29T04:00:00", PUT_FORWARD + timedelta(hours=1), -3600),
        ("2026-03-29T12:00:00", PUT_FORWARD + timedelta(hours=9), -3600),
        # Not put forward yet: nobody is told before the hour is over.
        ("2026-03-29T03:00:20", PUT_FORWARD + timedelta(seconds=20), 0),
        ("2026-03-29T03:59:00", PUT_FORWARD + timedelta(minutes=59), 0),
        ("2026-11-27T11:02:41", datetime(2026, 11, 27, 10, 2, 41, tzinfo=UTC), -3600),
    ],
)
def test_device_that_knows_nothing_of_summer_time_is_an_hour_off(device_time: str, now: datetime, off: int) -> None:
    assert off_s(device_time, now.timestamp()) == off


@pytest.mark.parametrize(
    ("device_time", "now", "summer"),
    [
        ("2026-11-27T10:02:41", PUT_BACK, False),
        ("2026-07-01T10:02:41", PUT_BACK, True),
        ("2026-10-25T02:59:59", PUT_BACK, True),
        ("2026-10-25T03:30:00", PUT_BACK - timedelta(minutes=30), True),
        ("2026-10-25T03:30:00", PUT_BACK + timedelta(minutes=30), False),
        ("2026-10-25T04:00:00", PUT_BACK, False),
        ("2026-03-29T02:59:59", PUT_FORWARD, False),
        ("2026-03-29T04:00:00", PUT_FORWARD, True),
    ],
)
def test_summer_time_also_in_the_hour_that_comes_twice(device_time: str, now: datetime, summer: bool) -> None:
    assert is_summer(device_time, now.timestamp()) is summer


@pytest.mark.parametrize("text", ["", "2026-02-31T00:00:00", "noon", "0001-01-01T00:00:00", "9999-12-31T23:59:59"])
def test_what_is_no_time_is_refused(text: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011  whatever it is
        is_summer(text, 0.0)
