"""Further cards and lost ones at a desk: who is there, what staff confirm, and the request to the centre.

Nothing is changed here. A request is an entry; the centre does it or refuses it, and it counts when the registry (or
the list of blocked cards) comes back. What was presented is remembered in memory, and no longer than `register_s`.
"""

from __future__ import annotations

import hmac
import os

import msgspec

from gateway.identity.registry import Owned
from gateway.model.bodies import CardAct, CardRequestBody
from gateway.model.entry import EntryId, EntryKind, Stream
from gateway.model.errors import Conflict, InputRefused, NotFound
from gateway.model.identification import Identification
from gateway.model.reading import Presented
from gateway.model.shown import Show
from gateway.stations.answers import Asked, StoreAnswer, stored_answer
from gateway.stations.desk_words import CardRequest, CardRequested, CardsAnswer, CardShown
from gateway.stations.pairing import Pair, Seen, Verdict, pair, seen
from gateway.stations.services import Services, new_entry
from gateway.wire.contents import Standing

WRONG_TOKENS = 5
"""Wrong tokens in a minute after which none is looked at until the minute is over."""
MINUTE_NS = 60 * 10**9

ADVICE = {
    Verdict.TOO_WEAK: "Let the holder present their city card or the app's pass: a copy would do for what is there",
    Verdict.OF_ANOTHER: "It is somebody else's: the city's office decides",
    Verdict.KNOWN: "It is this holder's already: nothing is to be done",
    Verdict.BLOCKED: "It was reported lost: the city's office decides",
}


REASONS = {
    CardAct.LINK: "requested_link",
    CardAct.BLOCK: "requested_block",
    CardAct.REPLACE: "requested_replace",
}
"""What the page shows of what was recorded."""


class Registering:
    """One desk's. `token` is its staff's; without one nothing of this is possible there."""

    def __init__(self, station: str, token: bytes | None, within_s: float, services: Services) -> None:
        self._station = station
        self._token = token
        self._within_ns = round(within_s * 1e9)
        self._services = services
        self._last: Seen | None = None
        self._pair: Pair | None = None
        self._wrong: list[int] = []

    @property
    def possible(self) -> bool:
        return self._token is not None

    def saw(self, reading: Presented, who: Identification, entry: EntryId | None) -> Pair | None:
        """Remember what was presented and recorded. Returns the pair that it makes with the one before, or with
        nothing."""
        one = seen(reading, who, str(entry or "")) if self.possible else None
        if one is None:
            return None
        before = self._last
        fits = before is not None and before.credential != one.credential
        fits = fits and before is not None and one.mono_ns - before.mono_ns <= self._within_ns
        self._last = one
        self._pair = pair(os.urandom(8).hex(), before if fits else None, one)
        return self._pair

    # What staff ask --------------------------------------------------------------------------------------

    def check_staff(self, token: str) -> None:
        """Raises `InputRefused`: `not_staff` for a wrong token or none, `too_many_tokens` after some wrong ones;
        `NotFound` (`no_staff`) where the desk has none."""
        if self._token is None:
            advice = "Configure `staff` of the station: docs/configuration.md"
            raise NotFound(f"desk {self._station} registers no cards", advice, code="no_staff")
        now_ns = self._services.clock.mono_ns()
        self._wrong = [at for at in self._wrong if now_ns - at < MINUTE_NS]
        if len(self._wrong) >= WRONG_TOKENS:
            raise InputRefused("too many wrong tokens", "Wait a minute", code="too_many_tokens")
        if not hmac.compare_digest(token.lower().encode(errors="surrogateescape"), self._token.hex().encode()):
            self._wrong.append(now_ns)
            advice = "Send the header Authorization: Bearer with the desk's staff token"
            raise InputRefused("not the token of this desk's staff", advice, code="not_staff")

    def cards(self) -> CardsAnswer:
        """Who is at the desk, what else was presented, and which other cards this place knows of the holder."""
        now = self._now()
        if now is None:
            return CardsAnswer()
        further = now.card
        left_ns = self._within_ns - (self._services.clock.mono_ns() - _newest(now))
        return CardsAnswer(
            presented=now.name,
            proof=_shown(now.proof),
            further=_shown(further) if further is not None else None,
            verdict=now.verdict,
            known=tuple(
                CardShown(one.kind, one.digest[:6], blocked=one.standing is Standing.BLOCKED)
                for one in self._others(now)
            ),
            ends_ms=left_ns // 1_000_000,
        )

    async def request(self, asked_for: CardRequest, key: str) -> bytes:
        """A `CardRequested` as JSON, once it is on disk; the same again for the same key. Raises `Conflict` for what
        cannot be done with what is presented, `InputRefused`, `LedgerError`; nothing is recorded then."""
        asked = Asked.of("cards", self._station, key, asked_for)
        if (before := stored_answer(self._services.ledger.query, asked)) is not None:
            return before
        now = self._now()
        if now is None or now.name != asked_for.presented:
            advice = "Look at what is presented now, and confirm that"
            raise Conflict("that is not what is presented any more", advice, code="presented_changed")
        body = self._body(asked_for, now)
        entry = new_entry(Stream.AUDIT, EntryKind.CARD_REQUEST, body)

        def answer(ids: tuple[EntryId, ...]) -> bytes:
            return msgspec.json.encode(CardRequested(body.request, str(ids[0]), body.act))

        store = StoreAnswer(asked, answer)
        (stored,) = await self._services.ledger.commit([entry], [store])
        if self._pair is now:
            self._pair = self._last = None  # Done: the next person begins anew.
        self._services.board.tell(
            self._station,
            Show.REQUESTED,
            reason=REASONS[body.act],
            entry=str(stored),
            language=now.proof.who.language or "",
        )
        return store.body

    def _body(self, asked_for: CardRequest, now: Pair) -> CardRequestBody:
        holder = now.proof.who.holder or ""
        card = None
        if asked_for.act is not CardAct.BLOCK:
            if now.card is None or now.verdict is None:
                advice = "Present the further card and the holder's city card or pass, one after the other"
                raise Conflict("no further card is presented", advice, code="no_further_card")
            if now.verdict is not Verdict.READY:
                what = f"this card cannot be registered here: {now.verdict}"
                raise Conflict(what, ADVICE[now.verdict], code=now.verdict.value)
            card = now.card.credential
        if (asked_for.lost is None) == (asked_for.act is not CardAct.LINK):
            advice = "`block` and `replace` name the lost card by its mark, `link` names none"
            raise InputRefused("the lost card does not go with the act - at `$.lost`", advice, code="bad_card_request")
        return CardRequestBody(
            request=os.urandom(16).hex(),
            station=self._station,
            act=asked_for.act,
            staff=asked_for.staff,
            holder=holder,
            credential=now.proof.credential,
            card=card,
            lost=self._lost(asked_for.lost, now) if asked_for.lost is not None else "",
            shown=tuple(one.entry for one in (now.proof, now.card) if one is not None and one.entry),
        )

    def _lost(self, mark: str, now: Pair) -> str:
        found = [one.digest for one in self._others(now) if one.digest.startswith(mark)]
        if len(found) != 1:
            advice = "Choose one of the holder's other cards; what this place does not know, the city's office does"
            raise Conflict(f"no single other card of this holder has the mark {mark}", advice, code="no_such_card")
        return found[0]

    def _others(self, now: Pair) -> list[Owned]:
        """The holder's cards but for the one by which they are known here now."""
        known = self._services.identity.cards_of(now.proof.who.holder or "", self._services.clock.wall_ms())
        return [one for one in known if one.digest != now.proof.credential.digest]

    def _now(self) -> Pair | None:
        """The pair, unless it is too old."""
        if self._pair is not None and self._services.clock.mono_ns() - _newest(self._pair) > self._within_ns:
            self._pair = None
        return self._pair


def _newest(now: Pair) -> int:
    return max(one.mono_ns for one in (now.proof, now.card) if one is not None)


def _shown(one: Seen) -> CardShown:
    return CardShown(one.credential.kind, one.credential.digest[:6], one.credential.strength)
