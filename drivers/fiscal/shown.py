"""Amounts and a device's bytes as text, the same for all families. Pure."""

from __future__ import annotations

from drivers.contract.printer import Cents


def money(cents: Cents) -> str:
    """`-1390` as `-13.90`: for people, and as the families write amounts in requests."""
    return f"{'-' if cents < 0 else ''}{abs(cents) // 100}.{abs(cents) % 100:02}"


def readable(data: bytes) -> str:
    """For people and logs: everything that is not printable ASCII as `.`"""
    return "".join(chr(byte) if 0x20 <= byte < 0x7F else "." for byte in data)
