"""Sites, and the ingest topics that belong to them."""

from __future__ import annotations

import re
import secrets
from dataclasses import dataclass
from datetime import datetime

import asyncpg

from services.intake.identity import IDENTITY_KEY_BYTES
from services.intake.refusal import Refusal, Refused, unknown_site
from services.intake.settings import MAX_SITE_NAME, Current, announce, check_locale
from services.intake.transaction import Connection
from shared.clock import Clock
from shared.events.settings import SiteSettings
from shared.events.topics import TOPICS
from shared.http.errors import ErrorCode

SITE_ID = re.compile(r"[a-z0-9][a-z0-9-]{0,62}")
RESERVED = frozenset({"reviews", "summary"})
"""Stand in the place of a site's id in public addresses."""
_TOPIC = re.compile(r"[A-Za-z0-9._-]{1,249}")

_CREATE = """
    insert into intake.sites (site, name, settings, settings_version, identity_key, created_at)
    values ($1, $2, $3::jsonb, 1, $4, $5) on conflict (site) do nothing returning site"""
_LIST = """
    select site, name, settings, settings_version, created_at,
        array(select topic from intake.ingest_topics t where t.site = sites.site order by topic) as topics
    from intake.sites order by site"""
_MAP = """
    insert into intake.ingest_topics as mapped (topic, site) values ($1, $2)
    on conflict (topic) do update set site = excluded.site where mapped.site = excluded.site returning topic"""
_UNMAP = "delete from intake.ingest_topics where topic = $1 and site = $2 returning topic"


@dataclass(frozen=True, slots=True)
class SiteEntry:
    site: str
    name: str
    settings: SiteSettings
    version: int
    created_at: datetime
    ingest_topics: tuple[str, ...]


async def create_site(
    connection: Connection, clock: Clock, site: str, name: str, settings: SiteSettings, *, by: str
) -> Current:
    """Makes a site with an identity key of its own, and announces it. Raises Refused, CONFLICT if it exists."""
    if SITE_ID.fullmatch(site) is None:
        message = "a site id has up to 63 lower-case letters, digits and hyphens, and starts with a letter or digit"
        raise Refused(Refusal(ErrorCode.VALIDATION_ERROR, message, "site"))
    if site in RESERVED:
        message = "public addresses use this word themselves; choose another id"
        raise Refused(Refusal(ErrorCode.VALIDATION_ERROR, message, "site"))
    if not name.strip() or len(name) > MAX_SITE_NAME or not name.isprintable():
        message = f"name must have 1 to {MAX_SITE_NAME} printable characters"
        raise Refused(Refusal(ErrorCode.VALIDATION_ERROR, message, "name"))
    check_locale(settings)
    identity_key = secrets.token_bytes(IDENTITY_KEY_BYTES)
    async with connection.transaction():
        made = await connection.fetchval(_CREATE, site, name, settings.model_dump_json(), identity_key, clock.now())
        if made is None:
            raise Refused(Refusal(ErrorCode.CONFLICT, "there is a site of this id already; choose another", "site"))
        current = Current(site, name, settings, 1)
        await announce(connection, clock, current, by, None)
    return current


async def list_sites(connection: Connection) -> list[SiteEntry]:
    return [
        SiteEntry(site, name, SiteSettings.model_validate_json(settings), version, created_at, tuple(topics))
        for site, name, settings, version, created_at, topics in await connection.fetch(_LIST)
    ]


async def map_ingest_topic(connection: Connection, topic: str, site: str) -> None:
    """Records of `topic` are for `site` from now on. Idempotent; raises Refused where it is another site's."""
    if _TOPIC.fullmatch(topic) is None or topic in (".", ".."):
        message = "a topic's name has up to 249 letters, digits, dots, hyphens and underscores"
        raise Refused(Refusal(ErrorCode.VALIDATION_ERROR, message, "topic"))
    if topic in {spec.name for spec in TOPICS}:
        raise Refused(Refusal(ErrorCode.VALIDATION_ERROR, "this topic is Plaudit's own; choose another", "topic"))
    try:
        mapped = await connection.fetchval(_MAP, topic, site)
    except asyncpg.ForeignKeyViolationError:
        raise unknown_site() from None
    if mapped is None:
        raise Refused(Refusal(ErrorCode.CONFLICT, "the topic belongs to another site; remove it there first", "topic"))


async def unmap_ingest_topic(connection: Connection, topic: str, site: str) -> bool:
    """Whether it was mapped. Records that come later are dead-lettered until some site has the topic again."""
    return await connection.fetchval(_UNMAP, topic, site) is not None
