"""What services are told by their environment."""

from __future__ import annotations

import ssl

import pytest
from pydantic import ValidationError

from shared.kafka.client import KafkaSettings
from shared.settings import ServiceSettings

DSN = "postgresql://plaudit_query:secret-of-the-database@127.0.0.1:5432/plaudit"


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    for name in ("PLAUDIT_KAFKA__BOOTSTRAP", "PLAUDIT_HOST", "PLAUDIT_PORT", "PLAUDIT_LOG_FORMAT"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PLAUDIT_POSTGRES", DSN)
    return monkeypatch


def read() -> ServiceSettings:
    return ServiceSettings()  # type: ignore[call-arg]  # `postgres` comes from the environment


def test_a_service_listens_on_loopback_unless_told_otherwise(environment: pytest.MonkeyPatch) -> None:
    settings = read()
    assert (settings.host, settings.port, settings.dsn) == ("127.0.0.1", 0, DSN)
    assert settings.kafka.security_protocol == "PLAINTEXT"


def test_a_double_underscore_goes_deeper(environment: pytest.MonkeyPatch) -> None:
    environment.setenv("PLAUDIT_KAFKA__BOOTSTRAP", "kafka-1:9092,kafka-2:9092")
    environment.setenv("PLAUDIT_KAFKA__REPLICATION_FACTOR", "3")
    environment.setenv("PLAUDIT_PORT", "8601")
    settings = read()
    assert settings.kafka.bootstrap == "kafka-1:9092,kafka-2:9092"
    assert (settings.kafka.replication_factor, settings.port) == (3, 8601)


def test_the_database_must_be_named(environment: pytest.MonkeyPatch) -> None:
    environment.delenv("PLAUDIT_POSTGRES")
    with pytest.raises(ValidationError, match="postgres"):
        read()


@pytest.mark.parametrize(("name", "value"), [("PORT", "65536"), ("LOG_FORMAT", "xml"), ("SHUTDOWN_SECONDS", "0")])
def test_a_wrong_value_is_refused(environment: pytest.MonkeyPatch, name: str, value: str) -> None:
    environment.setenv(f"PLAUDIT_{name}", value)
    with pytest.raises(ValidationError):
        read()


def test_passwords_do_not_show_when_settings_are_printed(environment: pytest.MonkeyPatch) -> None:
    environment.setenv("PLAUDIT_KAFKA__SASL_PASSWORD", "secret-of-the-broker")
    shown = f"{read()!r} {read()}"
    assert "secret-of" not in shown


def test_a_closed_network_needs_no_more_than_an_address() -> None:
    assert KafkaSettings(bootstrap="kafka:9092").client_options("me") == {
        "bootstrap_servers": "kafka:9092",
        "client_id": "me",
        "security_protocol": "PLAINTEXT",
    }


def test_sasl_and_tls_reach_the_client() -> None:
    settings = KafkaSettings.model_validate(
        {"security_protocol": "SASL_SSL", "sasl_username": "plaudit", "sasl_password": "pass"}
    )
    options = settings.client_options("me")
    assert options["sasl_mechanism"] == "SCRAM-SHA-512"
    assert (options["sasl_plain_username"], options["sasl_plain_password"]) == ("plaudit", "pass")
    assert options["ssl_context"].verify_mode == ssl.CERT_REQUIRED
    assert options["ssl_context"].check_hostname


def test_tls_alone_has_no_password() -> None:
    options = KafkaSettings(security_protocol="SSL").client_options("me")
    assert "ssl_context" in options
    assert "sasl_mechanism" not in options
