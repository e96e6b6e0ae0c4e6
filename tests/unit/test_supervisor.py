"""The supervisor with real processes: small Python programs that say something, die, hang, or refuse to end."""

from __future__ import annotations

import asyncio
import io
import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from services.cli import process
from services.cli.embedded.datadir import DataDir
from services.cli.embedded.errors import DataDirInUse, StartFailed
from services.cli.supervisor import (
    Child,
    Supervisor,
    SupervisorError,
    delay_after,
    http_ready,
    read_state,
    restarts,
)

SLEEPER = "import time; print('here', flush=True); time.sleep(600)"
STUBBORN = (
    "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('here', flush=True); time.sleep(600)"
)


def python(program: str) -> list[str]:
    return [sys.executable, "-c", program]


async def until(condition: Callable[[], object], seconds: float = 10.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        await asyncio.sleep(0.02)


def alive(pid: int) -> bool:
    return process.started_at(pid) is not None


@pytest.fixture
def data_dir(tmp_path: Path) -> DataDir:
    return DataDir(tmp_path / "data")


@pytest.fixture
def screen() -> io.StringIO:
    return io.StringIO()


async def test_a_child_that_dies_is_started_again_and_the_reason_is_said(
    data_dir: DataDir, screen: io.StringIO
) -> None:
    async with Supervisor(data_dir, stream=screen) as supervisor:
        await supervisor.start([Child("worker", python(SLEEPER))])
        await until(lambda: "here" in screen.getvalue())
        first = supervisor.pids()["worker"]
        os.kill(first, signal.SIGKILL)
        await until(lambda: supervisor.pids().get("worker", first) != first)
        second = supervisor.pids()["worker"]
        await until(lambda: screen.getvalue().count("here") == 2)
        assert alive(second)
        assert not alive(first)
    assert not alive(second)
    assert "ended (killed by SIGKILL)" in screen.getvalue()
    log = (data_dir.logs / "worker.log").read_text()
    assert log.count("here") == 2
    assert "killed by SIGKILL" in log


async def test_an_exit_code_is_named_and_a_one_shot_child_is_left_alone(data_dir: DataDir, screen: io.StringIO) -> None:
    async with Supervisor(data_dir, stream=screen) as supervisor:
        await supervisor.start([Child("once", python("print('done')"), restart=False)])
        await until(lambda: "ended (exit code 0)" in screen.getvalue())
        assert supervisor.pids() == {}
    assert screen.getvalue().count("done") == 1


async def test_a_child_that_cannot_start_is_reported_with_the_end_of_its_log(
    data_dir: DataDir, screen: io.StringIO
) -> None:
    failing = python("import sys; print('port 1 is taken'); sys.exit(3)")

    async def never() -> bool:
        return False

    async with Supervisor(data_dir, stream=screen) as supervisor:
        with pytest.raises(SupervisorError, match=r"(?s)api ended 3 times.*port 1 is taken"):
            await supervisor.start([Child("api", failing, ready=never)])


async def test_a_missing_program_is_reported(data_dir: DataDir, screen: io.StringIO) -> None:
    async def never() -> bool:
        return False

    async with Supervisor(data_dir, stream=screen) as supervisor:
        with pytest.raises(SupervisorError, match="api ended 3 times"):
            await supervisor.start([Child("api", ["/no/such/program"], ready=never)])


async def test_start_waits_until_the_child_answers_over_http(data_dir: DataDir, screen: io.StringIO) -> None:
    port = data_dir.port("api")
    server = f"""
import http.server, time
begun = time.monotonic()
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200 if self.path == "/ready" and time.monotonic() - begun > 0.5 else 503)
        self.end_headers()
http.server.HTTPServer(("127.0.0.1", {port}), Handler).serve_forever()
"""
    async with Supervisor(data_dir, stream=screen) as supervisor:
        ready = http_ready(f"http://127.0.0.1:{port}/ready")
        assert not await ready()
        await supervisor.start([Child("api", python(server), ready=ready)])
        assert await ready()
    assert "503" in screen.getvalue()
    assert "200" in screen.getvalue()


async def test_not_ready_in_time_is_an_error(data_dir: DataDir, screen: io.StringIO) -> None:
    async def never() -> bool:
        return False

    async with Supervisor(data_dir, stream=screen, ready_budget_seconds=0.3) as supervisor:
        with pytest.raises(SupervisorError, match="was not ready within"):
            await supervisor.start([Child("slow", python(SLEEPER), ready=never)])


async def test_stop_ends_all_at_once_and_kills_what_exceeds_the_budget(data_dir: DataDir, screen: io.StringIO) -> None:
    supervisor = Supervisor(data_dir, stream=screen, stop_budget_seconds=1.0)
    async with supervisor:
        await supervisor.start([Child("good", python(SLEEPER)), Child("stubborn", python(STUBBORN))])
        await until(lambda: screen.getvalue().count("here") == 2)
        pids = supervisor.pids()
        begun = time.monotonic()
    assert 0.9 < time.monotonic() - begun < 5
    assert not any(alive(pid) for pid in pids.values())
    assert "stubborn" in screen.getvalue()
    assert "is killed" in screen.getvalue()


async def test_a_second_request_to_stop_kills_at_once(data_dir: DataDir, screen: io.StringIO) -> None:
    async with Supervisor(data_dir, stream=screen, stop_budget_seconds=60) as supervisor:
        await supervisor.start([Child("stubborn", python(STUBBORN))])
        await until(lambda: "here" in screen.getvalue())
        pid = supervisor.pids()["stubborn"]
        supervisor.request_stop()
        stopping = asyncio.create_task(supervisor.stop())
        await asyncio.sleep(0.3)
        assert alive(pid)
        supervisor.request_stop()
        async with asyncio.timeout(5):
            await stopping
    assert not alive(pid)


async def test_output_is_prefixed_by_line_and_logged_whole(data_dir: DataDir, screen: io.StringIO) -> None:
    program = "print('one\\ntwo'); print('x' * 200_000); print('no newline at the end', end='')"
    async with Supervisor(data_dir, stream=screen) as supervisor:
        await supervisor.start([Child("talker", python(program), restart=False)])
        await until(lambda: "ended" in screen.getvalue())
    assert re.search(r"^talker +│ one\ntalker +│ two\n", screen.getvalue())
    assert "no newline at the end" in screen.getvalue()
    assert (data_dir.logs / "talker.log").read_text().count("x") == 200_000


async def test_the_state_file_names_what_runs_and_is_private(data_dir: DataDir, screen: io.StringIO) -> None:
    async with Supervisor(data_dir, stream=screen) as supervisor:
        await supervisor.start([Child("worker", python(SLEEPER))])
        supervisor.announce("api", "http://127.0.0.1:1")
        state = read_state(data_dir)
        assert state is not None
        assert state.pid == os.getpid()
        assert state.addresses == {"api": "http://127.0.0.1:1"}
        assert state.processes == supervisor.pids()
        path = data_dir.run / "state.json"
        assert path.stat().st_mode & 0o077 == 0
        content = json.loads(path.read_text())
    assert read_state(data_dir) is None
    # Left behind by a supervisor that was killed, whose number another process has by now.
    path.write_text(json.dumps({**content, "token": "another"}))
    assert read_state(data_dir) is None


class FakePart:
    """A part whose death the test decides."""

    name = "fake"

    def __init__(self) -> None:
        self.child: subprocess.Popen[bytes] | None = None
        self.starts = 0
        self.refusals = 0

    @property
    def pid(self) -> int:
        assert self.child is not None
        return self.child.pid

    def poll(self) -> int | None:
        return -9 if self.child is None else self.child.poll()

    def start(self) -> str:
        if self.starts and self.refusals < 1:
            self.refusals += 1
            raise StartFailed("not yet")
        self.starts += 1
        self.child = process.spawn(python(SLEEPER), death_signal=signal.SIGTERM)
        return "127.0.0.1:1"

    def stop(self) -> None:
        if self.child is not None:
            process.stop(self.child, signal.SIGTERM, 5)


async def test_a_part_that_dies_is_started_again_also_after_a_failed_attempt(
    data_dir: DataDir, screen: io.StringIO
) -> None:
    part = FakePart()
    async with Supervisor(data_dir, stream=screen) as supervisor:
        assert await supervisor.start_parts([part]) == {"fake": "127.0.0.1:1"}
        first = part.pid
        os.kill(first, signal.SIGKILL)
        await until(lambda: part.starts == 2)
        await until(lambda: supervisor.pids() == {"fake": part.pid})
        assert part.pid != first
        second = part.pid
    assert not alive(second)
    assert "not yet" in screen.getvalue()


def test_backoff_doubles_up_to_its_limit_and_starts_over_after_a_stable_time() -> None:
    backoff = restarts()
    for longest in (0.2, 0.4, 0.8, 1.6, 3.2, 6.4, 10.0, 10.0):
        assert longest / 2 <= delay_after(backoff, lived_seconds=1) <= longest
    assert delay_after(backoff, lived_seconds=31) <= 0.2


SUPERVISE = """
import asyncio, io, sys
from pathlib import Path
from services.cli import process
from services.cli.embedded.datadir import DataDir
from services.cli.supervisor import Child, Supervisor

async def main():
    children = [Child(str(n), [sys.executable, "-c", program]) for n, program in enumerate(sys.argv[2:])]
    async with Supervisor(DataDir(Path(sys.argv[1])), stream=io.StringIO()) as supervisor:
        await supervisor.start(children)
        await asyncio.sleep(0.5)
        print(*supervisor.pids().values(), process.watchdog().pid, flush=True)
        await supervisor.wait()

asyncio.run(main())
"""


def supervise(data_dir: DataDir, *programs: str) -> tuple[subprocess.Popen[str], list[int]]:
    supervisor = subprocess.Popen(
        [sys.executable, "-c", SUPERVISE, str(data_dir.root), *programs], stdout=subprocess.PIPE, text=True
    )
    assert supervisor.stdout is not None
    pids = [int(pid) for pid in supervisor.stdout.readline().split()]
    supervisor.stdout.close()
    assert len(pids) == len(programs) + 1
    return supervisor, pids


async def test_no_orphan_is_left_after_kill_9_of_the_supervisor(data_dir: DataDir) -> None:
    supervisor, pids = supervise(data_dir, SLEEPER, SLEEPER, STUBBORN)
    frozen = pids[1]
    os.kill(frozen, signal.SIGSTOP)
    assert all(alive(pid) for pid in pids)
    supervisor.kill()
    supervisor.wait()
    await until(lambda: not alive(pids[0]), 2)
    # These two do not obey: one ignores SIGTERM, one is stopped.
    await until(lambda: not any(alive(pid) for pid in pids), process.ORPHAN_GRACE_SECONDS + 4)
    async with Supervisor(data_dir, stream=io.StringIO()) as again:
        await again.start([Child("0", python(SLEEPER))])


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux has a signal at the parent's death")
async def test_children_end_with_the_supervisor_even_without_the_watchdog(data_dir: DataDir) -> None:
    supervisor, pids = supervise(data_dir, SLEEPER)
    os.kill(pids[-1], signal.SIGKILL)
    supervisor.kill()
    supervisor.wait()
    await until(lambda: not any(alive(pid) for pid in pids), 3)


async def test_sigterm_stops_everything_cleanly(data_dir: DataDir) -> None:
    supervisor, pids = supervise(data_dir, SLEEPER, SLEEPER)
    supervisor.terminate()
    assert await asyncio.to_thread(supervisor.wait, 10) == 0
    await until(lambda: not any(alive(pid) for pid in pids), 3)
    assert read_state(data_dir) is None


async def test_two_supervisors_cannot_share_a_data_directory(data_dir: DataDir) -> None:
    supervisor, _ = supervise(data_dir, SLEEPER)
    with pytest.raises(DataDirInUse, match=rf"in use by process {supervisor.pid}\."):
        DataDir(data_dir.root).acquire()
    supervisor.terminate()
    assert await asyncio.to_thread(supervisor.wait, 10) == 0
    data_dir.acquire()
    data_dir.release()


def test_a_child_started_from_a_short_lived_thread_stays(data_dir: DataDir) -> None:
    import threading

    started: list[subprocess.Popen[bytes]] = []
    thread = threading.Thread(
        target=lambda: started.append(process.spawn(python(SLEEPER), death_signal=signal.SIGTERM))
    )
    thread.start()
    thread.join()
    time.sleep(0.5)
    assert started[0].poll() is None
    assert process.stop(started[0], signal.SIGTERM, 5) == -signal.SIGTERM


def test_leftovers_are_found_by_an_argument_of_their_own(tmp_path: Path) -> None:
    mark = f"-plaudit.mark={tmp_path}"
    program = Path(sys.executable).name
    left = subprocess.Popen([*python(STUBBORN), mark])
    other = subprocess.Popen([*python(SLEEPER), f"{mark}2"])
    try:
        begun = time.monotonic()
        found = process.stop_leftovers(program, mark, signal.SIGTERM, budget_seconds=0.5)
        assert found == [left.pid]
        assert time.monotonic() - begun < 5
        assert left.wait(5) in (-signal.SIGKILL, -signal.SIGTERM)
        assert other.poll() is None
        assert process.stop_leftovers("another-program", f"{mark}2", signal.SIGTERM) == []
        assert process.stop_leftovers(program, mark, signal.SIGTERM) == []
    finally:
        left.kill()
        other.kill()
        left.wait()
        other.wait()


def test_a_port_is_remembered_and_given_up_only_when_somebody_else_has_it(data_dir: DataDir) -> None:
    import socket

    port = data_dir.port("kafka")
    assert DataDir(data_dir.root).port("kafka") == port
    assert data_dir.port("postgres") != port
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", port))
        taken.listen()
        moved = data_dir.port("kafka", wait_seconds=0.2)
    assert moved != port
    assert data_dir.port("kafka") == moved
