"""A whole Plaudit as its users run it: `plaudit up` in a process of its own, driven over HTTP."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Self

import asyncpg
import httpx

from services.cli.embedded.datadir import DataDir
from services.cli.supervisor import State, read_state
from services.intake.keys import create_key
from services.intake.sites import create_site
from shared.clock import SystemClock
from shared.events.settings import SiteSettings

START_SECONDS = 90.0


class RunningSystem:
    """`start`, then use; `stop` ends it as Ctrl-C would, `kill_everything` as a power cut would."""

    def __init__(self, root: Path, *options: str) -> None:
        self.data_dir = DataDir(root)
        self._options = options
        self._process: subprocess.Popen[bytes] | None = None
        self.client = httpx.AsyncClient(timeout=30)

    async def start(self) -> Self:
        command = [sys.executable, "-m", "services.cli", "up", f"--data-dir={self.data_dir.root}", "--port=0"]
        with self.data_dir.open_log("up.out") as log:
            self._process = subprocess.Popen(
                [*command, *self._options], stdout=log, stderr=subprocess.STDOUT, start_new_session=True
            )
        deadline = time.monotonic() + START_SECONDS
        while "query" not in self.addresses:
            if self._process.poll() is not None or time.monotonic() > deadline:
                output = (self.data_dir.logs / "up.out").read_text()[-6000:]
                raise AssertionError(f"plaudit up did not become ready:\n{output}")
            await asyncio.sleep(0.1)
        return self

    @property
    def state(self) -> State | None:
        return read_state(self.data_dir)

    @property
    def addresses(self) -> dict[str, str]:
        return dict(self.state.addresses) if self.state else {}

    @property
    def pids(self) -> dict[str, int]:
        return dict(self.state.processes) if self.state else {}

    async def stop(self) -> int:
        """The exit code of `plaudit up` after SIGTERM."""
        await self.client.aclose()
        if self._process is None:
            return 0
        self._process.send_signal(signal.SIGTERM)
        return await asyncio.to_thread(self._process.wait, 60)

    async def kill_everything(self) -> None:
        """`kill -9` of every process at once, the supervisor included."""
        assert self._process is not None
        victims = [self._process.pid, *self.pids.values()]
        for pid in victims:
            os.kill(pid, signal.SIGKILL)
        await asyncio.to_thread(self._process.wait, 30)

    async def kill(self, name: str, signal_number: int = signal.SIGKILL) -> int:
        """Signals the process called `name`; returns its pid."""
        pid = self.pids[name]
        os.kill(pid, signal_number)
        return pid

    async def restarted(self, name: str, old_pid: int, seconds: float = 60) -> None:
        await eventually(lambda: self._other_pid(name, old_pid), seconds, f"{name} to be started again")

    async def _other_pid(self, name: str, old_pid: int) -> bool:
        return self.pids.get(name, old_pid) != old_pid

    @asynccontextmanager
    async def database(self) -> AsyncIterator[asyncpg.Connection[Any]]:
        connection = await asyncpg.connect(self.addresses["postgres"])
        try:
            yield connection
        finally:
            await connection.close()

    async def site(self, site: str, settings: SiteSettings | None = None, *scopes: str) -> Site:
        """A new site and a key with `scopes` (default: admin)."""
        async with self.database() as connection:
            clock = SystemClock()
            await create_site(connection, clock, site, site, settings or SiteSettings(), by="test")
            key = await create_key(connection, site, scopes or ("admin",), "test", clock.now())
        return Site(self, site, key.token)


class Site:
    """One site of a running system, through its public HTTP interfaces."""

    def __init__(self, system: RunningSystem, site: str, token: str) -> None:
        self.system = system
        self.site = site
        self.token = token
        self.headers = {"Authorization": f"Bearer {token}"}

    async def call(self, service: str, method: str, path: str, **arguments: Any) -> httpx.Response:
        url = f"{self.system.addresses[service]}/v1/sites/{self.site}{path}"
        headers = self.headers | arguments.pop("headers", {})
        return await self.system.client.request(method, url, headers=headers, **arguments)

    async def submit(self, **review: Any) -> dict[str, Any]:
        answer = await self.call("intake", "POST", "/reviews", json=review)
        assert answer.status_code in {200, 201}, answer.text
        return dict(answer.json())

    async def public(self, path: str = "/reviews", **parameters: Any) -> Any:
        url = f"{self.system.addresses['query']}/public/{self.site}{path}"
        return (await self.system.client.get(url, params=parameters)).json()

    async def public_ids(self) -> set[int]:
        """Of every page."""
        ids: set[int] = set()
        page = 1
        while True:
            answer = await self.public(limit=100, page=page)
            ids |= {review["id"] for review in answer["data"]}
            if page >= answer["meta"]["lastPage"]:
                return ids
            page += 1

    async def case(self, review_id: int) -> dict[str, Any]:
        answer = await self.call("moderation", "GET", f"/cases/{review_id}")
        return dict(answer.json()) if answer.status_code == 200 else {}

    async def until_decided(self, review_id: int, revision: int = 1, seconds: float = 15) -> dict[str, Any]:
        async def decided() -> bool:
            return int((await self.case(review_id)).get("revision", 0)) >= revision

        await eventually(decided, seconds, f"revision {revision} to be decided")
        return await self.case(review_id)

    async def until_public(self, review_id: int, seconds: float = 15) -> dict[str, Any]:
        async def visible() -> bool:
            return "id" in await self.public(f"/reviews/{review_id}")

        await eventually(visible, seconds, "the review to be public")
        return dict(await self.public(f"/reviews/{review_id}"))

    async def until_gone(self, review_id: int, seconds: float = 15) -> None:
        async def gone() -> bool:
            return "id" not in await self.public(f"/reviews/{review_id}")

        await eventually(gone, seconds, "the review to be gone")


async def eventually(check: Callable[[], Awaitable[bool]], seconds: float, what: str) -> None:
    """Returns when `check` is true; a broken connection counts as not yet."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        try:
            if await check():
                return
        except (
            httpx.TransportError,
            OSError,
            asyncpg.PostgresError,
            asyncpg.InterfaceError,
            json.JSONDecodeError,
            KeyError,
        ):
            pass
        await asyncio.sleep(0.02)
    raise AssertionError(f"waited {seconds:.0f} s in vain for {what}")


def ndjson(rows: Sequence[dict[str, Any]]) -> bytes:
    return b"\n".join(json.dumps(row).encode() for row in rows)
