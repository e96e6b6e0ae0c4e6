"""What the embedded Kafka and the embedded Postgres have in common: one child process, its start, stop and log."""

from __future__ import annotations

import signal
import subprocess
import threading
import time
from abc import ABC, abstractmethod
from pathlib import Path

from services.cli import process
from services.cli.embedded.datadir import DataDir, last_lines
from services.cli.embedded.errors import StartFailed


class EmbeddedServer(ABC):
    """A server process below a data directory. Methods block and may be called from any thread.

    `start` after a crash (of the server, of its supervisor, of the machine) works like any other start, and on the
    same port as long as nobody else took it meanwhile.
    """

    name: str
    stop_signal: signal.Signals
    start_budget_seconds = 60.0
    stop_budget_seconds = 15.0

    def __init__(self, data_dir: DataDir | Path) -> None:
        self.data_dir = data_dir if isinstance(data_dir, DataDir) else DataDir(data_dir)
        self._child: subprocess.Popen[bytes] | None = None
        self._holds_data_dir = False
        self._port = 0
        self._lock = threading.RLock()

    @property
    def pid(self) -> int:
        """The server's process id; RuntimeError when it was never started."""
        if self._child is None:
            raise RuntimeError(f"{self.name} is not started")
        return self._child.pid

    @property
    def log_path(self) -> Path:
        return self.data_dir.logs / f"{self.name}.log"

    def poll(self) -> int | None:
        """None while the server process lives, else its exit code (negative: the signal that ended it)."""
        return -int(signal.SIGKILL) if self._child is None else self._child.poll()

    def stop(self) -> None:
        """Stops cleanly, by force after `stop_budget_seconds`. A stopped server is fine."""
        with self._lock:
            if self._child is not None:
                process.stop(self._child, self.stop_signal, self.stop_budget_seconds)
                self._child = None
            self._release()

    def kill(self) -> None:
        """SIGKILL, as a crash would be. `start` brings it back."""
        with self._lock:
            if self._child is not None:
                process.stop(self._child, signal.SIGKILL, 5.0)

    @abstractmethod
    def _is_ready(self) -> bool:
        """Whether the server answers real requests now; quick, and never raises."""

    def _keep_port(self) -> int:
        """The port to start on. Once it was given out it stays: the services were told, and would not learn another."""
        port = self.data_dir.port(self.name)
        if self._port and port != self._port:
            self.data_dir.remember_port(self.name, self._port)
            raise StartFailed(f"Port {self._port} of {self.name} was taken by another program.", "Stop that program.")
        return port

    def _acquire(self) -> None:
        if not self._holds_data_dir:
            self.data_dir.acquire()
            self._holds_data_dir = True

    def _release(self) -> None:
        if self._holds_data_dir:
            self._holds_data_dir = False
            self.data_dir.release()

    def _await_ready(self) -> None:
        assert self._child is not None
        deadline = time.monotonic() + self.start_budget_seconds
        pause = 0.02
        while not self._is_ready():
            code = self._child.poll()
            if code is not None:
                raise StartFailed(
                    f"{self.name} ended while starting ({describe_exit(code)}). The end of {self.log_path}:\n"
                    f"{last_lines(self.log_path)}"
                )
            if time.monotonic() > deadline:
                process.stop(self._child, signal.SIGKILL, 5.0)
                raise StartFailed(
                    f"{self.name} did not answer within {self.start_budget_seconds:.0f} s. "
                    f"The end of {self.log_path}:\n{last_lines(self.log_path)}"
                )
            time.sleep(pause)
            pause = min(0.1, pause * 1.3)


def describe_exit(code: int) -> str:
    """`exit code 3` or `killed by SIGKILL`."""
    if code >= 0:
        return f"exit code {code}"
    try:
        return f"killed by {signal.Signals(-code).name}"
    except ValueError:
        return f"killed by signal {-code}"
