"""Refused callers are told once per source and interval, with a count."""

from __future__ import annotations

from gateway.api.refusals import SOURCES_MAX, Refusals
from tests.api.conftest import within

Told = list[tuple[str, str, int]]


async def test_the_interval_ends_with_the_count_and_begins_anew() -> None:
    told: Told = []
    refusals = Refusals(lambda *refused: told.append(refused), interval_s=0.02)
    for _ in range(3):
        refusals.refused("foreign_origin", "https://a")
    await within(5, lambda: len(told) == 2)
    refusals.refused("foreign_origin", "https://a")
    refusals.stop()
    assert told == [("foreign_origin", "https://a", n) for n in (1, 2, 1)]


async def test_invented_sources_are_told_together() -> None:
    told: Told = []
    refusals = Refusals(lambda *refused: told.append(refused))
    for number in range(1000):
        refusals.refused("foreign_origin", f"https://{number}")
    refusals.stop()
    assert len(told) == SOURCES_MAX + 2
    assert told[-1] == ("foreign_origin", "others", 1000 - SOURCES_MAX - 1)


async def test_a_source_cannot_forge_a_line_of_the_log() -> None:
    told: Told = []
    refusals = Refusals(lambda *refused: told.append(refused))
    refusals.refused("foreign_host", "a\r\nERROR b\x1b[31m" + "x" * 500)
    refusals.stop()
    ((_, source, _),) = told
    assert source.isprintable()
    assert len(source) == 100
