"""Child processes that never outlive their supervisor, however it dies.

Two mechanisms, since either alone has a hole:

* On Linux each child asks the kernel for a signal at its parent's death (PR_SET_PDEATHSIG). It is instant, but it is
  one signal only, and it belongs to the *thread* that forked, so that a child started from a worker thread would be
  killed when that thread ends. `spawn` therefore forks from one thread that lives as long as the process.
* A watchdog process holds the other end of a pipe. When the pipe closes, because the supervisor is gone, it signals
  every child that is still there and kills after a few seconds what did not obey (a stopped process, a hung one).

This file is also the program that runs in between (`python process.py exec|watch …`): it imports the standard library
only and starts in about 20 ms.
"""

from __future__ import annotations

import atexit
import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import IO

ORPHAN_GRACE_SECONDS = 6.0
_PR_SET_PDEATHSIG = 1


@dataclass(frozen=True)
class Account:
    """The operating system account that a child runs as."""

    name: str
    uid: int
    gid: int


def guarded(argv: Sequence[str], *, death_signal: signal.Signals, account: Account | None = None) -> list[str]:
    """The command that runs `argv` so that the kernel sends it `death_signal` when the calling thread dies."""
    identity = f"{account.uid}:{account.gid}" if account else "-"
    prefix = [sys.executable, "-I", "-S", __file__, "exec", str(int(death_signal)), str(os.getpid()), identity]
    return [*prefix, *argv]


def spawn(
    argv: Sequence[str],
    *,
    death_signal: signal.Signals,
    account: Account | None = None,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    output: IO[bytes] | None = None,
) -> subprocess.Popen[bytes]:
    """Starts a guarded child in its own session, stdout and stderr going to `output`. May be called from any thread."""

    def fork() -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            guarded(argv, death_signal=death_signal, account=account),
            env=env,
            cwd=cwd,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL if output is None else output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )

    child = _forker().submit(fork).result()
    watchdog().add(child.pid, death_signal)
    return child


def stop(child: subprocess.Popen[bytes], first: signal.Signals, budget_seconds: float) -> int:
    """Signals `child`, kills it when the budget is over, and returns its exit code. A dead child is fine."""
    if child.poll() is None:
        child.send_signal(first)
        try:
            child.wait(budget_seconds)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()
    watchdog().remove(child.pid)
    return child.returncode


def stop_leftovers(program: str, argument: str, first: signal.Signals, budget_seconds: float = 10.0) -> list[int]:
    """Ends processes that an earlier supervisor left behind: this program with this argument, which only they have.

    Returns their pids once they are gone.
    """
    own = os.getpid()
    found = {
        pid: started_at(pid)
        for pid, argv in processes()
        if pid != own and argument in argv[1:] and argv[0].rpartition("/")[2] == program
    }
    for pid in found:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, first)
    _await_exit(found, budget_seconds)
    for pid, start in found.items():
        if started_at(pid) == start:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
    _await_exit(found, 5.0)
    return sorted(found)


def processes() -> Iterator[tuple[int, list[str]]]:
    """Every process that may be seen, with its command line (arguments with spaces are exact on Linux only)."""
    if Path("/proc/self/cmdline").exists():
        for entry in Path("/proc").iterdir():
            if entry.name.isdigit():
                with contextlib.suppress(OSError):
                    argv = (entry / "cmdline").read_bytes().decode(errors="replace").rstrip("\0").split("\0")
                    if argv != [""]:
                        yield int(entry.name), argv
        return
    listing = subprocess.run(["ps", "-axo", "pid=,command="], capture_output=True, text=True, check=False).stdout
    for line in listing.splitlines():
        pid, _, command = line.strip().partition(" ")
        if command.split():
            yield int(pid), command.split()


def started_at(pid: int) -> str | None:
    """A token that tells this process from a later one with the same pid; None when it is gone (a zombie is gone)."""
    stat = Path(f"/proc/{pid}/stat")
    if Path("/proc/self/stat").exists():
        try:
            # The command name in parentheses may itself contain spaces and parentheses.
            fields = stat.read_text(errors="replace").rpartition(")")[2].split()
        except OSError:
            return None
        return None if fields[0] in "ZX" else fields[19]
    listing = subprocess.run(
        ["ps", "-o", "state=,lstart=", "-p", str(pid)], capture_output=True, text=True, check=False
    )
    state, _, start = listing.stdout.strip().partition(" ")
    return start.strip() or None if state and not state.startswith("Z") else None


def _await_exit(found: Mapping[int, str | None], budget_seconds: float) -> None:
    deadline = time.monotonic() + budget_seconds
    while time.monotonic() < deadline and any(start and started_at(pid) == start for pid, start in found.items()):
        time.sleep(0.05)


class Watchdog:
    """The parent's end of the watchdog process; every method may be called from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._process = subprocess.Popen(
            [sys.executable, "-I", "-S", __file__, "watch"],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            start_new_session=True,
        )

    @property
    def pid(self) -> int:
        return self._process.pid

    def add(self, pid: int, death_signal: signal.Signals) -> None:
        self._tell(f"add {pid} {int(death_signal)}\n")

    def remove(self, pid: int) -> None:
        self._tell(f"remove {pid}\n")

    def close(self) -> None:
        """Lets go: children still registered are ended."""
        with self._lock, contextlib.suppress(OSError):
            assert self._process.stdin is not None
            self._process.stdin.close()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(ORPHAN_GRACE_SECONDS + 2)

    def _tell(self, line: str) -> None:
        # A watchdog that somebody killed costs us the second line of defence, not the system.
        with self._lock, contextlib.suppress(OSError, ValueError):
            assert self._process.stdin is not None
            self._process.stdin.write(line.encode())
            self._process.stdin.flush()


@dataclass
class _Shared:
    """One forking thread and one watchdog per process, made when first needed and again after a fork."""

    owner: int = 0
    forker: ThreadPoolExecutor | None = None
    watchdog: Watchdog | None = None


_shared = _Shared()
_shared_lock = threading.Lock()


def _forker() -> ThreadPoolExecutor:
    with _shared_lock:
        _forget_after_fork()
        if _shared.forker is None:
            _shared.forker = ThreadPoolExecutor(1, thread_name_prefix="fork")
        return _shared.forker


def watchdog() -> Watchdog:
    """This process's watchdog."""
    with _shared_lock:
        _forget_after_fork()
        if _shared.watchdog is None:
            _shared.watchdog = Watchdog()
            atexit.register(_close_watchdog, os.getpid())
        return _shared.watchdog


def _forget_after_fork() -> None:
    if _shared.owner != os.getpid():
        _shared.owner, _shared.forker, _shared.watchdog = os.getpid(), None, None


def _close_watchdog(owner: int) -> None:
    if owner == os.getpid() and _shared.watchdog is not None:
        _shared.watchdog.close()


def _exec(death_signal: int, parent: int, identity: str, argv: list[str]) -> None:
    prctl = None
    if sys.platform == "linux":
        # Imported before the change of account: the new one may have no access to this Python's files.
        import ctypes

        prctl = ctypes.CDLL(None).prctl
    if identity != "-":
        uid, gid = map(int, identity.split(":"))
        os.setgroups([])
        os.setgid(gid)
        os.setuid(uid)
    if prctl is not None:
        # After the change of account, which clears it.
        prctl(_PR_SET_PDEATHSIG, death_signal, 0, 0, 0)
    if os.getppid() != parent:
        sys.exit("the supervisor is gone already")
    try:
        os.execvp(argv[0], argv)  # noqa: S606 - running the given command is the purpose
    except OSError as error:
        sys.exit(f"{argv[0]} cannot be run: {error.strerror}")


def _watch() -> None:
    """Reads `add PID SIGNAL` and `remove PID` until the pipe closes, then ends what is left."""
    for ignored in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(ignored, signal.SIG_IGN)
    children: dict[int, tuple[int, str | None]] = {}
    for line in sys.stdin:
        verb, pid, *rest = line.split()
        if verb == "add":
            children[int(pid)] = (int(rest[0]), started_at(int(pid)))
        else:
            children.pop(int(pid), None)
    left = {pid: start for pid, (_, start) in children.items() if start and started_at(pid) == start}
    for pid in left:
        with contextlib.suppress(OSError):
            os.kill(pid, children[pid][0])
    _await_exit(left, ORPHAN_GRACE_SECONDS)
    for pid, start in left.items():
        if started_at(pid) == start:
            with contextlib.suppress(OSError):
                os.kill(pid, signal.SIGKILL)


if __name__ == "__main__":
    if sys.argv[1] == "watch":
        _watch()
    else:
        _exec(int(sys.argv[2]), int(sys.argv[3]), sys.argv[4], sys.argv[5:])
