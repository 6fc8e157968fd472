"""What the rules are asked. All that a decision rests on is in here and in the rules."""

from __future__ import annotations

import hashlib
from datetime import date

import msgspec

from gateway.model.receipt import Receipt


class Question(msgspec.Struct, frozen=True):
    """A receipt at a place on a day. `today` is the civil date in the place's own zone; `entitlements` count only
    when `identified`; `merchant_groups` are those of the place. Order and repeats of codes do not matter."""

    receipt: Receipt
    entitlements: tuple[str, ...]
    merchant_groups: tuple[str, ...]
    today: date
    clock_trusted: bool
    identified: bool

    def settled(self) -> Question:
        """The same question in its one canonical form: codes sorted, each once; none of a stranger's."""
        entitlements = tuple(sorted(set(self.entitlements))) if self.identified else ()
        places = tuple(sorted(set(self.merchant_groups)))
        return Question(self.receipt, entitlements, places, self.today, self.clock_trusted, identified=self.identified)


_encoder = msgspec.json.Encoder(order="sorted")


def inputs_digest(settled: Question, bundle: int) -> str:
    """SHA-256 (hex) over `{"bundle":…,"question":…}` as canonical JSON: keys sorted, no spaces, UTF-8, fields of
    receipt and lines left out where they have their default."""
    return hashlib.sha256(_encoder.encode({"bundle": bundle, "question": settled})).hexdigest()
