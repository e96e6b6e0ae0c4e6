"""What every service is told by its environment. Names are PLAUDIT_ and the field's own; two underscores go deeper."""

from __future__ import annotations

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

from shared.kafka.client import KafkaSettings
from shared.logging import LogFormat


class ServiceSettings(BaseSettings):
    model_config = SettingsConfigDict(env_prefix="PLAUDIT_", env_nested_delimiter="__", extra="ignore")

    postgres: SecretStr = Field(description="postgres://ROLE:PASSWORD@HOST:PORT/DATABASE, with the service's own role.")
    kafka: KafkaSettings = KafkaSettings()
    host: str = "127.0.0.1"
    port: int = Field(default=0, ge=0, le=65535, description="0 takes a free one.")
    log_format: LogFormat = "auto"
    log_level: str = "INFO"
    shutdown_seconds: float = Field(default=10.0, gt=0, description="Budget for finishing what is in hand.")

    @property
    def dsn(self) -> str:
        return self.postgres.get_secret_value()
