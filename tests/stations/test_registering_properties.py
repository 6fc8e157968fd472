"""The rule of registering, whatever is presented before and after."""

from __future__ import annotations

from collections.abc import Iterator

from hypothesis import given
from hypothesis import strategies as st

from gateway.model.identification import Credential, CredentialKind, Identification, Refusal, Strength
from gateway.stations.pairing import Pair, Seen, Verdict, judge, pair


def _seen() -> st.SearchStrategy[Seen]:
    return st.builds(
        lambda kind, strength, number, holder, refusal: Seen(
            Identification(holder=None if refusal else holder, refusal=refusal),
            Credential(kind, strength, f"{number:064x}", "k1"),
            0,
        ),
        st.sampled_from(CredentialKind),
        st.sampled_from(Strength),
        st.integers(0, 3),
        st.sampled_from(["h-1", "h-2"]),
        st.none() | st.sampled_from(Refusal),
    )


def _pairs(first: Seen, then: Seen) -> Iterator[Pair]:
    for one, other in ((first, then), (then, first)):
        if (found := pair("p", one, other)) is not None:
            yield found


@given(_seen(), _seen())
def test_only_an_unknown_card_beside_a_genuine_accepted_proof_is_ever_ready(first: Seen, then: Seen) -> None:
    for found in _pairs(first, then):
        assert found.proof.who.accepted
        if found.verdict is Verdict.READY:
            assert found.card is not None
            assert found.proof.credential.strength is Strength.GENUINE
            assert found.card.who.refusal is Refusal.UNKNOWN
            assert found.card.credential.kind is not CredentialKind.PASS


@given(_seen(), _seen())
def test_the_order_decides_nothing_but_between_two_proofs(first: Seen, then: Seen) -> None:
    if first.who.accepted and then.who.accepted:
        return
    assert len({found.verdict for found in _pairs(first, then)}) <= 1
    assert all(found.verdict is None or found.card is not None for found in _pairs(first, then))
    assert judge(first, then) in {None, *Verdict}
