"""Hypothesis strategies for rules with all that a document may hold, not all of which make sense."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from tests.rules.builders import Json

_text = st.text(
    st.characters(exclude_categories=("Cc", "Cs")) | st.sampled_from("=+-@'\";,\t".replace("\t", "")),
    min_size=1, max_size=12,
)  # fmt: skip
_codes = st.lists(st.sampled_from(["p1", "s2", "a.b", "0-1"]), min_size=1, max_size=3, unique=True)
_clock = st.sampled_from(["00:00", "09:30", "12:00", "23:59"])


def maybe(**fields: st.SearchStrategy[Any]) -> st.SearchStrategy[Json]:
    return st.fixed_dictionaries({}, optional=fields)


_texts = maybe(lv=_text, lt=_text, en=_text, ru=_text)
_days = st.lists(st.sampled_from(["mon", "tue", "sun"]), min_size=1, max_size=3, unique=True)
_dates = st.sampled_from(
    [{"from": "2026-01-01"}, {"until": "2026-12-31"}, {"from": "2026-01-01", "until": "2026-01-01"}]
)
_gives = st.one_of(
    st.builds(lambda b, x: {"kind": "percent", "basis_points": b, **x}, st.integers(1, 10_000),
              maybe(base=st.just("original"), rounding=st.just("unit"), floor_cents=st.integers(1, 9),
                     cap=st.just({"cents": 5, "per": "line"}))),
    st.builds(lambda c, p: {"kind": "fixed", "cents": c, "per": p}, st.integers(1, 99),
              st.sampled_from(["unit", "line", "receipt"])),
    st.builds(lambda x: {"kind": "free_units", **x}, maybe(units=st.integers(1, 3), most=st.integers(1, 9),
                                                          basis_points=st.integers(1, 9999))),
    st.just({"kind": "tiers", "by": "spend", "steps": [{"from": 0, "basis_points": 5}]}),
)  # fmt: skip
_quota = st.builds(
    lambda n, x: {"key": f"k{n}", "unit": "units", "limit": n, "period": "month", "per": "all", **x},
    st.integers(1, 9),
    maybe(grace_units=st.integers(1, 3), carry=st.just({"from": "2026-01-01", "until": "2026-02-01"})),
)
wide_rules = maybe(
    title=_texts, message=_texts, legal_basis=_text, give=_gives, stage=st.integers(0, 99),
    priority=st.integers(-1000, 1000),
    who=maybe(any_of_groups=_codes, all_of_groups=_codes, residence=_codes, partner=st.sampled_from(["also", "never"]),
               age=st.just({"from": 5}), any_of_lists=st.just([{"groups": ["x"], "dates": {"from": "2026-01-01"}}])),
    where=maybe(merchant_groups=_codes, places=st.just(["abc", "d-1"]), gateways=st.just(["gw-1"])),
    what=maybe(categories=_codes, skus=_codes, flags=_codes, unit_price=st.just({"until": 5})),
    when=maybe(dates=_dates, windows=st.lists(maybe(days=_days, **{"from": _clock, "until": _clock}), min_size=1,
                                               max_size=3),
                clock_not_trusted=st.sampled_from(["grant", "withhold"])),
    need=maybe(min_spend_cents=st.integers(1, 9), means=st.just(["card"])),
    quota=st.lists(_quota, min_size=1, max_size=3),
)  # fmt: skip
