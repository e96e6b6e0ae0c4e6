"""Pass keys as they are kept, and found by the public edge."""

from __future__ import annotations

from collections.abc import AsyncIterator

import asyncpg
import pytest

from services.intake.pass_keys import PER_HOUR, PER_MINUTE, create_pass_key, list_pass_keys, revoke_pass_key
from services.intake.refusal import Refused
from services.intake.transaction import transaction
from shared.events.settings import SiteSettings
from shared.http.errors import ErrorCode
from shared.pass_keys import PASS_KEY, PassKey, PassKeys
from shared.postgres.pool import create_pool
from tests.intake_world import IntakeWorld, intake_world
from tests.parts import Database


@pytest.fixture
async def world(module_database: Database) -> AsyncIterator[IntakeWorld]:
    async with intake_world(module_database) as made:
        yield made


@pytest.fixture
async def edge(module_database: Database) -> AsyncIterator[asyncpg.Pool[asyncpg.Record]]:
    """As query's role."""
    async with await create_pool(module_database.role("query"), application_name="test") as pool:
        yield pool


async def create(world: IntakeWorld, site: str = "books", label: str = "web", **options: object) -> str:
    async with transaction(world.pool) as tx:
        return await create_pass_key(tx, site, label, world.clock.now(), **options)  # type: ignore[arg-type]  # as given


async def test_the_public_edge_finds_a_key_and_its_limits(
    world: IntakeWorld, edge: asyncpg.Pool[asyncpg.Record]
) -> None:
    token = await create(world, per_minute=7, per_hour=70, locale="fr-FR", excludes_syndicated=True)
    assert PASS_KEY.fullmatch(token)
    keys = PassKeys(edge.fetch)
    assert await keys.find(token) == PassKey(token[:8], "books", "web", 7, 70, "fr_FR", True)
    assert await keys.find(token[:-1] + ("a" if token[-1] != "a" else "b")) is None


async def test_what_is_not_said_is_the_sites(world: IntakeWorld, edge: asyncpg.Pool[asyncpg.Record]) -> None:
    async with transaction(world.pool) as tx:
        settings = SiteSettings(default_locale="zh-Hant-TW").model_dump_json()
        await tx.execute("update intake.sites set settings = $1::jsonb where site = 'films'", settings)
    found = [await PassKeys(edge.fetch).find(await create(world, site)) for site in ("books", "films")]
    assert [(one.locale, one.per_minute, one.per_hour) for one in found if one is not None] == [
        ("en", PER_MINUTE, PER_HOUR),
        ("zh_TW", PER_MINUTE, PER_HOUR),
    ]


async def test_a_storefront_keeps_the_key_that_it_has(world: IntakeWorld, edge: asyncpg.Pool[asyncpg.Record]) -> None:
    theirs = "caOld7K3y0fAnotherSystem99ABCD"
    assert await create(world, pass_key=theirs) == theirs
    found = await PassKeys(edge.fetch).find(theirs)
    assert found is not None
    assert found.site == "books"
    for site in ("books", "films"):
        with pytest.raises(Refused) as refused:
            await create(world, site, pass_key=theirs)
        assert refused.value.refusal.code == ErrorCode.CONFLICT


async def test_a_revoked_key_is_found_no_more_and_stays_in_the_list(
    world: IntakeWorld, edge: asyncpg.Pool[asyncpg.Record]
) -> None:
    first, second = await create(world), await create(world, "films", "app")
    async with transaction(world.pool) as tx:
        assert await revoke_pass_key(tx, first, world.clock.now())
        for other in ("no-such-key", second[:7], second[:-1] + "-"):
            assert not await revoke_pass_key(tx, other, world.clock.now())
        listed = await list_pass_keys(tx)
        assert [one.hint for one in await list_pass_keys(tx, "films")] == [second[:8]]
    assert [(one.hint, one.site, one.revoked_at is None) for one in listed] == [
        (first[:8], "books", False),
        (second[:8], "films", True),
    ]
    assert await PassKeys(edge.fetch).find(first) is None
    async with transaction(world.pool) as tx:
        before = listed[0].revoked_at
        assert await revoke_pass_key(tx, first[:8], world.clock.now())
        assert (await list_pass_keys(tx))[0].revoked_at == before, "the first time counts"
    # Not even by making it again: pages that still hold it must not come alive for somebody else.
    with pytest.raises(Refused):
        await create(world, pass_key=first)


@pytest.mark.parametrize(
    ("options", "field"),
    [
        ({"label": ""}, "label"),
        ({"label": "a\nb"}, "label"),
        ({"per_minute": 0}, "per_minute"),
        ({"per_hour": 10**9}, "per_hour"),
        ({"locale": "*"}, "locale"),
        ({"locale": "English"}, "locale"),
        ({"pass_key": "short"}, "pass_key"),
        ({"pass_key": "with-hyphens-in-it-and-long-enough"}, "pass_key"),
    ],
)
async def test_what_makes_no_key_is_refused(world: IntakeWorld, options: dict[str, object], field: str) -> None:
    with pytest.raises(Refused) as refused:
        await create(world, **options)  # type: ignore[arg-type]  # as given
    assert refused.value.refusal.field == field
    assert await world.count("access.pass_keys") == 0


async def test_there_is_no_key_of_no_site(world: IntakeWorld) -> None:
    with pytest.raises(Refused) as refused:
        await create(world, "nowhere")
    assert refused.value.refusal.code == ErrorCode.NOT_FOUND
