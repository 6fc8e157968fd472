"""Reads the shipped unit and udev rules for the tests. Small parsers of ours: they know what we use."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

SYSTEMD = Path(__file__).resolve().parents[2] / "systemd"
UNIT = SYSTEMD / "smartplace-gateway.service"
RULES = SYSTEMD / "70-smartplace.rules"


@dataclass(frozen=True)
class Setting:
    """One assignment in a unit."""

    section: str
    name: str
    value: str


def unit_settings(text: str) -> list[Setting]:
    """All assignments of a unit file, in order. Raises ValueError for a line that is none (systemd.syntax(7))."""
    section = ""
    settings = []
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip() or line[0] in "#;":
            continue
        if header := re.fullmatch(r"\[(\w+)\]", line):
            section = header[1]
        elif section and (pair := re.fullmatch(r"([A-Za-z]+)=(.*)", line)):
            settings.append(Setting(section, pair[1], pair[2]))
        else:
            raise ValueError(f"line {number}: neither section nor Name=value: {line!r}")
    return settings


def values(name: str) -> list[str]:
    """What the shipped unit gives to `name`, in order."""
    return [setting.value for setting in unit_settings(UNIT.read_text("utf-8")) if setting.name == name]


def unit_comments() -> str:
    return "\n".join(line for line in UNIT.read_text("utf-8").splitlines() if line.startswith("#"))


# udev(7), "Rules files": keys that match, keys that are assigned, and those that may be both.
_MATCH = {"ACTION", "DEVPATH", "KERNEL", "KERNELS", "SUBSYSTEM", "SUBSYSTEMS", "DRIVER", "DRIVERS", "TEST", "RESULT"}
_MATCH_ATTRIBUTE = {"ATTRS", "TAGS"}
_ASSIGN = {"OWNER", "GROUP", "MODE", "LABEL", "GOTO", "OPTIONS"}
_BOTH = {"NAME", "SYMLINK", "TAG", "PROGRAM"}
_BOTH_ATTRIBUTE = {"ATTR", "ENV", "SYSCTL", "SECLABEL", "IMPORT", "RUN"}
_TOKEN = re.compile(r'([A-Z_]+)(?:\{([^}"]+)\})?(==|!=|\+=|-=|:=|=)"([^"]*)"')


@dataclass(frozen=True)
class Token:
    key: str
    attribute: str | None
    operator: str
    value: str

    @property
    def matches(self) -> bool:
        """It asks something; otherwise it changes something."""
        return self.operator in ("==", "!=")


def udev_rule(line: str) -> list[Token]:
    """The tokens of one rule. Raises ValueError for what udevd would complain of and skip: a missing comma
    or quote, a key that does not exist, an operator that the key does not take."""
    tokens = []
    rest = line.strip()
    while rest:
        found = _TOKEN.match(rest)
        if found is None:
            raise ValueError(f'no KEY operator "value" at {rest!r}')
        token = Token(found[1], found[2], found[3], found[4])
        _check(token)
        tokens.append(token)
        rest = rest[found.end() :]
        if rest:
            if not re.match(r",\s*\S", rest):
                raise ValueError(f"no comma before {rest!r}")
            rest = rest[1:].lstrip()
    if not tokens:
        raise ValueError("an empty rule")
    return tokens


def _check(token: Token) -> None:
    with_attribute = token.key in _MATCH_ATTRIBUTE | _BOTH_ATTRIBUTE
    without = token.key in _MATCH | _ASSIGN | _BOTH
    if not (with_attribute or without):
        raise ValueError(f"no such key: {token.key}")
    if with_attribute and token.attribute is None and token.key != "RUN":
        raise ValueError(f"{token.key} needs an attribute in braces")
    if without and not with_attribute and token.attribute is not None:
        raise ValueError(f"{token.key} takes no attribute")
    if token.key in _MATCH | _MATCH_ATTRIBUTE and not token.matches:
        raise ValueError(f"{token.key} can only be compared, not set: {token.operator}")
    if token.key in _ASSIGN and token.matches:
        raise ValueError(f"{token.key} can only be set, not compared: {token.operator}")


def shipped_rules(*, examples: bool) -> list[tuple[int, list[Token]]]:
    """Line number and tokens of the active rules, or of the commented examples (`#` without a space)."""
    rules = []
    for number, line in enumerate(RULES.read_text("utf-8").splitlines(), 1):
        if examples and re.match(r"#[A-Z]", line):
            rules.append((number, udev_rule(line[1:])))
        elif not examples and line.strip() and not line.startswith("#"):
            rules.append((number, udev_rule(line)))
    return rules
