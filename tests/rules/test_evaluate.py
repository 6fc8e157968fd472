"""Files in, evaluation out; and its words for a person."""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.model.decision import Reason
from gateway.model.errors import InputRefused
from gateway.rules.evaluate import evaluate
from gateway.rules.evaluation import Evaluation, told
from gateway.rules.explain import explain
from gateway.rules.question import Question
from gateway.rules.setting import Setting, setting_of
from tests.rules.builders import Json, document, questions, rule, rule_lists, rule_set

DEMO = (Path(__file__).parents[2] / "config/bundles/demo-rules.json").read_bytes()
BOOK = b'{"lines":[{"id":"1","text":"Book","category":"books","unit_cents":1099,"quantity":2000}]}'
PUPIL = b'{"id":"h-1","entitlements":["p1"],"language":"lv"}'
DAY = datetime.fromisoformat("2026-11-23T12:00")


def answer(receipt: bytes, holder: bytes | None = None, *places: str, at: datetime = DAY) -> Evaluation:
    return evaluate(DEMO, receipt, holder, Setting(at=at, merchant_groups=places))


@pytest.mark.parametrize(
    ("receipt", "holder", "where"),
    [
        (b"{", None, "receipt"),
        (b'{"lines":[]}', None, "receipt: $.lines"),
        (
            b'{"lines":[{"id":"1","text":"A","category":"a","unit_cents":"1.50"}]}',
            None,
            "receipt: $.lines[0].unit_cents",
        ),
        (BOOK, b'{"entitlements":[]}', "holder: $"),
        (BOOK, b'{"id":"h","age":"12"}', "holder: $.age"),
        (BOOK, b"\xff", "holder"),
    ],
)
def test_a_bad_file_is_refused_by_its_name(receipt: bytes, holder: bytes | None, where: str) -> None:
    with pytest.raises(InputRefused) as caught:
        answer(receipt, holder)
    assert caught.value.where == where


def test_a_receipt_with_a_line_id_twice_is_refused() -> None:
    lines = json.loads(BOOK)["lines"] * 2
    with pytest.raises(InputRefused) as caught:
        answer(json.dumps({"lines": lines}).encode())
    assert (caught.value.where, caught.value.what) == ("receipt: $.lines[1].id", "line id '1' is used twice")


def test_a_fault_has_its_remedy() -> None:
    for receipt, says in (
        (b'{"lines":[{"id":"1","text":"A","category":"a","unit_cents":"1.50"}]}', "without quotation marks"),
        (b'{"lines":[{"id":"1"}]}', "docs/api.md, A receipt"),
        (b'{"lines":[],}', "Take the comma out"),
    ):
        with pytest.raises(InputRefused) as caught:
            answer(receipt)
        assert says in caught.value.advice


def test_a_byte_order_mark_is_no_fault() -> None:
    assert answer(b"\xef\xbb\xbf" + BOOK, b"\xef\xbb\xbf" + PUPIL) == answer(BOOK, PUPIL)


@given(st.binary(max_size=60), st.binary(max_size=60), st.none() | st.binary(max_size=60))
def test_arbitrary_files_are_refused_and_nothing_else(rules: bytes, receipt: bytes, holder: bytes | None) -> None:
    for files in ((rules, BOOK, PUPIL), (DEMO, receipt, PUPIL)):
        with pytest.raises(InputRefused):
            evaluate(*files, Setting(at=DAY))
    if holder is not None:
        with pytest.raises(InputRefused):
            evaluate(DEMO, BOOK, holder, Setting(at=DAY))


@given(rule_lists(), questions())
def test_its_sums_are_those_of_the_decision(rules: list[Json], asked: Question) -> None:
    compiled = rule_set(*rules)
    decision = compiled.decide(asked)
    evaluation = told(compiled, asked, decision, ("en",))
    totals = evaluation.totals
    assert totals.discount_cents == decision.discount_cents
    assert sum(one.cents for one in totals.rules) == decision.discount_cents
    assert sum(paid.cents for paid in totals.payers) == decision.discount_cents
    for line in evaluation.lines:
        assert sum(one.cents for one in line.rules) == line.discount_cents == line.list_cents - line.due_cents
        assert all(sum(paid.cents for paid in one.payers) == one.cents for one in line.rules)
    assert msgspec.json.decode(msgspec.json.encode(evaluation), type=Evaluation) == evaluation


@given(rule_lists(), questions())
def test_each_fate_has_its_line_of_text(rules: list[Json], asked: Question) -> None:
    compiled = rule_set(*rules)
    evaluation = told(compiled, asked, compiled.decide(asked), ("en",))
    text = explain(evaluation).splitlines()
    told_lines = [one for one in text if one.startswith("  ") and " v1)" in one]
    assert len(told_lines) == len(evaluation.reasons)


def test_titles_and_messages_come_in_the_holders_language() -> None:
    evaluation = answer(BOOK, PUPIL, "shop")
    assert [why.title for why in evaluation.reasons if why.reason is Reason.APPLIED] == [
        "Grāmatas skolēniem 20 %",
        "Lojalitātes atlaide 5 %",
    ]
    assert [message.text for message in evaluation.messages] == ["Lojalitātes atlaide piešķirta"]


def test_the_words_for_a_person() -> None:
    evaluation = answer(BOOK, b'{"id":"h-1","entitlements":["p1"]}', "shop", at=datetime.fromisoformat("2027-05-29"))
    assert explain(evaluation).splitlines() == [
        "Book: 21.98 -> 16.70",
        "  applied: Books for pupils 20 % (shop-schoolbooks-p1 v1): -4.40, borne by jelgava 3.30, merchant 1.10",
        "  applied: Loyalty programme 5 % (shop-loyalty-c1 v1): -0.88, borne by merchant 0.88",
        "Not applied:",
        "  City festival souvenirs (shop-souvenirs-2027 v1): for other goods or services",
        "Total: 21.98 -> 16.70",
        "  jelgava pays 3.30 as tender",
        "  merchant pays 1.98 as discount",
        "Message of shop-loyalty-c1: Loyalty discount given",
    ]


def test_the_words_for_each_reason() -> None:
    who, where, what = {"any_of_groups": ["p1"]}, {"merchant_groups": ["shop"]}, {"categories": ["books"]}
    dates = {"dates": {"until": "2020-01-01"}}
    rules = document(
        rule("a", exclusive_group="x", give={"kind": "percent", "basis_points": 10_000}),
        rule("b", exclusive_group="x"),
        rule("c"),
        rule("d", when=dates),
        rule("e", who={"any_of_groups": ["s2"]}),
        rule("f", where={"merchant_groups": ["museum"]}),
        rule("g", who=who, where=where, what={"categories": ["toys"]}),
        rule("h", who=who, where=where, what=what, stage=0, give={"kind": "fixed", "cents": 1, "per": "line"}),
    )
    receipt = (
        b'{"lines":[{"id":"1","text":"Book","category":"books","unit_cents":101},'
        b'{"id":"2","text":"Bag","category":"bags","unit_cents":10,"discountable":false}]}'
    )
    text = explain(evaluate(rules, receipt, PUPIL, Setting(at=DAY, merchant_groups=("shop",))))
    assert text.splitlines() == [
        "Book: 1.01 -> 0.00",
        "  applied: Rule h (h v1): -0.01, borne by merchant 0.01",
        "  applied: Rule a (a v1): -1.00, borne by merchant 1.00",
        "  not applied: Rule b (b v1): would give -0.10, a goes before it",
        "  not applied: Rule c (c v1): would take nothing off this price",
        "Bag: 0.10",
        "  not applied: Rule a (a v1): this line takes no discount",
        "  not applied: Rule b (b v1): this line takes no discount",
        "  not applied: Rule c (c v1): this line takes no discount",
        "Not applied:",
        "  Rule d (d v1): not on this date",
        "  Rule g (g v1): for other goods or services",
        "  Rule f (f v1): at other places",
        "  Rule e (e v1): for other holders",
        "Total: 1.11 -> 0.10",
        "  merchant pays 1.01 as discount",
    ]
    setting = Setting(at=DAY, merchant_groups=("shop",), clock_trusted=False)
    unsure = explain(evaluate(rules, receipt, None, setting))
    assert "  Rule d (d v1): depends on the time, and the clock is not trusted" in unsure.splitlines()
    assert "  Rule e (e v1): for identified holders" in unsure.splitlines()


@pytest.mark.parametrize(
    ("partner", "city", "says"),
    [
        ("never", "siauliai", "not for holders of partner cities"),
        ("only", "", "only for holders of partner cities"),
    ],
)
def test_another_citys_holder_is_told_by_case(partner: str, city: str, says: str) -> None:
    rules = document(rule("a", who={"partner": partner}))
    holder = json.dumps({"id": "h", "city": city}).encode()
    assert f"  Rule a (a v1): {says}" in explain(evaluate(rules, BOOK, holder, Setting(at=DAY)), city=city).splitlines()


def test_vat_and_messages_are_told_to_people_too() -> None:
    vat = {"B": [{"from": "2018-01-01", "basis_points": 550}], "A": [{"from": "2012-07-01", "without": "exempt"}]}
    content = document(rule("a", message={"en": "Enjoy", "lv": "Lai garšo"}), vat=vat)
    lines = [{"id": name, "text": name, "category": "c", "unit_cents": 1055, "vat": name} for name in ("A", "B")]
    receipt = json.dumps({"lines": lines}).encode()
    text = explain(evaluate(content, receipt, None, Setting(at=DAY))).splitlines()
    assert text[1] == "  VAT: exempt"
    assert "  VAT 5.5 %: 0.49 within 9.49" in text
    assert text[-1] == "Message of a: Enjoy"


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"place": "library-1", "palce": 1}, "`palce`"),
        ({"events": [{"event": "entry", "ago_s": 5, "palce": "library-1"}]}, "`palce`"),
        ({"quotas": [{"key": "rides", "leftt": 1}]}, "`leftt`"),
        ({"events": [{"event": "entry"}]}, "`ago_s`"),
        ([], "not an object"),
    ],
)
def test_a_setting_with_a_field_that_is_none_is_refused(given: object, says: str) -> None:
    with pytest.raises(InputRefused, match=says) as caught:
        setting_of(given, DAY)
    assert caught.value.where.partition(":")[0] == "setting"
