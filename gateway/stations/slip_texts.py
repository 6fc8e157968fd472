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
        "here": "Tik daudz ir zināms šeit; citur var būt vairāk.",
        "nothing": "Šeit nav nekā, kam būtu atlikums.",
        "day": "%d.%m.%Y.",
    },
    "lt": {
        "title": "Jūsų likutis",
        "of": "Liko {left} iš {limit}",
        "of_until": "Liko {left} iš {limit} iki {until}",
        "some": "Liko {left}",
        "some_until": "Liko {left} iki {until}",
        "here": "Tiek žinoma čia; kitur gali būti daugiau.",
        "nothing": "Čia nėra nieko, kas turėtų likutį.",
        "day": "%Y-%m-%d",
    },
    "en": {
        "title": "Your balance",
        "of": "{left} of {limit} left",
        "of_until": "{left} of {limit} left until {until}",
        "some": "{left} left",
        "some_until": "{left} left until {until}",
        "here": "So much is known here; elsewhere there may be more.",
        "nothing": "There is nothing here that is counted for you.",
        "day": "%d/%m/%Y",
    },
    "ru": {
        "title": "Ваш остаток",
        "of": "Осталось {left} из {limit}",
        "of_until": "Осталось {left} из {limit} до {until}",
        "some": "Осталось {left}",
        "some_until": "Осталось {left} до {until}",
        "here": "Столько известно здесь; в других местах может быть больше.",
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
    parts += [SlipText(_left(words, one)) for one in balances]
    if any(one.here for one in balances):
        parts.append(SlipText(words["here"]))
    if not balances and not messages:
        parts.append(SlipText(words["nothing"]))
    parts.append(SlipText(f"{now.strftime(words['day'])} {now:%H:%M}", align=SlipAlign.RIGHT))
    return tuple(parts)


def _left(words: dict[str, str], one: Balance) -> str:
    amounts = {"left": _amount(one.left, one.unit), "limit": _amount(one.limit, one.unit)}
    key = ("of" if one.limit else "some") + ("_until" if one.until else "")
    until = date.fromisoformat(one.until).strftime(words["day"]) if one.until else ""
    return words[key].format(**amounts, until=until)


def _amount(number: int, unit: QuotaUnit) -> str:
    if unit is not QuotaUnit.CENTS:
        return str(number)
    return f"{number // 100},{number % 100:02} EUR"
