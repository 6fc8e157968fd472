"""What stands on a slip of the gateway's own: what is left, and what the rules have to say, in the person's language.

No name, no card, no benefit's name and nothing of what entitles to it: a slip is left lying on a counter. Pure.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime

from gateway.model.decision import Balance, QuotaUnit
from gateway.model.languages import LANGUAGES
from gateway.model.slip import SlipAlign, SlipPart, SlipText

TEXTS: dict[str, dict[str, str]] = {
    "lv": {
        "title": "Jūsu atlikums",
        "of": "Atlicis {left} no {limit}",
        "of_until": "Atlicis {left} no {limit} līdz {until}",
        "some": "Atlicis {left}",
        "some_until": "Atlicis {left} līdz {until}",
        "least": "Atlicis vismaz {left}",
        "least_until": "Atlicis vismaz {left} līdz {until}",
        "unknown": "Cik daudz atlicis, šeit nav zināms.",
        "nothing": "Šeit nav nekā, kam būtu atlikums.",
        "day": "%d.%m.%Y.",
    },
    "lt": {
        "title": "Jūsų likutis",
        "of": "Liko {left} iš {limit}",
        "of_until": "Liko {left} iš {limit} iki {until}",
        "some": "Liko {left}",
        "some_until": "Liko {left} iki {until}",
        "least": "Liko bent {left}",
        "least_until": "Liko bent {left} iki {until}",
        "unknown": "Kiek liko, čia nežinoma.",
        "nothing": "Čia nėra nieko, kas turėtų likutį.",
        "day": "%Y-%m-%d",
    },
    "en": {
        "title": "Your balance",
        "of": "{left} of {limit} left",
        "of_until": "{left} of {limit} left until {until}",
        "some": "{left} left",
        "some_until": "{left} left until {until}",
        "least": "At least {left} left",
        "least_until": "At least {left} left until {until}",
        "unknown": "How much is left is not known here.",
        "nothing": "There is nothing here that is counted for you.",
        "day": "%d/%m/%Y",
    },
    "ru": {
        "title": "Ваш остаток",
        "of": "Осталось {left} из {limit}",
        "of_until": "Осталось {left} из {limit} до {until}",
        "some": "Осталось {left}",
        "some_until": "Осталось {left} до {until}",
        "least": "Осталось не менее {left}",
        "least_until": "Осталось не менее {left} до {until}",
        "unknown": "Сколько осталось, здесь неизвестно.",
        "nothing": "Здесь нет ничего, что для вас считается.",
        "day": "%d.%m.%Y",
    },
}
"""For each of `LANGUAGES`; the words of what is left are those of the pages."""


def balance_slip(
    language: str, balances: Sequence[Balance], messages: Sequence[str], now: datetime
) -> tuple[SlipPart, ...]:
    """What is left, below what the rules have to say. `now` is the place's time."""
    words = TEXTS[language if language in TEXTS else LANGUAGES[0]]
    parts: list[SlipPart] = [SlipText(words["title"], bold=True, align=SlipAlign.CENTRE)]
    parts += [SlipText(message) for message in messages]
    known = [one for one in balances if is_known(one)]
    parts += [SlipText(_left(words, one)) for one in known]
    if not known and not messages:
        parts.append(SlipText(words["unknown" if balances else "nothing"]))
    parts.append(SlipText(f"{now.strftime(words['day'])} {now:%H:%M}", align=SlipAlign.RIGHT))
    return tuple(parts)


def is_known(balance: Balance) -> bool:
    """Whether it says anything. Of what only lies at this gateway nothing left means nothing: elsewhere there may be
    more (docs/api.md)."""
    return not balance.here or balance.left > 0


def _left(words: dict[str, str], one: Balance) -> str:
    amounts = {"left": _amount(one.left, one.unit), "limit": _amount(one.limit, one.unit)}
    kind = "least" if one.here else "of" if one.limit else "some"
    key = kind + ("_until" if one.until else "")
    until = date.fromisoformat(one.until).strftime(words["day"]) if one.until else ""
    return words[key].format(**amounts, until=until)


def _amount(number: int, unit: QuotaUnit) -> str:
    if unit is not QuotaUnit.CENTS:
        return str(number)
    return f"{number // 100},{number % 100:02} EUR"
