"""`smartplace tools labels TABLE.csv --out SHEET.pdf`"""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from smartplace_tools.labels.errors import BadTable, NotReadable
from smartplace_tools.labels.layout import LAYOUTS, Layout

if TYPE_CHECKING:
    from smartplace_tools.labels.lettering import Lettering
    from smartplace_tools.labels.sheet import Placed

_FILE = click.Path(path_type=Path, dir_okay=False)


class Failed(click.ClickException):
    """Exit code 1: the work could not be done. The message and its details, one a line."""

    def __init__(self, what: str, details: Sequence[str] = ()) -> None:
        super().__init__("\n  ".join((what, *details)))


class BadInput(Failed):
    """Exit code 9: the input file (or font) is not what it should be."""

    exit_code = 9


@click.command()
@click.argument("table", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option("--out", required=True, type=_FILE, help="The PDF to write.")
@click.option("--layout", type=click.Choice(tuple(LAYOUTS)), default="3x8", show_default=True, help="Sheet of labels.")
@click.option("--start", type=click.IntRange(1), default=1, show_default=True, help="First free label on the sheet.")
@click.option("--font", type=_FILE, help="TrueType font for the text, when the system has none.")
@click.option("--json", "as_json", is_flag=True, help="Say the outcome as JSON.")
def labels(table: Path, out: Path, layout: str, start: int, font: Path | None, as_json: bool) -> None:
    """Make sheets of QR labels from a CSV file with the columns id, text, payload.

    Every label is decoded from the finished PDF; nothing is written unless all of them read back exactly.
    """
    sheet = LAYOUTS[layout]
    if start > sheet.per_sheet:
        raise click.BadParameter(f"a sheet {layout} has {sheet.per_sheet} labels", param_hint="--start")
    try:
        placed, lettering = make(table, out, sheet, start - 1, font)
    except BadTable as error:
        raise BadInput(f"{table}: nothing was written", error.complaints) from error
    except NotReadable as error:
        raise Failed(f"{out}: not written, the sheet did not read back", str(error).split("\n")) from error
    except OSError as error:
        raise Failed(f"{error.filename or out}: {error.strerror}") from error
    warnings = _warnings(placed, lettering)
    for warning in warnings:
        click.echo(f"warning: {warning}", err=True)
    sheets = placed[-1].sheet + 1
    if as_json:
        click.echo(json.dumps(_summary(out, layout, sheets, lettering, warnings, placed), ensure_ascii=False))
    else:
        click.echo(f"{out}: {len(placed)} labels on {sheets} sheet(s) {layout}, each read back from the PDF")


def make(table: Path, out: Path, layout: Layout, first: int, font: Path | None) -> tuple[tuple[Placed, ...], Lettering]:
    """Table → PDF at `out`, written only when every label reads back. Raises BadTable, NotReadable, OSError."""
    from smartplace_tools.labels.lettering import choose
    from smartplace_tools.labels.pdf import draw, measure
    from smartplace_tools.labels.readback import read_back
    from smartplace_tools.labels.sheet import place
    from smartplace_tools.labels.table import read_table

    rows = read_table(table.read_bytes())
    lettering = choose(font)
    placed = place(rows, layout, lettering, measure(lettering), first)
    pdf = draw(placed, lettering)
    read_back(pdf, placed)
    _write_whole(out, pdf)
    return placed, lettering


def _write_whole(out: Path, data: bytes) -> None:
    """All or nothing: an interrupted run leaves the old file. Readable by its owner only: payloads may be passes."""
    descriptor, name = tempfile.mkstemp(prefix=f".{out.name}.", dir=out.parent)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
        Path(name).replace(out)
    except OSError:
        Path(name).unlink(missing_ok=True)
        raise


def _warnings(placed: tuple[Placed, ...], lettering: Lettering) -> list[str]:
    from smartplace_tools.labels.lettering import FONT_PACKAGE

    respelt = [one.label.line for one in placed if one.respelt]
    if not respelt:
        return []
    lines = ", ".join(str(line) for line in respelt[:10]) + (" …" if len(respelt) > 10 else "")
    font = lettering.file or "the PDF's built-in font"
    return [f"{font} lacks letters, text was respelt (lines {lines}); apt install {FONT_PACKAGE} or give --font"]


def _summary(
    out: Path, layout: str, sheets: int, lettering: Lettering, warnings: list[str], placed: tuple[Placed, ...]
) -> dict[str, object]:
    """No payload: the output of a tool ends up in logs."""
    return {
        "file": str(out),
        "layout": layout,
        "sheets": sheets,
        "font": str(lettering.file) if lettering.file else None,
        "read_back": len(placed),
        "warnings": warnings,
        "labels": [
            {"line": p.label.line, "id": p.label.id, "check": p.check, "sheet": p.sheet + 1, "position": p.position + 1}
            for p in placed
        ],
    }
