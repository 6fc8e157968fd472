"""Which reader on USB is meant, what it says of itself, and that only `ReaderFault` comes from whatever is there."""

from __future__ import annotations

import errno
from contextlib import suppress

import msgspec
import pytest
import usb1  # type: ignore[import-untyped]
from hypothesis import given, settings
from hypothesis import strategies as st

from drivers.nfc import usb
from drivers.nfc.attached import Attached, meant, told
from drivers.nfc.errors import Code, ReaderFault
from drivers.nfc.frames import ACK, whole
from drivers.nfc.models import USB
from drivers.nfc.options import Options
from drivers.simulators import port100
from drivers.simulators.usb import Identity

SONY = (0x054C, 0x06C3)
DESK = Attached(*SONY, "SONY", "RC-S380/P", "0381520", "1-1.2")
GATE = Attached(*SONY, "SONY", "RC-S380/P", "0381521", "1-1.3")
LOCKED = Attached(0x054C, 0x06C1, socket="1-1.4")
"""One whose strings this user may not read."""
MOUSE = Attached(0x046D, 0xC077, "Logitech", "Mouse", "0381520", "1-1.1")


@pytest.mark.parametrize(
    ("port", "index"),
    [
        ("usb:054c:06c3:0381521", 2),
        ("usb:054C:06C3:0381520", 1),
        ("usb:1-1.2", 1),
        ("usb:1-1.4", 3),
        ("usb:054c:06c1", 3),
    ],
)
def test_a_reader_is_found_by_what_stays(port: str, index: int) -> None:
    assert meant(port, [MOUSE, DESK, GATE, LOCKED]) == index


@pytest.mark.parametrize(
    ("port", "code"),
    [
        ("usb:054c:06c3", Code.SEVERAL),
        ("usb:054c:06c3:0381522", Code.NO_PORT),
        ("usb:054c:06c1:0381520", Code.NO_PORT),
        ("usb:046d:c077", Code.NO_PORT),
        ("usb:1-1.1", Code.NO_PORT),
        ("usb:1-1", Code.NO_PORT),
    ],
)
def test_another_one_is_never_taken_for_it(port: str, code: Code) -> None:
    with pytest.raises(ReaderFault, match=code):
        meant(port, [MOUSE, DESK, GATE, LOCKED])


attached = st.builds(
    Attached,
    st.sampled_from([0x054C, 0x046D]),
    st.sampled_from([0x06C1, 0x06C3, 0xC077]),
    serial=st.sampled_from(["", "1", "2"]),
    socket=st.sampled_from(["1-1", "1-1.2", "2-1"]),
)


@settings(max_examples=60)
@given(
    st.lists(attached, max_size=5),
    st.sampled_from(["usb:054c:06c3", "usb:054c:06c3:1", "usb:054c:06c1:2", "usb:1-1", "usb:1-1.2", "usb:046d:c077"]),
)
def test_whatever_is_plugged_in_one_reader_is_meant_or_none(there: list[Attached], port: str) -> None:
    with suppress(ReaderFault):
        one = there[meant(port, there)]
        assert (one.vendor, one.product) in USB
        numbers = f"usb:{one.vendor:04x}:{one.product:04x}"
        names = {numbers, f"usb:{one.socket}"} | ({f"{numbers}:{one.serial}"} if one.serial else set())
        assert port in names
        assert there.count(one) == 1


@pytest.mark.parametrize("serial", ["0381520", ""])
def test_descriptors_say_who_it_is(serial: str) -> None:
    identity = Identity(*SONY, "SONY", "RC-S380/P", serial)
    assert told(identity.descriptors()) == Attached(*SONY, "SONY", "RC-S380/P", serial)


@given(st.binary(max_size=40), st.integers(0, 80))
def test_descriptors_may_be_anything(noise: bytes, kept: int) -> None:
    whole_one = Identity(*SONY, "SONY", "RC-S380/P", "1").descriptors()
    for data in (noise, whole_one[:kept] + noise):
        with suppress(ReaderFault):
            assert isinstance(told(data), Attached)


@given(st.binary(min_size=1, max_size=280), st.integers(0, 300), st.integers(1, 255))
def test_a_frame_with_a_wrong_byte_is_not_whole(data: bytes, at: int, by: int) -> None:
    """But for the byte behind the checksum, which says nothing."""
    good = port100.frame(b"\xd7" + data)
    assert whole(good)
    at %= len(good) - 1
    assert not whole(good[:at] + bytes([good[at] ^ by]) + good[at + 1 :])


@given(st.binary(max_size=40))
def test_any_bytes_are_a_frame_or_not(noise: bytes) -> None:
    assert whole(noise) in (True, False)
    assert whole(ACK)


class Pipe:
    """A pipe on which one thing happens."""

    def __init__(self, error: Exception | None = None) -> None:
        self._error = error

    def read(self, timeout: int = 0) -> bytearray:
        assert timeout > 0, "libusb would wait for ever"
        if self._error is not None:
            raise self._error
        return bytearray(b"x")

    def write(self, frame: bytes, timeout: int = 0) -> None:
        self.read(timeout)

    def close(self) -> None: ...


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (OSError(errno.ENODEV, ""), Code.UNPLUGGED),
        (OSError(errno.EIO, ""), Code.GARBLED),
        (OSError(errno.EACCES, ""), Code.DENIED),
        (OSError(errno.EBUSY, ""), Code.BUSY),
        (ConnectionResetError(errno.ECONNRESET, ""), Code.UNPLUGGED),
        (usb1.USBErrorNoDevice(), Code.UNPLUGGED),
        (usb1.USBErrorAccess(), Code.DENIED),
        (usb1.USBErrorPipe(), Code.GARBLED),
        (usb1.USBErrorOther(), Code.GARBLED),
    ],
)
def test_errors_of_libusb_have_a_name(error: Exception, code: Code) -> None:
    """`usb1.USBError` is no `OSError`."""
    line = usb.Line(Pipe(error), DESK)
    with pytest.raises(ReaderFault, match=code):
        line.read()
    with pytest.raises(ReaderFault, match=code):
        line.write(b"")


class OnBus:
    """A device as libusb hands it out."""

    def __init__(self, vendor: int, denies: bool) -> None:
        self.vendor, self.denies, self.asked = vendor, denies, 0

    def getVendorID(self) -> int:  # noqa: N802 (libusb's names)
        return self.vendor

    def getProductID(self) -> int:  # noqa: N802
        return 0x06C3

    def getBusNumber(self) -> int:  # noqa: N802
        return 3

    def getPortNumberList(self) -> list[int]:  # noqa: N802
        return [1, 4]

    def getManufacturer(self) -> str | None:  # noqa: N802
        self.asked += 1
        if self.denies:
            raise usb1.USBErrorAccess
        return None

    getProduct = getSerialNumber = getManufacturer  # noqa: N815


@pytest.mark.parametrize("denies", [True, False])
def test_a_reader_whose_strings_may_not_be_read_is_known_by_its_socket(denies: bool) -> None:
    assert usb._attached(OnBus(0x054C, denies)) == Attached(0x054C, 0x06C3, socket="3-1.4")


def test_nothing_is_asked_of_what_is_no_reader() -> None:
    mouse = OnBus(0x046D, denies=True)
    assert usb._attached(mouse).model is None
    assert mouse.asked == 0


def test_a_device_that_never_stops_talking_is_given_up() -> None:
    line = usb.Line(Pipe(), DESK)
    for _ in range(usb.BABBLE):
        line.read(10)
    with pytest.raises(ReaderFault, match=Code.GARBLED):
        line.read(10)


@pytest.mark.parametrize("port", ["usb:054c:06c3", "usb:054c:06c3:A-1", "usb:1-1.2", "usb:3-1", "usb:/run/x/usb"])
def test_ports_on_usb(port: str) -> None:
    assert msgspec.convert({"port": port}, Options).port == port


@pytest.mark.parametrize("port", ["usb", "usb:", "usb:001:017", "usb:54c:6c3", "usb:054c", "usb:1-", "usb:x; reboot"])
def test_ports_that_name_nothing_that_stays_are_refused(port: str) -> None:
    """Bus and address, as nfcpy would take them, are others after each plugging in."""
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert({"port": port}, Options)
