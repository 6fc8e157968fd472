"""A wrong configuration names file, line, key and remedy, and nothing has been started by then."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.config.load import load
from gateway.config.types import GateStation, GroupOpening
from gateway.config.values import in_words
from gateway.config.where import key_lines, line_of
from gateway.model.errors import ConfigurationError

GOOD = """\
[gateway]
id = "gw-test"
city = "jelgava"
place = "library"
state = "state"

[keys]
card = "keys/card.hex"
card_id = "k1"
bundles = ["keys/bundles.pub"]

[sync]
host = "127.0.0.1"
port = 1883
tls = false

[[device]]
id = "desk-reader"
driver = "nfc"
options.port = "/dev/ttyUSB0"

[[device]]
id = "gate-reader"
driver = "nfc"
[device.options]
port = "/dev/ttyUSB1"

[[device]]
id = "gate-relay"
driver = "relay"
[device.options]
port = "/dev/ttyUSB2"

[[station]]
kind = "desk"
id = "desk-1"
readers = ["desk-reader"]

[[station]]
kind = "gate"
id = "gate-1"
readers = [
    "gate-reader",
]
relay = "gate-relay"
price_cents = 250
"""


GATE_2 = """
[[device]]
id = "reader-2"
driver = "nfc"
options.port = "/dev/ttyUSB3"

[[device]]
id = "relay-2"
driver = "relay"
options.port = "/dev/ttyUSB4"

[[station]]
kind = "gate"
id = "gate-2"
readers = ["reader-2"]
relay = "relay-2"
"""


def write(folder: Path, text: str) -> Path:
    file = folder / "gateway.toml"
    file.write_text(text)
    return file


def test_a_good_file_loads_with_its_paths_beside_it(tmp_path: Path) -> None:
    loaded = load(write(tmp_path, GOOD))
    assert loaded.configuration.gateway.id == "gw-test"
    assert loaded.state == (tmp_path / "state").resolve()
    assert [station.id for station in loaded.configuration.station] == ["desk-1", "gate-1"]


@pytest.mark.parametrize(
    ("old", "new", "line", "key", "remedy"),
    [
        ('city = "jelgava"', 'citty = "jelgava"', 3, "gateway.citty", "Did you mean `city`?"),
        ('city = "jelgava"\n', "", 1, "`city` is missing", "Add it"),
        ("port = 1883", 'port = "1883"', 14, "sync.port", "Expected `int`"),
        ("tls = false", 'tls = false\nprotocol = "4"', 16, "sync.protocol", "Correct the value"),
        ('host = "127.0.0.1"', 'host = "broker.example"', 15, "sync.tls", "Set tls = true"),
        ('driver = "relay"', 'driver = "relais"', 30, "device[2].driver", "there is no driver 'relais'"),
        ('port = "/dev/ttyUSB2"', 'prt = "/dev/ttyUSB2"', 32, "device[2].options.prt", "Did you mean `port`?"),
        ('"gate-reader",\n', '"no-reader",\n', 42, "station[1].readers", "there is no device 'no-reader'"),
        ('"gate-reader",\n', '"desk-reader",\n', 42, "station[1].readers", "belongs to station 'desk-1'"),
        ('id = "gate-1"', 'id = "desk-1"', 41, "station[1].id", "used twice"),
        ("price_cents = 250", "price_cents = 0", 46, "station[1].price_cents", "Expected `int` >= 1"),
        ("price_cents = 250", "price_cents = 2.5", 46, "station[1].price_cents", "Expected `int`"),
        ("price_cents = 250", 'weak = ["pass"]', 46, "station[1].weak[0]", "Correct the value"),
        ("price_cents = 250", 'anti_passback = "place"', 46, "station[1].anti_passback", "Set anti_passback_s"),
        ("price_cents = 250", "anti_passback_s = 86401", 46, "station[1].anti_passback_s", "<= 86400"),
        ('kind = "gate"', 'kind = "door"', 40, "station[1]", "door"),
        ('state = "state"', 'state = "state"\ntime_zone = "Mars/Olympus"', 6, "gateway.time_zone", "Europe/Riga"),
        ('state = "state"', 'state = "state"\ntime_zone = "Europe"', 6, "gateway.time_zone", "Europe/Riga"),
        ('state = "state"', 'state = "state"\nlanguages = ["de"]', 6, "gateway.languages", "lv, lt, en, ru"),
        ("port = 1883", "port = ", 14, "not TOML", "Correct the line"),
    ],
)
def test_an_error_names_file_line_key_and_remedy(
    tmp_path: Path, old: str, new: str, line: int, key: str, remedy: str
) -> None:
    assert GOOD.count(old) == 1
    file = write(tmp_path, GOOD.replace(old, new))
    with pytest.raises(ConfigurationError) as caught:
        load(file)
    assert caught.value.where == f"{file}:{line}"
    assert key in str(caught.value)
    assert remedy in str(caught.value)


@pytest.mark.parametrize(
    ("keys", "key", "remedy"),
    [
        ("passage_input = 0\nexit_input = 0", "station[1].exit_input", "input 0 is passage_input already"),
        ("passage_input = 4", "station[1].passage_input", "'gate-relay' has 4 inputs, counted from 0"),
        ('group = "held"', "station[1].group", "Name its passage_input"),
        ('exit_readers = ["gate-reader"]', "station[1].exit_readers", "A device serves one station"),
        ('exit_readers = ["way-out"]', "station[1].exit_readers", "Devices here:"),
        ('group = "pushed"', "station[1].group", "pushed"),
        ("passage_input = 0\ncapacity = 9", "station[1].capacity", "Name exit_input"),
        ("exit_button_input = 0\ncapacity = 9", "station[1].capacity", "Name exit_input"),
        ('weak = ["crad"]', "station[1].weak[0]", "one of access_card, barcode, card"),
        ('anti_passback = "here"', "station[1].anti_passback", "one of gate, place"),
        ('area = "Main Hall"', "station[1].area", "Expected 3 to 32 of a-z 0-9 -"),
        ("reset_hour = 24", "station[1].reset_hour", "<= 23"),
        ("reset_hour = 4\n" + GATE_2 + "reset_hour = 5", "station[2].reset_hour", "'gate-1' of the same area has 4"),
        (
            "exit_input = 0\ncapacity = 9\n" + GATE_2 + "capacity = 8",
            "station[2].capacity",
            "'gate-1' of the same area has 9",
        ),
    ],
)
def test_what_does_not_fit_at_a_gate_is_said_with_its_key(tmp_path: Path, keys: str, key: str, remedy: str) -> None:
    text = GOOD.replace('port = "/dev/ttyUSB2"', 'port = "/dev/ttyUSB2"\ninputs = 4') + keys
    with pytest.raises(ConfigurationError) as caught:
        load(write(tmp_path, text))
    assert key in str(caught.value)
    assert remedy in str(caught.value)


@pytest.mark.parametrize("out", ["exit_input = 1", "exit_button_input = 1", 'exit_readers = ["way-out"]'])
def test_a_limit_may_rest_on_either_way_to_see_who_leaves(tmp_path: Path, out: str) -> None:
    text = GOOD.replace('port = "/dev/ttyUSB2"', 'port = "/dev/ttyUSB2"\ninputs = 4')
    text += f'passage_input = 0\n{out}\ncapacity = 9\ngroup = "held"\nreset_hour = 4\n'
    text += '[[device]]\nid = "way-out"\ndriver = "nfc"\noptions.port = "/dev/ttyUSB7"\n'
    gate = load(write(tmp_path, text)).configuration.station[1]
    assert isinstance(gate, GateStation)
    assert (gate.capacity, gate.group, gate.reset_hour) == (9, GroupOpening.HELD, 4)


def test_beacons_serve_a_desk_and_nothing_else(tmp_path: Path) -> None:
    load(write(tmp_path, GOOD.replace('driver = "nfc"\noptions.port = "/dev/ttyUSB0"', 'driver = "ble"')))
    gate = 'id = "gate-reader"\ndriver = "nfc"\n[device.options]\nport = "/dev/ttyUSB1"'
    assert GOOD.count(gate) == 1
    file = write(tmp_path, GOOD.replace(gate, 'id = "gate-reader"\ndriver = "ble"\n'))
    with pytest.raises(ConfigurationError, match="desk only") as caught:
        load(file)
    assert "Give it to a desk" in str(caught.value)


OSDP = """driver = "osdp"
[device.options]
port = "/dev/ttyUSB1"
readers = [{ address = 0, key = "/etc/smartplace/osdp.key" }]
"""
NFC = """driver = "nfc"
[device.options]
port = "/dev/ttyUSB1"
"""


def test_a_reader_with_outputs_is_its_gates_relay_too(tmp_path: Path) -> None:
    text = GOOD.replace(NFC, OSDP).replace('relay = "gate-relay"', 'relay = "gate-reader"')
    (gate,) = (s for s in load(write(tmp_path, text)).configuration.station if s.id == "gate-1")
    assert isinstance(gate, GateStation)
    assert (gate.readers, gate.relay) == (("gate-reader",), "gate-reader")


def test_a_reader_without_outputs_is_no_relay_and_one_of_another_station_neither(tmp_path: Path) -> None:
    nfc = GOOD.replace('relay = "gate-relay"', 'relay = "gate-reader"')
    with pytest.raises(ConfigurationError, match="belongs to station 'gate-1' already"):
        load(write(tmp_path, nfc))
    elsewhere = GOOD.replace(NFC, OSDP).replace('readers = ["desk-reader"]', 'readers = ["desk-reader", "gate-reader"]')
    taken = elsewhere.replace('    "gate-reader",\n', '    "gate-relay",\n').replace(
        'relay = "gate-relay"', 'relay = "gate-reader"'
    )
    with pytest.raises(ConfigurationError, match="belongs to station 'desk-1' already"):
        load(write(tmp_path, taken))


def test_a_missing_file_says_what_to_give(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="--config"):
        load(tmp_path / "none.toml")


def test_lines_are_found_behind_long_values() -> None:
    text = 'a = """\n[x]\nb = 1\n"""\nc = [\n  1, # ]\n  2,\n]\n"d e".f = { g = 1 }\n[t."u.v"]\nw = 1\n'
    lines = key_lines(text)
    assert (lines[("a",)], lines[("c",)], lines[("d e", "f")], lines[("t", "u.v", "w")]) == (1, 5, 9, 11)
    assert line_of(text, ("d e", "f", "g")) == 9
    assert ("b",) not in lines


@given(st.text())
def test_any_text_is_refused_or_loaded_never_a_crash(text: str) -> None:
    key_lines(text)


@given(st.binary(max_size=200))
def test_any_file_is_refused_with_an_error_of_ours(tmp_path_factory: pytest.TempPathFactory, data: bytes) -> None:
    file = tmp_path_factory.getbasetemp() / "fuzz.toml"
    file.write_bytes(data)
    with pytest.raises(ConfigurationError):
        load(file)


LIBRARY = """
[[device]]
id = "link"
driver = "sip2"
"""


@pytest.mark.parametrize(("key", "device"), [("wedge", "link"), ("library", "desk-reader")])
def test_a_link_to_the_librarys_system_is_nothing_else(tmp_path: Path, key: str, device: str) -> None:
    named = f'readers = ["desk-reader"]\nlibrary = "link"\n{key} = "{device}"'
    if key == "library":
        named = f'readers = ["desk-reader"]\nlibrary = "{device}"'
    file = write(tmp_path, GOOD.replace('readers = ["desk-reader"]', named) + LIBRARY)
    with pytest.raises(ConfigurationError, match=r"station\[0\].library: .* of station 'desk-1'") as caught:
        load(file)
    assert caught.value.where == f"{file}:38"


SLIPS = """
[[device]]
id = "slips-1"
driver = "slip"
[device.options]
port = "tcp://192.0.2.7:9100"

[[station]]
kind = "till"
id = "till-9"
slips = "slips-1"

[[station]]
kind = "till"
id = "till-10"
slips = "slips-1"
"""


def test_stations_may_share_a_printer_of_slips(tmp_path: Path) -> None:
    named = 'readers = ["desk-reader"]\nslips = "slips-1"'
    stations = load(write(tmp_path, GOOD.replace('readers = ["desk-reader"]', named) + SLIPS)).configuration.station
    assert sum(getattr(one, "slips", None) == "slips-1" for one in stations) == 3


def test_a_fiscal_printer_may_print_its_tills_slips(tmp_path: Path) -> None:
    fiscal = SLIPS.replace('"slip"', '"fiscal"').replace("tcp://192.0.2.7:9100", "/dev/serial/by-id/fp")
    text = GOOD + fiscal.replace('id = "till-9"', 'id = "till-9"\nprinter = "slips-1"')
    assert load(write(tmp_path, text)).configuration.station


@pytest.mark.parametrize(
    ("device", "what"), [("nowhere", "there is no device 'nowhere'"), ("desk-reader", "'desk-reader' prints no slips")]
)
def test_what_prints_no_slips_is_told(tmp_path: Path, device: str, what: str) -> None:
    file = write(tmp_path, GOOD + SLIPS.replace('"till-9"\nslips = "slips-1"', f'"till-9"\nslips = "{device}"'))
    with pytest.raises(ConfigurationError, match=what) as caught:
        load(file)
    assert "slips" in str(caught.value)


def test_every_pattern_of_the_configuration_is_said_in_words() -> None:
    source = Path("gateway/config/types.py").read_text()
    patterns = re.findall(r'pattern=r"([^"]*)"', source)
    assert len(patterns) > 5
    for pattern in patterns:
        with pytest.raises(msgspec.ValidationError) as caught:
            msgspec.convert("", Annotated[str, msgspec.Meta(pattern=pattern)])
        assert "regex" not in in_words(str(caught.value)), pattern


def test_a_file_that_is_no_text_is_told_with_its_line(tmp_path: Path) -> None:
    file = tmp_path / "gateway.toml"
    file.write_bytes(b"[gateway]\nid = '\xe4'\n")
    with pytest.raises(ConfigurationError, match="not text in UTF-8") as caught:
        load(file)
    assert caught.value.where == f"{file}:2"


TILL = '\n[[station]]\nkind = "till"\nid = "till-9"\n'


@pytest.mark.parametrize(
    "line", ['payer_means = {jelgava = "bank"}', 'on_paper = ["mark"]', 'z_at = "23:50"'], ids=lambda line: line[:5]
)
def test_what_is_about_paper_does_nothing_at_a_till_without_a_printer(tmp_path: Path, line: str) -> None:
    with pytest.raises(ConfigurationError, match="it does nothing without printer"):
        load(write(tmp_path, GOOD + TILL + line + "\n"))


@pytest.mark.parametrize(
    "line",
    ['z_at = "24:00"', 'z_at = "9:30"', 'z_at = ""', 'payer_means = {jelgava = "cash"}', 'on_paper = ["names"]'],
)
def test_what_no_till_prints_is_refused(tmp_path: Path, line: str) -> None:
    with pytest.raises(ConfigurationError):
        load(write(tmp_path, GOOD + TILL + line + "\n"))
