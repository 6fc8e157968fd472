"""What staff at a desk ask about cards, and what they are answered. No holder and no digest: six digits tell taps
apart."""

from __future__ import annotations

from typing import Annotated

import msgspec

from gateway.model.bodies import CardAct
from gateway.stations.pairing import Verdict

Name = Annotated[str, msgspec.Meta(pattern=r"^[^\x00-\x1f\x7f-\x9f]{1,32}$(?!\n)")]
Mark = Annotated[str, msgspec.Meta(pattern=r"^[0-9a-f]{6}$(?!\n)")]


class CardShown(msgspec.Struct, frozen=True, omit_defaults=True):
    """A credential as staff see it. `blocked`: it is already."""

    kind: str
    mark: str
    strength: str = ""
    blocked: bool = False


class CardsAnswer(msgspec.Struct, frozen=True, omit_defaults=True):
    """Who is at the desk now and what can be done. `presented` names this state of things, for `CardRequest`; empty:
    nobody is identified. `further`: the other card that was presented, `verdict`: whether it may be registered.
    `known`: the holder's other cards, as far as this place knows them. It ends `ends_ms` after now."""

    presented: str = ""
    proof: CardShown | None = None
    further: CardShown | None = None
    verdict: Verdict | None = None
    known: tuple[CardShown, ...] = ()
    ends_ms: int = 0


class CardRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Confirmed by staff, for the holder who is at the desk (`presented`, from `CardsAnswer`): `link` the further card,
    `block` the lost one (`lost`: its mark), or both at once, `replace`. `staff`: who confirms, kept in the record."""

    act: CardAct
    presented: Annotated[str, msgspec.Meta(pattern=r"^[0-9a-f]{16}$(?!\n)")]
    staff: Name
    lost: Mark | None = None


class CardRequested(msgspec.Struct, frozen=True):
    """It is recorded and goes to the centre, which decides. `request` names it there."""

    request: str
    entry: str
    act: CardAct
