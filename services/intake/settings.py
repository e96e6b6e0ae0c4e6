"""Settings of a site: read, and replaced as a whole. Later submissions are stamped with the version that they met."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from services.intake.fields import LANGUAGE_TAG
from services.intake.refusal import Refusal, Refused, unknown_site
from services.intake.transaction import Connection
from shared.clock import Clock
from shared.events.cloudevents import encode
from shared.events.models import SiteSettingsChanged
from shared.events.settings import SiteSettings
from shared.events.topics import SITE_SETTINGS_CHANGED
from shared.http.errors import ErrorCode
from shared.kafka.outbox import append

MAX_SITE_NAME = 200
SiteName = Annotated[str, Field(min_length=1, max_length=MAX_SITE_NAME, pattern=r"^[^\x00-\x1f\x7f-\x9f]+$")]

_FIND = "select name, settings, settings_version from intake.sites where site = $1"
_LOCK = f"{_FIND} for no key update"
_UPDATE = "update intake.sites set name = $2, settings = $3::jsonb, settings_version = $4 where site = $1"


class SettingsBody(BaseModel):
    """What PUT takes and GET gives. `version` is the one that the editor saw; left out, the last one to write wins."""

    model_config = ConfigDict(frozen=True, extra="ignore", hide_input_in_errors=True)

    name: SiteName | None = None
    settings: SiteSettings
    version: Annotated[int, Field(ge=1)] | None = None


@dataclass(frozen=True, slots=True)
class Current:
    site: str
    name: str
    settings: SiteSettings
    version: int


async def read_settings(tx: Connection, site: str) -> Current:
    """Raises Refused for an unknown site."""
    return await _read(tx, _FIND, site)


async def change_settings(
    tx: Connection, clock: Clock, site: str, body: SettingsBody, by: str, traceparent: str | None = None
) -> Current:
    """The settings as they then are; the same again is no new version. Raises Refused, CONFLICT when they moved."""
    check_locale(body.settings)
    current = await _read(tx, _LOCK, site)
    if body.version is not None and body.version != current.version:
        message = f"the settings are at version {current.version} now; read them, and change those"
        raise Refused(Refusal(ErrorCode.CONFLICT, message, "version"), revision=current.version)
    name = body.name or current.name
    if (name, body.settings) == (current.name, current.settings):
        return current
    changed = Current(site, name, body.settings, current.version + 1)
    await tx.execute(_UPDATE, site, name, body.settings.model_dump_json(), changed.version)
    await announce(tx, clock, changed, by, traceparent)
    return changed


async def announce(tx: Connection, clock: Clock, current: Current, by: str, traceparent: str | None) -> None:
    """The version is the sequence of the key: both count the changes of one row."""
    event = SiteSettingsChanged(
        site=current.site,
        sequence=current.version,
        name=current.name,
        settings=current.settings,
        changed_at=clock.now(),
        changed_by=by,
    )
    await append(tx, "intake", [encode(SITE_SETTINGS_CHANGED, event, traceparent)])


def check_locale(settings: SiteSettings) -> None:
    if len(settings.default_locale) > 35 or re.fullmatch(LANGUAGE_TAG, settings.default_locale) is None:
        message = "default_locale is not a language tag; send one like en or pt-BR"
        raise Refused(Refusal(ErrorCode.VALIDATION_ERROR, message, "settings.default_locale"))


async def _read(tx: Connection, query: str, site: str) -> Current:
    row = await tx.fetchrow(query, site)
    if row is None:
        raise unknown_site()
    return Current(site, row["name"], SiteSettings.model_validate_json(row["settings"]), row["settings_version"])
