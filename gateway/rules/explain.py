"""A decision in words for a person, in English; rules go by their titles in the person's language."""

from __future__ import annotations

from collections.abc import Mapping

from gateway.model.decision import Balance, Limited, LineVat, QuotaUnit, Reason, VatTreatment
from gateway.model.money import euros
from gateway.rules.evaluation import EvaluatedLine, Evaluation, Why


def explain(evaluation: Evaluation, *, city: str = "") -> str:
    """Each line with its money before and after, under it a line of text per rule: applied, or why not. Then
    what concerns the whole receipt, who pays, the total, and what the person is shown. `city` is the holder's partner
    city, empty for our own holder. No trailing line feed."""
    words = {**_WORDS, Reason.OTHER_CITY: _OTHER_CITY[bool(city)]}
    text = []
    for line in evaluation.lines:
        text.append(f"{_printable(line.text)}: {_before_and_after(line.list_cents, line.due_cents)}")
        if line.vat is not None:
            text.append(f"  {_vat(line.vat)}")
        text += [f"  {_fate(why, words, line)}" for why in evaluation.reasons if why.line == line.line]
    whole = [why for why in evaluation.reasons if not why.line]
    if whole:
        text.append("Not applied:")
        text += [f"  {_fate(why, words)}" for why in whole]
    totals = evaluation.totals
    if totals.rounding_cents:
        text.append(f"Cash is rounded: {euros(totals.rounding_cents)}")
    text.append(f"Total: {_before_and_after(totals.list_cents, totals.due_cents)}")
    text += [f"  {paid.party} pays {euros(paid.cents)} as {_form(paid.form)}" for paid in totals.payers]
    text += [f"  {_balance(balance)}" for balance in evaluation.balances]
    text += [f"Message of {message.rule}: {message.text}" for message in evaluation.messages]
    return "\n".join(text)


def _vat(vat: LineVat) -> str:
    if vat.treatment is not VatTreatment.RATE:
        return f"VAT: {vat.treatment.replace('_', ' ')}"
    percent = f"{vat.basis_points / 100:.2f}".rstrip("0").rstrip(".")
    return f"VAT {percent} %: {euros(vat.tax_cents)} within {euros(vat.gross_cents)}"


def _balance(balance: Balance) -> str:
    of = f" of {_amount(balance, balance.limit)}" if balance.limit else ""
    until = f" until {balance.until}" if balance.until else ""
    here = " (as far as is known here)" if balance.here else ""
    return f"left of {balance.key}: {_amount(balance, balance.left)}{of}{until}{here}"


def _amount(balance: Balance, amount: int) -> str:
    return euros(amount) if balance.unit is QuotaUnit.CENTS else str(amount)


def _printable(text: str) -> str:
    """A receipt's text may hold anything; a terminal must not obey it."""
    return "".join(char if char.isprintable() else "?" for char in text)


def _before_and_after(list_cents: int, due_cents: int) -> str:
    return f"{euros(list_cents)} -> {euros(due_cents)}" if due_cents != list_cents else euros(list_cents)


def _form(form: str) -> str:
    return form.replace("_", " ")


def _fate(why: Why, told: Mapping[Reason, str], line: EvaluatedLine | None = None) -> str:
    name = f"{why.title} ({why.rule} v{why.version})"
    if why.reason is Reason.APPLIED:
        payers = [p for rule in line.rules if rule.rule == why.rule for p in rule.payers] if line else []
        borne = ", ".join(f"{paid.party} {euros(paid.cents)}" for paid in payers)
        limited = f" ({_LIMITED[why.limited]})" if why.limited is not None else ""
        return f"applied: {name}: -{euros(why.cents)}{limited}, borne by {borne}"
    if why.reason is Reason.LOST_TO:
        return f"not applied: {name}: would give -{euros(why.cents)}, {why.other} goes before it"
    words = told[why.reason] + (f" {why.other}" if why.other else "")
    return f"not applied: {name}: {words}" if line else f"{name}: {words}"


_WORDS: dict[Reason, str] = {
    Reason.NO_EFFECT: "would take nothing off this price",
    Reason.QUOTA_EMPTY: "nothing is left of its quota",
    Reason.QUOTA_UNKNOWN: "it is not known here how much is left of its quota",
    Reason.NOT_DISCOUNTABLE: "this line takes no discount",
    Reason.UNMAPPED: "the line has no category",
    Reason.SPEND_TOO_LOW: "too little is spent",
    Reason.QUANTITY_TOO_LOW: "too few are bought",
    Reason.NOT_TOGETHER: "what has to be bought together with it is missing",
    Reason.OTHER_MEANS: "for other means of payment",
    Reason.EVENT_MISSING: "something that has to happen before has not happened",
    Reason.TOO_MANY_EVENTS: "something has happened before that it excludes",
    Reason.SUSPENDED: "suspended by",
    Reason.CLOCK_NOT_TRUSTED: "depends on the time, and the clock is not trusted",
    Reason.OUTSIDE_HOURS: "not at this time of the day or week",
    Reason.OUTSIDE_DATES: "not on this date",
    Reason.OTHER_ARTICLE: "for other articles of this kind",
    Reason.OTHER_AGE: "for another age",
    Reason.NOT_RESIDENT: "for residents",
    Reason.EXCLUDED: "these holders are excluded",
    Reason.OTHER_CATEGORY: "for other goods or services",
    Reason.OTHER_PLACE: "at other places",
    Reason.NOT_IDENTIFIED: "for identified holders",
    Reason.NOT_ENTITLED: "for other holders",
}
"""Of every reason that is told without money, but for `OTHER_CITY`."""
_OTHER_CITY = {True: "not for holders of partner cities", False: "only for holders of partner cities"}
"""By whether the holder is one: `partner` of the rule is `never`, or `only`."""
_LIMITED = {
    Limited.CAP: "as much as it gives at most",
    Limited.FLOOR: "down to the lowest price",
    Limited.QUOTA: "as much as is left",
}
