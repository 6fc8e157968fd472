"""Whether a rule holds: who, where, what, when, and what it needs."""

from __future__ import annotations

from datetime import date, timedelta

from gateway.model.circumstances import Happened
from gateway.model.receipt import Line
from gateway.rules.question import Question
from tests.rules.oracle.amounts import Json, list_price

WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


def settled_groups(document: Json, question: Question) -> set[str]:
    """The holder's groups in our own codes; a stranger has none."""
    if not question.identified:
        return set()
    if not question.city:
        return set(question.entitlements)
    ours = {one["city"]: one["groups"] for one in document.get("partners", [])}.get(question.city, {})
    return {code for theirs in question.entitlements for code in ours.get(theirs, [])}


def meets(rule: Json, line: Line) -> bool:
    what = rule.get("what", {})
    price = what.get("unit_price", {})
    return (
        ("categories" not in what or line.category in what["categories"])
        and ("skus" not in what or line.sku in what["skus"])
        and ("flags" not in what or bool(set(what["flags"]) & set(line.flags)))
        and not set(what.get("not_flags", ())) & set(line.flags)
        and price.get("from", 0) <= line.unit_cents <= price.get("until", line.unit_cents)
    )


def holds(rule: Json, document: Json, question: Question, groups: set[str], own: list[int]) -> bool:
    """`own`: numbers of the lines that the rule meets and that take a discount."""
    return (
        _who(rule, question, groups)
        and _where(rule.get("where", {}), question)
        and _when(rule, document, question)
        and not any(_suspends(one, rule, question, groups) for one in document.get("suspensions", []))
        and _need(rule.get("need", {}), question, [question.receipt.lines[number] for number in own])
    )


def _who(rule: Json, question: Question, groups: set[str]) -> bool:
    if "who" not in rule:
        return True
    who = rule["who"]
    return (
        question.identified
        and ("any_of_groups" not in who or bool(groups & set(who["any_of_groups"])))
        and groups >= set(who.get("all_of_groups", ()))
        and not groups & set(who.get("none_of_groups", ()))
        and ("residence" not in who or question.residence in who["residence"])
        and {"also": True, "never": not question.city, "only": bool(question.city)}[who.get("partner", "also")]
        and ("any_of_lists" not in who or any(_on(one, question, groups) for one in who["any_of_lists"]))
        and ("age" not in who or _aged(who["age"], question))
    )


def _on(listed: Json, question: Question, groups: set[str]) -> bool:
    grace = listed.get("grace")
    member = bool(groups & set(listed["groups"]))
    spared = grace is not None and bool(groups & set(grace["groups"]))
    if not question.clock_trusted:
        return member or spared  # Whether the rule is given at all then is said by its `when`.
    if not _within(listed["dates"], question.at.date()):
        return False
    if member or grace is None:
        return member
    return spared and question.at.date() < date.fromisoformat(listed["dates"]["from"]) + timedelta(grace["days"])


def _aged(age: Json, question: Question) -> bool:
    if question.age is None:
        return not question.clock_trusted
    return bool(age.get("from", 0) <= question.age <= age.get("until", 150))


def _where(where: Json, question: Question) -> bool:
    return (
        ("merchant_groups" not in where or bool(set(where["merchant_groups"]) & set(question.merchant_groups)))
        and ("places" not in where or question.place in where["places"])
        and ("gateways" not in where or question.gateway in where["gateways"])
    )


def _when(rule: Json, document: Json, question: Question) -> bool:
    when, who = rule.get("when", {}), rule.get("who", {})
    timed = "dates" in when or "windows" in when or "any_of_lists" in who or "age" in who
    if not question.clock_trusted:
        return "quota" not in rule and (not timed or when.get("clock_not_trusted") == "grant")
    today = question.at.date()
    if "windows" not in when:
        return _within(when.get("dates", {}), today)
    holidays = document["calendars"][when["calendar"]] if "calendar" in when else []
    minute = question.at.hour * 60 + question.at.minute
    for window in when["windows"]:
        begins, ends = _minutes(window.get("from", "00:00")), _minutes(window.get("until", "24:00"))
        for began, now in ((today, minute), (today - timedelta(1), minute + 1440)):
            day = "holiday" if began.isoformat() in holidays else WEEKDAYS[began.weekday()]
            if day not in window.get("days", (*WEEKDAYS, "holiday")) or not _within(when.get("dates", {}), began):
                continue
            if begins <= now < (ends if ends > begins else ends + 1440):
                return True
    return False


def _suspends(suspension: Json, rule: Json, question: Question, groups: set[str]) -> bool:
    return (
        _within(suspension["dates"], question.at.date())
        and rule["id"] in suspension.get("rules", [rule["id"]])
        and rule["id"] not in suspension.get("except_rules", ())
        and not groups & set(suspension.get("except_groups", ()))
    )


def _need(need: Json, question: Question, own: list[Line]) -> bool:
    """But for a spend at running prices, which is not known yet."""
    receipt = question.receipt.lines
    measured = receipt if need.get("of") == "receipt" else own
    at_list_prices = need.get("basis", "list") == "list"
    return (
        (not at_list_prices or sum(map(list_price, measured)) >= need.get("min_spend_cents", 0))
        and sum(line.quantity for line in own) >= need.get("min_quantity", 0)
        and all(
            sum(line.quantity for line in receipt if line.category in one["categories"]) >= one.get("quantity", 1)
            for one in need.get("with", ())
        )
        and ("means" not in need or question.receipt.means in need["means"])
        and all(_happened(event, question) for event in need.get("events", ()))
    )


def _happened(event: Json, question: Question) -> bool:
    def counts(one: Happened) -> bool:
        here = {
            "anywhere": True,
            "place": one.place != "" and one.place == question.place,
            "station": one.station != "" and (one.place, one.station) == (question.place, question.station),
        }
        return (
            one.event == event["event"]
            and one.ago_s <= event.get("within_s", one.ago_s)
            and ("codes" not in event or bool(set(event["codes"]) & set(one.codes)))
            and here[event.get("at", "anywhere")]
        )

    times = sum(counts(one) for one in question.events)
    if event.get("most") == 0:
        return times == 0
    return bool(event.get("least", 1) <= times <= event.get("most", times))


def _within(dates: Json, day: date) -> bool:
    return bool(dates.get("from", "0000") <= day.isoformat() <= dates.get("until", "9999-99"))


def _minutes(clock: str) -> int:
    hours, minutes = clock.split(":")
    return int(hours) * 60 + int(minutes)
