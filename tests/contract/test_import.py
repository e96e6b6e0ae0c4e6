"""`plaudit import` against intake's real HTTP API on a real Postgres, and its client against servers that misbehave."""

from __future__ import annotations

import asyncio
import csv
import json
import os
import random
import signal
import sys
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import asyncpg
import pytest
import typer
from typer.testing import CliRunner

from services.cli.embedded.datadir import DataDir
from services.cli.importing.client import IntakeClient, Outcome, http_client
from services.cli.importing.command import import_file
from services.cli.importing.errors import ImportProblem, Interrupted
from services.cli.importing.target import open_intake
from services.cli.supervisor import Supervisor
from services.cli.target import NoTarget
from services.intake.api import Api
from services.intake.keys import create_key
from services.intake.registry import Registry
from services.intake.sites import create_site
from services.intake.submission import MAX_BODY_BYTES
from services.intake.transaction import transaction
from shared.access import ApiKeys
from shared.clock import SystemClock
from shared.events.content import Photo, ReviewDetails, VotesBefore
from shared.events.settings import SiteSettings
from shared.http.app import create_app
from shared.http.server import bind, serve
from shared.postgres.pool import create_pool
from shared.service import Health
from tests.intake_world import SteppingClock
from tests.parts import Database

COMMAND = "import typer; from services.cli.importing.command import import_file; typer.run(import_file)"
PROJECT = Path(__file__).parents[2]


@dataclass
class Shop:
    """Intake with the site `shop`, and a folder to import from."""

    url: str
    token: str
    pool: asyncpg.Pool[asyncpg.Record]
    folder: Path

    async def begin(self, *arguments: str) -> asyncio.subprocess.Process:
        """In a process of its own, which can be interrupted and killed."""
        command = [sys.executable, "-c", COMMAND, *arguments, "--site=shop"]
        environment = os.environ | self.environment | {"PYTHONPATH": str(PROJECT)}
        pipe = asyncio.subprocess.PIPE
        return await asyncio.create_subprocess_exec(
            *command, cwd=self.folder, env=environment, stdout=pipe, stderr=pipe
        )

    async def run(self, name: str, *options: str, **environment: str | None) -> tuple[int, str, str]:
        """Exit code, stdout and stderr."""
        app = typer.Typer()
        app.command()(import_file)
        arguments = [str(self.folder / name), "--site=shop", *options]
        result = await asyncio.to_thread(CliRunner().invoke, app, arguments, env=self.environment | environment)
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        return result.exit_code, result.stdout, result.stderr

    @property
    def environment(self) -> dict[str, str]:
        return {"PLAUDIT_INTAKE_URL": self.url, "PLAUDIT_API_KEY": self.token}

    async def rows(self) -> list[tuple[str, str, int, int]]:
        found = await self.pool.fetch(
            "select source, source_id, revision, (event #>> '{content,rating}')::int as rating "
            "from intake.reviews order by source, length(source_id), source_id"
        )
        return [(row["source"], row["source_id"], row["revision"], row["rating"]) for row in found]

    async def has(self, least: int) -> None:
        async with asyncio.timeout(30):
            # Rows of another process's doing; there is no event to wait for.
            while await self.pool.fetchval("select count(*) from intake.reviews") < least:
                await asyncio.sleep(0.02)

    def write(self, name: str, rows: Sequence[Sequence[object]]) -> None:
        with (self.folder / name).open("w", newline="") as file:
            csv.writer(file).writerows(rows)

    def report(self, name: str) -> list[dict[str, object]]:
        return [json.loads(line) for line in (self.folder / f"{name}.refused.ndjson").read_text().splitlines()]


@pytest.fixture
async def shop(database: Database, tmp_path: Path) -> AsyncIterator[Shop]:
    clock = SystemClock()
    async with await create_pool(database.role("intake"), application_name="test") as pool:
        async with transaction(pool) as connection:
            await create_site(connection, clock, "shop", "Shop", SiteSettings(), by="test")
            token = (await create_key(connection, "shop", ["submit"], "import", clock.now())).token
        registry = Registry(clock, random.SystemRandom())
        app = create_app("intake", Api(pool, ApiKeys(pool), registry).routes(), Health())
        listener = bind("127.0.0.1", 0)
        stop = asyncio.Event()
        serving = asyncio.create_task(serve(app, listener, stop, 1))
        try:
            yield Shop(f"http://127.0.0.1:{listener.getsockname()[1]}", token, pool, tmp_path)
        finally:
            stop.set()
            await serving


HEADER = ["rating", "title", "review", "author", "product id", "user id"]


async def test_a_file_goes_in_once_and_again_without_effect(shop: Shop) -> None:
    shop.write("a.csv", [HEADER, *([n % 5 + 1, "", f"Text {n}", "Jo", f"p{n % 7}", f"u{n}"] for n in range(1_203))])

    code, out, err = await shop.run("a.csv")
    assert (code, err) == (0, "")
    assert "rating       column rating" in out
    assert "accepted 1,203: 1,203 created, 0 edited, 0 unchanged" in out
    before = await shop.rows()
    assert before == [("a", str(n + 1), 1, n % 5 + 1) for n in range(1_203)]
    assert {path.name for path in shop.folder.iterdir()} == {"a.csv"}

    code, out, _ = await shop.run("a.csv")
    assert code == 0
    assert "0 created, 0 edited, 1,203 unchanged" in out
    assert await shop.rows() == before
    channels = await shop.pool.fetch("select distinct event ->> 'channel' as channel from intake.reviews")
    assert [row["channel"] for row in channels] == ["import"]


async def test_refused_rows_are_reported_with_reasons_from_both_sides(shop: Shop) -> None:
    shop.write(
        "b.csv",
        [
            HEADER,
            [5, "", "fine", "", "p1", "u1"],
            ["5/5", "", "not a rating", "", "p1", "u2"],
            [4, "", "second of u1 on p1", "", "p1", "u1"],
            [4, "", "too few"],
            [3, "", "x" * 10_001, "", "p2", "u3"],
            [2, "", "fine too", "", "p2", "u1"],
        ],
    )
    code, out, err = await shop.run("b.csv")
    assert (code, err) == (3, "")
    assert "accepted 2" in out
    assert "refused 4" in out
    assert "1 × VALIDATION_ERROR rating" in out
    report = shop.report("b.csv")
    assert [(line["row"], line["line"], line["code"], line["field"]) for line in report] == [
        (2, 3, "VALIDATION_ERROR", "rating"),
        (3, 4, "ALREADY_REVIEWED", None),
        (4, 5, "BAD_REQUEST", None),
        (5, 6, "VALIDATION_ERROR", "text"),
    ]
    assert "not a rating" not in json.dumps(report)

    code, _, _ = await shop.run("b.csv", "--report-content")
    assert code == 3
    assert [line["content"]["review"] for line in shop.report("b.csv") if "content" in line] == [  # type: ignore[index]  # JSON
        "not a rating",
        "second of u1 on p1",
        "x" * 10_001,
    ]


async def test_of_two_rows_with_one_identity_the_first_wins_whatever_is_in_flight(shop: Shop) -> None:
    rows = [[n % 5 + 1, "", f"Text {n}", "", "p", f"u{n % 40}"] for n in range(400)]
    shop.write("c.csv", [HEADER, *rows])
    code, _, _ = await shop.run("c.csv", "--batch=7", "--in-flight=8")
    assert code == 3
    assert await shop.rows() == [("c", str(n + 1), 1, n % 5 + 1) for n in range(40)]
    assert [line["row"] for line in shop.report("c.csv")] == list(range(41, 401))


async def test_a_mapping_ndjson_and_a_dry_run(shop: Shop) -> None:
    (shop.folder / "m.yaml").write_text(
        "source: old\nsource_id: id\nfields: {rating: stars, text: body.text}\nskip_when_empty: [text]\n"
    )
    lines = [{"id": n, "stars": 4.0, "body": {"text": "Good" if n else ""}} for n in range(3)]
    (shop.folder / "d.jsonl").write_text("\n".join(json.dumps(line) for line in lines))
    code, out, _ = await shop.run("d.jsonl", f"--map={shop.folder}/m.yaml", "--dry-run")
    assert code == 0
    assert '"source_id": "1"' in out
    assert "dry run: 2 can be sent, 0 are refused, 1 are left out" in out
    assert await shop.rows() == []

    code, out, _ = await shop.run("d.jsonl", f"--map={shop.folder}/m.yaml")
    assert code == 0
    assert "refused 0, left out 1" in out
    assert await shop.rows() == [("old", "1", 1, 4), ("old", "2", 1, 4)]


async def test_details_of_a_mapping_arrive_and_wrong_ones_are_refused(shop: Shop) -> None:
    (shop.folder / "m.yaml").write_text(
        "source: old\nfields: {rating: Stars, text: Text}\ndetails:\n  is_recommended: Rec\n"
        "  context_data: {Age: {column: Age, bands: [18, 25]}}\n  votes_before: {positive: Up}\n  photos: Photos\n"
    )
    header = ["Stars", "Text", "Rec", "Age", "Up", "Photos"]
    good = [4, "Fine", 1, 24, 7, "https://a.example/1.jpg https://a.example/2.jpg"]
    rows = [good, [5, "Good", "", "", "", ""], [5, "", "maybe", "", "", ""], [5, "", "", "", "", "1.jpg"]]
    shop.write("k.csv", [header, *rows])
    for options in (["--dry-run", f"--report={shop.folder}/k.csv.refused.ndjson"], []):
        code, out, _ = await shop.run("k.csv", f"--map={shop.folder}/m.yaml", *options)
        assert code == 3
        assert "column Age, in bands under18, 18to24, 25plus" in out
        assert [(line["row"], line["field"]) for line in shop.report("k.csv")] == [
            (3, "details.is_recommended"),
            (4, "details.photos.0.url"),
        ]

    shop.write("k.csv", [header, [*good[:4], 8, good[5]], rows[1]])
    code, out, _ = await shop.run("k.csv", f"--map={shop.folder}/m.yaml")
    assert (code, "0 created, 1 edited, 1 unchanged" in out) == (0, True)
    events = await shop.pool.fetch(
        "select event -> 'content' ->> 'details' as details from intake.reviews order by source_id"
    )
    first, second = (row["details"] for row in events)
    assert ReviewDetails.model_validate_json(first) == ReviewDetails(
        is_recommended=True,
        context_data={"Age": "18to24"},
        votes_before=VotesBefore(positive=8),
        photos=(Photo(id="1", url="https://a.example/1.jpg"), Photo(id="2", url="https://a.example/2.jpg")),
    )
    assert second is None


async def test_a_dry_run_knows_how_large_a_row_may_be(shop: Shop) -> None:
    line = {"rating": 5, "other": "x" * MAX_BODY_BYTES}
    (shop.folder / "l.jsonl").write_text(json.dumps(line) + '\n{"rating": 5}\n')
    report = f"--report={shop.folder}/l.jsonl.refused.ndjson"
    told = []
    for options in (["--dry-run", report], [report]):
        code, _, _ = await shop.run("l.jsonl", *options)
        assert code == 3
        told.append([(line["row"], line["code"]) for line in shop.report("l.jsonl")])
    assert told == [[(1, "PAYLOAD_TOO_LARGE")]] * 2


async def test_ctrl_c_stops_cleanly_and_the_next_run_goes_on(shop: Shop) -> None:
    count = 15_000
    shop.write(
        "e.csv", [HEADER, *(["9" if n % 1000 == 7 else 5, "", f"T {n}", "", "p", f"u{n}"] for n in range(count))]
    )
    process = await shop.begin("e.csv")
    await shop.has(2_000)
    process.send_signal(signal.SIGINT)
    _, err = await asyncio.wait_for(process.communicate(), 30)
    assert process.returncode == 1
    assert b"the same command goes on from there" in err
    state = json.loads((shop.folder / "e.csv.shop.import.json").read_text())
    assert 0 < state["rows"] < count
    # Nothing is in of which the state does not know: what was on its way was waited for.
    assert await shop.pool.fetchval("select count(*) from intake.reviews") == state["totals"]["created"]

    code, out, _ = await shop.run("e.csv")
    assert code == 3
    assert f"going on after row {state['rows']:,}" in out
    assert f"accepted {count - 15:,}: {count - 15:,} created, 0 edited, 0 unchanged" in out
    assert [line["row"] for line in shop.report("e.csv")] == [n * 1000 + 8 for n in range(15)]


async def test_after_a_kill_everything_is_in_once(shop: Shop) -> None:
    count = 8_000
    shop.write("f.csv", [HEADER, *(["x" if n % 100 == 7 else 5, "", f"T {n}", "", "p", f"u{n}"] for n in range(count))])
    for least in (1_000, 3_000, 5_000):
        process = await shop.begin("f.csv")
        await shop.has(least)
        process.kill()
        await process.communicate()
    code, out, _ = await shop.run("f.csv")
    assert code == 3
    assert f"accepted {count - 80:,}" in out
    assert len(await shop.rows()) == count - 80
    assert [line["row"] for line in shop.report("f.csv")] == [n * 100 + 8 for n in range(80)]
    assert await shop.pool.fetchval("select count(*) from intake.reviews where revision > 1") == 0


async def test_what_cannot_work_is_told_before_or_instead_of_sending(shop: Shop) -> None:
    shop.write("g.csv", [["rating"], [5]])
    for arguments, expected in (
        (["g.csv", "--key=plk_000000000000_" + "x" * 43], "--key"),
        (["g.csv", "--delimiter=;;"], "--delimiter"),
        (["g.csv", "--encoding=klingon"], "there is no encoding klingon"),
        (["g.csv", f"--state={shop.folder}/missing/s"], "--state"),
        (["g.csv", "--intake=ftp://x"], "http://127.0.0.1"),
        (["g.csv", "--intake=http://127.0.0.1:9", "--give-up-after=0.3"], "could not be reached"),
    ):
        code, _, err = await shop.run(*arguments)
        assert (code, expected in err) == (1, True), err
    assert await shop.rows() == []


async def test_a_state_of_a_system_that_is_gone_is_not_believed(shop: Shop) -> None:
    shop.write("h.csv", [["rating"], *([5] for _ in range(20_000))])
    process = await shop.begin("h.csv")
    await shop.has(1_000)
    process.send_signal(signal.SIGTERM)
    await process.communicate()
    await shop.pool.execute("delete from intake.reviews")
    code, _, err = await shop.run("h.csv")
    assert code == 1
    assert "another system" in err
    assert "--restart" in err


async def test_without_a_key_the_running_system_makes_one_for_the_time_being(
    shop: Shop, database: Database, tmp_path: Path
) -> None:
    shop.write("i.csv", [["rating"], [5]])
    nowhere = {"PLAUDIT_INTAKE_URL": None, "PLAUDIT_API_KEY": None}
    place = f"--data-dir={tmp_path}/data"
    with pytest.raises(NoTarget, match="--intake"):
        async with open_intake(None, None, "shop", tmp_path / "data", SystemClock()):
            pass
    async with Supervisor(DataDir(tmp_path / "data")) as supervisor:
        supervisor.announce("intake", shop.url)
        supervisor.announce("postgres", database.dsn)
        code, out, err = await shop.run("i.csv", place, **nowhere)
        assert (code, "accepted 1" in out, err) == (0, True, "")
        keys = await shop.pool.fetch(
            "select label, scopes, revoked_at from access.api_keys where label like 'import %'"
        )
        assert [(key["label"], key["scopes"]) for key in keys] == [("import into shop", ["submit"])]
        assert keys[0]["revoked_at"] is not None

        code, _, err = await shop.run("i.csv", place, "--intake=http://127.0.0.1:9", **nowhere)
        assert (code, "--intake needs a key" in err) == (1, True)


# The client against servers that do what servers do.


def ok(count: int, start: int = 1) -> bytes:
    return b"".join(
        b'{"line":%d,"outcome":"created","review_id":%d}\n' % (n, n + 100) for n in range(start, start + count)
    )


def response(body: bytes, status: str = "200 OK", length: int | None = None, headers: str = "") -> bytes:
    size = len(body) if length is None else length
    return f"HTTP/1.1 {status}\r\ncontent-length: {size}\r\n{headers}\r\n".encode() + body


@asynccontextmanager
async def server(*answers: bytes | None) -> AsyncIterator[tuple[str, list[list[int]]]]:
    """Answers request after request with `answers`; None closes the connection. Yields its address and what it got."""
    left = list(answers)
    got: list[list[int]] = []

    async def serve_one(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
                length = int(head.partition("content-length: ")[2].partition("\r\n")[0])
                got.append([json.loads(line) for line in (await reader.readexactly(length)).split(b"\n")])
                answer = left.pop(0)
                if answer is None:
                    break
                writer.write(answer)
                await writer.drain()
                head_, _, body = answer.partition(b"\r\n\r\n")
                if b"content-length: %d\r" % len(body) not in head_ + b"\r":
                    break
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    listening = await asyncio.start_server(serve_one, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}", got
    finally:
        listening.close()
        await listening.wait_closed()


async def send(url: str, count: int = 3, clock: SystemClock | SteppingClock | None = None) -> list[Outcome]:
    async with http_client(url, "token", 2) as http:
        client = IntakeClient(http, "shop", clock or SteppingClock(), asyncio.Event())
        return await client.send([b"%d" % n for n in range(1, count + 1)])


@pytest.mark.parametrize(
    ("first", "second_request"),
    [
        (None, [1, 2, 3]),
        (response(b"", "500 Internal Server Error"), [1, 2, 3]),
        (response(b"", "503 Service Unavailable", headers="retry-after: 1\r\n"), [1, 2, 3]),
        (response(ok(1), length=500), [2, 3]),
        (response(ok(2) + b'{"line":3,"outc'), [3]),
        (response(ok(2)), [3]),
        (
            response(
                ok(1)
                + b'{"line":2,"outcome":"refused","error":{"code":"SERVICE_UNAVAILABLE","message":"away"}}\n'
                + b'{"line":3,"outcome":"refused","error":{"code":"SERVICE_UNAVAILABLE","message":"away"}}\n'
            ),
            [2, 3],
        ),
    ],
)
async def test_lines_without_an_answer_are_sent_again_and_no_others(
    first: bytes | None, second_request: list[int]
) -> None:
    async with server(first, response(ok(len(second_request)))) as (url, got):
        outcomes = await send(url)
    assert got == [[1, 2, 3], second_request]
    assert [outcome.outcome for outcome in outcomes] == ["created"] * 3


async def test_retry_after_is_honoured() -> None:
    clock = SteppingClock()
    begun = clock.monotonic()
    async with server(response(b"", "429 Too Many Requests", headers="retry-after: 42\r\n"), response(ok(3))) as (
        url,
        _,
    ):
        await send(url, clock=clock)
    assert 42 <= clock.monotonic() - begun < 45


async def test_refusals_come_back_with_their_reasons() -> None:
    body = ok(1) + b'{"line":2,"outcome":"refused","error":{"code":"STALE","field":"f","message":"m"}}\n' + ok(1, 3)
    async with server(response(body)) as (url, _):
        assert (await send(url))[1] == Outcome("refused", None, "STALE", "f", "m")


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (response(b'{"error":{"message":"no such key"}}', "401 Unauthorized"), r"\(401\): no such key; give a key"),
        (response(b"<html>", "404 Not Found"), "is the site there"),
        (response(b'{"line":2,"outcome":"created"}\n'), "is --intake the address of intake"),
        (response(b"[]\n"), "is --intake the address of intake"),
    ],
)
async def test_what_trying_again_does_not_cure_ends_it(answer: bytes, message: str) -> None:
    async with server(answer) as (url, got):
        with pytest.raises(ImportProblem, match=message):
            await send(url)
    assert len(got) == 1


async def test_it_gives_up_after_a_while() -> None:
    clock = SteppingClock()
    with pytest.raises(ImportProblem, match="could not be reached for 120 s"):
        await send("http://127.0.0.1:9", clock=clock)


async def test_waiting_ends_when_the_import_is_stopped() -> None:
    stop = asyncio.Event()
    async with http_client("http://127.0.0.1:9", "token", 2) as http:
        client = IntakeClient(http, "shop", SystemClock(), stop)
        sending = asyncio.create_task(client.send([b"1"]))
        while client.waiting_for is None:
            await asyncio.sleep(0.01)
        begun = time.monotonic()
        stop.set()
        with pytest.raises(Interrupted):
            await sending
    assert time.monotonic() - begun < 1
