"""What a misspelt name was perhaps meant to be. Pure, bounded in time."""

from __future__ import annotations

from collections.abc import Collection

LONGEST = 64
"""Characters of a name that are looked at."""
MOST = 2000
"""Names that are compared, which takes some tens of milliseconds: among more nothing is looked for."""


def near(name: str, names: Collection[str]) -> str:
    """The name of these that is most alike; empty when none is, or there are too many."""
    if len(names) > MOST:
        return ""
    from difflib import get_close_matches  # For who writes rules: a daemon hardly ever says what was meant.

    return next(iter(get_close_matches(name[:LONGEST], sorted(names), 1)), "")


def mean(name: str, names: Collection[str], quote: str = "'") -> str:
    """The question after a fault: `; did you mean 'x'?`, or nothing."""
    found = near(name, names)
    return f"; did you mean {quote}{found}{quote}?" if found else ""
