"""`smartplace rules`: what a rule document gives on a receipt, with every rule's why and why not."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import click

from gateway.cli.common import as_json
from gateway.cli.exits import BadFile

IN_FILE = click.Path(path_type=Path)


@click.group()
def rules() -> None:
    """Try rules before they are published."""


@rules.command()
@click.option("--rules", "rules_file", type=IN_FILE, required=True, help="Rule document (JSON, docs/rules.md).")
@click.option("--receipt", "receipt_file", type=IN_FILE, required=True, help="Receipt (JSON).")
@click.option("--holder", "holder_file", type=IN_FILE, help="Holder (JSON); without it: nobody is identified.")
@click.option("--at", metavar="TIME", help="Time at the place, or a day (its noon). Default: now, by this machine.")
@click.option("--merchant-group", "merchant_groups", multiple=True, help="Group that the place belongs to. Repeat it.")
@click.option("--language", default="en", show_default=True, help="Language of titles and messages.")
@click.option("--clock-not-trusted", is_flag=True, help="As on a box that does not know the time.")
@as_json
def evaluate(
    rules_file: Path,
    receipt_file: Path,
    holder_file: Path | None,
    at: str | None,
    merchant_groups: tuple[str, ...],
    language: str,
    clock_not_trusted: bool,
    as_json: bool,
) -> None:
    """What the rules give on a receipt: each line with its money before and after, and the fate of every rule.

    The same engine as at the stations. Exit code 9 when a file is not what it should be.
    """
    day = _time(at)
    from gateway.model.errors import InputRefused
    from gateway.rules.evaluate import Setting
    from gateway.rules.evaluate import evaluate as evaluate_files

    content = {name: _read(path) for name, path in (("rules", rules_file), ("receipt", receipt_file))}
    holder = _read(holder_file) if holder_file is not None else None
    try:
        found = evaluate_files(
            content["rules"],
            content["receipt"],
            holder,
            Setting(at=day, merchant_groups=merchant_groups, clock_trusted=not clock_not_trusted),
            languages=(language, "en"),
        )
    except InputRefused as refused:
        files = {"receipt": receipt_file, "holder": holder_file}
        file = files.get(refused.where, rules_file)
        where = str(file) if refused.where in files else f"{file}: {refused.where}"
        raise BadFile(refused.what, refused.advice, where=where) from refused
    if as_json:
        import msgspec

        click.echo(msgspec.json.format(msgspec.json.encode(found), indent=2).decode())
    else:
        from gateway.rules.explain import explain

        click.echo(explain(found))


def _time(at: str | None) -> datetime:
    """Civil time of the place; a day alone is its noon."""
    if at is None:
        return datetime.now()  # noqa: DTZ005 (civil time of this machine is meant)
    try:
        time = datetime.fromisoformat(at)
        return time.replace(hour=12) if len(at) <= len("2026-05-30") else time.replace(tzinfo=None)
    except ValueError:
        raise click.BadParameter("write it as 2026-05-30 or 2026-05-30T14:00", param_hint="--at") from None


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise BadFile(error.strerror or str(error), "Give a file that can be read", where=str(path)) from error
