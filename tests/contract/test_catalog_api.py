"""Catalog and vocabularies over HTTP, and on ingest topics."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import orjson
import pytest

from services.intake import batch
from services.intake.catalog import Key, read
from services.intake.ingest import Ingest
from services.intake.sites import map_ingest_topic
from services.intake.submission import MAX_BODY_BYTES
from services.intake.transaction import transaction
from shared.events.models import CatalogEntryRemoved, ProductUpdated, VocabularyUpdated
from tests.intake_http import ApiWorld, api_world, assert_route_asks_for, code
from tests.intake_world import ingest_record
from tests.parts import Database

CATALOG = "/v1/sites/books/catalog"
VOCABULARIES = "/v1/sites/books/vocabularies"


@pytest.fixture
async def world(module_database: Database) -> AsyncIterator[ApiWorld]:
    async with api_world(module_database) as made:
        yield made


async def test_a_product_is_put_read_and_removed(world: ApiWorld) -> None:
    path = f"{CATALOG}/products/1095"
    product = {"name": "Dress", "category_id": "General/Dresses", "eans": ["4006381333931"]}
    answers = [await world.http.put(path, json=body) for body in (product, product, product | {"active": False})]
    assert [(one.status_code, one.json()) for one in answers] == [
        (201, {"kind": "product", "id": "1095", "outcome": "created"}),
        (200, {"kind": "product", "id": "1095", "outcome": "unchanged"}),
        (200, {"kind": "product", "id": "1095", "outcome": "updated"}),
    ]
    found = (await world.http.get(path)).json()
    assert {name: found[name] for name in ("kind", "id", "name", "category_id", "eans", "active")} == {
        "kind": "product", "id": "1095", "name": "Dress", "category_id": "General/Dresses",
        "eans": ["4006381333931"], "active": False,
    }  # fmt: skip
    # What was read can be put again as it is.
    assert (await world.http.put(path, json=found)).json()["outcome"] == "unchanged"
    for outcome in ("removed", "unchanged"):
        gone = await world.http.delete(path)
        assert (gone.status_code, gone.json()["outcome"]) == (200, outcome)
    assert code(await world.http.get(path)) == (404, "NOT_FOUND")
    assert [type(event) for event in await world.intake.events()] == [
        ProductUpdated,
        ProductUpdated,
        CatalogEntryRemoved,
    ]


@pytest.mark.parametrize(
    ("address", "entry_id"),
    [("a/b/c", "a/b/c"), ("a%2Fb", "a/b"), ("%C3%A9%20x", "é x"), ("a/", "a/"), ("batch", "batch"), ("x%2520", "x%20")],
)
async def test_ids_may_hold_what_paths_do(world: ApiWorld, address: str, entry_id: str) -> None:
    for collection in ("products", "categories", "brands"):
        put = await world.http.put(f"{CATALOG}/{collection}/{address}", json={})
        assert (put.status_code, put.json()["id"]) == (201, entry_id)
        assert (await world.http.get(f"{CATALOG}/{collection}/{address}")).json()["id"] == entry_id


async def test_what_is_no_id_is_refused(world: ApiWorld) -> None:
    for address in ("%20", "a%09b", "%00", "x" * 256, "a%FF", "%ED%A0%80"):
        path = f"{CATALOG}/brands/{address}"
        assert code(await world.http.put(path, json={})) == (422, "VALIDATION_ERROR")
        assert code(await world.http.delete(path)) == (422, "VALIDATION_ERROR")
        assert code(await world.http.get(path)) == (404, "NOT_FOUND")
    assert (await world.http.put(f"{CATALOG}/shops/x", json={})).status_code == 404


async def test_errors_name_the_field(world: ApiWorld) -> None:
    answer = await world.http.put(f"{CATALOG}/categories/a", json={"parent_id": "a"})
    assert code(answer) == (422, "VALIDATION_ERROR")
    assert answer.json()["error"]["field"] == "parent_id"
    answer = await world.http.put(f"{CATALOG}/products/a", json={"image_url": "geheim", "name": 5})
    assert [one["field"] for one in answer.json()["error"]["errors"]] == ["name", "image_url"]
    assert "geheim" not in answer.text


async def test_a_repeated_request_has_one_effect(world: ApiWorld) -> None:
    headers = {"idempotency-key": "k1"}
    answers = [await world.http.put(f"{CATALOG}/brands/acme", json={}, headers=headers) for _ in range(2)]
    assert [(one.status_code, one.json()["outcome"]) for one in answers] == [(201, "created")] * 2
    other = await world.http.put(f"{CATALOG}/brands/other", json={}, headers=headers)
    assert code(other)[1] == "IDEMPOTENCY_KEY_REUSED"


@pytest.mark.parametrize(
    ("method", "path", "scopes"),
    [
        ("PUT", f"{CATALOG}/products/5", {"submit"}),
        ("GET", f"{CATALOG}/products/5", {"submit", "read"}),
        ("DELETE", f"{CATALOG}/products/5", {"submit"}),
        ("POST", f"{CATALOG}/batch", {"submit"}),
        ("GET", VOCABULARIES, {"read"}),
        ("PUT", f"{VOCABULARIES}/en", set()),
        ("GET", f"{VOCABULARIES}/en", {"read"}),
        ("DELETE", f"{VOCABULARIES}/en", set()),
    ],
)
async def test_every_route_asks_for_its_scope(world: ApiWorld, method: str, path: str, scopes: set[str]) -> None:
    await assert_route_asks_for(world, method, path, scopes)


async def post_batch(world: ApiWorld, content: Any) -> list[Any]:
    headers = {"content-type": "application/x-ndjson"}
    answer = await world.http.post(f"{CATALOG}/batch", content=content, headers=headers)
    assert answer.status_code == 200, answer.text
    return [orjson.loads(line) for line in answer.content.splitlines()]


async def test_a_batch_has_an_answer_per_line_in_order(world: ApiWorld) -> None:
    lines = [
        b'{"kind": "category", "id": "a", "name": "A"}',
        b'{"kind": "product", "id": "p1", "category_id": "a"}',
        b"{",
        b'{"kind": "shop", "id": "x"}',
        b'{"kind": "product", "id": "p1", "category_id": "a"}',
        b"",
        b'{"kind": "product", "name": "no id"}',
        b'{"kind": "product", "id": "p1", "removed": true}',
        b'{"kind": "brand", "id": "b", "name": "' + b"x" * MAX_BODY_BYTES + b'"}',
        b'{"kind": "category", "id": "c", "parent_id": "c"}',
        b'{"kind": "brand", "id": "b"}',
    ]
    results = await post_batch(world, b"\n".join(lines))
    told = [(one["line"], one["outcome"], one.get("id"), one.get("error", {}).get("field")) for one in results]
    assert told == [
        (1, "created", "a", None),
        (2, "created", "p1", None),
        (3, "refused", None, None),
        (4, "refused", None, "kind"),
        (5, "unchanged", "p1", None),
        (7, "refused", None, "id"),
        (8, "removed", "p1", None),
        (9, "refused", None, None),
        (10, "refused", None, "parent_id"),
        (11, "created", "b", None),
    ]
    assert results[7]["error"]["code"] == "PAYLOAD_TOO_LARGE"
    assert await world.intake.count("intake.outbox") == 4


async def test_a_batch_of_many_entries(world: ApiWorld) -> None:
    lines = [orjson.dumps({"kind": "product", "id": str(n), "name": f"Product {n}"}) for n in range(1_200)]
    for outcome in ("created", "unchanged"):
        results = await post_batch(world, b"\n".join(lines))
        assert [one["line"] for one in results] == list(range(1, 1_201))
        assert {one["outcome"] for one in results} == {outcome}
    assert await world.intake.count("intake.catalog") == 1_200


async def test_a_batch_has_an_end(world: ApiWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batch, "MAX_LINES", 2)
    results = await post_batch(world, b'{"kind": "brand", "id": "b"}\n' * 5)
    assert [one["outcome"] for one in results] == ["created", "unchanged", "refused"]
    assert results[-1]["error"]["code"] == "PAYLOAD_TOO_LARGE"


async def test_a_batch_refuses_what_it_cannot_keep(world: ApiWorld) -> None:
    ndjson = {"content-type": "application/x-ndjson"}
    key = await world.http.post(f"{CATALOG}/batch", content=b"{}", headers=ndjson | {"idempotency-key": "k"})
    assert code(key) == (400, "BAD_REQUEST")
    assert (await world.http.post(f"{CATALOG}/batch", json={})).status_code == 415


async def test_a_vocabulary_is_put_read_listed_and_removed(world: ApiWorld) -> None:
    path = f"{VOCABULARIES}/fr-FR"
    vocabulary = {"context_data": [{"id": "Age", "label": "Âge", "value_labels": {"25to34": "25 à 34"}}]}
    assert (await world.http.get(VOCABULARIES)).json() == {"locales": []}
    assert code(await world.http.get(path)) == (404, "NOT_FOUND")
    for status, outcome in ((201, "created"), (200, "unchanged")):
        put = await world.http.put(path, json=vocabulary)
        assert (put.status_code, put.json()) == (status, {"locale": "fr_FR", "outcome": outcome})
    found = (await world.http.get(f"{VOCABULARIES}/fr_FR")).json()
    assert (found["locale"], found["context_data"][0]["label"], found["tags"]) == ("fr_FR", "Âge", [])
    assert (await world.http.put(path, json=found)).json()["outcome"] == "unchanged"
    assert (await world.http.put(f"{VOCABULARIES}/*", json={})).json() == {"locale": "*", "outcome": "created"}
    assert (await world.http.get(VOCABULARIES)).json() == {"locales": ["*", "fr_FR"]}
    assert (await world.http.delete(path)).json()["outcome"] == "removed"
    assert (await world.http.delete(path)).json()["outcome"] == "unchanged"
    told = [event for event in await world.intake.events() if event.key.endswith(b"fr_FR")]
    assert [type(event) for event in told] == [VocabularyUpdated, CatalogEntryRemoved]
    assert [event.sequence for event in told] == [1, 2]


async def test_what_is_no_vocabulary_is_refused(world: ApiWorld) -> None:
    for method in ("GET", "PUT", "DELETE"):
        answer = await world.http.request(method, f"{VOCABULARIES}/english", json={})
        assert code(answer) == (422, "VALIDATION_ERROR")
        assert answer.json()["error"]["field"] == "locale"
    twice = await world.http.put(f"{VOCABULARIES}/en", json={"tags": [{"id": "Pro"}, {"id": "PRO"}]})
    assert twice.json()["error"]["field"] == "tags"


async def test_a_catalog_comes_on_ingest_topics_too(world: ApiWorld) -> None:
    async with transaction(world.intake.pool) as tx:
        await map_ingest_topic(tx, "from-shop", "books")
    ingest = Ingest(world.intake.registry, {"from-shop": "id-1"})
    bodies: list[Any] = [
        {"operation": "put_category", "id": "a", "name": "A"},
        {"operation": "put_product", "id": "p1", "category_id": "a", "site": "films"},
        {"operation": "put_product", "name": "no id"},
        {"operation": "put_product", "id": "p2", "image_url": "nowhere"},
        {"operation": "put_product", "id": "p3"},
        {"operation": "put_brand", "id": "b"},
        {"operation": "remove_product", "id": "p3"},
        {"operation": "remove_product"},
        {"operation": "put_category", "id": "a", "parent_id": "a"},
        {"operation": "remove_category", "id": "a"},
        {"operation": "remove_brand", "id": "b"},
        {"rating": 5, "entity_id": "p1"},
    ]
    records: list[Any] = [ingest_record(offset, body) for offset, body in enumerate(bodies)]
    await ingest.prepare(records)
    async with transaction(world.intake.pool) as tx:
        await ingest.process(tx, records)
    told = [(type(event).__name__, event.key) for event in await world.intake.events()]
    assert told[:-1] == [
        ("CategoryUpdated", b"books/category/a"),
        ("ProductUpdated", b"books/product/p1"),
        ("ProductUpdated", b"books/product/p3"),
        ("BrandUpdated", b"books/brand/b"),
        ("CatalogEntryRemoved", b"books/product/p3"),
        ("CatalogEntryRemoved", b"books/category/a"),
        ("CatalogEntryRemoved", b"books/brand/b"),
    ]
    assert told[-1][0] == "ReviewSubmitted"
    dead = await world.intake.pool.fetch(
        "select record_offset, reason_code, reason from intake.dead_letters order by record_offset"
    )
    assert [(row["record_offset"], row["reason_code"]) for row in dead] == [
        (offset, "VALIDATION_ERROR") for offset in (2, 3, 7, 8)
    ]
    async with transaction(world.intake.pool) as tx:
        assert await read(tx, "films", Key("product", "p1")) is None, "the topic says whose it is, never the record"
