"""Runs the `labels` verb as a person would, and gives tables to run it on."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from click.testing import CliRunner, Result
from smartplace_tools.main import tools

TABLE = """\
id,text,payload
desk-01,"Jelgavas bibliotēka, abonements",https://smart.example.lv/s/desk-01
gate-02,Aušros muziejus – įėjimas,https://smart.example.lt/s/gate-02
till-03,Касса № 3,SPG1:till-03:9f3e1c77aa0b41d2
"""


@dataclass(frozen=True)
class Bench:
    """A folder with a table, and the sheet that is made from it."""

    folder: Path

    @property
    def pdf(self) -> Path:
        return self.folder / "sheet.pdf"

    def labels(self, table: str | bytes, *options: str) -> Result:
        source = self.folder / "table.csv"
        source.write_bytes(table.encode() if isinstance(table, str) else table)
        return CliRunner().invoke(tools, ["labels", str(source), "--out", str(self.pdf), *options])
