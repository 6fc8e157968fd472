"""VAT in a receipt, as the device counts and rounds it, not as somebody else does."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.contract.printer import Line, Outcome, Payment, Print, Result, Tender, VatSum
from drivers.fiscal.dialect import Clerk
from drivers.fiscal.families import Sign
from drivers.fiscal.moves import Ask, Event, Heard, Lost, Move, Reopen
from drivers.fiscal.operations import Close, Pay, ReadLast, ReadSubtotal
from drivers.fiscal.plan import Terms, plan
from drivers.fiscal.receipt import receipt
from drivers.fiscal.said import Last, Said, Subtotal
from drivers.fiscal.vat import vat_sums
from drivers.fiscal.zfp_dialect import Tremol
from drivers.fiscal.zfp_family import TREMOL
from drivers.simulators.fiscal_paper import Document
from drivers.simulators.printer import Simulator
from tests.drivers.fiscal_rig import Rig
from tests.drivers.fiscal_values import HERE, OPEN, SILENT, asked, good, walk

FAMILIES = ("datecs-v1", "datecs-v1b", "datecs-v2", "tremol")


def printed(family: str, *cents: int) -> tuple[Outcome, Document]:
    """Lines of letters B, A, C, B over so much, printed on a simulated device."""
    lines = tuple(
        Line(f"Thing {at}", letter, one, 1000) for at, (letter, one) in enumerate(zip("BACB", cents, strict=True))
    )
    with Simulator(family=family) as simulator:
        rig = Rig(simulator, family=family)
        outcome = rig.ask(Print("k-1", lines, (Tender(Payment.CASH, sum(cents)),), sum(cents)))
        (paper,) = simulator.device.documents
        rig.close()
    assert outcome.outcome is Result.PRINTED
    return outcome, paper


def course(*lines: Line, letters: Event = None) -> tuple[Outcome, list[Move]]:
    """A receipt on a Tremol that answers `letters` when it is asked for them."""
    total, closed = sum(line.unit_cents for line in lines), False
    each = {line.vat: line.unit_cents for line in lines}

    def answer(move: Move) -> Event:
        nonlocal closed
        match move:
            case Ask(operation=ReadSubtotal(part=0)):
                return Heard(Said(OPEN, value=Subtotal(total)))
            case Ask(operation=ReadSubtotal()):
                return Heard(Said(OPEN, value=Subtotal(total, each))) if letters is None else letters
            case Ask(operation=ReadLast()):
                return Heard(Said(frozenset(), value=Last("000007" if closed else "000006")))
            case Ask(operation=Pay()):
                return Heard(Said(OPEN))
            case Ask(operation=operation):
                closed |= operation == Close()
                return good(operation)
            case Reopen():
                return HERE
            case _:
                return True

    terms = Terms("cp1257", "ABC", rates={"A": 2100, "B": 1200, "C": 500})
    work = plan(Print("k-1", lines, (Tender(Payment.CASH, total),), total), TREMOL, terms)
    return walk(receipt(work, Tremol(TREMOL, Clerk("1", "0000", "1")), HERE, 300.0), answer)


@pytest.mark.parametrize(
    ("by_net", "gross", "rate", "tax"),
    [
        (True, 14, 1200, 1),  # the first sum at 12 % for which the two ways differ
        (False, 14, 1200, 2),
        (True, 1390, 2100, 241),
        (False, 1390, 2100, 241),
        (True, 990, 500, 47),
        (False, 990, 0, 0),
    ],
)
def test_each_family_rounds_its_own_way(by_net: bool, gross: int, rate: int, tax: int) -> None:
    (one,) = vat_sums({"A": gross}, {"A": rate}, by_net=by_net)
    assert one == VatSum("A", gross, rate, tax)


def test_letters_in_their_order_and_nothing_where_a_rate_is_not_known() -> None:
    rates = {"A": 2100, "C": 500}
    assert [one.letter for one in vat_sums({"C": 5, "A": 1}, rates, by_net=True)] == ["A", "C"]
    assert vat_sums({"A": 1, "B": 1}, rates, by_net=True) == ()
    assert vat_sums({}, rates, by_net=True) == ()


@given(st.integers(0, 10**9), st.sampled_from([500, 2100]))
def test_at_21_and_at_5_percent_it_is_the_same_either_way(gross: int, rate: int) -> None:
    sums = [vat_sums({"A": gross}, {"A": rate}, by_net=by_net)[0].tax_cents for by_net in (True, False)]
    assert sums[0] == sums[1]
    assert abs(sums[0] * (10_000 + rate) - gross * rate) * 2 <= 10_000 + rate


def test_where_no_document_says_which_way_only_what_both_make_is_told() -> None:
    rates = {"A": 2100, "B": 1200}
    assert vat_sums({"A": 1390, "B": 15}, rates, by_net=None) == vat_sums({"A": 1390, "B": 15}, rates, by_net=True)
    assert vat_sums({"A": 1390, "B": 14}, rates, by_net=None) == ()


@pytest.mark.parametrize("family", FAMILIES)
def test_outcome_tells_the_vat_that_stands_on_the_paper(family: str) -> None:
    outcome, paper = printed(family, 15, 999, 1, 33)
    told = [(one.letter, one.gross_cents, one.tax_cents) for one in outcome.vat]
    assert told == [(one.letter, one.gross, one.vat) for one in paper.vat]
    assert [one.basis_points for one in outcome.vat] == [2100, 1200, 500]


def test_a_cent_that_tremols_documents_do_not_settle_is_not_made_up() -> None:
    outcome, _ = printed("tremol", 41, 999, 1, 57)  # 0.98 at 12 %: 10.5 cents
    assert outcome.vat == ()


def test_tremol_is_asked_for_its_letters_only_where_there_are_several() -> None:
    sold = [ReadSubtotal(), ReadSubtotal(1)]
    assert [one for one in asked(course(Line("Tea", "A", 250, 1000))[1]) if one in sold] == sold[:1]
    outcome, moves = course(Line("Tea", "A", 250, 1000), Line("Book", "C", 990, 1000))
    assert [one for one in asked(moves) if one in sold] == sold
    assert [(one.letter, one.gross_cents) for one in outcome.vat] == [("A", 250), ("C", 990)]


@pytest.mark.parametrize(
    "answer",
    [
        Heard(Said(frozenset({Sign.UNKNOWN_COMMAND}), "unknown command")),
        Heard(Said(OPEN, value=Subtotal(1241, {"A": 251, "C": 990}))),
        Heard(Said(OPEN, value=Subtotal(1240, {"A": 250, "B": 990}))),
        Heard(Said(OPEN)),
    ],
    ids=["refused", "another sum", "another letter", "nothing"],
)
def test_letters_that_are_not_told_leave_the_receipt_as_it_is(answer: Heard) -> None:
    outcome, _ = course(Line("Tea", "A", 250, 1000), Line("Book", "C", 990, 1000), letters=answer)
    assert (outcome.outcome, outcome.vat) == (Result.PRINTED, ())


@pytest.mark.parametrize("answer", [SILENT, Heard(Said(frozenset()))], ids=["silent", "none is open"])
def test_a_receipt_that_is_in_doubt_when_its_letters_are_asked_is_not_paid(answer: Heard | Lost) -> None:
    outcome, moves = course(Line("Tea", "A", 250, 1000), Line("Book", "C", 990, 1000), letters=answer)
    assert outcome.outcome is not Result.PRINTED
    assert not any(isinstance(one, Pay) for one in asked(moves))
