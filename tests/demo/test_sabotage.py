"""The counters can rise: the same morning with a gateway that breaks a promise is not called good."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from gateway.cli.demo.town import PEOPLE
from tests.demo.conftest import Play
from tests.demo.tree import Tree

PROGRAM = str(Path(__file__).with_name("broken_gateway.py"))

CLASS = next(person for person in PEOPLE if person.name == "class")

pytestmark = [pytest.mark.slow, pytest.mark.timeout(150)]

Played = dict[str, tuple[int, dict[str, Any], str]]


@pytest.fixture(scope="module")
def played(play: Play) -> Played:
    """One morning with each broken gateway, side by side: a morning is mostly waiting for people."""
    trees: dict[str, Tree] = {}
    for broken in ("", "forget", "identify_twice", "book_again", "open_twice"):
        # The tests' own tree has to be found by the program that runs in the gateway's place.
        root = str(Path(__file__).parents[2])
        arguments = ("--once", "--json", "--port", "0", "--gateway", PROGRAM)
        trees[broken] = play(*arguments, BROKEN=broken, PYTHONPATH=root)
    told: Played = {}
    for broken, tree in trees.items():
        code = tree.end(120)
        said = tree.err.read_text(encoding="utf-8")
        out = tree.out.read_text(encoding="utf-8")
        assert out, said
        told[broken] = (code, json.loads(out.splitlines()[-1]), said)
    return told


def test_the_program_itself_breaks_nothing(played: Played) -> None:
    code, figures, said = played[""]
    assert code == 0, said
    assert (figures["lost"], figures["duplicates"]) == (0, 0)


def test_what_was_called_stored_and_is_not_counts_as_lost(played: Played) -> None:
    code, figures, said = played["forget"]
    assert code == 1, said
    assert figures["lost"] >= 3, said


def test_a_person_stored_twice_counts_as_duplicate(played: Played) -> None:
    code, figures, said = played["identify_twice"]
    assert code == 1, said
    assert (figures["lost"], figures["duplicates"]) == (0, 4), said


def test_a_receipt_booked_twice_counts_as_duplicate(played: Played) -> None:
    code, figures, said = played["book_again"]
    assert code == 1, said
    assert figures["lost"] == 0
    assert figures["duplicates"] >= 1
    assert "receipt twice" in said


def test_a_gate_that_opens_twice_for_one_grant_counts_as_lost(played: Played) -> None:
    code, figures, said = played["open_twice"]
    assert code == 1, said
    assert figures["lost"] == figures["admissions"] + CLASS.persons - 1, said  # one for each person
    assert "an opening without its admission" in said
