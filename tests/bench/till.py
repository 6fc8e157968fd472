"""Bench `till`: what a POS waits for until it has its quote, what a printed receipt takes beyond its printer, and
frames a second."""

from __future__ import annotations

from tests.bench.context import Context
from tests.bench.frame import Row
from tests.bench.till_codecs import codecs
from tests.bench.till_quotes import quotes
from tests.bench.till_receipts import receipts


def run(context: Context) -> list[Row]:
    rows = []
    for number, part in enumerate((quotes, receipts, codecs)):
        folder = context.folder / str(number)
        folder.mkdir()
        rows += part(context._replace(folder=folder))
    return rows
