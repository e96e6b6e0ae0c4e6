"""A review travels from another system to the public, or does not, through every service."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Any

import asyncpg
import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer

from services.cli.target import Target
from services.cli.topic_commands import create_topics
from services.intake.sites import map_ingest_topic
from services.projection.recount import differences
from shared.events.settings import SiteSettings
from shared.events.topics import TOPICS, ingest_topic
from tests.running import RunningSystem, Site, eventually, ndjson

FINE = "The seams are neat and the colour is exactly as shown."
# Texts of their own, for a copy of another review is held.
WARM = "Warm enough for a walk in the snow, and the pockets close."
HAT = "Sits well on a large head, though the brim bends in the wind."
SHOE = "My feet stayed dry all winter and the soles hardly show it."
SCARF = "Soft wool, long enough for two turns, and no itching at all."
FORM = "Arrived within three days, and the wrapping could be used again."
CAREFUL = "The drawers glide without a sound and the screws all fitted."
GLOVE = "Fits like the name says; even the thumb has room to move."
VAULT = "Cuts bread and tomatoes alike, and still sharp after a year."
KEYED = "The battery lasts from Monday until late on Thursday."
BATCH = "Dries overnight on a line and needs no ironing after that."
PROFANE = "What a fucking disgrace, the zip broke at once."
PHONE = "Nice shop, ring me at +1 415 555 2671 for more."


@pytest.fixture(scope="module")
async def shop(system: RunningSystem) -> Site:
    return await system.site("shop")


async def test_a_fine_review_becomes_public(shop: Site) -> None:
    accepted = await shop.submit(rating=5, title="Neat", text=FINE, entity_id="dress", author={"name": "Ann"})
    review = await shop.until_public(accepted["review_id"])
    assert review["content"] == FINE
    assert review["status"] == "approved"
    case = await shop.case(accepted["review_id"])
    assert [decision["decided_by"]["kind"] for decision in case["decisions"]] == ["policy"]
    assert case["decisions"][0]["policy"]["version"] >= 1


async def test_a_profane_review_is_rejected_and_says_why(shop: Site) -> None:
    accepted = await shop.submit(rating=1, text=PROFANE, entity_id="dress")
    case = await shop.until_decided(accepted["review_id"])
    assert case["status"] == "rejected"
    decision = case["decisions"][0]
    assert decision["codes"] == ["PRF"]
    signal = decision["signals"][0]
    assert PROFANE[signal["start"] : signal["end"]] == signal["matched"] == "fucking"
    assert accepted["review_id"] not in await shop.public_ids()


async def test_a_moderator_approves_what_the_policy_held(shop: Site) -> None:
    accepted = await shop.submit(rating=4, text=PHONE, entity_id="dress")
    review_id = accepted["review_id"]
    case = await shop.until_decided(review_id)
    assert case["status"] == "held"
    assert review_id not in await shop.public_ids()
    held = await shop.call("moderation", "GET", "/cases", params={"status": "held", "limit": 100})
    assert review_id in {one["review_id"] for one in held.json()["cases"]}
    wish = {"decision": "approve", "version": case["version"], "revision": 1, "note": "public shop number"}
    answer = await shop.call("moderation", "POST", f"/cases/{review_id}/decisions", json=wish)
    assert answer.status_code == 200, answer.text
    assert (await shop.until_public(review_id))["content"] == PHONE
    again = await shop.call("moderation", "POST", f"/cases/{review_id}/decisions", json=wish)
    assert again.status_code == 409


async def test_an_edit_leaves_the_old_revision_public_until_the_new_one_is_approved(shop: Site) -> None:
    accepted = await shop.submit(rating=5, text=WARM, entity_id="coat", author={"id": "a-7", "name": "Bo"})
    review_id = accepted["review_id"]
    await shop.until_public(review_id)
    edit = {"revision": 1, "rating": 4, "text": PHONE, "entity_id": "coat", "author": {"id": "a-7", "name": "Bo"}}
    answer = await shop.call("intake", "PUT", f"/reviews/{review_id}", json=edit)
    assert answer.status_code == 200, answer.text
    case = await shop.until_decided(review_id, revision=2)
    assert case["status"] == "held"
    assert (await shop.public(f"/reviews/{review_id}"))["content"] == WARM
    stale = await shop.call("intake", "PUT", f"/reviews/{review_id}", json=edit)
    assert stale.status_code == 409
    assert stale.json()["error"]["code"] == "REVISION_CONFLICT"
    wish = {"decision": "approve", "version": case["version"], "revision": 2}
    await shop.call("moderation", "POST", f"/cases/{review_id}/decisions", json=wish)

    async def edited() -> bool:
        return bool((await shop.public(f"/reviews/{review_id}"))["content"] == PHONE)

    await eventually(edited, 15, "the edit to be public")


async def test_a_withdrawal_hides_the_review_and_its_reply_for_ever(shop: Site) -> None:
    record = {"rating": 3, "text": HAT, "entity_id": "hat", "source": "erp", "source_id": "w-1"}
    review_id = (await shop.submit(**record))["review_id"]
    await shop.until_public(review_id)
    answer = await shop.call("intake", "PUT", f"/reviews/{review_id}/replies/0", json={"text": "Thank you!"})
    assert answer.status_code in {200, 201}, answer.text

    async def replied() -> bool:
        return "response" in await shop.public(f"/reviews/{review_id}")

    await eventually(replied, 15, "the reply to be public")
    for _ in range(2):
        assert (await shop.call("intake", "DELETE", f"/reviews/{review_id}")).status_code == 200
    await shop.until_gone(review_id)

    async def closed() -> bool:
        return bool((await shop.case(review_id))["status"] == "withdrawn")

    await eventually(closed, 15, "the case to be closed")
    again = await shop.call("intake", "POST", "/reviews", json=record)
    assert again.status_code == 410


async def test_sending_again_changes_nothing(shop: Site) -> None:
    record = {"rating": 5, "text": SHOE, "entity_id": "shoe", "source": "erp", "source_id": "s-1", "source_version": 2}
    first = await shop.submit(**record)
    assert (await shop.submit(**record)) | {"outcome": "created"} == first
    older = await shop.call("intake", "POST", "/reviews", json=record | {"source_version": 1, "rating": 1})
    assert older.json()["error"]["code"] == "STALE"
    key = {"Idempotency-Key": "order-17"}
    answers = [
        await shop.call("intake", "POST", "/reviews", json={"rating": 2, "text": KEYED}, headers=key) for _ in range(3)
    ]
    assert len({answer.text for answer in answers}) == 1
    other = await shop.call("intake", "POST", "/reviews", json={"rating": 3, "text": KEYED}, headers=key)
    assert other.status_code == 422


async def test_a_batch_answers_line_by_line(shop: Site) -> None:
    body = ndjson([{"rating": 4, "text": BATCH, "entity_id": "b"}, {"rating": 7, "text": BATCH}]) + b'\n{"rating": \n'
    headers = {"Content-Type": "application/x-ndjson"}
    answer = await shop.call("intake", "POST", "/reviews/batch", content=body, headers=headers)
    lines = [json.loads(line) for line in answer.text.splitlines()]
    assert [line["outcome"] for line in lines] == ["created", "refused", "refused"]
    assert lines[1]["error"]["field"] == "rating"


async def test_a_bad_request_names_field_and_cure(shop: Site) -> None:
    answer = await shop.call("intake", "POST", "/reviews", json={"rating": "five", "text": FINE})
    assert answer.status_code == 422
    assert answer.json()["error"]["field"] == "rating"
    assert (await shop.call("intake", "POST", "/reviews", content=b"{")).status_code in {400, 415}
    assert (
        await shop.system.client.get(f"{shop.system.addresses['intake']}/v1/sites/shop/settings")
    ).status_code == 401


@pytest.fixture(scope="module")
async def feed(system: RunningSystem, shop: Site) -> AsyncIterator[tuple[str, AIOKafkaProducer]]:
    topic = "feed-of-shop"
    target = Target(system.addresses)
    await create_topics(target, (ingest_topic(topic),))
    async with system.database() as connection:
        await map_ingest_topic(connection, topic, shop.site)
    producer = AIOKafkaProducer(bootstrap_servers=system.addresses["kafka"])
    await producer.start()
    yield topic, producer
    await producer.stop()


async def test_reviews_arrive_from_an_ingest_topic_and_bad_records_cost_nothing_else(
    system: RunningSystem, shop: Site, feed: tuple[str, AIOKafkaProducer]
) -> None:
    topic, producer = feed
    fine = {"rating": 4, "text": SCARF, "entity_id": "k", "source": "pos", "source_id": "1", "site": "elsewhere"}
    records = [b"not json", json.dumps(fine).encode(), b"\xff\xfe", json.dumps(fine | {"rating": 9}).encode(), None]
    for value in [*records, json.dumps(fine).encode()]:
        await producer.send_and_wait(topic, value, key=b"same", headers=[("odd", b"\xff")])

    async def arrived() -> bool:
        listed = await shop.public(productName="k")
        return [review["content"] for review in listed["data"]] == [SCARF]

    await eventually(arrived, 20, "the good record to be public, once")

    async def parked() -> bool:
        async with system.database() as connection:
            count = await connection.fetchval("select count(*) from intake.dead_letters where topic = $1", topic)
        return bool(count == 4)

    await eventually(parked, 20, "the four bad records to be dead letters")
    removal = {"operation": "withdraw", "source": "pos", "source_id": "1"}
    await producer.send_and_wait(topic, json.dumps(removal).encode())

    async def removed() -> bool:
        return bool((await shop.public(productName="k"))["meta"]["total"] == 0)

    await eventually(removed, 20, "the review to be withdrawn through the topic")


async def test_the_lynkow_form_is_moderated_like_everything_else(shop: Site) -> None:
    url = f"{shop.system.addresses['query']}/public/{shop.site}/reviews"
    form = {"authorName": "Cleo", "rating": 5, "content": FORM, "authorEmail": "cleo@example.com"}
    answer = await shop.system.client.post(url, json=form)
    assert answer.status_code == 201, answer.text
    review_id = answer.json()["id"] if "id" in answer.json() else answer.json()["data"]["id"]
    assert (await shop.until_public(review_id))["authorName"] == "Cleo"
    assert (await shop.system.client.post(url, json=form | {"_hp": "x"})).status_code == 403
    assert (await shop.system.client.post(url, json=form | {"content": "short"})).status_code == 422


async def test_settings_act_on_later_submissions_and_on_reads(system: RunningSystem) -> None:
    careful = await system.site("careful", SiteSettings(require_approval=True))
    review_id = (await careful.submit(rating=5, text=CAREFUL))["review_id"]
    assert (await careful.until_decided(review_id))["status"] == "held"
    settings = {"settings": {"enabled": False}}
    assert (await careful.call("intake", "PUT", "/settings", json=settings)).status_code == 200

    async def closed() -> bool:
        answer = await careful.public("/reviews/settings")
        return bool(not answer["data"]["enabled"])

    await eventually(closed, 15, "the settings to be public")


async def test_sites_never_see_each_other(system: RunningSystem, shop: Site) -> None:
    other = await system.site("other")
    review_id = (await shop.submit(rating=5, text=GLOVE, entity_id="mine"))["review_id"]
    await shop.until_public(review_id)
    assert "id" not in await other.public(f"/reviews/{review_id}")
    for service, path in (("intake", f"/reviews/{review_id}"), ("moderation", f"/cases/{review_id}")):
        assert (await other.call(service, "GET", path)).status_code == 404
        url = f"{system.addresses[service]}/v1/sites/shop{path}"
        assert (await system.client.get(url, headers=other.headers)).status_code == 403


async def test_an_address_is_in_the_vault_and_nowhere_else(system: RunningSystem, shop: Site) -> None:
    address = "very.private.person@example.org"
    review_id = (await shop.submit(rating=5, text=VAULT, entity_id="p", author={"name": "P", "email": address}))[
        "review_id"
    ]
    await shop.until_public(review_id)
    consumer = AIOKafkaConsumer(
        *(spec.name for spec in TOPICS), bootstrap_servers=system.addresses["kafka"], auto_offset_reset="earliest"
    )
    await consumer.start()
    # The journeys beside this one import tens of thousands of reviews: appending to bytes copies all of them each time.
    seen = bytearray()
    try:
        await consumer.seek_to_beginning()
        while batch := await consumer.getmany(timeout_ms=1000):
            for records in batch.values():
                for record in records:
                    seen += (record.value or b"") + repr(record.headers).encode() + (record.key or b"")
    finally:
        await consumer.stop()
    assert str(review_id).encode() in seen
    assert b"very.private" not in seen
    logs = b"".join(path.read_bytes() for path in system.data_dir.logs.iterdir())
    assert b"very.private" not in logs
    async with system.database() as connection:
        assert await _columns_with(connection, "very.private") == {"intake.authors.email"}


async def _columns_with(connection: asyncpg.Connection[Any], needle: str) -> set[str]:
    columns = await connection.fetch(
        """select table_schema, table_name, column_name from information_schema.columns join information_schema.tables
               using (table_schema, table_name)
           where table_schema in ('intake', 'access', 'moderation', 'projection', 'published')
               and table_type = 'BASE TABLE'"""
    )
    found = set()
    for schema, table, column in columns:
        query = f'select exists (select from {schema}.{table} where "{column}"::text like $1)'
        if await connection.fetchval(query, f"%{needle}%"):
            found.add(f"{schema}.{table}.{column}")
    return found


async def test_stored_statistics_equal_a_recount(system: RunningSystem) -> None:
    async with system.database() as connection:
        assert await connection.fetchval("select count(*) from published.reviews") > 0
        assert await differences(connection) == []
