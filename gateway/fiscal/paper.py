"""What of a decision stands on the paper, and how. Pure: values in, a work for a fiscal device out.

- A share of the form `discount` lowers its line by that amount: an amount per line, never a percentage.
- `off_receipt` lowers the line as well (the receipt does not show it as paid); who bears it stands in the ledger only.
- `tender` leaves the price as it is: the payer is a means of payment of its own, by `How.payer_means`.
- Cash rounding is no part of the total: it changes what is paid in cash.

So on every paper: sum of the lines = total; total + rounding = payers' tenders + what the customer pays.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec

from gateway.model.decision import Decision, FiscalForm, LineVat, Share, VatTreatment
from gateway.model.errors import InputRefused
from gateway.model.fiscal import NoteLine, Payment, PrinterDescription, ReceiptWork, Reversal, SaleLine, Tender
from gateway.model.money import Cents, euros
from gateway.model.receipt import Line, Receipt
from gateway.model.refund import Refund, Returned

TENDERS_MAX = 8
"""On one receipt: what the contract with drivers takes."""


class How(msgspec.Struct, frozen=True):
    """How a till's paper is made. `payer_means`: party of a `tender` share → the means by which it stands on paper;
    without one such a decision is not printed here."""

    payer_means: Mapping[str, Payment] = {}


def sale(
    key: str,
    receipt: Receipt,
    decision: Decision,
    paid: Sequence[Tender],
    device: PrinterDescription | None,
    how: How,
    notes: Sequence[str] = (),
    means_at: str = "$.paid",
) -> ReceiptWork:
    """The paper of a sale. `paid`: what the customer gives, at least what is due; only cash may be more. `device`: what
    the printer says of itself (None while that is not known: then its driver alone checks). `notes`: lines at the foot;
    `means_at`: where the means that the customer pays by were written.

    Raises `InputRefused` as `check` and `check_means` do.
    """
    check(receipt, decision, device, how)
    check_means([one.means for one in paid], device, means_at)
    due = decision.due_cents
    if decision.rounding_cents and not any(one.means is Payment.CASH for one in paid):
        raise InputRefused(
            f"{euros(decision.rounding_cents)} of cash rounding, and nothing is paid in cash - at `$.paid`",
            "Ask for a quote with the receipt's means as it is paid",
            code="bad_commit",
        )
    lines = [_line(line, decided.shares) for line, decided in zip(receipt.lines, decision.lines, strict=True)]
    payers = _payers([share for decided in decision.lines for share in decided.shares], how)
    total = due - decision.rounding_cents + sum(one.cents for one in payers)
    customer = _customer(paid, due)
    if len(payers) + len(customer) > TENDERS_MAX:
        raise InputRefused(
            f"{len(payers)} payers and {len(customer)} tenders on one receipt - at `$.paid`",
            f"At most {TENDERS_MAX} together",
            code="bad_commit",
        )
    return ReceiptWork(
        key=key,
        items=(*lines, *(NoteLine(note, footer=True) for note in notes)),
        tenders=(*payers, *customer),
        total_cents=total,
        rounding_cents=decision.rounding_cents,
    )


def refund(
    key: str,
    receipt: Receipt,
    back: Refund,
    original: Reversal,
    means: Payment,
    device: PrinterDescription | None,
    how: How,
    notes: Sequence[str] = (),
) -> ReceiptWork:
    """The paper of what is given back: lines, shares and rounding as `gateway.rules.refund.refund` mirrors them from
    the sale. The customer gets their part back by `means`, each payer by its own. What was rounded in cash comes back
    in cash (`rounded_in_cash`).

    Raises `InputRefused` as `check` does, and with `no_reversals` for a device that prints none.
    """
    if device is not None and not device.reversals:
        raise InputRefused("this printer prints no receipts of refunds", "Give it back on the POS", code="no_reversals")
    if back.rounding_cents and means is not Payment.CASH:
        raise InputRefused(
            f"{euros(back.rounding_cents)} of cash rounding come back, and not in cash - at `$.means`",
            "Give it back in cash, as it was paid",
            code="rounded_in_cash",
        )
    check_means([means], device, "$.receipt")
    by_id = {line.id: (index, line) for index, line in enumerate(receipt.lines)}
    items = []
    for part in back.lines:
        index, line = by_id[part.line]
        _check_row(index, msgspec.structs.replace(line, quantity=part.quantity))
        _check_vat(index, line, part.vat, device)
        _check_payers(index, part.shares, device, how)
        items.append(_returned(line, part))
    payers = _payers([share for part in back.lines for share in part.shares], how)
    total = back.due_cents - back.rounding_cents + sum(one.cents for one in payers)
    _check_total(total, device)
    customer = (Tender(means, back.due_cents),) if back.due_cents else ()
    return ReceiptWork(
        key=key,
        items=(*items, *(NoteLine(note, footer=True) for note in notes)),
        tenders=(*payers, *customer),
        total_cents=total,
        reversal=original,
        rounding_cents=back.rounding_cents,
    )


def check(receipt: Receipt, decision: Decision, device: PrinterDescription | None, how: How) -> None:
    """Whether this decision can stand on this printer's paper; for a quote, so that it says what will be possible.

    Raises `InputRefused` with the field's path: `line_of_zero` (price times quantity is 0.00), `vat_letter_missing`
    (the device has no such rate), `vat_rate_differs` (the device's rate is not that of the rules), `no_means_for_payer`
    (a payer pays as a tender and has no means here), `zero_total` (the device closes no receipt of 0), `no_rounding`
    (it is not set up for cash rounding).
    """
    for index, (line, decided) in enumerate(zip(receipt.lines, decision.lines, strict=True)):
        _check_row(index, line)
        _check_vat(index, line, decided.vat, device)
        _check_payers(index, decided.shares, device, how)
    if decision.rounding_cents and device is not None and not device.rounding:
        raise InputRefused(
            f"{euros(decision.rounding_cents)} of cash rounding, which this printer is not set up for - at `$.receipt`",
            "Set the option `rounding_means` of its driver",
            code="no_rounding",
        )
    tendered = sum(share.cents for each in decision.lines for share in each.shares if share.form is FiscalForm.TENDER)
    _check_total(decision.due_cents - decision.rounding_cents + tendered, device)


def check_means(means: Sequence[Payment], device: PrinterDescription | None, where: str) -> None:
    """Whether the customer can pay by these on this printer. Raises `InputRefused` (`means_not_taken`)."""
    if device is None or not device.payments:
        return
    for one in means:
        if one not in device.payments:
            raise InputRefused(
                f"this printer has no means `{one}` (it has {', '.join(device.payments)}) - at `{where}`",
                "Take another means, or print on the POS",
                code="means_not_taken",
            )


def _customer(paid: Sequence[Tender], due: Cents) -> list[Tender]:
    """Cash comes last and at once, because a device gives change as soon as it has too much; what would be given when
    nothing is due any more is refused by a device, so it is here."""
    others = [one for one in paid if one.means is not Payment.CASH and one.cents]
    if cash := sum(one.cents for one in paid if one.means is Payment.CASH):
        others.append(Tender(Payment.CASH, cash))
    left = due
    for one in others:
        if left <= 0:
            raise InputRefused(
                f"{euros(one.cents)} by {one.means} when nothing is due any more - at `$.paid`",
                "Leave that out",
                code="bad_commit",
            )
        left -= one.cents
    return others


def _line(line: Line, shares: Sequence[Share]) -> SaleLine:
    return SaleLine(line.text, line.vat, line.unit_cents, line.quantity, _lowers(shares))


def _returned(line: Line, part: Returned) -> SaleLine:
    """What comes back of a line. Its parts add up to the cent, so a part may cost a cent more or less than quantity
    times price: that is in what lowers the line, or raises it."""
    priced = msgspec.structs.replace(line, quantity=part.quantity)
    lowers = priced.list_cents - part.list_cents + _lowers(part.shares)
    return SaleLine(line.text, line.vat, line.unit_cents, part.quantity, max(0, lowers), max(0, -lowers))


def _lowers(shares: Sequence[Share]) -> Cents:
    return sum(share.cents for share in shares if share.form is not FiscalForm.TENDER)


def _payers(shares: Sequence[Share], how: How) -> list[Tender]:
    """One tender for each means, in the order in which the payers come."""
    sums: dict[Payment, Cents] = {}
    for share in shares:
        if share.form is FiscalForm.TENDER and share.cents:
            means = how.payer_means[share.party]
            sums[means] = sums.get(means, 0) + share.cents
    return [Tender(means, cents) for means, cents in sums.items()]


def _check_payers(index: int, shares: Sequence[Share], device: PrinterDescription | None, how: How) -> None:
    for share in shares:
        if share.form is not FiscalForm.TENDER or not share.cents:
            continue
        at = f"`$.receipt.lines[{index}]`"
        means = how.payer_means.get(share.party)
        if means is None:
            raise InputRefused(
                f"{share.party} pays {euros(share.cents)} as a tender, and no means is configured for it - at {at}",
                f"Print on the POS, or configure `payer_means` of the till for {share.party}",
                code="no_means_for_payer",
            )
        if device is not None and device.payments and means not in device.payments:
            raise InputRefused(
                f"{share.party} pays by `{means}`, which this printer does not have - at {at}",
                "Configure another of the printer's means in `payer_means`",
                code="no_means_for_payer",
            )


def _check_row(index: int, line: Line) -> None:
    if line.list_cents == 0:
        raise InputRefused(
            f"line {line.id}: {line.quantity} thousandths at {euros(line.unit_cents)} come to 0.00, which no device "
            f"prints - at `$.receipt.lines[{index}].quantity`",
            "Leave the line out",
            code="line_of_zero",
        )


def _check_vat(index: int, line: Line, vat: LineVat | None, device: PrinterDescription | None) -> None:
    if device is None or not device.rates:
        return
    at = f"`$.receipt.lines[{index}].vat`"
    programmed = device.rates.get(line.vat)
    if programmed is None:
        letters = ", ".join(f"{letter} {_percent(points)}" for letter, points in sorted(device.rates.items()))
        raise InputRefused(
            f"line {line.id}: the printer has no VAT letter {line.vat} (it has {letters}) - at {at}",
            "Correct the letter of the article, or have the rate programmed",
            code="vat_letter_missing",
        )
    if vat is None:
        return
    wanted = vat.basis_points if vat.treatment is VatTreatment.RATE else 0
    if programmed != wanted:
        raise InputRefused(
            f"line {line.id}: letter {line.vat} is {_percent(wanted)} by the rules and {_percent(programmed)} in the "
            f"printer - at {at}",
            "Correct the letter of the article, the rules' VAT table, or have the printer's rate programmed",
            code="vat_rate_differs",
        )


def _check_total(total: Cents, device: PrinterDescription | None) -> None:
    if total == 0 and device is not None and not device.zero_total:
        raise InputRefused(
            "nothing is to be paid, and this printer closes no receipt of 0 - at `$.receipt`",
            "Print it on the POS, or record it with the POS's own number",
            code="zero_total",
        )


def _percent(basis_points: int) -> str:
    return f"{basis_points / 100:g} %"
