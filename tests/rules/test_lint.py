"""What lint says of rules that are wrong, or say less than they could; and of anything else."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.rules.finding import ADVICE, Code, Level
from gateway.rules.lint import MAX_FINDINGS, lint
from tests.rules.builders import MERCHANT, Json, document, percent, rule
from tests.rules.linted import AT, EACH_DAY, SUSPENDED, codes, found


def test_rules_with_nothing_to_say_about_them() -> None:
    assert codes(rule("a", what={"categories": ["x"]}), rule("b", what={"categories": ["y"]})) == []


def test_every_code_has_its_advice() -> None:
    assert set(ADVICE) == set(Code)


def test_a_document_of_wrong_types_is_one_fault_with_its_rule() -> None:
    (one,) = found(rule("a"), rule("b", colour="red"))
    assert (one.code, one.level, one.rule, one.file) == (Code.UNREADABLE, Level.FAULT, "b", "r.json")
    assert one.path == "$.rules[1]"


def test_a_quota_of_less_than_one_is_a_fault() -> None:
    (one,) = found(rule("a", who={}, quota=[{**EACH_DAY, "limit": 0}]))
    assert (one.level, one.path) == (Level.FAULT, "$.rules[0].quota[0].limit")


def test_each_thing_that_makes_no_sense_is_a_fault_of_its_own() -> None:
    told = found(rule("a", payers=[MERCHANT, {**MERCHANT, "party": "b"}]), rule("b", who={}), rule("b", title={}))
    assert [(one.code, one.rule, one.path) for one in told] == [
        (Code.SENSELESS, "a", "$.rules[0].payers"),
        (Code.SENSELESS, "b", "$.rules[2].id"),
        (Code.SENSELESS, "b", "$.rules[2].title"),
    ]


EXAMPLE = {"what": "a", "at": "2026-05-10", "expect": {"totals": {}},
    "receipt": {"lines": [{"id": "1", "text": "A", "category": "a", "unit_cents": 1}]}}  # fmt: skip


@pytest.mark.parametrize(
    ("fields", "path", "says"),
    [
        ({"what": ""}, "$.examples[1].what", "empty"),
        ({"at": "10.05.2026"}, "$.examples[1].at", "no time such as"),
        ({"at": "2026-02-30"}, "$.examples[1].at", "no time of the calendar"),
        ({"expects": {}}, "$.examples[1]", "did you mean `expect`?"),
        ({"expect": {}}, "$.examples[1].expect", "nothing is expected"),
        ({"receipt": {"lines": []}}, "$.examples[1].receipt.lines", "nothing in it"),
        ({"holder": {"name": "Anna"}}, "$.examples[1].holder", "`name`"),
        ({"setting": {"place": 5}}, "$.examples[1].setting.place", "a text"),
    ],
)
def test_what_is_no_example_is_a_fault(fields: Json, path: str, says: str) -> None:
    (one,) = found(rule("a"), examples=[EXAMPLE, {**EXAMPLE, **fields}])
    assert (one.code, one.level, one.path, says in one.text) == (Code.UNREADABLE, Level.FAULT, path, True), one.text


def test_a_text_of_blanks_alone_is_a_fault() -> None:
    suspension = {**SUSPENDED, "title": {"lv": "\u2003"}}
    told = found(rule("a", title={"en": " \u00a0"}, legal_basis="  "), rule("b", message={"en": "A", "lt": " "}),
        suspensions=[suspension])  # fmt: skip
    assert [(one.code, one.level, one.rule, one.path) for one in told] == [
        (Code.SENSELESS, Level.FAULT, "a", "$.rules[0].legal_basis"),
        (Code.SENSELESS, Level.FAULT, "a", "$.rules[0].title.en"),
        (Code.SENSELESS, Level.FAULT, "b", "$.rules[1].message.lt"),
        (Code.SENSELESS, Level.FAULT, "", "$.suspensions[0].title.lv"),
    ]


def test_an_example_without_its_words_is_a_fault() -> None:
    (one,) = found(rule("a"), examples=[{key: value for key, value in EXAMPLE.items() if key != "what"}])
    assert (one.path, one.text) == ("$.examples[0]", "the field `what` is missing")


def test_each_rule_of_a_wrong_type_is_a_fault_of_its_own_and_says_its_id_once() -> None:
    told = found(rule("a", stage="x"), rule("b"), rule("c", who=None))
    assert [(one.rule, one.path) for one in told] == [("a", "$.rules[0].stage"), ("c", "$.rules[2].who")]
    assert not any(one.text.startswith("rule ") for one in [*told, *found(rule("a", payers=[MERCHANT, MERCHANT]))])


def test_faults_are_placed_in_their_files_and_other_bytes_are_a_fault() -> None:
    good, bad = document(rule("a")), document(rule("b", title={}))
    (one,) = lint([("a.json", good), ("b.json", bad)], AT)
    assert (one.file, one.path) == ("b.json", "$.rules[0].title")
    (other,) = lint([("a.json", good), ("b.json", b"{")], AT)
    assert (other.code, other.file, other.path) == (Code.UNREADABLE, "b.json", "$")


def test_missing_languages_are_told_of_titles_and_messages() -> None:
    told = found(rule("a", message={"lv": "Paldies"}), languages=("lv", "en"), suspensions=[SUSPENDED])
    assert [(one.code, one.path, one.text) for one in told] == [
        (Code.LANGUAGE_MISSING, "$.rules[0].title", "no title in lv"),
        (Code.LANGUAGE_MISSING, "$.rules[0].message", "no message in en"),
        (Code.LANGUAGE_MISSING, "$.suspensions[0].title", "suspension 's' has no title in lv"),
    ]


def test_tables_that_nothing_uses_are_told() -> None:
    partners = [{"city": "s", "groups": {"x": ["g"], "y": ["h"]}}]
    told = found(rule("a", who={"any_of_groups": ["g"]}), calendars={"lv": ["2026-11-18"]}, partners=partners)
    assert [(one.code, one.path) for one in told] == [
        (Code.UNUSED, "$.calendars.lv"),
        (Code.UNUSED, "$.partners[0].groups"),
    ]


def test_an_ended_suspension_is_told() -> None:
    ended = SUSPENDED | {"dates": {"until": "2026-05-09"}}
    assert [(one.code, one.path) for one in found(suspensions=[ended])] == [(Code.PAST, "$.suspensions[0].dates")]


def test_findings_are_bounded_and_in_the_order_of_codes() -> None:
    many = [rule(f"r{i:05}", give=percent(1 + i % 5000)) for i in range(900)]
    told = found(*many, languages=("lv", "en"))
    assert len(told) <= MAX_FINDINGS
    order = list(Code)
    assert [order.index(one.code) for one in told] == sorted(order.index(one.code) for one in told)


@given(st.binary(max_size=100))
def test_any_bytes_are_findings_and_never_an_error(content: bytes) -> None:
    assert {one.level for one in lint([("r.json", content)], AT)} == {Level.FAULT}
