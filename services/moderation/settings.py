"""What the moderation service is told by its environment."""

from __future__ import annotations

from typing import Annotated

from pydantic import BeforeValidator, Field
from pydantic_settings import NoDecode

from shared.settings import ServiceSettings


def _comma_list(value: object) -> object:
    return tuple(part.strip() for part in value.split(",") if part.strip()) if isinstance(value, str) else value


Names = Annotated[tuple[str, ...], NoDecode, BeforeValidator(_comma_list)]


class ModerationSettings(ServiceSettings):
    classifiers: Names = Field(
        default=(), description="Plug-in classifiers that workers ask, with commas between them."
    )
