"""What the engine does, one behaviour each; docs/rules.md has the worked examples, test_properties.py the laws."""

from __future__ import annotations

from datetime import date

import msgspec
import pytest

from gateway.model.decision import Decision, FiscalForm, LineDecision, Reason, Share, Traced, Use
from gateway.model.errors import NotFound
from gateway.rules.index import no_rules
from gateway.rules.sums import DecisionBroken, assert_sums
from tests.rules.builders import MERCHANT, line, percent, question, rule, rule_set


def fates(decision: Decision) -> dict[str, Reason]:
    return {fate.rule: fate.reason for fate in decision.trace}


def test_without_rules_everything_is_at_list_price() -> None:
    decision = no_rules().decide(question(line(250), line(100, id="2")))
    assert (decision.list_cents, decision.discount_cents, decision.due_cents) == (350, 0, 350)
    assert (decision.bundle, decision.trace) == (0, ())


def test_a_line_names_who_pays_by_which_rule_in_which_form() -> None:
    payers = [{"party": "city", "form": "tender", "share_basis_points": 7500}, MERCHANT]
    decision = rule_set(rule("r", payers=payers)).decide(question(line(1000)))
    assert decision.lines == (
        LineDecision(
            "1",
            1000,
            100,
            (Share("city", "r", 75, FiscalForm.TENDER), Share("merchant", "r", 25, FiscalForm.DISCOUNT)),
        ),
    )


def test_a_payer_with_nothing_to_pay_is_not_named() -> None:
    payers = [{"party": "city", "form": "tender", "share_basis_points": 1}, MERCHANT]
    decision = rule_set(rule(payers=payers)).decide(question(line(1000)))
    assert [share.party for share in decision.lines[0].shares] == ["merchant"]


def test_rules_stack_by_stage_then_priority_then_id() -> None:
    rules = rule_set(
        rule("late", stage=2, priority=9),
        rule("b"),
        rule("a"),
        rule("first", priority=1),
    )
    decision = rules.decide(question(line(1000)))
    assert [(share.rule, share.cents) for share in decision.lines[0].shares] == [
        ("first", 100),
        ("a", 90),
        ("b", 81),
        ("late", 73),
    ]


def test_the_best_of_an_exclusive_group_applies_where_its_first_rule_stands() -> None:
    rules = rule_set(
        rule("a", priority=2, exclusive_group="x", give=percent(1000)),
        rule("m", priority=1, give=percent(5000)),
        rule("z", exclusive_group="x", give=percent(2000)),
    )
    decision = rules.decide(question(line(1000)))
    assert [(share.rule, share.cents) for share in decision.lines[0].shares] == [("z", 200), ("m", 400)]
    assert Traced("a", 1, Reason.LOST_TO, "1", 100, "z") in decision.trace


def test_a_tie_in_an_exclusive_group_goes_to_the_first_id_not_to_the_priority() -> None:
    rules = rule_set(rule("b", priority=5, exclusive_group="x"), rule("a", exclusive_group="x"))
    assert [share.rule for share in rules.decide(question()).lines[0].shares] == ["a"]


def test_an_exclusive_group_is_decided_line_by_line() -> None:
    rules = rule_set(
        rule("fixed", exclusive_group="x", give={"kind": "fixed", "cents": 100, "per": "line"}),
        rule("percent", exclusive_group="x", give=percent(2000)),
    )
    decision = rules.decide(question(line(300), line(900, id="2")))
    assert [one.shares[0].rule for one in decision.lines] == ["fixed", "percent"]


def test_what_costs_nothing_any_more_is_not_discounted_again() -> None:
    rules = rule_set(rule("a", give=percent(10_000)), rule("b"))
    assert fates(rules.decide(question())) == {"a": Reason.APPLIED, "b": Reason.NO_EFFECT}


def test_a_fixed_price_above_the_price_changes_nothing() -> None:
    decision = rule_set(rule(give={"kind": "fixed_price", "cents": 300})).decide(question(line(250)))
    assert (decision.discount_cents, fates(decision)) == (0, {"r": Reason.NO_EFFECT})


def test_a_fixed_price_counts_for_each_unit_also_by_weight() -> None:
    decision = rule_set(rule(give={"kind": "fixed_price", "cents": 101})).decide(question(line(250, quantity=1500)))
    assert decision.due_cents == 152


def test_a_line_that_takes_no_discount_is_left_alone_and_says_so() -> None:
    decision = rule_set(rule()).decide(question(line(1000), line(10, id="2", discountable=False)))
    assert decision.lines[1] == LineDecision("2", 10)
    assert Traced("r", 1, Reason.NOT_DISCOUNTABLE, "2") in decision.trace


@pytest.mark.parametrize(
    ("day", "holds"),
    [(date(2026, 5, 9), False), (date(2026, 5, 10), True), (date(2026, 5, 12), True), (date(2026, 5, 13), False)],
)
def test_dates_include_both_ends(day: date, *, holds: bool) -> None:
    rules = rule_set(rule(when={"dates": {"from": "2026-05-10", "until": "2026-05-12"}}))
    assert fates(rules.decide(question(today=day))) == {"r": Reason.APPLIED if holds else Reason.OUTSIDE_DATES}


@pytest.mark.parametrize("day", [date(1970, 1, 1), date(2026, 5, 11), date(2099, 1, 1)])
def test_without_a_trusted_clock_the_rule_says_what_holds_whatever_the_date(day: date) -> None:
    dates = {"from": "2026-05-10", "until": "2026-05-12"}
    rules = rule_set(
        rule("a", when={"dates": dates, "clock_not_trusted": "grant"}),
        rule("b", when={"dates": dates}),
        rule("c"),
    )
    decision = rules.decide(question(today=day, clock_trusted=False))
    assert fates(decision) == {"a": Reason.APPLIED, "b": Reason.CLOCK_NOT_TRUSTED, "c": Reason.APPLIED}


def test_entitlements_of_someone_not_identified_do_not_count() -> None:
    rules = rule_set(rule(who={"any_of_groups": ["p1"]}))
    decision = rules.decide(question(entitlements=("p1",), identified=False))
    assert (decision.discount_cents, fates(decision)) == (0, {"r": Reason.NOT_IDENTIFIED})


def test_near_misses_name_the_one_thing_that_is_missing() -> None:
    who, where, what = {"any_of_groups": ["p1"]}, {"merchant_groups": ["shop"]}, {"categories": ["books"]}
    rules = rule_set(
        rule("for-others", who={"any_of_groups": ["s2"]}, where=where, what=what),
        rule("elsewhere", who=who, where={"merchant_groups": ["museum"]}, what=what),
        rule("other-goods", who=who, where=where, what={"categories": ["toys"]}),
        rule("two-things", who=who, where={"merchant_groups": ["museum"]}, what={"categories": ["toys"]}),
        rule("also-over", who=who, where=where, what={"categories": ["toys"]}, when={"dates": {"until": "2020-01-01"}}),
    )
    decision = rules.decide(question(entitlements=("p1",), merchant_groups=("shop",)))
    assert fates(decision) == {
        "other-goods": Reason.OTHER_CATEGORY,
        "elsewhere": Reason.OTHER_PLACE,
        "for-others": Reason.NOT_ENTITLED,
    }


def test_of_many_near_misses_the_first_five_in_order_are_told() -> None:
    rules = rule_set(*(rule(f"r{i:02}", who={"any_of_groups": ["s2"]}) for i in range(60)))
    assert list(fates(rules.decide(question()))) == ["r00", "r01", "r02", "r03", "r04"]


def test_the_trace_is_cut_and_the_shares_are_not() -> None:
    rules = rule_set(*(rule(f"r{i:02}", give={"kind": "fixed", "cents": 1, "per": "line"}) for i in range(60)))
    decision = rules.decide(question(line(1000)))
    assert (len(decision.trace), len(decision.lines[0].shares), decision.discount_cents) == (50, 60, 60)


def test_messages_are_those_of_applied_rules_once_in_order() -> None:
    message = {"en": "Enjoy"}
    rules = rule_set(rule("b", message=message), rule("a", message=message, stage=2), rule("c"))
    assert rules.decide(question(line(), line(id="2"))).messages == ("b", "a")


def test_a_message_comes_in_the_first_language_that_it_has() -> None:
    rules = rule_set(rule("a", message={"lv": "Lūdzu", "en": "Please"}), rule("b"))
    assert rules.message("a", ("ru", "lv", "en")) == "Lūdzu"
    assert rules.message("a", ("ru",)) == "Lūdzu"
    assert rules.message("b", ("en",)) == ""


def test_the_registry_needs_only_the_entitlements_that_rules_use() -> None:
    rules = rule_set(rule("a", who={"any_of_groups": ["p1", "s2"]}), rule("b", who={"any_of_groups": ["p1"]}))
    assert rules.entitlements == {"p1", "s2"}


def test_a_rule_that_is_not_there_is_not_found() -> None:
    with pytest.raises(NotFound, match="'r9' in rules bundle 7"):
        rule_set(rule()).rule("r9")


def test_inputs_are_the_hash_that_the_page_describes() -> None:
    import hashlib

    asked = question(line(250, "admission"), entitlements=("s2", "p1", "p1"), merchant_groups=("museum",))
    text = (
        '{"bundle":7,"question":{"at":"2026-05-10T12:00:00","entitlements":["p1","s2"],"identified":true,'
        '"merchant_groups":["museum"],"receipt":{"lines":[{"category":"admission","id":"1","text":"A thing",'
        '"unit_cents":250}]}}}'
    )
    assert rule_set().decide(asked).inputs == hashlib.sha256(text.encode()).hexdigest()


@pytest.mark.parametrize(
    "broken",
    [
        Decision((LineDecision("1", 100, 101, (Share("m", "r", 101),)),), 100, 101),
        Decision((LineDecision("1", 100, -1, (Share("m", "r", -1),)),), 100, -1),
        Decision((LineDecision("1", 100, 10, (Share("m", "r", 9),)),), 100, 10),
        Decision((LineDecision("1", 100, 10, (Share("m", "r", 10),)),), 100, 11),
        Decision((LineDecision("1", 100),), 99, 0),
        Decision((LineDecision("1", 100, 0, (Share("m", "r", 1), Share("n", "r", -1))),), 100, 0),
        Decision((LineDecision("1", 102),), 102, 0, rounding_cents=-2),
        Decision((LineDecision("1", 100),), 100, 0, uses=(Use("rides", "2026-05", 1),)),
        Decision((LineDecision("1", 100),), 100, 0, uses=(Use("rides", "2026-05", 0),)),
    ],
)
def test_sums_that_do_not_agree_grant_nothing(broken: Decision) -> None:
    with pytest.raises(DecisionBroken) as caught:
        assert_sums(broken, question())
    assert caught.value.code == "decision_broken"


def test_a_decision_survives_the_way_through_json() -> None:
    decision = rule_set(rule(message={"en": "Enjoy"})).decide(question())
    assert msgspec.json.decode(msgspec.json.encode(decision), type=Decision) == decision


def test_a_decision_names_the_first_five_that_took_no_part_and_whoever_asks_is_told_all() -> None:
    past = {"dates": {"until": "2026-01-01"}}
    over = [rule(f"over-{number:02}", when=past, who={}) for number in range(12)]
    also = [rule(f"also-{number:02}", need={"min_quantity": 9000}, who={}) for number in range(12)]
    gives = [rule(f"gives-{number:02}", give=percent(100)) for number in range(12)]
    rules = rule_set(*over, *also, *gives)
    brief, full = rules.decide(question()), rules.decide(question(), in_full=True)
    told = {reason: [fate.rule for fate in brief.trace if fate.reason is reason] for reason in Reason}
    assert told[Reason.OUTSIDE_DATES] == [f"over-{number:02}" for number in range(5)]
    assert told[Reason.QUANTITY_TOO_LOW] == [f"also-{number:02}" for number in range(5)]
    assert len(told[Reason.APPLIED]) == 12
    assert fates(full).keys() == {one["id"] for one in (*over, *also, *gives)}
    assert msgspec.structs.replace(full, trace=brief.trace) == brief


def test_whoever_asks_is_told_all_near_misses_also_behind_many_that_are_over() -> None:
    past = {"dates": {"until": "2026-01-01"}}
    over = [rule(f"a-{number:03}", when=past, what={"categories": ["other"]}) for number in range(60)]
    other = [rule(f"b-{number:03}", what={"categories": ["other"]}) for number in range(60)]
    rules = rule_set(*over, *other)
    brief, full = rules.decide(question()), rules.decide(question(), in_full=True)
    assert [fate.rule for fate in full.trace] == [one["id"] for one in other]
    assert {fate.reason for fate in full.trace} == {Reason.OTHER_CATEGORY}
    assert not brief.trace  # The first that are looked at are all over.
