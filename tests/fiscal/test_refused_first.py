"""What a printer's driver would refuse is refused before it is recorded, on every family, by a real driver on a
simulated device: no entry, no frame, the quote as it was, and the key free for the corrected request."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable
from pathlib import Path
from typing import Any

import pytest

from drivers.simulators.fiscal_families import FAMILIES
from gateway.config.types import OnPaper
from gateway.model.errors import GatewayError, InputRefused, NotReady
from gateway.rules.index import compile as compile_rules
from gateway.rules.read import load
from tests.fiscal.counter import Counter, counter
from tests.support.place import HALF, Card, benefit

CYRILLIC, HAN = "Книга", "漢字"
MANY = [{"id": str(number), "unit_cents": 1} for number in range(121)]
WIDTH = {"datecs-v1": 42, "datecs-v1b": 22, "datecs-v2": 72, "tremol": 34}
"""Of an article's text, in bytes."""
LARGEST = {"datecs-v1": 99_999_999, "datecs-v1b": 99_999_999, "datecs-v2": 999_999_999, "tremol": 999_999}
"""Cents."""
SMALL = "tremol"
"""It takes the smallest sums."""
PRINTED = "printed"


def text(family: str, text: str) -> str:
    """How a line of this text ends."""
    if not text.strip() or any(letter in text for letter in (HAN[0], "\u200b", "\u2028", "\ue000")):
        return "bad_text"
    if text == CYRILLIC and family != "tremol":
        return "bad_text"
    return PRINTED if len(text) <= WIDTH[family] else "bad_text"


TEXTS = (
    CYRILLIC,
    HAN,
    "   ",
    "a\u200bb",
    "a\u2028b",
    "a\ue000b",
    "Grāmata „€” ķīļš",
    *(n * "x" for n in (22, 23, 35, 72)),
)


def sales(family: str) -> dict[str, tuple[list[dict[str, Any]], str, str]]:
    """Lines of a receipt, how it ends, and the path that a refusal names."""
    line, large = "$.receipt.lines[0]", LARGEST[family]
    rows: dict[str, tuple[list[dict[str, Any]], str, str]] = {
        "unknown tax group": ([{"vat": "Z"}], "bad_request", f"{line}.vat"),
        "control": ([{"text": "a\tb"}], "bad_request", f"{line}.text"),
        "73 letters": ([{"text": "x" * 73}], "bad_request", f"{line}.text"),
        "price 0": ([{"unit_cents": 0}], "bad_request", f"{line}.unit_cents"),
        "price 0.005": ([{"unit_cents": 0.5}], "bad_request", f"{line}.unit_cents"),
        "negative": ([{"quantity": -1000}], "bad_request", f"{line}.quantity"),
        "row of 0": ([{"unit_cents": 1, "quantity": 1}], "line_of_zero", f"{line}.quantity"),
        "513 lines": ([{"id": str(number)} for number in range(513)], "bad_request", "$.receipt.lines"),
        "121 lines": (MANY, "too_large" if family == "datecs-v1b" else PRINTED, "$.receipt.lines"),
        "at the limit": ([{"unit_cents": min(large, 100_000_000)}], PRINTED, ""),
        "beyond a million": ([{"unit_cents": 100_000_001}], "bad_request", f"{line}.unit_cents"),
        "third line": ([{"id": "1"}, {"id": "2"}, {"id": "3", "text": HAN}], "bad_text", "$.receipt.lines[2].text"),
    }
    if family != "tremol":  # it has all eight letters
        rows["letter not in use"] = ([{"vat": "H"}], "vat_letter_missing", f"{line}.vat")
    if large < 100_000_000:
        rows["beyond its digits"] = ([{"unit_cents": large + 1}], "too_large", f"{line}.unit_cents")
        two = [{"id": "1", "unit_cents": large}, {"id": "2", "unit_cents": 1}]
        rows["sum beyond its digits"] = (two, "too_large", "$.receipt.lines[1]")
    return rows | {f"text {one!r}": ([{"text": one}], text(family, one), f"{line}.text") for one in TEXTS}


@pytest.fixture(params=FAMILIES)
async def shop(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Counter]:
    async with counter(tmp_path, request.param) as made:
        yield made


class Before:
    """How things stand. `same` when nothing has been recorded since and no command has reached the device."""

    def __init__(self, shop: Counter) -> None:
        self._shop = shop
        self._seen = (len(shop.kinds), shop.frames, shop.place.services.printers.doubts())

    @property
    def same(self) -> bool:
        return self._seen == (len(self._shop.kinds), self._shop.frames, self._shop.place.services.printers.doubts())


async def refusal(work: Awaitable[Any]) -> InputRefused:
    with pytest.raises(InputRefused) as caught:
        await work
    return caught.value


async def test_sales(shop: Counter) -> None:
    family = shop.described.family
    for name, (lines, ends, path) in sales(family).items():
        shop.simulator.device.memory.cash = 0  # or the drawer would be full before long
        before, told = Before(shop), f"{family}: {name}"
        if ends == "bad_request":
            refused = await refusal(shop.quote(*lines, key=f"q {name}"))
            assert (refused.code, f"`{path}`" in refused.what, before.same) == (ends, True, True), f"{told}: {refused}"
            continue
        quote = await shop.quote(*lines, key=f"q {name}")
        if ends == PRINTED:
            assert quote.cannot_print is None, f"{told}: {quote.cannot_print}"
            answer = await shop.commit(quote, "k" + name)
            assert (answer.fiscal and answer.fiscal.state) == PRINTED, f"{told}: {answer.fiscal}"
            continue
        assert quote.cannot_print is not None, told
        assert (quote.cannot_print.code, f"`{path}`" in quote.cannot_print.detail) == (ends, True), told
        refused = await refusal(shop.commit(quote, "k" + name))
        assert (refused.code, refused.what.endswith(f" - at `{path}`"), before.same) == (ends, True, True), told
        assert refused.advice


async def test_what_is_paid_and_what_is_moved(shop: Counter) -> None:
    family = shop.described.family
    large = LARGEST[family]
    quote = await shop.quote(key="q")
    before = Before(shop)
    if large < 100_000_000:
        refused = await refusal(shop.commit(quote, "k", {"means": "cash", "cents": large + 1}))
        assert (refused.code, "`$.paid`" in refused.what) == ("tender_too_large", True)
        for cents in (large + 1, -large - 1):
            refused = await refusal(shop.cash("c", cents))
            assert (refused.code, refused.what.endswith(" - at `$.cents`")) == ("bad_amount", True)
        assert before.same
    assert (await shop.cash("c", 1000)).fiscal.state == PRINTED  # the same key
    answer = await shop.commit(quote, "k", {"means": "cash", "cents": 1500})
    assert answer.fiscal is not None
    assert (answer.fiscal.state, answer.fiscal.change_cents) == (PRINTED, 500)


async def test_erpnet_fps_face(shop: Counter) -> None:
    family = shop.described.family
    sold = {"text": "Book", "unitPrice": 1, "taxGroup": 1}
    note = {"type": "comment", "text": HAN}
    both = {"items": [sold, sold | {"taxGroup": 2}]}
    off = {"type": "discount-amount", "amount": 0.5, "taxGroup": 1}
    back = {"receiptNumber": "17", "receiptDateTime": "2026-11-27T10:00:00", "fiscalMemorySerialNumber": "02000600"}
    rows: list[tuple[str, dict[str, Any], str, str]] = [
        ("receipt", {"items": [sold | {"text": HAN}]}, "E407", "items[0].text"),
        ("receipt", {"items": [sold, note]}, "E407", "items[1].text"),
        ("receipt", {"items": [sold, {"type": "footer-comment", "text": "x" * 73}]}, "E407", "items[1].text"),
        # On a device that changes lines only, the discount becomes part of them: paths stay those of the request.
        ("receipt", {"items": [*both["items"], off, note]}, "E407", "items[3].text"),
        ("reversalreceipt", {"items": [sold]} | back | {"receiptNumber": "12a"}, "E405", "receiptNumber"),
        ("reversalreceipt", {"items": [sold]} | back | {"receiptNumber": "12345678"}, "E405", "receiptNumber"),
        (
            "reversalreceipt",
            {"items": [sold]} | back | {"fiscalMemorySerialNumber": "020006001"},
            "E405",
            "fiscalMemorySerialNumber",
        ),
        ("reversalreceipt", {"items": [sold]} | back | {"receiptDateTime": None}, "E405", "receiptDateTime"),
        ("reversalreceipt", {"items": [sold]} | back | {"receiptNumber": "1" * 33}, "E405", "receiptNumber"),
    ]
    if family == SMALL:
        rows += [
            ("receipt", {"items": [sold | {"unitPrice": 10_000}]}, "E403", "items[0].unitPrice"),
            ("deposit", {"amount": 10_000}, "E403", "amount"),
            ("withdraw", {"amount": 10_000}, "E403", "amount"),
        ]
    else:
        rows += [
            ("receipt", {"items": [sold | {"taxGroup": 8}]}, "E411", "items[0].taxGroup"),
            ("receipt", {"items": [off | {"type": "surcharge-amount"}, sold]}, "E412", "items[0]"),
        ]
    before = Before(shop)
    for number, (action, body, code, path) in enumerate(rows):
        answer = await shop.netfp(action, body, taskId=f"t{number}")
        (message,) = answer["messages"]
        told = f"{family}: {action} {json.dumps(body, ensure_ascii=False)}: {message}"
        assert (answer["ok"], message["code"], message["text"].startswith(f"{path}: ")) == (False, code, True), told
        assert before.same, told
    assert (await shop.netfp("receipt", {"items": [sold]}, taskId="right"))["ok"]


async def test_while_it_prints_another_receipt(tmp_path: Path) -> None:
    async with counter(tmp_path, "datecs-v1", line_ms=40) as shop:
        long = await shop.quote(*({"id": str(number)} for number in range(60)), key="q1")
        printing = asyncio.create_task(shop.commit(long, "k1"))
        await asyncio.to_thread(shop.until_open)
        recorded = len(shop.kinds)
        quote = await shop.quote({"text": HAN}, key="q2")
        assert quote.cannot_print is not None
        assert (await refusal(shop.commit(quote, "k2"))).code == "bad_text"
        assert not printing.done()
        assert len(shop.kinds) - recorded <= 1  # at most a point of the other one
        answer = await printing
        assert (answer.fiscal and answer.fiscal.state) == PRINTED


LONG = "Half of the price of everything that a library sells on Sundays"


@pytest.mark.parametrize(
    ("title", "stands"), [("Скидка 25 %", []), (LONG, ["Half of the price of everything that a", "library"])]
)
async def test_a_line_of_ours_at_the_foot_is_wrapped_and_left_out_where_it_cannot_be_printed(
    tmp_path: Path, title: str, stands: list[str]
) -> None:
    rules = {"schema": 1, "rules": [benefit("half", HALF, 5000) | {"title": {"en": title}}]}
    async with counter(tmp_path, "datecs-v1", on_paper=(OnPaper.BENEFITS, OnPaper.MARK)) as shop:
        shop.place.benefits.use(compile_rules(load(json.dumps(rules).encode()), 8), 0)
        await shop.till.on_reading(Card("berta").tap(shop.place))
        quote = await shop.quote(key="q")
        assert (quote.discount_cents, quote.cannot_print) == (500, None)
        answer = await shop.commit(quote, "k")
        assert (answer.fiscal and answer.fiscal.state) == PRINTED
        paper = "\n".join(shop.simulator.device.documents[-1].lines)
        assert all(words in paper for words in (*stands, "sun_card"))
        assert "?" not in paper


async def test_a_device_that_is_known_to_be_away_refuses_everything(tmp_path: Path) -> None:
    async with counter(tmp_path, "datecs-v1", poll_s=0.5) as shop:
        quote = await shop.quote(key="q")
        recorded = len(shop.kinds)
        shop.simulator.stop()
        await shop.away.wait()
        with pytest.raises(NotReady):
            await shop.commit(quote, "k")
        assert len(shop.kinds) == recorded


async def test_a_device_that_has_just_gone_is_not_needed_to_refuse(tmp_path: Path) -> None:
    async with counter(tmp_path, "datecs-v1") as shop:
        bad, good = await shop.quote({"text": HAN}, key="q1"), await shop.quote(key="q2")
        recorded = len(shop.kinds)
        shop.simulator.stop()
        assert (await refusal(shop.commit(bad, "k1"))).code == "bad_text"
        assert len(shop.kinds) == recorded
        answer = await shop.commit(good, "k2")
        assert (answer.fiscal and answer.fiscal.state) == "refused"


async def test_rounds_and_keys(shop: Counter) -> None:
    quote = await shop.quote({"text": HAN}, key="q")
    assert (await refusal(shop.commit(quote, "k"))).code == "bad_text"
    assert (await refusal(shop.commit(quote, "k"))).code == "bad_text"  # no stored answer
    right = await shop.quote(key="q2", replaces=quote.quote)
    answer = await shop.commit(right, "k")
    assert (answer.fiscal and answer.fiscal.state) == PRINTED
    with pytest.raises(GatewayError) as reused:
        await shop.commit(quote, "k")
    assert reused.value.code == "key_reused"
