"""The directory that holds everything the embedded parts keep: data, logs, addresses, and who is using it."""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import random
import shutil
import socket
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

from services.cli.embedded.errors import DataDirInUse, EmbeddedError

# Below the range from which Linux and macOS take ports of outgoing connections: a client that retries against a
# stopped server on a port of that range can connect to itself and keep the port from the server for good.
_PORTS = range(20_000, 32_000)


def default_data_dir() -> Path:
    """PLAUDIT_DATA_DIR, else `.plaudit` here; for root, when here is a private place, a directory under /var/lib.

    Postgres refuses to run as root and runs as an unprivileged account instead, which cannot enter, say, /root.
    """
    named = os.environ.get("PLAUDIT_DATA_DIR")
    if named:
        return Path(named).expanduser().resolve()
    here = Path.cwd() / ".plaudit"
    if os.geteuid() == 0 and blocked_ancestor(here) is not None:
        return Path("/var/lib/plaudit") / hashlib.sha256(os.fsencode(here)).hexdigest()[:12]
    return here


@contextmanager
def temporary_data_dir() -> Iterator[DataDir]:
    """A data directory for a test or a benchmark, removed afterwards; Postgres can use it also when we are root."""
    root = Path(tempfile.mkdtemp(prefix="plaudit-"))
    root.chmod(0o755)
    try:
        yield DataDir(root)
    finally:
        shutil.rmtree(root, ignore_errors=True)


def blocked_ancestor(path: Path) -> Path | None:
    """The first parent directory of `path` that not everybody may pass through, if any."""
    for parent in reversed(path.resolve().parents):
        if parent.exists() and not parent.stat().st_mode & 0o001:
            return parent
    return None


@dataclass
class _Held:
    file: IO[str]
    users: int


_held: dict[Path, _Held] = {}
_held_lock = threading.Lock()


@dataclass(frozen=True)
class DataDir:
    """Paths below one data directory. `acquire` before anything is started in it."""

    root: Path = field(default_factory=default_data_dir)

    def __post_init__(self) -> None:
        object.__setattr__(self, "root", Path(self.root).expanduser().resolve())

    @property
    def kafka(self) -> Path:
        return self._made("kafka")

    @property
    def postgres(self) -> Path:
        return self._made("postgres")

    @property
    def logs(self) -> Path:
        return self._made("logs")

    @property
    def run(self) -> Path:
        return self._made("run", 0o700)

    def acquire(self, wait_seconds: float = 0.0) -> None:
        """Takes the directory for this process; counted, so each `acquire` needs a `release`.

        The kernel releases it when the process dies. `DataDirInUse` names the holder.
        """
        with _held_lock:
            if self.root in _held:
                _held[self.root].users += 1
                return
            file = (self.run / "lock").open("a+")
            deadline = time.monotonic() + wait_seconds
            while True:
                try:
                    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    break
                except OSError:
                    if time.monotonic() < deadline:
                        time.sleep(0.05)
                        continue
                    file.seek(0)
                    holder = file.read().strip() or "unknown"
                    file.close()
                    raise DataDirInUse(
                        f"The data directory {self.root} is in use by process {holder}.",
                        "Stop that process, or take another directory with --data-dir.",
                    ) from None
            file.seek(0)
            file.truncate()
            file.write(str(os.getpid()))
            file.flush()
            _held[self.root] = _Held(file, 1)

    def release(self) -> None:
        with _held_lock:
            held = _held.get(self.root)
            if held is None:
                return
            held.users -= 1
            if held.users == 0:
                held.file.close()
                del _held[self.root]

    def port(self, name: str, wait_seconds: float = 5.0) -> int:
        """The port remembered for `name` when it is free within the time, else a new one, which is remembered."""
        ports = self._read_ports()
        remembered = ports.get(name)
        if remembered is not None:
            deadline = time.monotonic() + wait_seconds
            while True:
                if is_free(remembered):
                    return remembered
                if time.monotonic() >= deadline:
                    break
                time.sleep(0.1)
        with _held_lock:
            ports = self._read_ports()
            ports[name] = free_port(set(ports.values()))
            self.write("ports.json", ports)
        return ports[name]

    def remember_port(self, name: str, port: int) -> None:
        with _held_lock:
            self.write("ports.json", {**self._read_ports(), name: port})

    def write(self, name: str, value: Any) -> Path:
        """Writes `run/<name>` as JSON, whole or not at all, readable by the owner only."""
        path = self.run / name
        temporary = path.with_name(f".{name}.{os.getpid()}.{threading.get_ident()}")
        temporary.touch(mode=0o600)
        temporary.write_text(json.dumps(value, indent=2) + "\n")
        temporary.replace(path)
        return path

    def open_log(self, name: str, limit_bytes: int = 5_000_000) -> IO[bytes]:
        """`logs/<name>` opened for appending; a file over the limit becomes `<name>.1` first."""
        path = self.logs / name
        if path.exists() and path.stat().st_size > limit_bytes:
            path.replace(path.with_name(f"{name}.1"))
        return path.open("ab")

    def _read_ports(self) -> dict[str, int]:
        try:
            found = json.loads((self.run / "ports.json").read_text())
        except (OSError, ValueError):
            return {}
        return {str(name): int(port) for name, port in found.items()} if isinstance(found, dict) else {}

    def _made(self, name: str, mode: int = 0o755) -> Path:
        path = self.root / name
        if not path.is_dir():
            try:
                self.root.mkdir(parents=True, exist_ok=True, mode=0o755)
                path.mkdir(exist_ok=True, mode=mode)
            except OSError as error:
                raise EmbeddedError(
                    f"The data directory {self.root} cannot be made: {error.strerror}.",
                    "Choose one that this user may write with --data-dir or PLAUDIT_DATA_DIR.",
                ) from None
        return path


def is_free(port: int) -> bool:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        # As the servers themselves do: connections in TIME_WAIT do not count.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def free_port(taken: set[int]) -> int:
    for port in random.SystemRandom().sample(_PORTS, 200):
        if port not in taken and is_free(port):
            return port
    raise EmbeddedError(
        f"No free port between {_PORTS.start} and {_PORTS.stop} on 127.0.0.1.", "Close programs that hold these ports."
    )


def last_lines(path: Path, count: int = 15) -> str:
    """The end of a log file, indented for an error message."""
    try:
        lines = path.read_text(errors="replace").splitlines()[-count:]
    except OSError:
        return f"  (no {path})"
    return "\n".join(f"  {line}" for line in lines)
