"""What the daemon has not in its memory: modules that each cost a tenth of a megabyte or more, and that it can do
without (docs/benchmarks.md, idle). A new import that brings one back is seen here before the bench sees it."""

from __future__ import annotations

import subprocess
import sys

import pytest

NOT_NEEDED = {
    "aiohttp.client": "aiohttp's HTTP client: gateway/api/lean.py",
    "aiohttp.connector": "aiohttp's HTTP client, with a TLS context of its own",
    "frozenlist._frozenlist": "a list in C++, with the C++ library",
    "propcache._helpers_c": "gateway/api/lean.py",
    "yarl._quoting_c": "gateway/api/lean.py",
    "cbor2": "passes are read by gateway/wire/cbor.py",
    "click": "the command line is left behind by `smartplace run`",
    "cryptography.x509": "certificates are the ssl module's work",
    "cryptography.hazmat.primitives.serialization": "keys are read by gateway/wire/cose_keys.py",
    "dataclasses": "msgspec's Structs",
    "difflib": "says what was meant, of a configuration or rules with a fault",
    "fractions": "shares are compared as whole numbers",
    "gateway.centre": "the city's end",
    "gateway.cli": "the command line",
    "gateway.ledger.forget": "asked for once in a while",
    "gateway.ledger.migrations": "an older file only",
    "gateway.ledger.renew": "a damaged file only",
    "gateway.rules.examples": "rules with examples only",
    "gateway.rules.json_fault": "explains faults of rules",
    "gateway.rules.unreadable": "explains faults of rules",
    "gateway.rules.words": "explains faults of rules",
    "gateway.stations.till_day": "once or twice a day",
    "gateway.wire.handover": "once in a box's life",
    "importlib.resources": "pages lie beside their module",
    "numpy": "drivers are programs of their own",
    "pickle": "nobody's",
    "sqlalchemy": "the centre's",
    "unittest": "nobody's",
    "zipfile": "comes with importlib.resources",
}
"""Module → why it is not there, or what brought it once."""


def told(program: str) -> str:
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def loaded() -> set[str]:
    """What the daemon imports before it starts, with the face for ErpNet.FP's callers."""
    return set(told("import sys, gateway.daemon, gateway.api.netfp.face; print(*sys.modules)").split())


@pytest.mark.parametrize("module", NOT_NEEDED)
def test_the_daemon_does_without(module: str, loaded: set[str]) -> None:
    assert {"gateway.daemon", "aiohttp.web", "aiohttp._http_parser"} <= loaded
    assert module not in loaded, NOT_NEEDED[module]


def test_who_asks_aiohttp_for_its_client_gets_it_all_the_same() -> None:
    program = """
import gateway.api.lean, sys, aiohttp.web
server = aiohttp.web.Application
assert "aiohttp.client" not in sys.modules
import aiohttp
assert aiohttp.ClientSession and aiohttp.__version__[0].isdigit() and aiohttp.web.Application is server
try:
    aiohttp.nothing_of_this_name
except AttributeError:
    print("none")
"""
    assert told(program) == "none\n"


def test_what_is_left_out_leaves_no_trace_in_the_environment() -> None:
    program = """
import os, mimetypes
before = dict(os.environ), list(mimetypes.knownfiles)
import gateway.api.lean
assert before == (dict(os.environ), mimetypes.knownfiles) and not mimetypes.inited
print(mimetypes.guess_type("a.html")[0])
"""
    assert told(program) == "text/html\n"
