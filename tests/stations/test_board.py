"""What stations show is a numbered stream that anyone can follow from any number on."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest

from gateway.model.shown import Show
from gateway.stations.board import KEPT, Board
from tests.support.clock import FakeClock


@pytest.mark.parametrize("news", [lambda board: board.tell("desk-1", Show.IDLE), Board.stir], ids=["told", "stirred"])
async def test_a_follower_wakes_for_what_comes_after_its_turn(news: Callable[[Board], object]) -> None:
    board = Board(FakeClock())
    waiting = asyncio.create_task(board.wait(board.turn))
    await asyncio.sleep(0)
    assert not waiting.done()
    news(board)
    async with asyncio.timeout(5):
        await waiting
        await board.wait(0)  # it is there already


async def test_events_are_numbered_from_one_and_chosen_by_station() -> None:
    board = Board(FakeClock())
    for station in ("a", "b", "a"):
        board.tell(station, Show.IDLE)
    assert [event.number for event in board.after(0)] == [1, 2, 3]
    assert [event.number for event in board.after(1, "a")] == [3]
    assert board.last("b") == board.after(1, "b")[0]
    assert board.last("nowhere") is None


async def test_old_events_go_and_are_still_counted() -> None:
    board = Board(FakeClock())
    for _ in range(KEPT + 5):
        board.tell("a", Show.IDLE)
    assert (len(board.after(0)), board.after(0)[0].number, board.counts[Show.IDLE]) == (KEPT, 6, KEPT + 5)


async def test_a_stir_shows_nothing_and_takes_no_number() -> None:
    board = Board(FakeClock())
    board.tell("a", Show.IDLE)
    board.stir()
    assert (board.last_number, len(board.after(0))) == (1, 1)
