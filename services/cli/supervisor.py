"""Runs the processes of one Plaudit: starts them, shows what they say, restarts what dies, stops all of it in order."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Protocol

from services.cli import process
from services.cli.embedded.datadir import DataDir, last_lines
from services.cli.embedded.errors import EmbeddedError
from services.cli.embedded.server import describe_exit
from services.cli.errors import CommandError
from shared.backoff import Backoff

Ready = Callable[[], Awaitable[bool]]

STOP_BUDGET_SECONDS = 15.0
READY_BUDGET_SECONDS = 60.0
STABLE_SECONDS = 30.0
_EARLY_EXITS = 3
_LOG_BYTES = 10_000_000
_COLOURS = (36, 33, 32, 35, 34, 96, 93, 92, 95, 94)


class SupervisorError(CommandError):
    """A process did not become ready; the message ends with the last lines of its log."""


@dataclass(frozen=True)
class Child:
    """A service process. `ready` tells whether it can do its work now; without it, running is enough."""

    name: str
    argv: Sequence[str]
    env: Mapping[str, str] = field(default_factory=dict)
    log_prefix: str = ""
    ready: Ready | None = None
    restart: bool = True


class Part(Protocol):
    """An embedded server; see `services.cli.embedded.server.EmbeddedServer`."""

    name: str

    @property
    def pid(self) -> int: ...
    def poll(self) -> int | None: ...
    def start(self) -> str: ...
    def stop(self) -> None: ...


@dataclass(frozen=True)
class State:
    """What `run/state.json` says about a running system, for other commands."""

    pid: int
    started_at: str
    data_dir: str
    addresses: Mapping[str, str]
    processes: Mapping[str, int]


def read_state(data_dir: DataDir) -> State | None:
    """The system running in this data directory, None when there is none."""
    try:
        found = json.loads((data_dir.root / "run" / "state.json").read_text())
        token = found.pop("token")
        state = State(**found)
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return state if process.started_at(state.pid) == token else None


def http_ready(url: str, timeout_seconds: float = 2.0) -> Ready:
    """Readiness by `GET url` (http, on this machine) answering 200."""
    address, _, path = url.removeprefix("http://").partition("/")
    host, _, port = address.partition(":")
    request = f"GET /{path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n".encode()

    async def ask() -> bool:
        try:
            async with asyncio.timeout(timeout_seconds):
                reader, writer = await asyncio.open_connection(host, int(port or 80))
                try:
                    writer.write(request)
                    status = await reader.readline()
                finally:
                    writer.close()
                    with contextlib.suppress(OSError):
                        await writer.wait_closed()
        except (OSError, TimeoutError):
            return False
        return status.split()[1:2] == [b"200"]

    return ask


@dataclass
class _Running:
    child: Child
    colour: int
    process: asyncio.subprocess.Process | None = None
    task: asyncio.Task[None] | None = None
    exits: int = 0
    ready: bool = False
    last_exit: int | None = None


class Supervisor:
    """Owns the child processes. Use it in the main thread: the kernel ends children with the thread that started them.

    `start_parts` and `start` return when everything is ready; `wait` returns when a signal asked for the end; `stop`
    ends the services together, then the parts.
    """

    def __init__(
        self,
        data_dir: DataDir,
        *,
        stream: IO[str] | None = None,
        stop_budget_seconds: float = STOP_BUDGET_SECONDS,
        ready_budget_seconds: float = READY_BUDGET_SECONDS,
    ) -> None:
        self._data_dir = data_dir
        self._stream = sys.stdout if stream is None else stream
        self._colours = self._stream.isatty() and "NO_COLOR" not in os.environ
        self._stop_budget = stop_budget_seconds
        self._ready_budget = ready_budget_seconds
        self._children: dict[str, _Running] = {}
        self._parts: dict[str, Part] = {}
        self._part_tasks: list[asyncio.Task[None]] = []
        self._addresses: dict[str, str] = {}
        self._stopping = asyncio.Event()
        self._forced = asyncio.Event()
        self._started_at = datetime.now(UTC).isoformat(timespec="seconds")
        self._width = 10

    async def __aenter__(self) -> Supervisor:
        self._data_dir.acquire(wait_seconds=2.0)
        loop = asyncio.get_running_loop()
        for name in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            # Outside of the main thread there are no signals to handle; `request_stop` works there too.
            with contextlib.suppress(RuntimeError, ValueError):
                loop.add_signal_handler(name, self.request_stop)
        return self

    async def __aexit__(self, *_: object) -> None:
        try:
            await self.stop()
        finally:
            loop = asyncio.get_running_loop()
            for name in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
                with contextlib.suppress(RuntimeError, ValueError):
                    loop.remove_signal_handler(name)
            self._data_dir.release()

    def announce(self, name: str, address: str) -> None:
        """Puts an address into `run/state.json` (readable by the owner only, so it may hold a password)."""
        self._addresses[name] = address
        self._write_state()

    def pids(self) -> dict[str, int]:
        """The living processes by name."""
        services = {
            name: running.process.pid
            for name, running in self._children.items()
            if running.process is not None and running.process.returncode is None
        }
        return services | {name: part.pid for name, part in self._parts.items() if part.poll() is None}

    def request_stop(self) -> None:
        """Ends `wait`; asked again, kills everything at once."""
        if self._stopping.is_set() and not self._forced.is_set():
            self.say("plaudit", "killing everything at once")
            self._forced.set()
            self._kill_all()
        self._stopping.set()

    async def start_parts(self, parts: Sequence[Part]) -> dict[str, str]:
        """Starts embedded servers at the same time (those that run already are taken as they are); their addresses.

        A part that dies is started again, on the same port. EmbeddedError when one cannot start.
        """
        self._parts |= {part.name: part for part in parts}
        results = await asyncio.gather(*(asyncio.to_thread(part.start) for part in parts), return_exceptions=True)
        for result in results:
            if isinstance(result, BaseException):
                raise result
        self._part_tasks += [asyncio.create_task(self._keep_part(part), name=part.name) for part in parts]
        self._write_state()
        return {part.name: str(result) for part, result in zip(parts, results, strict=True)}

    async def start(self, children: Sequence[Child]) -> None:
        """Starts services and returns when all are ready. SupervisorError names the first that is not."""
        self._width = max([self._width, *(len(child.log_prefix or child.name) for child in children)])
        begun = []
        for child in children:
            if child.name in self._children:
                raise ValueError(f"{child.name} is running already")
            running = _Running(child, _COLOURS[len(self._children) % len(_COLOURS)])
            running.task = asyncio.create_task(self._keep(running), name=child.name)
            self._children[child.name] = running
            begun.append(running)
        async with asyncio.TaskGroup() as group:
            waits = [group.create_task(self._await_ready(running)) for running in begun]
        for problem in (wait.result() for wait in waits):
            if problem is not None:
                raise SupervisorError(problem)
        self._write_state()

    async def wait(self) -> None:
        """Returns when the end was asked for."""
        await self._stopping.wait()

    async def stop(self) -> None:
        """Services first, all at once, then the embedded parts. What exceeds its budget is killed."""
        self._stopping.set()
        for running in self._children.values():
            _signal(running.process, signal.SIGTERM)
        tasks = [running.task for running in self._children.values() if running.task is not None]
        if tasks:
            _, late = await asyncio.wait(tasks, timeout=0 if self._forced.is_set() else self._stop_budget)
            for running in self._children.values():
                if running.task in late:
                    self.say(running.child.name, f"did not end within {self._stop_budget:.0f} s and is killed")
                    _signal(running.process, signal.SIGKILL)
            await asyncio.gather(*tasks, return_exceptions=True)
        for task in self._part_tasks:
            task.cancel()
        await asyncio.gather(*self._part_tasks, return_exceptions=True)
        await asyncio.gather(*(asyncio.to_thread(part.stop) for part in self._parts.values()), return_exceptions=True)
        self._children.clear()
        self._parts.clear()
        self._part_tasks.clear()
        (self._data_dir.run / "state.json").unlink(missing_ok=True)

    def say(self, name: str, line: str, colour: int = 37) -> None:
        """One line on the terminal, behind its process's name."""
        head = f"{name:<{self._width}} │ "
        if self._colours:
            head = f"\x1b[{colour}m{head}\x1b[0m"
        # A reader that went away (`plaudit up | head`) must not take the system with it.
        with contextlib.suppress(OSError, ValueError):
            self._stream.write(f"{head}{line}\n")
            self._stream.flush()

    async def _keep(self, running: _Running) -> None:
        child, backoff = running.child, restarts()
        log = _Log(self._data_dir, child.name)
        try:
            while not self._stopping.is_set():
                begun = time.monotonic()
                try:
                    code = await self._run_once(running, log)
                    reason = describe_exit(code)
                except OSError as error:
                    reason, running.process = f"could not start: {error.strerror}", None
                running.exits += 1
                running.ready = False
                if self._stopping.is_set():
                    return
                if not child.restart:
                    self.say(child.name, f"ended ({reason})", running.colour)
                    return
                lived = time.monotonic() - begun
                delay = delay_after(backoff, lived)
                self._note(log, child.name, f"ended ({reason}) after {lived:.1f} s, starts again in {delay:.1f} s")
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._stopping.wait(), delay)
        finally:
            log.close()

    async def _run_once(self, running: _Running, log: _Log) -> int:
        child = running.child
        started = await asyncio.create_subprocess_exec(
            *process.guarded(child.argv, death_signal=signal.SIGTERM),
            env={**os.environ, "PYTHONUNBUFFERED": "1", **child.env},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            # Ctrl-C in the terminal is for the supervisor, which stops the services in order.
            start_new_session=True,
        )
        running.process = started
        process.watchdog().add(started.pid, signal.SIGTERM)
        self._write_state()
        if self._stopping.is_set():
            _signal(started, signal.SIGKILL if self._forced.is_set() else signal.SIGTERM)
        assert started.stdout is not None
        pump = asyncio.create_task(self._pump(started.stdout, running, log))
        try:
            code = await started.wait()
            # A grandchild may hold the pipe open for longer than the child lived.
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(pump, 1.0)
        finally:
            pump.cancel()
            process.watchdog().remove(started.pid)
        running.last_exit = code
        return code

    async def _pump(self, source: asyncio.StreamReader, running: _Running, log: _Log) -> None:
        pending = b""
        name = running.child.log_prefix or running.child.name
        while chunk := await source.read(65_536):
            *lines, pending = (pending + chunk).split(b"\n")
            if len(pending) > 65_536:
                lines, pending = [*lines, pending], b""
            for line in lines:
                log.write(line)
                self.say(name, line.decode(errors="replace").rstrip("\r"), running.colour)
        if pending:
            log.write(pending)
            self.say(name, pending.decode(errors="replace"), running.colour)

    async def _await_ready(self, running: _Running) -> str | None:
        """None when ready (or when the end was asked for), else what went wrong."""
        child = running.child
        deadline = time.monotonic() + self._ready_budget
        while not self._stopping.is_set():
            if running.process is not None and running.process.returncode is None:
                running.ready = child.ready is None or await child.ready()
                if running.ready:
                    return None
            assert running.task is not None
            if running.exits >= _EARLY_EXITS or running.task.done():
                if not child.restart and running.last_exit == 0:
                    return None
                return self._problem(child.name, f"ended {running.exits} times before it was ready")
            if time.monotonic() > deadline:
                return self._problem(child.name, f"was not ready within {self._ready_budget:.0f} s")
            await asyncio.sleep(0.05)
        return None

    def _problem(self, name: str, what: str) -> str:
        path = self._data_dir.logs / f"{name}.log"
        return f"{name} {what}. The end of {path}:\n{last_lines(path)}"

    async def _keep_part(self, part: Part) -> None:
        backoff, begun = restarts(), time.monotonic()
        while not self._stopping.is_set():
            code = part.poll()
            if code is None:
                await asyncio.sleep(0.1)
                continue
            lived = time.monotonic() - begun
            delay = delay_after(backoff, lived)
            self.say(part.name, f"ended ({describe_exit(code)}) after {lived:.1f} s, starts again in {delay:.1f} s")
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._stopping.wait(), delay)
            if self._stopping.is_set():
                return
            begun = time.monotonic()
            try:
                await asyncio.to_thread(part.start)
            except EmbeddedError as error:
                self.say(part.name, str(error))
                continue
            self.say(part.name, f"is back after {time.monotonic() - begun:.1f} s")
            self._write_state()

    def _kill_all(self) -> None:
        for pid in self.pids().values():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)

    def _note(self, log: _Log, name: str, line: str) -> None:
        log.write(f"# {line}".encode())
        self.say(name, line)

    def _write_state(self) -> None:
        self._data_dir.write(
            "state.json",
            {
                "pid": os.getpid(),
                "token": process.started_at(os.getpid()),
                "started_at": self._started_at,
                "data_dir": str(self._data_dir.root),
                "addresses": self._addresses,
                "processes": self.pids(),
            },
        )


class _Log:
    """`logs/<name>.log`, bounded: at most two files of _LOG_BYTES."""

    def __init__(self, data_dir: DataDir, name: str) -> None:
        self._data_dir = data_dir
        self._name = f"{name}.log"
        self._open()

    def write(self, line: bytes) -> None:
        self._file.write(line + b"\n")
        self._file.flush()
        self._size += len(line) + 1
        if self._size > _LOG_BYTES:
            self._file.close()
            self._open()

    def close(self) -> None:
        self._file.close()

    def _open(self) -> None:
        self._file = self._data_dir.open_log(self._name, _LOG_BYTES)
        self._size = Path(self._file.name).stat().st_size


def restarts() -> Backoff:
    """How long to wait before each restart of a process."""
    return Backoff(random.Random(), first=0.2, longest=10.0)  # noqa: S311 - jitter, not a secret


def delay_after(backoff: Backoff, lived_seconds: float) -> float:
    """A process that lived for STABLE_SECONDS starts over."""
    if lived_seconds >= STABLE_SECONDS:
        backoff.reset()
    return backoff.wait()


def _signal(running: asyncio.subprocess.Process | None, what: signal.Signals) -> None:
    if running is not None and running.returncode is None:
        with contextlib.suppress(ProcessLookupError):
            running.send_signal(what)
