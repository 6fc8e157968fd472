"""What the rules are asked. All that a decision rests on is in here and in the rules."""

from __future__ import annotations

import hashlib
from datetime import date
from typing import Any

import msgspec

from gateway.model.circumstances import Circumstances, Happened
from gateway.model.receipt import Receipt


class Question(Circumstances, frozen=True, omit_defaults=True, kw_only=True):
    """A receipt in its circumstances."""

    receipt: Receipt

    @property
    def today(self) -> date:
        return self.at.date()

    def circumstances(self) -> Circumstances:
        """What is stored beside the receipt, so that the decision can be replayed."""
        return Circumstances(**{name: getattr(self, name) for name in Circumstances.__struct_fields__})

    def settled(self) -> Question:
        """The same question in its one canonical form: codes sorted, each once; nothing of a stranger's."""
        known = self.identified
        return msgspec.structs.replace(
            self,
            at=self.at.replace(second=0, microsecond=0, tzinfo=None, fold=0),
            entitlements=tuple(sorted(set(self.entitlements))) if known else (),
            merchant_groups=tuple(sorted(set(self.merchant_groups))),
            city=self.city if known else "",
            residence=self.residence if known else "",
            age=self.age if known else None,
            events=tuple(sorted(self.events, key=_order_of_events)),
            quotas=tuple(sorted(self.quotas, key=lambda q: (q.key, q.period, q.holder))),
        )


def ask(receipt: Receipt, circumstances: Circumstances) -> Question:
    """The question about this receipt in these circumstances, as when a stored decision is replayed."""
    given: dict[str, Any] = {name: getattr(circumstances, name) for name in Circumstances.__struct_fields__}
    return Question(receipt=receipt, **given)


def _order_of_events(event: Happened) -> tuple[int, str, tuple[str, ...], str, str]:
    return event.ago_s, event.event, event.codes, event.place, event.station


_encoder = msgspec.json.Encoder(order="sorted")


def inputs_digest(settled: Question, bundle: int) -> str:
    """SHA-256 (hex) over `{"bundle":…,"question":…}` as canonical JSON: keys sorted, no spaces, UTF-8, fields left out
    where they have their default."""
    return hashlib.sha256(_encoder.encode({"bundle": bundle, "question": settled})).hexdigest()
