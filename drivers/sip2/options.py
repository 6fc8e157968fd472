"""The sip2 driver's own options."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

LOOPBACK = ("127.0.0.1", "::1", "localhost")
Text = Annotated[str, Meta(pattern=r"^[\x20-\x7b\x7d\x7e]{0,64}$(?!\n)")]
"""Printable ASCII without `|`, which would end a field."""


class Options(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where the library's SIP2 server is and how it knows us."""

    host: Annotated[
        str, Meta(pattern=r"^[A-Za-z0-9._:-]{1,253}$(?!\n)", description="Name or address of the SIP2 server")
    ] = "127.0.0.1"
    port: Annotated[int, Meta(ge=1, le=65535, description="Its TCP port")] = 6001
    tls: Annotated[bool, Meta(description="TLS, with the server's certificate and name verified")] = False
    ca: Annotated[str, Meta(description="File with the authority that signed its certificate (PEM)")] = ""
    trusted_network: Annotated[
        bool, Meta(description="The way to a server elsewhere is protected (VPN): without TLS it may be used only so")
    ] = False
    user: Annotated[Text, Meta(description="Login name (CN); empty: the server asks for no login")] = ""
    password: Annotated[str, Meta(description="File that holds the login's password, mode 0600")] = ""
    location: Annotated[Text, Meta(description="Location code (CP)")] = ""
    institution: Annotated[Text, Meta(description="Institution id (AO)")] = ""
    ask: Annotated[
        Literal["information", "status"],
        Meta(description="What is asked of a patron: 63 (information), or 23 (status) where the server has no 63"),
    ] = "information"
    error_detection: Annotated[bool, Meta(description="Sequence numbers and checksums, as most servers want")] = True
    answer_ms: Annotated[int, Meta(ge=100, le=10_000, description="Milliseconds that the server may take")] = 2500

    def __post_init__(self) -> None:
        if self.host not in LOOPBACK and not self.tls and not self.trusted_network:
            raise ValueError("card numbers would go unprotected to another machine: set `tls`, or `trusted_network`")
        if bool(self.user) != bool(self.password):
            raise ValueError("`user` and `password` go together")
