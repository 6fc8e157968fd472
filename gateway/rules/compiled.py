"""A rule set ready to be asked: rules as flat values and the inverted index over them.

Rules are numbered by their rank: their place in the order (stage, priority downwards, id). Codes are numbered in
alphabetical order, `ANY` is 0. So nothing here depends on the order of the document or on the hash seed.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from enum import IntEnum

import msgspec

from gateway.model.decision import FiscalForm, QuotaUnit
from gateway.model.money import BasisPoints
from gateway.rules.conditions import Need, What, Where, Who
from gateway.rules.gives import Fixed, FixedPrice, FreeUnits, Percent, Tiers
from gateway.rules.parts import Text
from gateway.rules.tables import VatRate

ANY = 0
"""The number that stands for "does not restrict"."""
NEVER = 0
FOR_EVER = 10**9
DAY_MINUTES = 24 * 60

Ranks = list[int]
Numbers = tuple[int, ...]
Cells = list[tuple[Numbers, Ranks]]
"""Lines, and the rules that may meet them."""


class Kind(IntEnum):
    """How a rule's amount is computed."""

    PERCENT = 0
    OFF_UNIT = 1
    OFF_LINE = 2
    UNIT_PRICE = 3
    OTHER = 4
    """By what was written (`give`)."""


Gave = Percent | Fixed | FixedPrice | Tiers | FreeUnits


class Windows(msgspec.Struct, frozen=True, gc=False):
    """Hours of days: (days as bits, from, until) in minutes, `until` beyond 1440 on the next day; `opens` is the first
    of them and `closes` the last. `holidays` are day numbers that are no weekday."""

    hours: tuple[tuple[int, int, int], ...]
    opens: int
    closes: int
    holidays: frozenset[int] = frozenset()


class Suspended(msgspec.Struct, frozen=True, gc=False):
    """Days on which a rule gives nothing, but to these groups."""

    id: str
    first: int
    last: int
    but_to: frozenset[str]


class Counted(msgspec.Struct, frozen=True, gc=False):
    """One quota of a rule. `first` and `until` bound the periods that count as one (0: none do). `card`: the
    holder's card says what is left."""

    key: str
    unit: QuotaUnit
    limit: int
    period: str
    holder: bool
    cut: bool
    grace: int = 0
    first: int = 0
    until: int = 0
    card: bool = False


class More(msgspec.Struct, frozen=True, gc=False):
    """Conditions that few rules have, as they were written: looked at on candidates only."""

    who: Who | None = None
    where: Where | None = None
    what: What | None = None
    need: Need | None = None
    suspended: tuple[Suspended, ...] = ()
    quotas: tuple[Counted, ...] = ()


class Compiled(msgspec.Struct, frozen=True, gc=False):
    """One rule, flat. `value` is in basis points or cents, by `kind`; `first` and `last` are day numbers
    (`date.toordinal`), both inclusive; `payers` and `weights` (basis points) go together."""

    id: str
    version: int
    kind: Kind
    value: int
    give: Gave
    exclusive: str
    payers: tuple[tuple[str, FiscalForm], ...]
    weights: tuple[BasisPoints, ...]
    first: int = NEVER
    last: int = FOR_EVER
    windows: Windows | None = None
    holds_without_clock: bool = True
    has_message: bool = False
    by_priority: bool = False
    whole: bool = False
    """Computed once for the receipt, over all lines that it meets; else line by line."""
    plain: bool = True
    """Nothing but `kind` and `value` decides the amount."""
    more: More | None = None


class Told(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """What people are told of a rule."""

    id: str
    version: int
    title: Text
    legal_basis: str
    message: Text | None = None


packed = msgspec.msgpack.Encoder().encode
"""A `Told` as it is kept: of ten thousand rules a handful is ever shown."""
unpacked = msgspec.msgpack.Decoder(Told).decode


class Shared(msgspec.Struct, frozen=True):
    """What all rules share: partner city → their group → ours; VAT class → its rates, the oldest first."""

    partners: Mapping[str, Mapping[str, frozenset[str]]] = {}
    vat: Mapping[str, tuple[VatRate, ...]] = {}


class Codes:
    """Codes of one dimension → their numbers. `has_any`: at least one rule does not restrict this dimension."""

    __slots__ = ("_numbers", "has_any")

    def __init__(self, codes: Iterable[str], *, has_any: bool) -> None:
        self._numbers = {code: number for number, code in enumerate(sorted(set(codes)), ANY + 1)}
        self.has_any = has_any

    def __len__(self) -> int:
        return len(self._numbers)

    def __iter__(self) -> Iterator[str]:
        return iter(self._numbers)

    def __contains__(self, code: str) -> bool:
        return code in self._numbers

    def named(self, codes: tuple[str, ...]) -> Numbers:
        """Where a rule stands that names these codes, each once; none of them: `ANY`."""
        if len(codes) == 1:
            return (self._numbers[codes[0]],)
        return tuple({self._numbers[code] for code in codes}) or (ANY,)

    def number(self, code: str) -> int:
        """The code's number, `ANY` when no rule names it: such a code meets unrestricted rules only."""
        return self._numbers.get(code, ANY)

    def numbers(self, codes: Iterable[str]) -> list[int]:
        """Where to look for rules that these codes meet, ascending."""
        found = {self._numbers[code] for code in codes if code in self._numbers}
        if self.has_any:
            found.add(ANY)
        return sorted(found)


class Index:
    """entitlement × merchant group × category → ranks, and the three pairs for "why not".

    `triples[entitlement * width + merchant group]` is a table category → ranks. A pair's key is its first number × the
    width of its second + its second.
    """

    def __init__(self, groups: Codes, places: Codes, categories: Codes) -> None:
        self.groups, self.places, self.categories = groups, places, categories
        self.place_width, self.category_width = len(places) + 1, len(categories) + 1
        # They grow while rules are added; a look-up is by `get` and leaves nothing behind.
        self.triples: defaultdict[int, defaultdict[int, Ranks]] = defaultdict(lambda: defaultdict(list))
        self.by_place_category: defaultdict[int, Ranks] = defaultdict(list)
        self.by_group_category: defaultdict[int, Ranks] = defaultdict(list)
        self.by_group_place: defaultdict[int, Ranks] = defaultdict(list)

    def add(self, rank: int, groups: Numbers, places: Numbers, categories: Numbers) -> None:
        """Put a rule under all its combinations. Ranks come in ascending order, so every list ascends."""
        place_width, category_width = self.place_width, self.category_width
        if len(groups) == len(places) == len(categories) == 1:  # Most rules, and without a loop in half the time.
            (group,), (place,), (category,) = groups, places, categories
            pair = group * place_width + place
            self.triples[pair][category].append(rank)
            self.by_group_place[pair].append(rank)
            self.by_group_category[group * category_width + category].append(rank)
            self.by_place_category[place * category_width + category].append(rank)
            return
        for group in groups:
            for place in places:
                pair = group * place_width + place
                table = self.triples[pair]
                for category in categories:
                    table[category].append(rank)
                self.by_group_place[pair].append(rank)
            for category in categories:
                self.by_group_category[group * category_width + category].append(rank)
        for place in places:
            for category in categories:
                self.by_place_category[place * category_width + category].append(rank)

    def cells(self, groups: Iterable[int], places: Sequence[int], lines_of: Mapping[int, Numbers]) -> Cells:
        """Where rules stand that meet all three, with the numbers of the lines there (`lines_of` has them by category).
        A rank may be in several."""
        found: Cells = []
        for group in groups:
            base = group * self.place_width
            for place in places:
                table = self.triples.get(base + place)
                if table is None:
                    continue
                for category in table.keys() & lines_of.keys() if len(table) < len(lines_of) else lines_of:
                    if (ranks := table.get(category)) is not None:
                        found.append((lines_of[category], ranks))
        return found
