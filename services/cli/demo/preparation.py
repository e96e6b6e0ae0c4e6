"""What an operator does before the first review comes: a site, its keys, an ingest topic. Safe to do again."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from services.cli.demo.sample import SITE, TOPIC
from services.cli.target import Target, database
from services.cli.topic_commands import create_topics
from services.intake import keys, pass_keys, sites
from services.intake.refusal import Refused
from shared.access import Scope
from shared.clock import SystemClock
from shared.events.settings import SiteSettings
from shared.events.topics import ingest_topic
from shared.http.errors import ErrorCode

_LABEL = "demo: "
SCOPES: Mapping[str, tuple[Scope, ...]] = {
    "shop": ("submit",),
    "moderator": ("moderate", "read"),
    "owner": ("reply",),
}
EXAMPLES: Mapping[str, tuple[Scope, ...]] = {"curl examples": ("submit", "reply", "moderate", "read")}

_DEAD = """
    select id, reason_code, reason, partition, record_offset from intake.dead_letters
    where topic = $1 and id > $2 order by id"""


@dataclass(frozen=True)
class DeadLetter:
    id: int
    code: str
    reason: str
    partition: int
    offset: int


async def create_site(target: Target) -> bool:
    """Whether it is new."""
    settings = SiteSettings(show_masked_email=True)
    async with database(target) as connection:
        try:
            await sites.create_site(connection, SystemClock(), SITE, "Demo shop", settings, by="demo")
        except Refused as refused:
            if refused.refusal.code is not ErrorCode.CONFLICT:
                raise
            return False
    return True


async def create_keys(target: Target, wanted: Mapping[str, tuple[Scope, ...]]) -> dict[str, str]:
    """Tokens by who has them: new ones each time, for they are kept nowhere. Those of an earlier demo are revoked."""
    now = SystemClock().now()
    async with database(target) as connection:
        labels = {f"{_LABEL}{name}" for name in wanted}
        for entry in await keys.list_keys(connection, SITE):
            if entry.label in labels and entry.revoked_at is None:
                await keys.revoke_key(connection, entry.key_id, now)
        return {
            name: (await keys.create_key(connection, SITE, scopes, f"{_LABEL}{name}", now)).token
            for name, scopes in wanted.items()
        }


async def create_pass_key(target: Target) -> str:
    """A new one each time, for pass keys are kept as hashes too; that of an earlier demo is revoked."""
    now, label = SystemClock().now(), f"{_LABEL}storefront"
    async with database(target) as connection:
        for entry in await pass_keys.list_pass_keys(connection, SITE):
            if entry.label == label and entry.revoked_at is None:
                await pass_keys.revoke_pass_key(connection, entry.hint, now)
        return await pass_keys.create_pass_key(connection, SITE, label, now)


async def map_topic(target: Target) -> None:
    await create_topics(target, (ingest_topic(TOPIC),))
    async with database(target) as connection:
        await sites.map_ingest_topic(connection, TOPIC, SITE)


async def dead_letters(target: Target, after_id: int = 0) -> list[DeadLetter]:
    """Of the demo's topic. What the records say stays in the database."""
    async with database(target) as connection:
        return [DeadLetter(*row) for row in await connection.fetch(_DEAD, TOPIC, after_id)]
