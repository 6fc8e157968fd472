"""Who, where and when rules are tried, as files and examples tell it. Pure."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Annotated

import msgspec

from gateway.model.circumstances import Happened
from gateway.model.errors import InputRefused
from gateway.model.receipt import Receipt
from gateway.rules.parts import AT
from gateway.rules.question import Question
from gateway.rules.refusal import Fault
from gateway.rules.unreadable import told
from gateway.rules.words import ADVICE

ADVICE_ON = {
    "receipt": "docs/api.md, A receipt, lists its fields",
    "holder": "docs/rules.md, Evaluation, has the fields of a holder",
    "setting": "docs/cli.md, smartplace rules evaluate, lists the fields of a setting",
}
_TIME = "Write it as 2026-05-30T14:00; a day alone is its noon"
LAST_YEAR = 9998
"""A quota's last period ends before the calendar of the machine does."""
_civil = re.compile(AT)


class Person(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """Who is identified, as a file for trying rules tells it. `city`: a partner's, whose codes the entitlements are."""

    id: str
    entitlements: tuple[str, ...] = ()
    language: str | None = None
    city: str = ""
    residence: str = ""
    age: Annotated[int, msgspec.Meta(ge=0, le=150)] | None = None


class Known(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """What is left of a quota, for trying rules: of the period that the time falls into. Without `left` all of the
    limit that was not `used`."""

    key: str
    left: Annotated[int, msgspec.Meta(ge=0)] | msgspec.UnsetType = msgspec.UNSET
    used: Annotated[int, msgspec.Meta(ge=0)] = 0
    known: bool = True
    grace: Annotated[int, msgspec.Meta(ge=0)] = 0


class Earlier(Happened, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """Something that happened before, for trying rules: `ago_s` seconds before the time."""


class Setting(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True, kw_only=True):
    """Where and when rules are tried. `quotas`: what is not named is as full as its rule's limit."""

    at: datetime
    merchant_groups: tuple[str, ...] = ()
    clock_trusted: bool = True
    place: str = ""
    gateway: str = ""
    station: str = ""
    events: tuple[Earlier, ...] = ()
    quotas: tuple[Known, ...] = ()
    cash_rounding_cents: Annotated[int, msgspec.Meta(ge=0, le=100)] = 0
    vat_registered: bool = True


def setting_of(given: object, at: datetime | str | None = None) -> Setting:
    """A setting as a file or an example tells it (`Setting` without the need of an `at`). `at` is civil time at the
    place, a day alone its noon; it goes before that of the setting. Raises `InputRefused`: `where` is `setting` and
    behind a colon the path in it, or `at`."""
    if not isinstance(given, dict):
        raise InputRefused("not a setting: not an object", ADVICE_ON["setting"], where="setting")
    time = at if at is not None else given.get("at")
    if time is None:
        raise InputRefused("says no time", "Give `at`, such as 2026-05-30T14:00", where="setting: $.at")
    try:
        civil = time if isinstance(time, datetime) else civil_time(time)
        if civil.year > LAST_YEAR:
            raise ValueError(f"the year {civil.year} is after {LAST_YEAR}")
    except ValueError as error:
        raise InputRefused(str(error), _TIME, where="setting: $.at" if at is None else "at") from error
    whole = {**given, "at": civil}
    try:
        return msgspec.convert(whole, Setting)
    except msgspec.ValidationError as error:
        raise in_part(told(str(error), Setting, whole), "setting") from error
    except ValueError as error:
        raise InputRefused(f"not a setting: {error}", ADVICE_ON["setting"], where="setting") from error


def in_part(fault: Fault, part: str) -> InputRefused:
    """A fault of a receipt, a holder or a setting."""
    advice = ADVICE_ON[part] if fault.advice == ADVICE else fault.advice
    return InputRefused(fault.what, advice, where=f"{part}: {fault.path}")


def civil_time(text: object) -> datetime:
    """`2026-05-30T14:00` as it is, without seconds or with; `2026-05-30` is its noon. Raises `ValueError`."""
    if not isinstance(text, str) or not _civil.match(text):
        raise ValueError(f"{str(text)[:40]!r} is no time such as 2026-05-30T14:00")
    try:
        return datetime.fromisoformat(text if "T" in text else f"{text}T12:00")
    except ValueError:
        raise ValueError(f"{text[:40]!r} is no time of the calendar") from None


def question_of(receipt: Receipt, person: Person | None, setting: Setting) -> Question:
    """The question without what is left of quotas."""
    return Question(
        receipt=receipt,
        at=setting.at,
        entitlements=person.entitlements if person else (),
        merchant_groups=setting.merchant_groups,
        clock_trusted=setting.clock_trusted,
        identified=person is not None,
        city=person.city if person else "",
        residence=person.residence if person else "",
        age=person.age if person else None,
        place=setting.place,
        gateway=setting.gateway,
        station=setting.station,
        events=setting.events,
        cash_rounding_cents=setting.cash_rounding_cents,
        vat_registered=setting.vat_registered,
    )
