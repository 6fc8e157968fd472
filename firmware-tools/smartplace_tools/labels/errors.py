"""What can go wrong with a sheet of labels."""

from __future__ import annotations

from collections.abc import Sequence


class LabelsError(Exception):
    """Root of what this verb raises on purpose.

    LabelsError
    ├── BadTable    the input is not what a sheet can be made of: nothing was written, mend the file
    └── NotReadable the finished PDF did not read back: nothing was written, nothing may be printed
    """


class BadTable(LabelsError):
    """All complaints about the input at once, each with its line number. No payload is quoted: it may be a pass."""

    def __init__(self, complaints: Sequence[str]) -> None:
        super().__init__("\n".join(complaints))
        self.complaints = tuple(complaints)


class NotReadable(LabelsError):
    """Labels of the finished PDF that a decoder read wrongly or not at all."""
