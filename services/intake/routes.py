"""All routes of the write API."""

from __future__ import annotations

from typing import Any

import asyncpg
from starlette.routing import BaseRoute

from services.intake.api import Api
from services.intake.catalog import Catalog
from services.intake.catalog_api import CatalogApi
from services.intake.comment_api import CommentApi
from services.intake.feedback_api import FeedbackApi
from services.intake.registry import Registry
from services.intake.reply_api import ReplyApi
from services.intake.vocabulary_api import VocabularyApi
from shared.access import ApiKeys


def routes(pool: asyncpg.Pool[Any], keys: ApiKeys, registry: Registry) -> list[BaseRoute]:
    catalog = Catalog(registry.clock, registry.rng)
    parts = (
        Api(pool, keys, registry),
        CommentApi(pool, keys, registry),
        FeedbackApi(pool, keys, registry),
        ReplyApi(pool, keys, registry.clock),
        CatalogApi(pool, keys, registry.clock, catalog),
        VocabularyApi(pool, keys, registry.clock, catalog),
    )
    return [route for part in parts for route in part.routes()]
