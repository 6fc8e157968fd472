"""A real PostgreSQL for tests, from Debian's package: one server for the session, a new database for each test.

It lives in a folder of its own, listens on a unix socket there and on a free port of 127.0.0.1, keeps `fsync` on (the
centre refuses it otherwise), and ends by its own pid. Roles: `centre` (on the socket without, over TCP with PASSWORD).
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path

import psycopg

from gateway.cli.demo.ports import free_port
from tests.support.broker import select_a_while
from tests.support.certificate import certificate
from tests.support.memory import in_memory
from tests.support.programs import require_program

READY_S = 30.0
STOP_S = 20.0
PASSWORD = "tests-only"
_numbers = count(1)


class Postgres:
    """One server. `kill` and `start` again on the same port show what a centre does when its database goes."""

    def __init__(self, folder: Path, programs: Path) -> None:
        self.folder = folder
        self.port = free_port()
        self._programs = programs
        self._flags: list[str] = []
        self._process: subprocess.Popen[bytes] | None = None

    def make(self) -> None:
        """A new cluster with the role `centre`."""
        secret = self.folder / "secret"
        secret.write_text(PASSWORD)
        _give_away(self.folder, secret)
        flags = ["-D", str(self.folder / "data"), "-U", "centre", f"--pwfile={secret}", "-E", "UTF8", "--locale=C"]
        flags += ["--auth-local=trust", "--auth-host=scram-sha-256", "--no-sync"]
        self._run("initdb", *flags)

    def encrypt(self, *names: str) -> Path:
        """Before `start`: over TCP with TLS, known by 127.0.0.1 and these names. Returns who vouches for it (PEM)."""
        files = certificate(self.folder, *names)
        _give_away(files.key)
        files.key.chmod(0o600)
        self._flags = ["-c", "ssl=on", "-c", f"ssl_cert_file={files.certificate}", "-c", f"ssl_key_file={files.key}"]
        return files.certificate

    def start(self) -> None:
        """Start (again) and wait until it answers."""
        flags = ["-D", str(self.folder / "data"), "-k", str(self.folder), "-h", "127.0.0.1", "-p", str(self.port)]
        with (self.folder / "log").open("ab") as log:
            argv = [str(self._programs / "postgres"), *flags, "-c", "max_connections=50", *self._flags]
            self._process = subprocess.Popen(
                argv, stdout=log, stderr=log, stdin=subprocess.DEVNULL, user=_user(), group=_user()
            )
        deadline = time.monotonic() + READY_S
        while not self._answers():
            if self._process.poll() is not None or time.monotonic() > deadline:
                self.stop()
                raise AssertionError(f"postgres does not answer: {(self.folder / 'log').read_text()[-2000:]}")
            select_a_while()

    def stop(self, with_signal: signal.Signals = signal.SIGINT) -> None:
        """Its fast shutdown, which cuts every connection; with SIGQUIT, as if the power went."""
        if self._process is not None:
            self._process.send_signal(with_signal)
            try:
                self._process.wait(STOP_S)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
            self._process = None

    @contextmanager
    def database(self) -> Iterator[str]:
        """The URL of a new, empty database, dropped at the block's end."""
        name = f"test_{os.getpid()}_{next(_numbers)}"
        self.execute(f"CREATE DATABASE {name}")
        try:
            yield f"postgresql://centre@/{name}?host={self.folder}&port={self.port}"
        finally:
            self.execute(f"DROP DATABASE {name} WITH (FORCE)")

    def tcp(self, url: str) -> str:
        """The same database over TCP, where the password counts."""
        name = url.partition("@/")[2].partition("?")[0]
        return f"postgresql://centre@127.0.0.1:{self.port}/{name}"

    def execute(self, sql: str) -> None:
        with psycopg.connect(self._url("postgres"), autocommit=True) as connection:
            connection.execute(sql.encode())

    def wait_for(self, sql: str) -> None:
        """Until this question is answered with true, by a new connection each time."""
        deadline = time.monotonic() + READY_S
        while True:
            with psycopg.connect(self._url("postgres"), autocommit=True) as connection:
                found = connection.execute(sql.encode()).fetchone()
            if found == (True,):
                return
            assert time.monotonic() < deadline, sql
            select_a_while()

    def _url(self, name: str) -> str:
        return f"postgresql://centre@/{name}?host={self.folder}&port={self.port}"

    def _answers(self) -> bool:
        try:
            psycopg.connect(self._url("postgres"), connect_timeout=2).close()
        except psycopg.OperationalError:
            return False
        return True

    def _run(self, program: str, *flags: str) -> None:
        argv = [str(self._programs / program), *flags]
        subprocess.run(argv, check=True, capture_output=True, timeout=60, cwd="/", user=_user(), group=_user())


@contextmanager
def postgres(within: Path | None = None) -> Iterator[Postgres]:
    """A running server in a new folder `within` another; both are gone after the block. (A socket's path is short: in
    memory or in /tmp when nothing is said.)"""
    with made(within) as server:
        server.start()
        yield server


@contextmanager
def made(within: Path | None = None) -> Iterator[Postgres]:
    """One that is not started yet."""
    programs = debian_programs() or Path(require_program("pg_ctl", "postgresql")).resolve().parent
    with tempfile.TemporaryDirectory(prefix="pg-", dir=within or in_memory() or "/tmp") as folder:  # noqa: S108 (the folder is a new one)
        server = Postgres(Path(folder), programs)
        server.make()
        try:
            yield server
        finally:
            server.stop()


def debian_programs() -> Path | None:
    """Debian keeps each version's programs in a folder of its own, which is on nobody's PATH."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/pg_ctl"), key=lambda path: int(path.parts[4]))
    return found[-1].parent if found else None


def _user() -> str | None:
    """PostgreSQL never runs as root."""
    return "postgres" if os.geteuid() == 0 else None


def _give_away(*paths: Path) -> None:
    for path in paths:
        if os.geteuid() == 0:
            shutil.chown(path, "postgres", "postgres")
        path.chmod(0o700)
