"""The rules in force at this place, asked with all that a decision rests on."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import msgspec

from gateway.model.circumstances import Circumstances, Left
from gateway.model.clock import Clock, ClockQuality
from gateway.model.decision import Balance, Decision, NoBenefits
from gateway.model.identification import Identification
from gateway.model.receipt import Receipt
from gateway.rules.balance import NOTHING_BOUGHT, balances, person_asks
from gateway.rules.engine import RuleSet
from gateway.rules.index import no_rules
from gateway.rules.purse import Asked
from gateway.rules.question import Question


class Profile(msgspec.Struct, frozen=True, kw_only=True):
    """What decisions have to know of a place and its gateway."""

    gateway: str = ""
    place: str = ""
    time_zone: str
    languages: tuple[str, ...]
    merchant_groups: tuple[str, ...] = ()
    cash_rounding_cents: int = 0
    vat_registered: bool = True


class Benefits:
    """Answers "what is due?". Without rules, or after their expiry, everything is at its list price."""

    def __init__(self, clock: Clock, profile: Profile) -> None:
        self._clock = clock
        self._profile = profile
        self._zone = ZoneInfo(profile.time_zone)
        self._rules = self._none = no_rules()
        self._expires_ms = 0

    def use(self, rules: RuleSet, expires_ms: int) -> None:
        """Put rules in force; `expires_ms` is when they stop counting, 0 for never."""
        self._rules = rules
        self._expires_ms = expires_ms

    @property
    def zone(self) -> ZoneInfo:
        """The place's time zone."""
        return self._zone

    def speaks(self, language: str | None) -> str:
        """The language in which this person is spoken to: theirs, else the place's first."""
        return language or self._profile.languages[0]

    @property
    def expired(self) -> bool:
        return bool(self._expires_ms) and self._clock.wall_ms() >= self._expires_ms

    @property
    def until_ms(self) -> int:
        """When benefits end as things stand, or have ended: ms since 1970, 0 for never. Later once newer rules come."""
        return self._expires_ms

    @property
    def missing(self) -> NoBenefits | None:
        """Why there are no benefits at all; None while there are rules."""
        if self.expired:
            return NoBenefits.RULES_ENDED
        return NoBenefits.NO_RULES if not self._rules.number else None

    @property
    def events(self) -> Mapping[str, int]:
        """What the rules want to know whether it has happened before → within how many seconds at most."""
        return self._in_force.events

    @property
    def counts(self) -> bool:
        """Whether any of the rules counts on a quota."""
        return self._in_force.counts

    def question(self, receipt: Receipt | None, who: Identification | None, station: str) -> Question:
        """The question about this receipt (None: nothing is bought) now, without what happened before and what is left
        of quotas."""
        stamp = self._clock.stamp()
        identified = who is not None and who.accepted
        trusted = stamp.quality is not ClockQuality.GUESS
        profile = self._profile
        at = datetime.fromtimestamp(stamp.wall_ms / 1000, UTC).astimezone(self._zone).replace(tzinfo=None)
        return Question(
            receipt=receipt if receipt is not None else NOTHING_BOUGHT,
            at=at,
            entitlements=who.entitlements if who is not None else (),
            merchant_groups=profile.merchant_groups,
            clock_trusted=trusted,
            identified=identified,
            city=who.city if who is not None else "",
            residence=(who.residence or "") if who is not None else "",
            age=years(who.born, at.date()) if who is not None and trusted else None,
            place=profile.place,
            gateway=profile.gateway,
            station=station,
            cash_rounding_cents=profile.cash_rounding_cents,
            vat_registered=profile.vat_registered,
        ).settled()

    def asks(self, question: Question) -> tuple[Asked, ...]:
        """The quotas that count for this question."""
        return self._in_force.asks(question)

    def person_asks(self, question: Question) -> tuple[Asked, ...]:
        """The quotas of the benefits that this person has here, whatever is bought."""
        return person_asks(self._in_force, question)

    def balances(self, question: Question, quotas: tuple[Left, ...]) -> tuple[Balance, ...]:
        """What is left of them."""
        return balances(self._in_force, question, quotas)

    def decide(self, question: Question) -> tuple[Decision, Circumstances]:
        """The decision, and what it rested on in its canonical form."""
        settled = question.settled()
        return self._in_force.decide(settled), settled.circumstances()

    def unmapped(self, receipt: Receipt) -> tuple[str, ...]:
        """Ids of the lines of which nobody could say what they are: without a category, or (while there are rules) with
        one that none of them names."""
        in_force = self._in_force
        return tuple(
            line.id
            for line in receipt.lines
            if not line.category or (in_force.number and not in_force.knows(line.category))
        )

    def messages(self, decision: Decision, language: str | None) -> list[str]:
        """What to tell the person, in their language or the place's."""
        if decision.bundle != self._rules.number:
            return []
        languages = (language, *self._profile.languages) if language else self._profile.languages
        texts = [self._rules.message(rule, languages) for rule in decision.messages]
        return [text for text in texts if text]

    def titles(self, decision: Decision) -> list[str]:
        """Of the rules that gave something, each once, in the place's languages."""
        if decision.bundle != self._rules.number:
            return []
        given = dict.fromkeys(share.rule for line in decision.lines for share in line.shares)
        return [self._rules.title(rule, self._profile.languages) for rule in given]

    @property
    def _in_force(self) -> RuleSet:
        return self._none if self.expired else self._rules


def years(born: date | None, on: date) -> int | None:
    """Whole years on this day; who was born on 29 February is a year older on 1 March of the other years."""
    if born is None or born > on:
        return None
    return on.year - born.year - ((on.month, on.day) < (born.month, born.day))
