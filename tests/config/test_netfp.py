"""The section [netfp]: off unless it is there, and from the network only with tokens."""

from __future__ import annotations

from pathlib import Path

import pytest

from gateway.config.load import load
from gateway.model.errors import ConfigurationError
from tests.config.test_load import GOOD, write

PRINTER = """
[[device]]
id = "till-printer"
driver = "fiscal"
[device.options]
port = "/dev/ttyUSB9"
family = "datecs-v1"

[[device]]
id = "bar-printer"
driver = "somebody_elses"
command = ["/opt/printer"]
"""


def test_without_the_section_there_is_no_such_face(tmp_path: Path) -> None:
    assert load(write(tmp_path, GOOD)).configuration.netfp is None


def test_with_nothing_in_it_it_listens_where_clients_of_erpnet_fp_look(tmp_path: Path) -> None:
    netfp = load(write(tmp_path, GOOD + "\n[netfp]\n")).configuration.netfp
    assert netfp is not None
    assert (netfp.address, netfp.port, netfp.duplicate, netfp.raw) == ("127.0.0.1", 8001, False, False)


@pytest.mark.parametrize(
    "keys",
    [
        'printers = { dt000600 = "till-printer", FP_Room1 = "bar-printer" }',
        'address = "::1"',
        'address = "192.168.4.2"\ntokens = { till-2 = "t2.token" }\nplain = true',
        'address = "0.0.0.0"\ntokens = { till-2 = "t2.token" }\ncertificate = "c.pem"\ncertificate_key = "k.pem"',
        'hosts = ["fiscal.shop.local"]\norigins = ["https://pos.example"]\nduplicate = true\nraw = true',
    ],
)
def test_what_may_be_written(tmp_path: Path, keys: str) -> None:
    assert load(write(tmp_path, f"{GOOD}{PRINTER}\n[netfp]\n{keys}\n")).configuration.netfp is not None


@pytest.mark.parametrize(
    ("keys", "key", "remedy"),
    [
        ("prt = 8001", "netfp.prt", "Did you mean `port`?"),
        ("weak = []", "netfp.weak", "belongs to another section"),
        ("port = 8080", "netfp.port", "is that of [api]"),
        ('address = "192.168.4.2"', "netfp.address", "Give each client a token"),
        ('address = "0.0.0.0"\ntokens = { till-2 = "t" }', "netfp.address", "or plain = true"),
        ('address = "999.1.1.1"', "netfp.address", "no address"),
        ('certificate = "c.pem"', "netfp", "Give both or none"),
        ('printers = { dt1 = "no-printer" }', "netfp.printers.dt1", "Devices here:"),
        ('printers = { dt1 = "till-printer", dt2 = "till-printer" }', "netfp.printers.dt2", "Name each device once"),
        ('printers = { dt1 = "till-printer", DT1 = "bar-printer" }', "netfp.printers.DT1", "Choose another"),
        ('printers = { dt1 = "gate-relay" }', "netfp.printers.dt1", "Name a device whose driver is 'fiscal'"),
        ('printers = { taskinfo = "till-printer" }', "netfp.printers.taskinfo", "Choose another"),
        ('printers = { "a/b" = "till-printer" }', "netfp.printers", "up to 40 of"),
        ('hosts = ["Shop"]', "netfp.hosts[0]", "a host name"),
    ],
)
def test_what_may_not(tmp_path: Path, keys: str, key: str, remedy: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        load(write(tmp_path, f"{GOOD}{PRINTER}\n[netfp]\n{keys}\n"))
    assert key in str(caught.value)
    assert remedy in str(caught.value)
