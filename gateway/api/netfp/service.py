"""The addresses below /service: ErpNet.FP's administration, which here is the gateway's configuration."""

from __future__ import annotations

from http import HTTPStatus

from gateway.api.netfp import codes
from gateway.api.netfp.guard import TurnedAway, no_address
from gateway.api.netfp.printers import Shelf
from gateway.api.netfp.words import ServiceVars, encode

PROTOCOL = "1.1.0"
"""The version of ErpNet.FP whose requests and answers are spoken here."""

_ADVICE = {
    ("GET", "toggleautodetect"): "printers are never looked for here: they are devices of the gateway's configuration",
    ("GET", "detect"): "printers are never looked for here: a cable that is plugged in again is found by itself",
    ("GET", "stop"): "the gateway serves more than this: `systemctl stop smartplace-gateway` stops it",
    ("POST", "excludeports"): "no port is ever probed: a device has its port in the gateway's configuration",
    ("POST", "detectiontimeout"): "nothing is detected here",
    ("POST", "printersprops"): "the driver's options are in the gateway's configuration",
    ("POST", "webaccess"): "name the origins of POS pages in `origins` of [netfp]",
    ("POST", "printers/configure"): "name printers in `printers` of [netfp]",
    ("POST", "printers/delete"): "name printers in `printers` of [netfp]",
}


def answer(method: str, segments: tuple[str, ...], shelf: Shelf) -> bytes:
    """The answer's JSON. `segments`: the address behind /service. Raises `TurnedAway`: 423, as ErpNet.FP answers what
    it cannot do now, with where it is done instead."""
    name = "/".join(segments).lower()
    match method, name:
        case "GET", "vars":
            return encode(ServiceVars(version=PROTOCOL, server_id="smartplace"))
        case "GET", "printers":
            return encode({printer: {"uri": shelf.info(device).uri} for printer, device in shelf.all().items()})
        case "GET", "printersprops":
            return encode({})
    if (advice := _ADVICE.get((method, name))) is None:
        raise no_address()
    raise TurnedAway(HTTPStatus.LOCKED, codes.NOT_ALLOWED, advice)
