"""CBOR by the examples of RFC 8949 (appendices A and F), and held against PyPI `cbor2`."""

from __future__ import annotations

import math
from contextlib import suppress

import cbor2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.model.errors import InputRefused
from gateway.wire import cbor
from gateway.wire.cbor import Simple, Tag

READ = {
    "00": 0, "17": 23, "1818": 24, "1903e8": 1000, "1a000f4240": 1_000_000, "1bffffffffffffffff": 2**64 - 1,
    "20": -1, "3863": -100, "3bffffffffffffffff": -(2**64), "f90001": 5.960464477539063e-8, "fa47c35000": 100000.0,
    "fb3ff199999999999a": 1.1, "f97c00": math.inf, "f4": False, "f5": True, "f6": None, "f7": Simple(23),
    "f8ff": Simple(255), "c11a514b67b0": Tag(1, 1363896240), "c249010000000000000000": Tag(2, b"\1" + bytes(8)),
    "4401020304": b"\1\2\3\4", "6449455446": "IETF", "62c3bc": "ü", "83010203": [1, 2, 3], "a201020304": {1: 2, 3: 4},
    "a26161016162820203": {"a": 1, "b": [2, 3]}, "5f42010243030405ff": b"\1\2\3\4\5",
    "7f657374726561646d696e67ff": "streaming",
    "9fff": [], "9f018202039f0405ffff": [1, [2, 3], [4, 5]], "bf61610161629f0203ffff": {"a": 1, "b": [2, 3]}, "a0": {},
}  # fmt: skip
"""RFC 8949, appendix A."""
REFUSED = (
    "", "18", "1b0102", "41", "6261", "9a01ff00", "81", "a1", "a101", "c0", "f8", "fa0000", "5f4100", "9f01",
    "bf0102", "bf01ff", "7fff00", "1c", "5d", "9e", "fc", "fd", "fe", "f800", "f818", "f81f", "5f00ff", "5f6100ff",
    "5f5f4100ffff", "7f4100ff", "ff", "81ff", "8200ff", "a1ff", "a100ff", "1f", "3f", "df00", "61ff", "0000",
    "9bffffffffffffffff", "a101f6" + "00", "a201010102", "a1f501", "a18001", "a1f90001f6",
)  # fmt: skip
"""Not well formed (RFC 8949, appendix F), something behind it, and keys that come twice or are no number or text."""

items = st.recursive(
    st.integers(-(2**64), 2**64 - 1) | st.binary(max_size=300) | st.text(max_size=300) | st.booleans(),
    lambda inner: (
        st.lists(inner, max_size=30) | st.dictionaries(st.integers(-(2**64), 2**64 - 1) | st.text(), inner, max_size=30)
    ),
    max_leaves=40,
)


@pytest.mark.parametrize("raw", READ)
def test_what_is_well_formed_is_read(raw: str) -> None:
    found = cbor.loads(bytes.fromhex(raw))
    assert (found, type(found)) == (READ[raw], type(READ[raw]))


@pytest.mark.parametrize("raw", REFUSED)
def test_what_is_not_is_refused(raw: str) -> None:
    with pytest.raises(InputRefused):
        cbor.loads(bytes.fromhex(raw))


def test_too_deep_is_refused_before_it_hurts() -> None:
    assert cbor.loads(b"\x81" * cbor.MAX_DEPTH + b"\x01")
    for head in (b"\x81", b"\xc6", b"\x9f", b"\xa1\x01"):
        with pytest.raises(InputRefused, match="too deep"):
            cbor.loads(head * 100_000 + b"\x01")


@given(items)
def test_written_as_cbor2_writes_and_read_back(item: object) -> None:
    written = cbor.dumps(item)
    assert written == cbor2.dumps(item)
    assert cbor.dumps(Tag(18, item)) == cbor2.dumps(cbor2.CBORTag(18, item))
    with suppress(InputRefused):  # Deeper than passes are.
        assert cbor.loads(written) == item


@given(st.binary(max_size=60))
def test_nothing_is_read_that_cbor2_reads_otherwise(data: bytes) -> None:
    try:
        found = cbor.loads(data)
    except InputRefused:
        return
    if plain(found):
        assert repr(found) == repr(cbor2.loads(data))


@given(items, st.data())
def test_a_cut_item_is_refused(item: object, data: st.DataObject) -> None:
    written = cbor.dumps(item)
    with pytest.raises(InputRefused):
        cbor.loads(written[: data.draw(st.integers(0, len(written) - 1))])


@pytest.mark.parametrize("item", [1.5, None, {1, 2}, 2**64, -(2**64) - 1, [object()]])
def test_what_is_in_no_pass_is_not_written(item: object) -> None:
    with pytest.raises(TypeError, match="pass"):
        cbor.dumps(item)


def plain(item: object) -> bool:
    """Without what cbor2 has types of its own for."""
    match item:
        case Tag() | Simple():
            return False
        case list():
            return all(map(plain, item))
        case dict():
            return all(map(plain, item.values()))
    return True
