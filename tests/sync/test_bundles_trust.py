"""The trust list as a bundle: whose passes count, from one signed word on, at once, over restarts, never back."""

from __future__ import annotations

import json
import re
from contextlib import suppress
from pathlib import Path

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.identity.registry import Cache
from gateway.ledger.ledger import Ledger
from gateway.model.errors import InputRefused
from gateway.sync.bundles_record import TrustInForce
from gateway.wire.cose_keys import from_base64, public_of
from gateway.wire.trust import TrustedIssuer, TrustList, read
from tests.support.clock import FakeClock
from tests.sync.taking import RULES, TRUST, Taker, rules

KEY = "MCowBQYDK2VwAyEAA6EHv/POEL4dcN0Y50vAmWfk1jCbpQ1fHdyGZBJVMbg="
"""The public key of the seed 00..1f."""


@pytest.fixture
def taker(ledger: Ledger, cache: Cache, clock: FakeClock) -> Taker:
    return Taker(ledger, cache, clock)


def issuer(name: str = "siauliai.passes", **more: object) -> dict[str, object]:
    return {"issuer": name, "city": "siauliai", "keys": [{"key": KEY}], **more}


def listed(*issuers: dict[str, object]) -> bytes:
    return msgspec.json.encode({"issuers": issuers})


def names(told: TrustList) -> list[str]:
    return [one.issuer for one in told.issuers]


async def test_it_counts_at_once_and_each_takes_the_place_of_the_one_before(taker: Taker) -> None:
    await taker.take(TRUST, 1, listed(issuer(), issuer("tartu.passes")))
    await taker.take(TRUST, 2, listed(issuer("tartu.passes")))
    await taker.take(TRUST, 3, listed())
    assert [names(told) for told in taker.trusted] == [["siauliai.passes", "tartu.passes"], ["tartu.passes"], []]
    assert taker.bundles.numbers == {"trust": 3}


async def test_it_outlives_a_restart_and_the_loss_of_the_cache(taker: Taker) -> None:
    await taker.take(TRUST, 4, listed(issuer()))
    again = Taker(taker.ledger, taker.cache, taker.clock)
    assert [names(told) for told in again.trusted] == [["siauliai.passes"]]
    assert again.bundles.numbers == {"trust": 4}


async def test_an_older_one_and_one_of_a_stranger_change_nothing(taker: Taker) -> None:
    await taker.take(TRUST, 2, listed(issuer()))
    await taker.take(TRUST, 1, listed(issuer("older.passes")))
    await taker.take(TRUST, 2, listed(issuer("other.passes")))
    await taker.take(TRUST, 3, listed(issuer("foreign.passes")), city="riga")
    assert [names(told) for told in taker.trusted] == [["siauliai.passes"]]
    assert len(taker.refusals) == 3


async def test_nobody_goes_back_to_the_one_before(taker: Taker) -> None:
    await taker.take(TRUST, 1, listed(issuer()))
    await taker.take(TRUST, 2, listed())
    with pytest.raises(InputRefused, match="never taken back"):
        await taker.bundles.rollback(TRUST)


async def test_one_that_does_not_fit_its_signature_any_more_counts_for_nothing(taker: Taker) -> None:
    """Passes of strangers are refused then, until the centre has sent it again: at a birth it is told that none is
    in force."""
    await taker.take(TRUST, 1, listed(issuer()))
    await taker.ledger.commit([], [TrustInForce(listed(issuer("mallory.passes")))])
    again = Taker(taker.ledger, taker.cache, taker.clock)
    assert again.trusted == []
    assert again.bundles.numbers == {}
    await again.take(TRUST, 1, listed(issuer()))
    assert [names(told) for told in again.trusted] == [["siauliai.passes"]]


@pytest.mark.parametrize(
    ("content", "fault"),
    [
        (b"[", "trust list"),
        (b"{}", "issuers"),
        (listed(issuer(), issuer()), "twice"),
        (listed(issuer(keys=[])), "keys"),
        (listed(issuer(keys=[{"key": "MCow"}])), "siauliai.passes"),
        (listed(issuer(keys=[{"key": "?"}])), "not base64"),
        (listed(issuer(keys=[{"key": KEY, "id": "1"}, {"key": KEY, "id": "1"}])), "one id"),
        (listed(issuer(keys=[{"key": KEY, "from_ms": 5, "until_ms": 5}])), "never counts"),
        (listed(issuer(keys=[{"key": KEY}] * 9)), "keys"),
        (listed(issuer(persons=100)), "persons"),
        (listed(issuer(persons=0)), "persons"),
        (listed(issuer(entitlements=["a b"])), "entitlements"),
        (listed(issuer(city="")), "city"),
        (listed(issuer(comment="?")), "comment"),
        (listed(*(issuer(f"i{n}") for n in range(65))), "64"),
    ],
)
async def test_what_makes_no_sense_is_refused_and_leaves_the_one_before(
    taker: Taker, content: bytes, fault: str
) -> None:
    await taker.take(TRUST, 1, listed(issuer()))
    await taker.take(TRUST, 2, content)
    assert (taker.bundles.numbers, len(taker.trusted)) == ({"trust": 1}, 1)
    assert fault in taker.refusals[-1]


async def test_it_does_not_wait_for_others(taker: Taker) -> None:
    await taker.take(TRUST, 1, listed(issuer()))
    await taker.take(RULES, 1, rules("a"))
    assert taker.bundles.numbers == {"trust": 1, "rules": 1}


_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8) | st.sampled_from([KEY, "a", "k1"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["key", "id", "x"]), inner, max_size=3),
    max_leaves=6,
)
_issuers = st.fixed_dictionaries(
    {"issuer": _json, "city": _json, "keys": _json},
    optional={"entitlements": _json, "persons": _json, "longest_s": _json},
)


@settings(max_examples=40)
@given(st.lists(_issuers, max_size=2), st.binary(max_size=60))
def test_any_content_is_a_list_or_refused(issuers: list[object], raw: bytes) -> None:
    for content in (raw, msgspec.json.encode({"issuers": issuers})):
        with suppress(InputRefused):
            read(content)


def test_a_key_of_another_kind_is_told_with_its_issuer() -> None:
    with pytest.raises(InputRefused, match=r"a key of siauliai\.passes: it is neither Ed25519 nor P-256"):
        read(listed(issuer(keys=[{"key": "AAAA"}])))


def test_the_list_in_the_documentation_is_one_and_its_entitlements_are_those_that_our_rules_translate() -> None:
    root = Path(__file__).parents[2]
    (written,) = re.findall(r"```json\n(.*?)```", (root / "docs" / "passes.md").read_text("utf-8"), re.DOTALL)
    (one,) = read(written.encode()).issuers
    rules = json.loads((root / "config" / "rules" / "jelgava" / "partners.json").read_text("utf-8"))
    (partner,) = rules["partners"]
    assert (one.city, sorted(one.entitlements)) == (partner["city"], sorted(partner["groups"]))


def test_the_written_key_is_the_one_of_its_pem_file() -> None:
    assert from_base64(KEY) == public_of(Ed25519PrivateKey.from_private_bytes(bytes(range(32))))
    assert TrustedIssuer("a", "b", ()).persons == 1
