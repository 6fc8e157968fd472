"""`smartplace rules evaluate|test`: rules tried on a receipt, and on the examples that live inside them."""

from __future__ import annotations

import time
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from gateway.cli.common import as_json
from gateway.cli.exits import BadFile, Exit
from gateway.cli.lazy import one_line
from gateway.cli.output import counted, document, talk
from gateway.cli.rules_files import IN_FILE, load_rules, read
from gateway.model.languages import LANGUAGES

if TYPE_CHECKING:
    from gateway.rules.document import RulesContent
    from gateway.rules.examples import Outcome
    from gateway.rules.setting import Setting

PROGRESS_S = 2.0


@click.command()
@click.option("--rules", "rules_file", type=IN_FILE, required=True, help="Rule document (JSON), or a folder of them.")
@click.option("--receipt", "receipt_file", type=IN_FILE, required=True, help="Receipt (JSON).")
@click.option("--holder", "holder_file", type=IN_FILE, help="Holder (JSON); without it: nobody is identified.")
@click.option("--setting", "setting_file", type=IN_FILE, help="Place, what happened, what is left of quotas (JSON).")
@click.option("--at", metavar="TIME", help="Time at the place, or a day (its noon). Default: the setting's, else now.")
@click.option("--merchant-group", "merchant_groups", multiple=True, help="Group that the place belongs to. Repeat it.")
@click.option(
    "--language", type=click.Choice(LANGUAGES), default="en", show_default=True, help="Of titles and messages."
)
@click.option("--clock-not-trusted", is_flag=True, help="As on a box that does not know the time.")
@as_json
def evaluate(
    rules_file: Path,
    receipt_file: Path,
    holder_file: Path | None,
    setting_file: Path | None,
    at: str | None,
    merchant_groups: tuple[str, ...],
    language: str,
    clock_not_trusted: bool,
    as_json: bool,
) -> None:
    """What the rules give on a receipt: each line with its money before and after, and the fate of every rule.

    The same engine as at the stations. What an option says goes before the setting's file. Exit code 9 when a file is
    not what it should be.
    """
    moment = at_option(at)
    from gateway.model.errors import InputRefused
    from gateway.rules.evaluate import answer, person_of
    from gateway.rules.index import compile

    _, content = load_rules(rules_file)
    receipt = read(receipt_file)
    holder = read(holder_file) if holder_file is not None else None
    try:
        setting = _setting(setting_file, moment, merchant_groups, clock_not_trusted)
        _warn_of_groups(content, setting.merchant_groups)
        found = answer(compile(content, 0), receipt, holder, setting, (language, "en"))
    except InputRefused as refused:
        files = {"receipt": receipt_file, "holder": holder_file, "setting": setting_file}
        part, _, path = refused.where.partition(": ")
        where = f"{files.get(part) or receipt_file}{f': {path}' if path else ''}"
        raise BadFile(refused.what, refused.advice, where=where) from refused
    if as_json:
        import msgspec

        click.echo(msgspec.json.format(msgspec.json.encode(found), indent=2).decode())
    else:
        from gateway.rules.explain import explain

        click.echo(explain(found, city=person_of(holder).city if holder is not None else ""))


@click.command()
@click.argument("file", type=IN_FILE)
@as_json
def test(file: Path, as_json: bool) -> None:
    """Run the examples inside the rules of FILE: each is a question with what is expected of the answer.

    What is not as expected is told with its path. Exit code 1 when an example fails, 8 when there is none.
    """
    from gateway.rules.examples import run
    from gateway.rules.index import compile

    whole, content = load_rules(file)
    count = len(content.examples)
    failed: list[tuple[str, Outcome]] = []
    proven: set[str] = set()
    last = time.monotonic()
    for outcome in run(content, compile(content, 0)):
        if outcome.differences:
            failed.append((str(whole.place(f"$.examples[{outcome.number}]")), outcome))
        elif outcome.answer is not None:
            proven.update(rule.rule for rule in outcome.answer.totals.rules)
        if time.monotonic() - last > PROGRESS_S:
            last = time.monotonic()
            talk(f"{outcome.number + 1} of {count} examples, {len(failed)} failed …")
    unproven = sorted({rule.id for rule in content.rules} - proven)
    if as_json:
        told = [{"where": where, "what": one.what, "differences": list(one.differences)} for where, one in failed]
        document(examples=count, failed=len(failed), failures=told, not_applied=unproven)
    else:
        _tell(count, failed, unproven)
    if failed:
        raise SystemExit(Exit.FAILED)
    if not count:
        talk("There is no example inside: docs/rules.md says how to write one")
        raise SystemExit(Exit.WARNINGS)


def _tell(count: int, failed: list[tuple[str, Outcome]], unproven: list[str]) -> None:
    for where, outcome in failed:
        click.echo(one_line(f"{where}: {outcome.what}" if outcome.what else where))
        for difference in outcome.differences:
            click.echo(f"  {one_line(difference)}")
    click.echo(f"{counted(count, 'example')}, {len(failed)} failed")
    if unproven:
        click.echo(f"No example that passes shows what these give: {', '.join(unproven)}")


def at_option(at: str | None) -> datetime | None:
    """Civil time of the place; a day alone is its noon. Raises click's error of usage."""
    if at is None:
        return None
    try:
        moment = datetime.fromisoformat(at)
    except ValueError:
        raise click.BadParameter("write it as 2026-05-30 or 2026-05-30T14:00", param_hint="--at") from None
    return moment.replace(hour=12) if len(at) <= len("2026-05-30") else moment.replace(tzinfo=None)


def _warn_of_groups(content: RulesContent, merchant_groups: tuple[str, ...]) -> None:
    """A misspelt group looks like a place for which there is nothing."""
    from gateway.rules.named import all_merchant_groups
    from gateway.rules.near import mean

    known = all_merchant_groups(content)
    for group in merchant_groups:
        if group not in known:
            talk(f"warning: no rule names the merchant group {group[:64]!r}{mean(group, known)}")


def _setting(
    file: Path | None, moment: datetime | None, merchant_groups: tuple[str, ...], clock_not_trusted: bool
) -> Setting:
    """What the file says, and what the options say before it. Raises `BadFile`, `InputRefused`."""
    import msgspec

    from gateway.rules.setting import setting_of

    given = _json(file) if file is not None else {}
    if moment is None and not (isinstance(given, dict) and given.get("at")):
        moment = datetime.now()  # noqa: DTZ005 (civil time of this machine is meant)
    setting = setting_of(given, moment)
    if merchant_groups:
        setting = msgspec.structs.replace(setting, merchant_groups=merchant_groups)
    return msgspec.structs.replace(setting, clock_trusted=False) if clock_not_trusted else setting


def _json(file: Path) -> object:
    import msgspec

    from gateway.rules.json_fault import BOM, json_fault

    content = read(file).removeprefix(BOM)
    if fault := json_fault(content):
        raise BadFile(*fault, where=str(file))
    try:
        found: object = msgspec.json.decode(content)
    except (msgspec.DecodeError, RecursionError) as error:
        raise BadFile(f"not a setting: {error}", where=str(file)) from error
    return found
