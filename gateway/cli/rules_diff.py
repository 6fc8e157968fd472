"""`smartplace rules diff`: what another version of rules would change, and what that costs whom."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import datetime
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING

import click

from gateway.cli.common import as_json
from gateway.cli.exits import BadFile, Exit
from gateway.cli.lazy import one_line
from gateway.cli.output import counted, document, table, talk
from gateway.cli.rules_files import IN_FILE, load_rules
from gateway.cli.rules_try import PROGRESS_S, at_option

if TYPE_CHECKING:
    from gateway.model.decision import Reason
    from gateway.rules.diff import Case, Change, Comparison
    from gateway.rules.document import RulesContent
    from gateway.rules.folder import Document

    Loaded = tuple[Document, RulesContent]


@click.command()
@click.argument("old", type=IN_FILE)
@click.argument("new", type=IN_FILE)
@click.option("--receipts", "receipts_file", type=IN_FILE, help="Questions: lines of {receipt, holder, setting}.")
@click.option("--at", metavar="TIME", help="Time of those that say none, or a day (its noon).")
@as_json
def diff(old: Path, new: Path, receipts_file: Path | None, at: str | None, as_json: bool) -> None:
    """What NEW decides otherwise than OLD: over the examples inside both, and over receipts.

    Rules that are new, gone or changed by version; each decision that changes, line by line with its reasons; what each
    payer would bear before and after. Exit code 8 when a rule says something else under the same or an older version.
    """
    moment = at_option(at)
    from gateway.model.errors import InputRefused
    from gateway.rules.diff import Comparer, RuleChange

    before, after = load_rules(old), load_rules(new)
    comparer = Comparer(before[1], after[1])
    last = time.monotonic()
    for where, case in chain(_examples(before, after), _receipts(receipts_file, moment)):
        try:
            comparer.ask(where, case)
        except InputRefused as refused:
            raise BadFile(refused.what, refused.advice, where=refused.where) from refused
        if time.monotonic() - last > PROGRESS_S:
            last = time.monotonic()
            talk(f"{comparer.asked} questions asked, {comparer.changed} decisions change …")
    found = comparer.result()
    if as_json:
        import msgspec

        document(**msgspec.to_builtins(found))
    else:
        _tell(found)
    if any(one.change in (RuleChange.SAME_VERSION, RuleChange.OLDER) for one in found.rules):
        talk("A rule that says something else needs a higher version")
        raise SystemExit(Exit.WARNINGS)


def _examples(before: Loaded, after: Loaded) -> Iterator[tuple[str, Case]]:
    from gateway.model.errors import InputRefused
    from gateway.rules.diff import examples_of

    documents = {"old": before[0], "new": after[0]}
    try:
        for name, path, case in examples_of(before[1], after[1]):
            yield str(documents[name].place(path)), case
    except InputRefused as refused:
        raise BadFile(refused.what, refused.advice, where=refused.where) from refused


def _receipts(file: Path | None, moment: datetime | None) -> Iterator[tuple[str, Case]]:
    if file is None:
        return
    from gateway.model.errors import InputRefused
    from gateway.rules.diff import read_case

    at = moment.isoformat(timespec="seconds") if moment is not None else None
    try:
        with file.open("rb") as lines:
            for number, line in enumerate(lines, start=1):
                if line.strip():
                    yield f"{file}, line {number}", read_case(line, at)
    except InputRefused as refused:
        raise BadFile(refused.what, refused.advice, where=f"{file}, line {number}") from refused
    except OSError as error:
        raise BadFile(error.strerror or str(error), "Give a file that can be read", where=str(file)) from error


def _tell(found: Comparison) -> None:
    from gateway.model.money import euros
    from gateway.rules.diff import RuleChange

    for rule in found.rules:
        versions = " -> ".join(f"v{version}" for version in (rule.before, rule.after) if version)
        click.echo(f"{rule.change}: {rule.rule} {versions}")
        for field in rule.fields:
            click.echo(one_line(f"  {field.path}: {field.before or '(absent)'} -> {field.after or '(absent)'}"))
        if rule.more_fields:
            click.echo(f"  … and {rule.more_fields} more fields")
        if not rule.met and rule.change is not RuleChange.RENUMBERED:
            click.echo("  none of the questions meets it, so they say nothing about it")
    if not found.rules:
        click.echo("The rules are the same")
    for change in found.changes:
        click.echo()
        _tell_change(change)
    if len(found.changes) < found.changed:
        click.echo(f"… and {found.changed - len(found.changes)} more")
    changes = "1 decision changes" if found.changed == 1 else f"{found.changed} decisions change"
    click.echo(f"\n{counted(found.asked, 'question')}, {changes}")
    costs = [(f"{one.party} as {one.form.replace('_', ' ')}", one.before_cents, one.after_cents) for one in found.costs]
    rows = [*costs, ("left to be paid", found.due_before_cents, found.due_after_cents)]
    table([["", "before", "after", ""], *([name, euros(a), euros(b), _signed(b - a)] for name, a, b in rows)])


def _tell_change(change: Change) -> None:
    from gateway.model.money import euros

    click.echo(one_line(f"{change.where}: {change.what}" if change.what else change.where))
    texts = {line.line: line.text for line in change.lines}
    for line in change.lines:
        money = f"{euros(line.before_cents)} -> {euros(line.after_cents)}"
        click.echo(one_line(f"  {line.text}: to be paid {money} of {euros(line.list_cents)}"))
    for fate in change.why:
        on = f" on {texts.get(fate.line, fate.line)}" if fate.line else ""
        a, b = _fate(fate.before, fate.before_cents), _fate(fate.after, fate.after_cents)
        click.echo(one_line(f"  {fate.rule}{on}: {a} -> {b}"))
    if change.told:
        click.echo("  what is told differs (messages, balances, uses of quotas)")


def _fate(reason: Reason | None, cents: int) -> str:
    from gateway.model.money import euros

    return f"{reason or 'not told'}{f' ({euros(cents)})' if cents else ''}"


def _signed(cents: int) -> str:
    from gateway.model.money import euros

    return f"{'+' if cents > 0 else ''}{euros(cents)}" if cents else "="
