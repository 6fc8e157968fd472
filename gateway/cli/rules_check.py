"""`smartplace rules check`: whether rules can be published, and what looks wrong in them."""

from __future__ import annotations

from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from gateway.cli.common import as_json
from gateway.cli.exits import Exit
from gateway.cli.lazy import one_line
from gateway.cli.output import counted, document, patience, talk
from gateway.cli.rules_files import IN_FILE, read_parts
from gateway.model.languages import LANGUAGES

if TYPE_CHECKING:
    from gateway.rules.finding import Finding


@click.command()
@click.argument("file", type=IN_FILE)
@click.option("--at", type=click.DateTime(("%Y-%m-%d",)), help="As of this day. Default: today, by this machine.")
@click.option(
    "--language", "languages", type=click.Choice(LANGUAGES), multiple=True, help="A language that titles and messages "
    "need. Repeat it. Default: all four.",
)  # fmt: skip
@click.option("--accept", "accepted", metavar="CODE:RULE", multiple=True, help="A warning that is meant. Repeat it.")
@as_json
def check(
    file: Path, at: datetime | None, languages: tuple[str, ...], accepted: tuple[str, ...], as_json: bool
) -> None:
    """Whether the rules of FILE can be published, and what looks wrong in them although they can.

    Exit code 9 for faults: these rules are not to be published. Exit code 8 for warnings: rules that never apply, rules
    that are given on top of each other, missing translations; each with what to do.
    """
    day = at.date() if at is not None else date.today()  # noqa: DTZ011 (the day of this machine is meant)
    from gateway.rules.finding import Level
    from gateway.rules.lint import lint

    with patience(f"checking {file}"):
        found = lint(read_parts(file), day, languages or LANGUAGES)
    meant = [one for one in found if one.level is Level.WARNING and _name(one) in accepted]
    for name in sorted(set(accepted) - {_name(one) for one in meant}):
        talk(f"nothing to accept: {name}")
    told = [one for one in found if one not in meant]
    faults = sum(one.level is Level.FAULT for one in told)
    if as_json:
        import msgspec

        findings = msgspec.to_builtins(told)
        document(at=day.isoformat(), faults=faults, warnings=len(told) - faults, accepted=len(meant), findings=findings)
    else:
        for one in told:
            _tell(one)
        count = f"{counted(faults, 'fault')}, {counted(len(told) - faults, 'warning')}"
        click.echo(count + (f", {len(meant)} accepted" if meant else ""))
    if faults:
        raise SystemExit(Exit.BAD_FILE)
    if told:
        raise SystemExit(Exit.WARNINGS)


def _name(one: Finding) -> str:
    return f"{one.code}:{one.rule}"


def _tell(one: Finding) -> None:
    who = f"{one.rule}: " if one.rule else ""
    click.echo(one_line(f"{one.level.upper()} {one.code}: {who}{one.text}. {one.advice}"))
    click.echo(one_line(f"  {one.file}: {one.path}" if one.file else f"  {one.path}"))
