"""The simulated device without its wire: what each stage accepts, what is refused, and how its day goes."""

from __future__ import annotations

from datetime import datetime, time

import pytest

from drivers.simulators.fiscal_device import POWER_CUT
from drivers.simulators.fiscal_line import VirtualClock
from drivers.simulators.fiscal_memory import Reversed
from drivers.simulators.fiscal_model import DATECS_A, MODELS, Act, Model, Stage, Why
from drivers.simulators.fiscal_paper import Kind
from tests.drivers.printer_acts import ACTS, CLOSE, OPEN, PART, REST, SELL, Do, device, families, refusal, remembered

TO: dict[Stage, list[Do]] = {
    Stage.IDLE: [],
    Stage.SLIP: [lambda d: d.open_slip()],
    Stage.OPEN: [OPEN, SELL],
    Stage.PAYING: [OPEN, SELL, PART],
    Stage.PAID: [OPEN, SELL, PART, REST],
}
EXPECTED: dict[Stage, set[Act]] = {
    Stage.IDLE: {
        Act.OPEN, Act.REVERSE, Act.OPEN_SLIP, Act.X, Act.Z, Act.CASH, Act.SET_CLOCK, Act.COPY, Act.FEED,
    },
    Stage.SLIP: {Act.SLIP_TEXT, Act.CLOSE_SLIP, Act.FEED},
    Stage.OPEN: {Act.SELL, Act.SUBTOTAL, Act.TEXT, Act.PAY, Act.CANCEL},
    Stage.PAYING: {Act.TEXT, Act.PAY},
    Stage.PAID: {Act.TEXT, Act.CLOSE},
}  # fmt: skip
"""By hand, from the lists of refusals in the documents: not read out of the simulator's table."""


@families
@pytest.mark.parametrize("stage", Stage)
def test_each_stage_accepts_its_commands_and_no_other(model: Model, stage: Stage) -> None:
    accepted = set()
    for act, do in ACTS.items():
        on = device(model, *TO[stage])
        assert on.stage is stage
        before = remembered(on)
        if refusal(do, on) is None:
            accepted.add(act)
        else:
            assert remembered(on) == before
    pays = {Act.CANCEL} if model.cancel_pays and stage in (Stage.PAYING, Stage.PAID) else set()
    assert accepted == EXPECTED[stage] | pays


def test_half_paid_receipt_is_paid_and_closed_by_tremols_cancel() -> None:
    on = device(MODELS["tremol"], OPEN, SELL, PART)
    document = on.cancel()
    assert document.closed is True
    assert document.payments == (("card", 100), ("cash", 350))


@families
@pytest.mark.parametrize(
    ("why", "history", "act"),
    [
        (Why.BAD_VAT, [OPEN], lambda d: d.sell("x", "J", 100)),
        (Why.ZERO_PRICE, [OPEN], lambda d: d.sell("x", "A", 0)),
        (Why.DISCOUNT, [OPEN], lambda d: d.sell("x", "A", 100, amount=-101)),
        (Why.NEGATIVE, [OPEN, SELL], lambda d: d.sell("x", "A", 500, void=True)),
        (Why.OVERFLOW, [OPEN], lambda d: d.sell("x", "A", 999_999_999, 2000)),
        (Why.NO_CHANGE, [OPEN, SELL], lambda d: d.pay("voucher", 500)),
        (Why.ZERO_PAYMENT, [OPEN, SELL], lambda d: d.pay("cash", 0)),
        (Why.NO_CASH, [], lambda d: d.move_cash(-451)),
        (Why.CLOCK_BACK, [], lambda d: d.set_clock(datetime.fromisoformat("2026-11-27T07:59:59"))),
        (Why.NO_COPY, [lambda d: d.copy()], lambda d: d.copy()),
        (Why.NO_DOCUMENT, [], lambda d: d.reverse_whole(1, d.model.passwords(1), "1", Reversed("77"))),
        (Why.PASSWORD, [], lambda d: d.open(1, "4711", "1")),
    ],
    ids=lambda value: value.name if isinstance(value, Why) else "",
)
def test_refused_command_changes_nothing(model: Model, why: Why, history: list[Do], act: Do) -> None:
    on = device(model, *history)
    before = remembered(on)
    assert refusal(act, on) is why
    assert remembered(on) == before


@families
def test_full_receipt_takes_no_more_lines(model: Model) -> None:
    on = device(model, OPEN)
    for _ in range(model.max_sales):
        on.sell("x", "A", 1)
    assert refusal(lambda d: d.sell("x", "A", 1), on) is Why.TOO_MANY


@families
@pytest.mark.parametrize("act", [SELL, REST, lambda d: d.text("x")])
def test_without_paper_nothing_is_printed_and_the_receipt_stays_open(model: Model, act: Do) -> None:
    on = device(model, OPEN, SELL)
    before = remembered(on)
    on.has_paper = False
    assert refusal(act, on) is Why.NO_PAPER
    on.has_paper, on.cover_open = True, True
    assert refusal(act, on) is Why.COVER
    on.cover_open = False
    assert remembered(on) == before
    assert refusal(act, on) is None


def test_three_wrong_passwords_lock_everything_until_power_returns() -> None:
    on = device(DATECS_A)
    for _ in range(3):
        assert refusal(lambda d: d.open(1, "1111", "1"), on) is Why.PASSWORD
    assert refusal(OPEN, on) is Why.LOCKED
    assert refusal(lambda d: d.report(z=False), on) is Why.LOCKED
    on.power_returns()
    assert refusal(OPEN, on) is None


def test_right_password_forgives_the_wrong_ones_before() -> None:
    on = device(DATECS_A)
    for _ in range(5):
        refusal(lambda d: d.open(1, "1111", "1"), on)
        refusal(lambda d: d.open(1, "1111", "1"), on)
        OPEN(on)
        on.cancel()


@families
def test_receipt_that_is_open_survives_a_power_cut_and_shows_it(model: Model) -> None:
    on = device(model, OPEN, SELL, PART)
    on.power_returns()
    REST(on)
    assert POWER_CUT in on.close().lines


@families
def test_day_of_more_than_24_hours_takes_no_receipt_before_its_z_report(model: Model) -> None:
    clock = VirtualClock()
    on = device(model, clock=clock)
    clock.advance(24 * 3600 - 1)
    assert not on.overdue
    clock.advance(1)
    assert refusal(OPEN, on) is Why.Z_OVERDUE
    on.report(z=True)
    assert refusal(OPEN, on) is None


@families
def test_receipt_that_was_open_at_24_hours_is_finished(model: Model) -> None:
    clock = VirtualClock()
    on = device(model, OPEN, SELL, clock=clock)
    clock.advance(25 * 3600)
    REST(on)
    assert on.close().closed is True


def test_z_report_at_a_time_of_day_comes_by_itself_once_a_day() -> None:
    clock = VirtualClock()  # at 08:00
    on = device(DATECS_A, clock=clock, auto_z=time(23, 59, 59))
    clock.advance(15 * 3600)
    on.tick()
    assert on.memory.z_number == 0
    clock.advance(3600)
    on.tick()
    on.tick()
    assert on.memory.z_number == 1
    assert on.documents[-1].kind is Kind.Z
    assert on.documents[-1].device_time == "2026-11-27T23:59:59"
    clock.advance(24 * 3600)
    on.tick()
    assert on.memory.z_number == 2


def test_z_report_by_itself_waits_for_the_open_receipt() -> None:
    on = device(DATECS_A, OPEN, SELL)
    on.z_by_itself()
    assert on.memory.z_number == 0
    REST(on)
    CLOSE(on)
    on.tick()
    assert [document.kind for document in on.documents[-2:]] == [Kind.SALE, Kind.Z]
    assert on.memory.day.sold == {}
