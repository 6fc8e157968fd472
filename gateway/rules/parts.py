"""Small parts that all of a rule document is written with: codes, texts, dates, amounts."""

from __future__ import annotations

from datetime import date
from typing import Annotated

import msgspec
from msgspec import UNSET, Meta, UnsetType

from gateway.model.money import BasisPoints, Cents, Thousandths
from gateway.model.receipt import MAX_CENTS, MAX_QUANTITY

MAX_CODES = 64
"""Codes in one list of one rule."""
MAX_SECONDS = 400 * 24 * 3600

# `$` alone would also match before a final line feed.
CODE = r"^[a-z0-9][a-z0-9_.-]{0,31}$(?!\n)"
Code = Annotated[str, Meta(pattern=CODE)]
RULE_ID = r"^[a-z0-9][a-z0-9_.-]{0,63}$(?!\n)"
RuleId = Annotated[str, Meta(pattern=RULE_ID)]
Codes = Annotated[tuple[Code, ...], Meta(min_length=1, max_length=MAX_CODES)]
PLACE_ID = r"^[a-z0-9-]{3,32}$(?!\n)"
PlaceId = Annotated[str, Meta(pattern=PLACE_ID)]
AT = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}(?:T[0-9]{2}:[0-9]{2}(?::[0-9]{2})?)?$(?!\n)"
"""Civil time as examples and settings say it."""
# One line of text: a control character could forge lines on a terminal or a slip.
PHRASE = r"^[^\x00-\x1f\x7f-\x9f]+$(?!\n)"
Phrase = Annotated[str, Meta(min_length=1, max_length=240, pattern=PHRASE)]

# What nearly every rule names, and most rules alike. To match each while it is decoded takes more than all other
# decoding together; `check` looks at each distinct one (`gateway.rules.forms`).
OftenCode = Annotated[str, Meta(extra_json_schema={"pattern": CODE})]
OftenCodes = Annotated[tuple[OftenCode, ...], Meta(min_length=1, max_length=MAX_CODES)]
OftenPhrase = Annotated[str, Meta(min_length=1, max_length=240, extra_json_schema={"pattern": PHRASE})]

Points = Annotated[BasisPoints, Meta(ge=1, le=10_000)]
Amount = Annotated[Cents, Meta(ge=1, le=MAX_CENTS)]
Price = Annotated[Cents, Meta(ge=0, le=MAX_CENTS)]
Quantity = Annotated[Thousandths, Meta(ge=1, le=MAX_QUANTITY)]
Pieces = Annotated[int, Meta(ge=1, le=1_000_000)]
Seconds = Annotated[int, Meta(ge=1, le=MAX_SECONDS)]


class Part(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True, kw_only=True, gc=False):
    """Base of all parts of a document. No cycles are possible, so the collector need not look."""


class Text(Part, frozen=True, forbid_unknown_fields=True):
    """A text for people, in at least one of the languages."""

    lv: Phrase | UnsetType = UNSET
    lt: Phrase | UnsetType = UNSET
    en: Phrase | UnsetType = UNSET
    ru: Phrase | UnsetType = UNSET

    def best(self, languages: tuple[str, ...] = ("en",)) -> str:
        """The text in the first of these languages that it has, else in whichever it has; never fails."""
        texts = {"lv": self.lv, "lt": self.lt, "en": self.en, "ru": self.ru}
        for language in (*languages, *texts):
            text = texts.get(language, UNSET)
            if text is not UNSET:
                return text
        return ""


class Dates(Part, frozen=True, forbid_unknown_fields=True):
    """Civil dates, both ends inclusive; an absent end is open. At least one is given."""

    first: date | UnsetType = msgspec.field(default=UNSET, name="from")
    until: date | UnsetType = UNSET
