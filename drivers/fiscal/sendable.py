"""Whether this family can send every operation of a plan: the last refusal before a byte is sent. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator

from drivers.fiscal.dialect import Dialect
from drivers.fiscal.errors import Reason, Refusal
from drivers.fiscal.operations import Operation
from drivers.fiscal.plan import Plan

_FIELD = re.compile(r"([a-z_]+(?:\.[a-z_]+)*): ")
"""How a dialect begins what it refuses with."""


def check(work: Plan, dialect: Dialect) -> None:
    """Raises `Refusal` with the part that cannot be sent."""
    for where, operation in _operations(work):
        try:
            command, data = dialect.request(operation)
            dialect.framing.encode(dialect.framing.seq_first, command, data)
        except ValueError as error:
            field = _FIELD.match(str(error))
            path = ".".join(part for part in (where, field[1] if field is not None else "") if part)
            what = str(error) if field is None else str(error)[field.end() :]
            # What names the receipt that is given back is not what this device numbers its receipts by.
            reason = Reason.REVERSAL_UNCLEAR if path.startswith("reversal.") else Reason.NOT_SUPPORTED
            raise Refusal(reason, what, path) from error


def _operations(work: Plan) -> Iterator[tuple[str, Operation]]:
    yield "", work.opening
    yield from zip(work.origins, work.body, strict=True)
    for paying in work.payments:
        yield "tenders", paying.pay
    for text in work.footer:
        yield "items", text
