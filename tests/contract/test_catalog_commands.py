"""`plaudit catalog`, `vocabulary` and `passkey` against intake's real HTTP API on a real Postgres."""

from __future__ import annotations

import asyncio
import csv
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson
import pytest
from typer.testing import CliRunner, Result

from services.cli.app import app
from services.cli.scoped import Refused
from shared.pass_keys import PASS_KEY
from tests.intake_http import ApiWorld, api_world
from tests.parts import Database

EXAMPLES = Path(__file__).parents[2] / "docs/examples"
CLOTHING = ["Clothing ID", "Division Name", "Department Name", "Class Name"]


@dataclass
class Shop:
    world: ApiWorld
    dsn: str
    folder: Path

    async def run(self, *arguments: str, key: str = "admin") -> Result:
        environment = {
            "PLAUDIT_INTAKE_URL": str(self.world.http.base_url),
            "PLAUDIT_API_KEY": self.world.tokens[key],
            "PLAUDIT_POSTGRES": self.dsn,
        }
        result = await asyncio.to_thread(CliRunner().invoke, app, list(arguments), env=environment)
        if result.exception is not None and not isinstance(result.exception, SystemExit | Refused):
            raise result.exception
        return result

    async def load(self, file: str, *options: str) -> Result:
        return await self.run("catalog", "import", str(self.folder / file), "--site=books", *options, key="submit")

    def write(self, name: str, rows: Sequence[Sequence[object]]) -> None:
        with (self.folder / name).open("w", newline="") as file:
            csv.writer(file).writerows(rows)

    async def catalog(self) -> dict[str, Any]:
        rows = await self.world.intake.pool.fetch(
            "select kind, entry_id, event -> kind as entry from intake.catalog where not removed order by 1, 2"
        )
        return {f"{row['kind']} {row['entry_id']}": orjson.loads(row["entry"]) for row in rows}

    def report(self, name: str) -> list[dict[str, Any]]:
        return [orjson.loads(line) for line in (self.folder / name).read_bytes().splitlines()]


@pytest.fixture
async def shop(module_database: Database, tmp_path: Path) -> AsyncIterator[Shop]:
    async with api_world(module_database) as world:
        yield Shop(world, module_database.dsn, tmp_path)


async def test_the_clothing_table_becomes_products_and_a_tree(shop: Shop) -> None:
    rows = [
        ["767", "Initmates", "Intimate", "Intimates"],
        ["1080", "General Petite", "Dresses", "Dresses"],
        ["1080", "General", "Dresses", "Dresses"],
        ["1080", "General", "Dresses", "Dresses"],
        ["492", "", "", ""],
    ]
    shop.write("clothing.csv", [CLOTHING, *rows])
    options = ("--map", str(EXAMPLES / "womens-clothing-catalog.yaml"))

    dry = await shop.load("clothing.csv", *options, "--dry-run")
    assert dry.exit_code == 0
    assert "dry run: 12 can be sent, 0 are refused, 2 are repeated" in dry.output
    assert await shop.catalog() == {}

    first = await shop.load("clothing.csv", *options)
    assert first.exit_code == 0, first.output
    assert "accepted 12: 12 created" in first.output
    catalog = await shop.catalog()
    assert list(catalog) == [
        "category General", "category General Petite", "category General Petite/Dresses",
        "category General Petite/Dresses/Dresses", "category General/Dresses", "category General/Dresses/Dresses",
        "category Initmates", "category Initmates/Intimate", "category Initmates/Intimate/Intimates",
        "product 1080", "product 492", "product 767",
    ]  # fmt: skip
    assert catalog["product 1080"]["category_id"] == "General/Dresses/Dresses"
    assert catalog["product 1080"]["name"] == "Dresses 1080"
    assert catalog["product 492"]["category_id"] is None
    assert catalog["category General/Dresses/Dresses"]["parent_id"] == "General/Dresses"

    again = await shop.load("clothing.csv", *options)
    assert again.exit_code == 0
    assert "12 unchanged" in again.output
    assert await shop.world.intake.count("intake.outbox") == 12


async def test_lines_that_are_refused_are_listed_and_the_rest_is_in(shop: Shop) -> None:
    lines = [
        {"kind": "product", "id": "p1"},
        {"kind": "product", "id": "p2", "image_url": "nowhere"},
        {"kind": "brand", "id": "b"},
        {"kind": "shoe", "id": "p3"},
    ]
    (shop.folder / "catalog.ndjson").write_bytes(b"\n".join([*map(orjson.dumps, lines), b"{"]))
    dry = await shop.load("catalog.ndjson", "--dry-run")
    assert dry.exit_code == 3
    assert "2 can be sent, 3 are refused" in dry.output
    result = await shop.load("catalog.ndjson")
    assert result.exit_code == 3, result.output
    assert list(await shop.catalog()) == ["brand b", "product p1"]
    refused = shop.report("catalog.ndjson.catalog-refused.ndjson")
    assert [(one["row"], one["line"], one["code"], one["field"]) for one in refused] == [
        (2, 2, "VALIDATION_ERROR", "image_url"),
        (4, 4, "VALIDATION_ERROR", "kind"),
        (5, 5, "BAD_REQUEST", None),
    ]
    (shop.folder / "catalog.ndjson").write_bytes(b'{"kind": "brand", "id": "b", "removed": true}')
    assert "1 removed" in (await shop.load("catalog.ndjson")).output
    assert list(await shop.catalog()) == ["product p1"]


async def test_what_cannot_be_begun_ends_with_1(shop: Shop) -> None:
    shop.write("a.csv", [["id"], ["1"]])
    for options, message in (
        ((), "say with --map"),
        (("--map", str(EXAMPLES / "womens-clothing-catalog.yaml")), "has no column `Clothing ID`"),
    ):
        result = await shop.load("a.csv", *options)
        assert result.exit_code == 1
        assert message in result.stderr
    (shop.folder / "b.ndjson").write_bytes(b'{"kind": "brand", "id": "b"}')
    result = await shop.run("catalog", "import", str(shop.folder / "b.ndjson"), "--site=films", key="submit")
    assert result.exit_code == 1
    assert "with the scope submit" in result.stderr
    assert await shop.catalog() == {}


async def test_a_large_catalog_is_loaded_in_a_few_requests(shop: Shop) -> None:
    shop.write("big.csv", [["sku", "area"], *([f"p{n}", f"Area {n % 7}"] for n in range(1_500))])
    (shop.folder / "map.yaml").write_text("fields: {id: sku}\ncategories: [area]\n")
    result = await shop.load("big.csv", "--map", str(shop.folder / "map.yaml"), "--batch=400")
    assert result.exit_code == 0, result.output
    assert "accepted 1,507: 1,507 created" in result.output
    assert len(await shop.catalog()) == 1_507


async def test_an_entry_is_shown_and_removed(shop: Shop) -> None:
    await shop.world.http.put("/v1/sites/books/catalog/categories/a/b%20c", json={"name": "B"})
    shown = await shop.run("catalog", "show", "category", "a/b c", "--site=books")
    assert orjson.loads(shown.stdout)["name"] == "B"
    for message in ("is removed", "was not there"):
        removed = await shop.run("catalog", "remove", "category", "a/b c", "--site=books")
        assert (removed.exit_code, message in removed.stdout) == (0, True)
    gone = await shop.run("catalog", "show", "category", "a/b c", "--site=books")
    assert (gone.exit_code, "has no category" in gone.stdout) == (1, True)


async def test_the_example_vocabulary_is_set_shown_and_removed(shop: Shop) -> None:
    example = str(EXAMPLES / "womens-clothing-vocabulary.yaml")
    for outcome in ("created", "unchanged"):
        result = await shop.run("vocabulary", "set", "books", "default", example)
        assert (result.exit_code, outcome in result.stdout) == (0, True), result.output
    (shop.folder / "fr.yaml").write_text("secondary_ratings:\n  - {id: Fit, range: 3, value_labels: {1: Petit}}\n")
    assert (await shop.run("vocabulary", "set", "books", "fr-FR", str(shop.folder / "fr.yaml"))).exit_code == 0
    assert (await shop.run("vocabulary", "show", "books")).stdout.split() == ["default", "fr_FR"]
    shown = orjson.loads((await shop.run("vocabulary", "show", "books", "default")).stdout)
    assert list(shown["context_data"][0]["value_labels"]) == [
        "under18", "18to24", "25to34", "35to44", "45to54", "55to64", "65plus",
    ]  # fmt: skip
    french = orjson.loads((await shop.run("vocabulary", "show", "books", "fr_FR")).stdout)
    assert french["secondary_ratings"][0]["value_labels"] == {"1": "Petit"}
    assert "is removed" in (await shop.run("vocabulary", "remove", "books", "fr_FR")).stdout
    assert (await shop.run("vocabulary", "show", "books", "fr_FR")).exit_code == 1


async def test_a_vocabulary_with_a_slip_is_refused(shop: Shop) -> None:
    file = shop.folder / "v.yaml"
    for text, message in (
        ("- a", "must be a mapping"),
        ("contextdata: []", "`contextdata` is not known"),
        ("tags: [", "line 1: not YAML"),
        ("tags: [{id: a b}]", "is no id"),
    ):
        file.write_text(text)
        result = await shop.run("vocabulary", "set", "books", "en", str(file))
        assert result.exit_code != 0
        assert message in " ".join(result.stderr.replace("│", " ").split()), text
    denied = await shop.run("vocabulary", "show", "books", "en", key="submit")
    assert (denied.exit_code, "scope read" in denied.stderr) == (1, True)


async def test_pass_keys_are_created_listed_and_revoked(shop: Shop) -> None:
    made = await shop.run("passkey", "create", "books", "--label=web", "--per-minute=60", "--locale=en_GB")
    assert made.exit_code == 0, made.output
    key = made.stdout.strip()
    assert PASS_KEY.fullmatch(key)
    theirs = "caOld7K3y0fAnotherSystem99ABCD"
    assert (await shop.run("passkey", "create", "films", "--label=app", "--pass-key", theirs)).stdout.strip() == theirs
    row = await shop.world.intake.pool.fetchrow("select * from access.pass_keys where site = 'books'")
    assert row is not None
    assert (row["hint"], row["per_minute"], row["locale"]) == (key[:8], 60, "en_GB")
    listed = (await shop.run("passkey", "list")).stdout
    assert key[:8] in listed
    assert theirs not in listed
    assert "is revoked" in (await shop.run("passkey", "revoke", key)).stdout
    again = await shop.run("passkey", "revoke", "nosuchkey")
    assert isinstance(again.exception, Refused)
    for arguments in (["books"], ["books", "--label=x", "--locale=English"], ["nowhere", "--label=x"]):
        assert (await shop.run("passkey", "create", *arguments)).exit_code != 0
