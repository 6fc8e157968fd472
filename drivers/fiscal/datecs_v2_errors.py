"""Error codes of Datecs version 2 devices in words. Our own words; codes that stand here are those that a cashier or a
technician can do something about, the others are told by the range they lie in.
Source: Datecs, Programmer's Manual, FMP-350X to DP-05C, v2.08, annex "Error codes"; v2.11.4 for the newer ones.
"""

from __future__ import annotations

from collections.abc import Mapping

from drivers.fiscal.families import Sign

NO_RECORDS = frozenset({-100003, -100004, -100005})
"""What a device answers that is asked for its last Z report and has none yet."""

SIGNS: Mapping[int, Sign] = {
    -100402: Sign.HEAD_HOT,
    -100403: Sign.PAPER_OUT,
    -100404: Sign.COVER_OPEN,
    -105010: Sign.JOURNAL_FULL,
    -111024: Sign.DAY_OVER,
    -112006: Sign.PAPER_OUT,
    -112007: Sign.COVER_OPEN,
    -112008: Sign.PRINT_UNIT,
}
"""Codes that say what a status bit says, or has none: the bits under a refusal may be clean."""

ERRORS: Mapping[int, str] = {
    -100003: "it has no more data",
    -100004: "it does not find that",
    -100005: "it has no such records",
    -100007: "it is in another mode (training, service)",
    -100008: "it is not ready",
    -100402: "the print head is too hot",
    -100403: "there is no paper",
    -100404: "the cover is open",
    -102002: "the operator's password is wrong",
    -102009: "no VAT rates are programmed",
    -102019: "the time is before the last Z report",
    -104000: "a Z report is needed first",
    -105009: "the electronic journal is almost full",
    -105010: "the electronic journal is full",
    -111003: "it cannot do that now",
    -111005: "that VAT letter is forbidden in it",
    -111015: "a receipt is open",
    -111016: "no receipt is open",
    -111017: "there is not enough cash in the drawer",
    -111018: "the payment has begun",
    -111019: "the receipt has as many lines as fit",
    -111020: "the receipt has no lines",
    -111021: "a VAT group would become negative",
    -111024: "24 hours have passed: a Z report is needed first",
    -111046: "a non-fiscal receipt is open",
    -111047: "a fiscal receipt is open",
    -111050: "the payment has not begun",
    -111061: "that means of payment is forbidden in it",
    -111065: "the receipt's total is 0",
    -111067: "a reversal is open",
    -111077: "its time is before the last fiscal record",
    -111094: "a reversal takes no change",
    -111098: "it opens no new day before midnight",
    -111560: "the card was charged or was not: the register does not know, look at the pinpad",
    -112000: "it does not know the command",
    -112001: "the command's form is wrong",
    -112002: "the command is not allowed now",
    -112003: "a register overflows",
    -112004: "the date or time is wrong",
    -112005: "it has to be switched to PC mode",
    -112006: "there is no paper",
    -112007: "the cover is open",
    -112008: "the print unit is faulty",
}

RANGES: tuple[tuple[int, int, str], ...] = (
    (100000, 100099, "general fault"),
    (100100, 100399, "fault of the fiscal memory"),
    (100400, 100499, "fault of the print unit"),
    (100500, 100999, "fault of the system"),
    (101000, 101499, "the request is not possible"),
    (102000, 102999, "fault of settings or supply"),
    (103000, 103999, "fault of the articles"),
    (104000, 104999, "fault of service"),
    (105000, 105999, "fault of the electronic journal"),
    (110200, 110299, "fault of the tax server"),
    (110500, 110899, "fault of modem or network"),
    (111000, 111499, "not possible at this point of the receipt"),
    (111500, 111799, "fault of the pinpad"),
    (112000, 112099, "refused by the printer"),
    (112101, 112199, "wrong form of parameter"),
    (112201, 112299, "bad value of parameter"),
)
"""First and last code without its sign, and what the range is about. The last two count the parameter, from 1."""

_NUMBERED = (112101, 112201)


def told(code: int) -> str:
    """What a negative `code` says, with the code itself: a person looks it up by that."""
    return f"{_words(code)} ({code})"


def _words(code: int) -> str:
    if words := ERRORS.get(code):
        return words
    for first, last, words in RANGES:
        if first <= -code <= last:
            return f"{words} {-code - first + 1}" if first in _NUMBERED else words
    return "an error that its documents do not list"
