"""What the public edge is told by its environment."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr
from pydantic_settings import NoDecode

from services.query.client import ForwardedHeader
from shared.http.client_address import Network, parse_networks
from shared.settings import ServiceSettings


def _comma_list(value: object) -> object:
    return tuple(part.strip() for part in value.split(",") if part.strip()) if isinstance(value, str) else value


def _check_networks(value: tuple[str, ...]) -> tuple[str, ...]:
    parse_networks(value)
    return value


def _lower_keys(value: dict[str, str]) -> dict[str, str]:
    return {host.lower(): site for host, site in value.items()}


Texts = Annotated[tuple[str, ...], NoDecode, BeforeValidator(_comma_list)]
Networks = Annotated[Texts, AfterValidator(_check_networks)]
Hosts = Annotated[dict[str, str], AfterValidator(_lower_keys)]


class QuerySettings(ServiceSettings):
    port: int = Field(default=8600, ge=0, le=65535, description="0 takes a free one.")
    postgres_role: str = Field(default="plaudit_query", description="Taken by every session after log-in.")
    postgres_connections: int = Field(default=8, ge=1, le=200)
    statement_timeout_seconds: float = Field(default=5.0, gt=0)
    intake_url: str = "http://127.0.0.1:8601"
    intake_key: SecretStr = Field(default=SecretStr(""), description="API key with the scope submit, for all sites.")
    intake_timeout_seconds: float = Field(default=5.0, gt=0)
    default_site: str | None = Field(default=None, description="The site of addresses that name none.")
    host_sites: Hosts = Field(default={}, description='JSON: {"reviews.shop.example": "shop"}.')
    cors_origins: Texts = Field(default=("*",), description="Exact origins, with commas between them, or *.")
    trusted_proxies: Networks = Field(default=(), description="Addresses or networks, with commas between them.")
    forwarded_header: ForwardedHeader = "x-forwarded-for"
    reads_per_second: float = Field(default=50.0, ge=0, description="Per client address; 0 sets no limit.")
    reads_burst: int = Field(default=200, ge=1)
    submits_per_minute: float = Field(default=6.0, ge=0, description="Per client address; 0 sets no limit.")
    submits_burst: int = Field(default=10, ge=1)
    terms_required: bool = Field(default=True, description="Whether Bazaarvoice forms must agree to the terms.")
    typical_hours_to_post: int = Field(default=24, ge=0, description="What Bazaarvoice forms are told.")

    @property
    def proxies(self) -> tuple[Network, ...]:
        return parse_networks(self.trusted_proxies)
