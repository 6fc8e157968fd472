"""What [netfp] names of files: read once at the start, before anything listens."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import msgspec

from gateway.config.load import Loaded
from gateway.identity.keys import read_secret

TOKEN_BYTES = 16


class NetfpFiles(msgspec.Struct, frozen=True):
    """Client → its token; the certificate and its key where TLS is spoken. `repr` shows no token."""

    tokens: Mapping[str, bytes] = {}
    certificate: tuple[Path, Path] | None = None

    def __repr__(self) -> str:
        return f"NetfpFiles({sorted(self.tokens)}, {self.certificate})"


def read_files(loaded: Loaded) -> NetfpFiles:
    """Nothing without the section. Raises `ConfigurationError`: a token that is missing or that others may read."""
    section = loaded.configuration.netfp
    if section is None:
        return NetfpFiles()
    tokens = {
        client: read_secret(loaded.path(file), TOKEN_BYTES, f"netfp.tokens.{client}")
        for client, file in section.tokens.items()
    }
    if section.certificate is None or section.certificate_key is None:
        return NetfpFiles(tokens)
    return NetfpFiles(tokens, (loaded.path(section.certificate), loaded.path(section.certificate_key)))
