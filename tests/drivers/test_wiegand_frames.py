"""Pulses on two wires become frames: pauses, bounces, both wires at once, floods."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.driver import DeviceError
from drivers.wiegand.edges import KernelEvents, chip_path
from drivers.wiegand.frames import MOST_BITS, Edge, Frame, Frames

GAP_NS, APART_NS, MS = 25_000_000, 100_000, 1_000_000


def frames() -> Frames:
    return Frames(GAP_NS, APART_NS)


def fed(edges: list[Edge]) -> list[Frame]:
    cutter = frames()
    found = [frame for edge in edges if (frame := cutter.feed(edge)) is not None]
    last = cutter.look(10**18)
    return found if last is None else [*found, last]


def pulses(bits: str, from_ns: int = 0, every_ns: int = MS) -> list[Edge]:
    return [Edge(int(bit), from_ns + at * every_ns) for at, bit in enumerate(bits)]


BITS = st.text("01", min_size=1, max_size=MOST_BITS)


@given(st.lists(BITS, min_size=1, max_size=4), st.integers(200_000, 20 * MS))
def test_frames_are_cut_at_pauses_whatever_the_pace(sent: list[str], every_ns: int) -> None:
    """200 µs to 20 ms from pulse to pulse: SIA AC-01."""
    edges: list[Edge] = []
    for bits in sent:
        start = edges[-1].t_ns + GAP_NS if edges else 0
        edges += pulses(bits, start, every_ns)
    assert [(frame.bits, frame.value, frame.why) for frame in fed(edges)] == [(len(b), int(b, 2), "") for b in sent]


def test_a_frame_is_stamped_with_its_last_pulse() -> None:
    assert fed(pulses("0110", from_ns=5 * MS)) == [Frame(4, 0b0110, 8 * MS)]


@given(BITS, st.data())
def test_a_pulse_that_rings_is_one_bit(bits: str, data: st.DataObject) -> None:
    edges = pulses(bits)
    at = data.draw(st.integers(0, len(edges) - 1))
    after = data.draw(st.lists(st.integers(1, APART_NS - 1), min_size=1, max_size=3))
    edges[at + 1 : at + 1] = [Edge(edges[at].line, edges[at].t_ns + ns) for ns in sorted(after)]
    cutter = frames()
    for edge in edges:
        cutter.feed(edge)
    assert cutter.bounces == len(after)
    assert cutter.look(10**18) == Frame(len(bits), int(bits, 2), (len(bits) - 1) * MS)


def test_a_pulse_that_rings_without_end_is_over_all_the_same() -> None:
    edges = [Edge(0, at * 50_000) for at in range(10_000)]
    assert sum(frame.bits for frame in fed(edges)) <= len(edges) // 2


@given(BITS, st.data())
def test_both_wires_at_once_spoil_the_frame(bits: str, data: st.DataObject) -> None:
    edges = pulses(bits)
    at = data.draw(st.integers(0, len(edges) - 1))
    edges.insert(at + 1, Edge(1 - edges[at].line, edges[at].t_ns + data.draw(st.integers(0, APART_NS - 1))))
    assert [frame.why for frame in fed(edges)] == ["both wires at once"]


def test_pulses_that_the_system_has_lost_spoil_the_frame_and_no_other() -> None:
    edges = pulses("0101")
    edges[2] = Edge(0, edges[2].t_ns, lost=True)
    assert [frame.why for frame in fed(edges + pulses("11", from_ns=GAP_NS * 2))] == ["pulses were lost", ""]


def test_a_line_that_rings_for_ever_holds_no_more_than_a_card() -> None:
    (frame,) = fed(pulses("01" * MOST_BITS))
    assert frame.bits == MOST_BITS
    assert frame.value.bit_length() <= MOST_BITS
    assert frame.why == f"more than {MOST_BITS} bits"


def test_the_kernels_events_become_edges_and_a_gap_in_their_numbers_spoils_the_card() -> None:
    """Real events of the library, made by hand: there is no GPIO chip here."""
    gpiod = pytest.importorskip("gpiod")
    events = KernelEvents(17)
    falling = gpiod.EdgeEvent.Type.FALLING_EDGE.value
    numbers = ((17, 1), (27, 2), (27, 5), (17, 6))
    made = [gpiod.EdgeEvent(falling, at * MS, line, number, 1) for at, (line, number) in enumerate(numbers)]
    edges = [events.edge(event) for event in made]
    assert edges == [Edge(0, 0), Edge(1, MS), Edge(1, 2 * MS, lost=True), Edge(0, 3 * MS)]
    assert fed(edges) == [Frame(4, 0b0110, 3 * MS, "pulses were lost")]


def test_a_chip_is_found_by_its_label_whatever_its_number(tmp_path: Path) -> None:
    """A Pi 5's pins were gpiochip4 and are gpiochip0 since 2024; the old name is a link to the new one."""
    labels = {"gpiochip0": "gpio-brcmstb@107d508500", "gpiochip4": "pinctrl-rp1"}

    def label_of(path: str) -> str:
        return labels[Path(path).name]

    for name in labels:
        (tmp_path / name).touch()
    assert chip_path("pinctrl-rp1", label_of, tmp_path) == str(tmp_path / "gpiochip4")
    (tmp_path / "gpiochip4").rename(tmp_path / "gpiochip10")
    (tmp_path / "gpiochip4").symlink_to(tmp_path / "gpiochip0")
    labels = {"gpiochip0": "pinctrl-rp1", "gpiochip10": "gpio-brcmstb@107d508500"}
    assert chip_path("pinctrl-rp1", label_of, tmp_path) == str(tmp_path / "gpiochip0")
    assert chip_path("/dev/gpiochip7", label_of, tmp_path) == "/dev/gpiochip7"


@pytest.mark.parametrize(
    ("label", "number", "code"), [("pinctrl-rp1", 0, "no_chip"), ("any", 13, "denied"), ("twice", 0, "bad_lines")]
)
def test_a_label_that_names_no_chip_is_told(tmp_path: Path, label: str, number: int, code: str) -> None:
    def label_of(_path: str) -> str:
        if number:
            raise OSError(number, "told so")
        return "twice"

    for name in ("gpiochip0", "gpiochip1"):
        (tmp_path / name).touch()
    with pytest.raises(DeviceError) as refused:
        chip_path(label, label_of, tmp_path)
    assert refused.value.problem.code == code
    assert label in refused.value.problem.cause


EDGE = st.builds(Edge, st.integers(0, 1), st.integers(-(10**9), 10**9), st.booleans())


@given(st.lists(EDGE, max_size=400))
def test_any_edges_in_any_order_become_bounded_frames(edges: list[Edge]) -> None:
    found = fed(edges)
    assert sum(frame.bits for frame in found) <= len(edges)
    assert all(0 < frame.bits <= MOST_BITS and 0 <= frame.value < 1 << frame.bits for frame in found)


def test_a_clock_that_goes_back_spoils_the_frame() -> None:
    assert [frame.why for frame in fed([Edge(0, 10 * MS), Edge(1, 5 * MS)])] == ["time went back"]
