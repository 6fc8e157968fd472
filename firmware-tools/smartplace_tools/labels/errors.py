"""What can go wrong with a sheet of labels."""

from __future__ import annotations

from collections.abc import Sequence

MOST_COMPLAINTS = 20
"""A person mends twenty lines and runs again; a thousand only scroll past."""


class LabelsError(Exception):
    """Root of what this verb raises on purpose.

    LabelsError
    ├── BadTable    the input is not what a sheet can be made of: nothing was written, mend the file
    └── NotReadable the finished PDF did not read back: nothing was written, nothing may be printed
    """


class BadTable(LabelsError):
    """Complaints about the input, each with its line number. No payload is quoted: it may be a pass."""

    def __init__(self, complaints: Sequence[str]) -> None:
        more = len(complaints) - MOST_COMPLAINTS
        rest = (f"and {more} more",) if more > 0 else ()
        self.complaints = (*complaints[:MOST_COMPLAINTS], *rest)
        super().__init__("\n".join(self.complaints))


class NotReadable(LabelsError):
    """Labels of the finished PDF that a decoder read wrongly or not at all."""
