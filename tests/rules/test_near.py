"""What a misspelt name was meant to be, in bounded time."""

from __future__ import annotations

from gateway.rules.near import MOST, mean, near


def test_the_name_that_is_most_alike_is_asked_for() -> None:
    names = {"sport-kids", "sport-adults", "museum"}
    assert near("sport-kidz", names) == "sport-kids"
    assert mean("sport-kidz", names) == "; did you mean 'sport-kids'?"
    assert mean("library", names) == ""


def test_among_too_many_names_nothing_is_looked_for() -> None:
    names = [f"rule-{number}" for number in range(MOST + 1)]
    assert near("rule-x", names) == ""
    assert near("rule-x", names[:MOST]) != ""
    assert near("x" * 1_000_000, names[:MOST]) == ""
