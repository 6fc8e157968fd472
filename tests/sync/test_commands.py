"""Commands of the centre: done once, answered each time, refused when they are not for us, late or nonsense."""

from __future__ import annotations

import asyncio
import secrets

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.model.bodies import CommandBody
from gateway.model.clock import ClockQuality
from gateway.model.entry import EntryKind, Stream
from gateway.model.errors import InputRefused, LedgerError
from gateway.sync import commands as commands_module
from gateway.wire.commands import Act, Command, CommandResult, NewEpoch, Outcome, Pace, Resend
from gateway.wire.messages import Ack, decode, encode
from tests.sync.ends import GATEWAY, TOPICS, ScriptedCentre, fill
from tests.sync.house import RECEIPT, House, until


def command(act: Act, **more: object) -> Command:
    whole = {"id": secrets.token_hex(16), "gateway": GATEWAY, "act": act, **more}
    return Command(**whole)  # type: ignore[arg-type]


async def answered(centre: ScriptedCentre, *ordered: Command) -> list[CommandResult]:
    """Give these commands and wait for as many answers."""
    before = len(centre.results)
    for one in ordered:
        centre.order(one)
    await asyncio.to_thread(centre.wait, lambda: len(centre.results) == before + len(ordered))
    return centre.results[before:]


async def test_a_range_is_sent_again_although_it_was_acked(house: House) -> None:
    await fill(house.ledger, 6)
    with house.scripted() as centre:
        async with house.syncing():
            await asyncio.to_thread(centre.wait, lambda: len(centre.seqs()) == 6)
            centre.ack(Ack(RECEIPT, house.ledger.epoch, 6))
            await until(lambda: house.acked())
            (result,) = await answered(centre, command(Resend(RECEIPT, house.ledger.epoch, 3, 99)))
            await asyncio.to_thread(centre.wait, lambda: centre.seqs() == [1, 2, 3, 4, 5, 6, 3, 4, 5, 6])
            assert result.outcome is Outcome.DONE
            assert house.acked()


async def test_a_command_that_comes_twice_is_done_once_and_answered_twice(house: House) -> None:
    await fill(house.ledger, 2)
    with house.scripted() as centre:
        async with house.syncing():
            await asyncio.to_thread(centre.wait, lambda: len(centre.seqs()) == 2)
            once = command(Resend(RECEIPT, house.ledger.epoch, 1, 2))
            results = await answered(centre, once, once)
        async with house.syncing() as sync:  # and after a restart
            await until(lambda: sync.status.connected)
            results += await answered(centre, once)
    assert len(results) == 3
    assert len(set(results)) == 1
    assert len(house.told(EntryKind.COMMAND)) == 1
    assert centre.seqs()[:4] == [1, 2, 1, 2]  # sent, and sent again by command
    assert centre.seqs().count(1) <= 3  # and, unacked as it is, at the second connection


async def test_a_command_for_another_gateway_is_not_done_not_answered_and_told(house: House) -> None:
    with house.scripted() as centre:
        async with house.syncing() as sync:
            await until(lambda: sync.status.connected)
            stray = command(Pace(7), gateway="museum-2")
            centre.order(stray)
            (result,) = await answered(centre, command(Pace(9)))
    assert result.id != stray.id
    assert [getattr(body, "what", "") for body in house.told(EntryKind.SECURITY)] == ["command_not_ours"]
    assert len(house.ledger.query("SELECT id FROM command")) == 1


@pytest.mark.parametrize(
    "nonsense",
    [
        b"{}",
        b"\xff",
        b'{"id":"00112233445566778899","gateway":"museum-1","act":{"do":"reboot"}}',
        b'{"id":"00112233445566778899","gateway":"museum-1","act":{"do":"pace","entries_per_s":0}}',
        b'{"id":"00112233445566778899","gateway":"museum-1","act":{"do":"pace","entries_per_s":5},"run":"x"}',
        b'{"id":"short","gateway":"museum-1","act":{"do":"pace","entries_per_s":5}}',
    ],
)
async def test_what_is_no_command_is_refused_and_told(house: House, nonsense: bytes) -> None:
    with house.scripted() as centre:
        async with house.syncing() as sync:
            await until(lambda: sync.status.connected)
            centre.say(TOPICS.command, nonsense)
            await until(lambda: house.counts(EntryKind.MESSAGE_REFUSED) == [1])
            assert centre.results == []
    assert house.ledger.query("SELECT id FROM command") == []


async def test_an_expired_command_is_not_done_whenever_it_comes_again(house: House) -> None:
    late = command(Pace(7), expires_ms=house.clock.wall_ms())
    with house.scripted() as centre:
        async with house.syncing() as sync:
            await until(lambda: sync.status.connected)
            (result,) = await answered(centre, late)
            house.clock.advance(-3600)
            (again,) = await answered(centre, late)
    assert result.outcome is Outcome.EXPIRED
    assert again == result


async def test_while_the_clock_is_a_guess_no_expiry_is_believed_and_the_answer_says_so(house: House) -> None:
    house.clock.quality = ClockQuality.GUESS
    with house.scripted() as centre:
        async with house.syncing() as sync:
            await until(lambda: sync.status.connected)
            (result,) = await answered(centre, command(Pace(7), expires_ms=1))
    assert result.outcome is Outcome.DONE
    assert "the clock is a guess" in result.detail


async def test_with_a_guessed_clock_a_command_that_waited_here_too_long_is_not_done(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(commands_module, "UNTRUSTED_LIFE_MS", 0)
    house.clock.quality = ClockQuality.GUESS
    with house.scripted() as centre:
        async with house.syncing() as sync:
            await until(lambda: sync.status.connected)
            (result,) = await answered(centre, command(Pace(7), expires_ms=2**50))
    assert result.outcome is Outcome.EXPIRED


@pytest.mark.parametrize(
    "act", [Resend(RECEIPT, "f" * 16, 1, 2), Resend(RECEIPT, "here", 3, 9), Resend(RECEIPT, "here", 2, 1)]
)
async def test_a_range_that_is_not_there_is_refused(house: House, act: Resend) -> None:
    await fill(house.ledger, 2)
    if act.epoch == "here":
        act = msgspec.structs.replace(act, epoch=house.ledger.epoch)
    with house.scripted() as centre:
        async with house.syncing() as sync:
            await until(lambda: sync.status.connected)
            (result,) = await answered(centre, command(act))
    assert result.outcome is Outcome.REFUSED
    (told,) = house.told(EntryKind.COMMAND)
    assert isinstance(told, CommandBody)
    assert (told.command, told.act, told.outcome) == (result.id, "resend", "refused")


async def test_a_new_epoch_is_begun_once_and_only_in_the_place_of_the_present_one(house: House) -> None:
    begun: list[str] = []

    async def begin(reason: str) -> None:
        begun.append(reason)

    with house.scripted() as centre:
        async with house.syncing(new_epoch=begin) as sync:
            await until(lambda: sync.status.connected)
            order = command(NewEpoch(house.ledger.epoch, "conflict"))
            first, again, other = await answered(centre, order, order, command(NewEpoch("f" * 16)))
    assert begun == ["conflict"]
    assert first == again
    assert (first.outcome, other.outcome) == (Outcome.DONE, Outcome.DONE)
    assert other.detail == f"without effect: epoch {house.ledger.epoch} is in use"


async def test_a_new_epoch_that_fails_is_refused_with_the_reason(house: House) -> None:
    async def fail(_reason: str) -> None:
        raise LedgerError("no space for another file")

    with house.scripted() as centre:
        async with house.syncing(new_epoch=fail) as sync:
            await until(lambda: sync.status.connected)
            (result,) = await answered(centre, command(NewEpoch(house.ledger.epoch)))
        async with house.syncing() as sync:
            await until(lambda: sync.status.connected)
            (unable,) = await answered(centre, command(NewEpoch(house.ledger.epoch)))
    assert result.outcome is Outcome.REFUSED
    assert "no space" in result.detail
    assert unable.outcome is Outcome.REFUSED


async def test_a_flood_of_commands_is_told_as_a_count_and_costs_no_commit(house: House) -> None:
    with house.scripted() as centre:
        async with house.syncing() as sync:
            await until(lambda: sync.status.connected)
            for _ in range(200):
                centre.order(command(Pace(50)))
            await until(lambda: house.counts(EntryKind.SECURITY) == [1, 10, 100])
    assert 0 < len(house.ledger.query("SELECT id FROM command")) <= 64


async def test_only_so_many_ids_are_kept_the_newest_ones(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(commands_module, "KEPT", 3)
    ordered = [command(Pace(5)) for _ in range(6)]
    with house.scripted() as centre:
        async with house.syncing() as sync:
            await until(lambda: sync.status.connected)
            for one in ordered:
                await answered(centre, one)
                house.clock.advance(1)
    kept = {row[0] for row in house.ledger.query("SELECT id FROM command")}
    assert kept == {one.id for one in ordered[-3:]}


@given(st.binary(max_size=200))
def test_any_bytes_are_a_command_or_refused(payload: bytes) -> None:
    with pytest.raises(InputRefused, match="not a Command"):
        decode(payload, Command, "cmd")


acts = st.one_of(
    st.builds(NewEpoch, st.just("a1" * 8), st.text(max_size=50)),
    st.builds(Resend, st.sampled_from(Stream), st.just("a1" * 8), st.integers(1, 2**31 - 1), st.integers(1, 2**31 - 1)),
    st.builds(Pace, st.integers(1, 100_000)),
)


@given(acts, st.integers(0, 2**53))
def test_commands_out_and_back(act: Act, expires_ms: int) -> None:
    whole = command(act, expires_ms=expires_ms)
    assert decode(encode(whole), Command, "cmd") == whole
