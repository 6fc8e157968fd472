"""`smartplace rules export|import`: rules as a spreadsheet, for the officer who keeps them."""

from __future__ import annotations

from pathlib import Path

import click

from gateway.cli.common import as_json
from gateway.cli.exits import BadFile, Exit
from gateway.cli.output import counted, document, talk
from gateway.cli.rules_files import IN_FILE, load_rules, read, write

FORCE = click.option("--force", is_flag=True, help="Overwrite the file when it is there already.")


@click.command()
@click.argument("file", type=IN_FILE)
@click.option("--csv", "csv_file", type=IN_FILE, required=True, help="File to write.")
@FORCE
@as_json
def export(file: Path, csv_file: Path, force: bool, as_json: bool) -> None:
    """Write the rules of FILE as a spreadsheet (CSV, UTF-8): a row for each rule, table item and example.

    `import` makes the same rules of it. No cell is a formula. Exit code 8 when a cell is longer than spreadsheet
    programs hold: then they cut it, and what they save is not to be imported. Exit code 5 when the file to write is
    there already.
    """
    from gateway.rules import sheet

    _, content = load_rules(file)
    written = sheet.write(content)
    write(csv_file, written, force=force)
    long = sheet.too_long(written)
    if as_json:
        document(file=str(csv_file), rules=len(content.rules), too_long=long)
    else:
        click.echo(f"{counted(len(content.rules), 'rule')} in {csv_file}")
    for where in long:
        talk(f"{where}: longer than a spreadsheet's cell")
    if long:
        raise SystemExit(Exit.WARNINGS)


@click.command("import")
@click.argument("csv_file", metavar="CSV", type=IN_FILE)
@click.option("--output", "-o", type=IN_FILE, required=True, help="Rule document to write (JSON).")
@FORCE
@as_json
def import_(csv_file: Path, output: Path, force: bool, as_json: bool) -> None:
    """Read rules from a spreadsheet and write them as a rule document.

    Exit code 9 names row and column of what is wrong, 5 says that the file to write is there already; nothing is
    written then.
    """
    import msgspec

    from gateway.model.errors import InputRefused
    from gateway.rules.sheet_read import read as read_sheet

    try:
        content = read_sheet(read(csv_file))
    except InputRefused as refused:
        where = f"{csv_file}: {refused.where}" if refused.where else str(csv_file)
        raise BadFile(refused.what, refused.advice, where=where) from refused
    write(output, msgspec.json.format(msgspec.json.encode(content), indent=2) + b"\n", force=force)
    if as_json:
        document(file=str(output), rules=len(content.rules), examples=len(content.examples))
    else:
        click.echo(f"{counted(len(content.rules), 'rule')} in {output}")
