"""The unit: hardened to the promised score, accepted by systemd, and still able to run drivers."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from gateway.devices.process import NO_CORE
from tests.support.programs import require_program
from tests.systemd.files import SYSTEMD, UNIT, unit_comments, unit_settings, values

PROMISED_EXPOSURE = 1.5
PROCESS_CALLS = ["clone", "clone3", "vfork", "execve", "setsid", "setpgid", "kill", "wait4", "pipe2", "prctl"]
DURABLE_CALLS = ["fdatasync", "fsync", "flock", "fcntl", "ftruncate", "mmap", "ioctl", "sendmsg", "epoll_pwait"]


@pytest.fixture(scope="module")
def analyze() -> str:
    return require_program("systemd-analyze", "systemd")


def run(*argv: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(argv, capture_output=True, text=True, timeout=30, check=False)


def allowed_calls(analyze: str, filters: list[str]) -> set[str]:
    """System calls that the SystemCallFilter lines leave, the sets expanded by systemd itself."""

    def expand(name: str) -> set[str]:
        if not name.startswith("@"):
            return {name}
        lines = run(analyze, "syscall-filter", name).stdout.splitlines()[1:]
        words = [line.strip() for line in lines if line.strip() and not line.strip().startswith("#")]
        return {call for word in words for call in expand(word)}

    allowed: set[str] = set()
    for line in filters:
        calls = {call for name in line.lstrip("~").split() for call in expand(name)}
        allowed = allowed - calls if line.startswith("~") else allowed | calls
    return allowed


def test_its_exposure_is_within_the_promise(analyze: str) -> None:
    threshold = f"--threshold={round(PROMISED_EXPOSURE * 10)}"
    done = run(analyze, "security", "--offline=true", "--no-pager", threshold, str(UNIT))
    assert done.returncode == 0, done.stdout[-300:] + done.stderr
    overall = re.search(r"Overall exposure level for .*: ([0-9.]+)", done.stdout)
    assert overall is not None
    assert float(overall[1]) <= PROMISED_EXPOSURE


def test_an_unhardened_unit_would_not_pass_this_gate(analyze: str, tmp_path: Path) -> None:
    bare = tmp_path / "bare.service"
    bare.write_text("[Service]\nUser=smartplace\nExecStart=/bin/true\n", "utf-8")
    assert run(analyze, "security", "--offline=true", "--no-pager", "--threshold=15", str(bare)).returncode != 0


def test_systemd_finds_nothing_to_complain_of(analyze: str, tmp_path: Path) -> None:
    """The program stands on an installed box only, so this test puts the interpreter in its place."""
    program = values("ExecStart")[0].split()[0]
    installed = tmp_path / UNIT.name
    installed.write_text(UNIT.read_text("utf-8").replace(program, sys.executable), "utf-8")
    done = run(analyze, "verify", str(installed))
    assert (done.returncode, done.stdout + done.stderr) == (0, "")


def test_each_exception_from_the_hardening_gives_its_reason(analyze: str) -> None:
    """What systemd counts as exposure is named, with the word `systemd-analyze security` uses, in a comment."""
    report = json.loads(run(analyze, "security", "--offline=true", "--json=short", str(UNIT)).stdout)
    exposed = {row["name"].split("=")[0] for row in report if float(row["exposure"] or 0) > 0}
    assert exposed, "systemd-analyze reported nothing at all"
    reasons = {name for name in exposed if re.search(rf"^# {name}\b.{{20}}", unit_comments(), re.MULTILINE)}
    assert exposed - reasons == set()


@pytest.mark.parametrize("call", PROCESS_CALLS)
def test_drivers_can_be_started_and_ended(analyze: str, call: str) -> None:
    assert call in allowed_calls(analyze, values("SystemCallFilter"))


@pytest.mark.parametrize("call", DURABLE_CALLS)
def test_the_ledger_and_the_devices_can_be_served(analyze: str, call: str) -> None:
    assert call in allowed_calls(analyze, values("SystemCallFilter"))


@pytest.mark.parametrize("call", ["mount", "ptrace", "init_module", "reboot", "settimeofday", "setuid", "bpf"])
def test_what_only_an_intruder_would_call_is_refused(analyze: str, call: str) -> None:
    assert call not in allowed_calls(analyze, values("SystemCallFilter"))


def test_it_starts_the_gateway_with_the_configuration_of_etc() -> None:
    [command] = values("ExecStart")
    program, verb, *options = shlex.split(command)
    assert program == "/opt/smartplace/bin/smartplace"
    assert verb == "run"
    assert options == ["--config", "/etc/smartplace/gateway.toml"]


def test_a_hung_daemon_is_ended_and_started_again() -> None:
    assert values("Type") == ["notify"]
    assert values("WatchdogSec") == ["30"]
    assert values("Restart") == ["always"]
    assert values("StartLimitIntervalSec") == ["0"]


def test_a_stop_is_the_daemons_to_carry_out_before_anything_is_killed() -> None:
    assert values("KillMode") == ["mixed"]
    assert int(values("TimeoutStopSec")[0]) >= 6


def test_the_boot_id_of_the_ledger_can_be_read() -> None:
    """ProcSubset=pid would hide /proc/sys, and the daemon would not start."""
    assert values("ProcSubset") in ([], ["all"])


def test_each_device_class_that_is_opened_is_loaded_before_the_unit_starts() -> None:
    """DeviceAllow=char-NAME is looked up in /proc/devices once (systemd.resource-control(5))."""
    modules = (SYSTEMD / "smartplace.modules-load.conf").read_text("utf-8").splitlines()
    loaded = {line for line in modules if line and not line.startswith("#")}
    built_into_raspberry_pi_kernels = {"ttyAMA": None, "usb_device": None, "usb": None}
    module_of = {"ttyUSB": "usbserial", "ttyACM": "cdc_acm", "video4linux": "videodev"}
    for allowed in values("DeviceAllow"):
        name = allowed.removeprefix("char-").removesuffix(" rw")
        assert name in built_into_raspberry_pi_kernels or module_of[name] in loaded


def test_no_core_dump_can_hold_card_ids() -> None:
    """The same limit as the daemon gives its drivers: raising a lower one would be refused."""
    assert values("LimitCORE") == [str(limit) for limit in {*NO_CORE}]


def test_folders_belong_to_the_user_that_sysusers_makes() -> None:
    sysusers = (SYSTEMD / "smartplace.sysusers.conf").read_text("utf-8")
    [user] = [line.split()[1] for line in sysusers.splitlines() if line.startswith("u ")]
    assert values("User") == values("Group") == [user]
    tmpfiles = (SYSTEMD / "smartplace.tmpfiles.conf").read_text("utf-8")
    entries = [shlex.split(line) for line in tmpfiles.splitlines() if line and not line.startswith("#")]
    assert {path: mode for _type, path, mode, *_ in entries} == {
        "/etc/smartplace": "0750",
        "/etc/smartplace/keys": "0750",
        "/etc/smartplace/keys/*": "0600",
        "/var/lib/smartplace": values("StateDirectoryMode")[0],
    }
    assert {group for _type, _path, _mode, _user, group, *_ in entries} == {user}


def test_sysusers_accepts_the_user(tmp_path: Path) -> None:
    sysusers = require_program("systemd-sysusers", "systemd")
    done = run(sysusers, f"--root={tmp_path}", "--dry-run", str(SYSTEMD / "smartplace.sysusers.conf"))
    assert done.returncode == 0, done.stderr


def test_a_line_that_is_no_assignment_is_found() -> None:
    with pytest.raises(ValueError, match="line 2"):
        unit_settings("[Service]\nUser smartplace\n")
