"""How every client of ours reaches Kafka."""

from __future__ import annotations

import ssl
from typing import Any, Literal

from pydantic import BaseModel, SecretStr


class KafkaSettings(BaseModel):
    """Environment: PLAUDIT_KAFKA__BOOTSTRAP and so on. Plain text is for loopback and closed networks."""

    bootstrap: str = "127.0.0.1:9092"
    security_protocol: Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"] = "PLAINTEXT"
    ca_file: str | None = None
    sasl_mechanism: Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"] = "SCRAM-SHA-512"
    sasl_username: str | None = None
    sasl_password: SecretStr | None = None
    replication_factor: int = 1
    """Of topics that `plaudit topics create` makes; 3 on a real cluster."""

    def client_options(self, client_id: str) -> dict[str, Any]:
        """Arguments that producers, consumers and admin clients of aiokafka share."""
        options: dict[str, Any] = {
            "bootstrap_servers": self.bootstrap,
            "client_id": client_id,
            "security_protocol": self.security_protocol,
        }
        if self.security_protocol.endswith("SSL"):
            options["ssl_context"] = ssl.create_default_context(cafile=self.ca_file)
        if self.security_protocol.startswith("SASL"):
            options["sasl_mechanism"] = self.sasl_mechanism
            options["sasl_plain_username"] = self.sasl_username
            options["sasl_plain_password"] = self.sasl_password.get_secret_value() if self.sasl_password else None
        return options
