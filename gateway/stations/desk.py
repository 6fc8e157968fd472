"""A desk: a person presents a credential, the desk says who may be served, once it is recorded.

Where it names a library's system, that is asked about library cards (`gateway.stations.library`). Where staff have a
token they register further cards and block lost ones here (`gateway.stations.registering`). Where it names a keyboard,
the library card that was presented is typed into the librarian's program (`gateway.stations.wedge`).
"""

from __future__ import annotations

from gateway.config.types import DeskStation
from gateway.model.identification import Identification, Refusal
from gateway.model.reading import BeaconReading, Input, InputReading, InputStates, Reading
from gateway.model.shown import Show, shown_left
from gateway.stations.library import Ask, Library, asks_for_staff, both
from gateway.stations.pairing import Pair, Verdict
from gateway.stations.registering import Registering
from gateway.stations.services import Services
from gateway.stations.slip_words import SlipRequest
from gateway.stations.slips import PrintSlip, Slips
from gateway.stations.wedge import TypeText, type_code


class Desk:
    """Identifies people; shows `accepted` only for what is on disk."""

    kind = "desk"

    def __init__(
        self,
        section: DeskStation,
        services: Services,
        staff: bytes | None = None,
        ask_library: Ask | None = None,
        type_text: TypeText | None = None,
        print_slip: PrintSlip | None = None,
    ) -> None:
        self.id = section.id
        self._readers = section.readers
        self._services = services
        self._library: Library | None = None
        if section.library is not None and ask_library is not None:
            self._library = Library(section.library, ask_library)
        self._wedge = section.wedge
        self._type_text = type_text
        self._slips = Slips(section.id, section.slips, services, print_slip)
        self.registering = Registering(section.id, staff, section.register_s, services)

    def devices(self) -> tuple[str, ...]:
        return self._readers

    async def start(self) -> None:
        self._services.board.tell(self.id, Show.IDLE)

    async def stop(self) -> None:
        """A slip under way is waited for."""
        await self._slips.stop()

    async def slip(self, request: SlipRequest, key: str) -> bytes:
        """A slip for whoever was presented last, or of a program's own: see `slips`."""
        return await self._slips.ask(request, key)

    def on_input(self, reading: Input) -> None:
        """It has none."""

    async def on_reading(self, reading: Reading) -> None:
        if isinstance(reading, InputReading | InputStates):
            return
        if isinstance(reading, BeaconReading) and not reading.enter:
            self._left(reading)
            return
        identified = self._services.identify(self.id, reading)
        if identified is None:
            return
        word = None
        if self._library is not None and self._library.concerns(reading, identified.identification):
            self._services.board.tell(self.id, Show.READING)
            word = await self._library.word(reading)
            identified = both(identified, word)
        who, entry = await self._services.store_identification(self.id, identified, word)
        if not isinstance(reading, BeaconReading):
            self._slips.saw(who)
        # Who carries a beacon past the desk does not come between staff and the two cards that they have been shown.
        pair = None if isinstance(reading, BeaconReading) else self.registering.saw(reading, who, entry)
        show, reason = self._show(who, pair)
        if not reason and asks_for_staff(who, word):
            reason = "library_differs"
        purse = await self._services.counters.purse(self.id, reading, who)
        left = await self._services.deciding.balances(self.id, who, purse=purse)
        more = {"reason": reason} if reason else {}
        self._services.show_identification(self.id, show, who, entry, **more, left=shown_left(left))
        if self._wedge is not None and self._type_text is not None:
            await type_code(self._wedge, self._type_text, reading, who)

    def _show(self, who: Identification, pair: Pair | None) -> tuple[Show, str]:
        """What the page shows, and a reason that says more than the refusal itself."""
        if pair is not None and pair.verdict is Verdict.READY:
            return Show.REGISTER, "confirm"
        if who.accepted:
            return Show.ACCEPTED, ""
        if pair is not None and pair.verdict is Verdict.TOO_WEAK:
            return Show.REFUSED, Verdict.TOO_WEAK
        if self.registering.possible and who.refusal is Refusal.UNKNOWN:
            return Show.REFUSED, "unknown_register"
        return Show.REFUSED, ""

    def _left(self, reading: BeaconReading) -> None:
        """Somebody went away: a page that still shows them is cleared. Nothing is recorded."""
        services = self._services
        who = services.identity.identify(reading, services.clock.wall_ms()).identification.credential
        last = services.board.last(self.id)
        if who is not None and last is not None and (last.kind, last.mark) == (who.kind, who.digest[:6]):
            services.board.tell(self.id, Show.IDLE)
