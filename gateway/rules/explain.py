"""A decision in words for a person, in English; rules go by their titles in the person's language."""

from __future__ import annotations

from gateway.model.decision import Reason
from gateway.model.money import euros
from gateway.rules.evaluate import EvaluatedLine, Evaluation, Why


def explain(evaluation: Evaluation) -> str:
    """Each line with its money before and after, under it a line of text per rule: applied, or why not. Then
    what concerns the whole receipt, who pays, and the total. No trailing line feed."""
    text = []
    for line in evaluation.lines:
        text.append(f"{_printable(line.text)}: {_before_and_after(line.list_cents, line.due_cents)}")
        text += [f"  {_fate(why, line)}" for why in evaluation.reasons if why.line == line.line]
    whole = [why for why in evaluation.reasons if not why.line]
    if whole:
        text.append("Not applied:")
        text += [f"  {_fate(why)}" for why in whole]
    totals = evaluation.totals
    text.append(f"Total: {_before_and_after(totals.list_cents, totals.due_cents)}")
    text += [f"  {paid.party} pays {euros(paid.cents)} as {_form(paid.form)}" for paid in totals.payers]
    return "\n".join(text)


def _printable(text: str) -> str:
    """A receipt's text may hold anything; a terminal must not obey it."""
    return "".join(char if char.isprintable() else "?" for char in text)


def _before_and_after(list_cents: int, due_cents: int) -> str:
    return f"{euros(list_cents)} -> {euros(due_cents)}" if due_cents != list_cents else euros(list_cents)


def _form(form: str) -> str:
    return form.replace("_", " ")


def _fate(why: Why, line: EvaluatedLine | None = None) -> str:
    name = f"{why.title} ({why.rule} v{why.version})"
    match why.reason:
        case Reason.APPLIED:
            payers = [p for rule in line.rules if rule.rule == why.rule for p in rule.payers] if line else []
            borne = ", ".join(f"{paid.party} {euros(paid.cents)}" for paid in payers)
            return f"applied: {name}: -{euros(why.cents)}, borne by {borne}"
        case Reason.LOST_TO:
            return f"not applied: {name}: would give -{euros(why.cents)}, {why.other} gives no less"
        case Reason.NO_EFFECT:
            return f"not applied: {name}: would take nothing off this price"
        case Reason.NOT_DISCOUNTABLE:
            return f"not applied: {name}: this line takes no discount"
        case Reason.CLOCK_NOT_TRUSTED:
            return f"{name}: has dates, and the clock is not trusted"
        case Reason.OUTSIDE_DATES:
            return f"{name}: not on this date"
        case Reason.OTHER_CATEGORY:
            return f"{name}: for other goods or services"
        case Reason.OTHER_PLACE:
            return f"{name}: at other places"
        case Reason.NOT_IDENTIFIED:
            return f"{name}: for identified holders"
        case Reason.NOT_ENTITLED:
            return f"{name}: for other holders"
