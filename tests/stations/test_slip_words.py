"""What stands on a slip, in each language."""

from __future__ import annotations

from datetime import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.model.decision import Balance, QuotaUnit
from gateway.model.languages import LANGUAGES
from gateway.model.slip import SlipText
from gateway.stations.slip_texts import TEXTS, balance_slip

BALANCES = st.builds(
    Balance,
    st.just("r"),
    st.just("k"),
    st.just("p"),
    st.sampled_from(list(QuotaUnit)),
    st.integers(0, 10**9),
    st.integers(0, 10**9),
)
NOW = datetime(2026, 11, 27, 9, 5)  # noqa: DTZ001


def texts(language: str, *balances: Balance, messages: tuple[str, ...] = ()) -> list[str]:
    return [part.text for part in balance_slip(language, balances, messages, NOW) if isinstance(part, SlipText)]


@pytest.mark.parametrize(
    ("language", "said"),
    [
        ("lv", ["Jūsu atlikums", "Sveiki", "Atlicis 3 no 10 līdz 30.11.2026.", "27.11.2026. 09:05"]),
        ("lt", ["Jūsų likutis", "Sveiki", "Liko 3 iš 10 iki 2026-11-30", "2026-11-27 09:05"]),
        ("en", ["Your balance", "Sveiki", "3 of 10 left until 30/11/2026", "27/11/2026 09:05"]),
        ("ru", ["Ваш остаток", "Sveiki", "Осталось 3 из 10 до 30.11.2026", "27.11.2026 09:05"]),
    ],
)
def test_it_speaks_the_persons_language(language: str, said: list[str]) -> None:
    left = Balance("r", "k", "2026-11", QuotaUnit.UNITS, 3, 10, "2026-11-30")
    assert texts(language, left, messages=("Sveiki",)) == said


def test_money_is_said_as_money_and_what_has_no_limit_without_one() -> None:
    money = Balance("r", "k", "2026", QuotaUnit.CENTS, 1205, 5000)
    bought = Balance("r", "k", "ever", QuotaUnit.USES, 7, 0, "2027-01-31")
    assert texts("lv", money, bought)[1:3] == ["Atlicis 12,05 EUR no 50,00 EUR", "Atlicis 7 līdz 31.01.2027."]


def test_of_what_only_this_gateway_knows_the_least_is_said_and_no_limit() -> None:
    some, none = (Balance("r", "k", "2026-11", QuotaUnit.UNITS, left, 10, "2026-11-30", here=True) for left in (3, 0))
    assert texts("en", some, none)[1:-1] == ["At least 3 left until 30/11/2026"]
    assert texts("lv", none)[1:-1] == ["Cik daudz atlicis, šeit nav zināms."]


def test_all_languages_have_all_texts() -> None:
    assert set(TEXTS) == set(LANGUAGES)
    assert len({frozenset(words) for words in TEXTS.values()}) == 1


@given(st.text(max_size=5), st.lists(BALANCES, max_size=8))
def test_any_balances_in_any_language_make_a_slip(language: str, balances: list[Balance]) -> None:
    parts = balance_slip(language, balances, (), NOW)
    assert 3 <= len(parts) <= 10
    assert not any("{" in part.text for part in parts if isinstance(part, SlipText))
