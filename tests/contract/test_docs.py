"""What the documents list must be what the code has: codes, metrics, settings, commands, links."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from prometheus_client import Counter, Gauge, Histogram
from prometheus_client.metrics import MetricWrapperBase
from pydantic import BaseModel, SecretStr
from pydantic_core import PydanticUndefined
from ruamel.yaml import YAML
from typer.testing import CliRunner

import shared.metrics
from services.cli.main import app
from services.cli.serving import DEFAULT_PORTS, ServiceName
from services.intake import submission
from services.moderation.policy.codes import ModeratorCode
from services.query.settings import QuerySettings
from shared.events import content
from shared.http.errors import STATUS
from shared.kafka.client import KafkaSettings
from shared.settings import ServiceSettings

ROOT = Path(__file__).parents[2]
DOCUMENTS = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])
KINDS = {Counter: "counter", Gauge: "gauge", Histogram: "histogram"}


def _table(document: str, name: str) -> list[list[str]]:
    """The rows, without the head, of the table between `<!-- name -->` and `<!-- /name -->`."""
    text = (ROOT / "docs" / document).read_text()
    block = re.search(f"<!-- {name} -->\n(.*?)<!-- /{name} -->", text, re.DOTALL)
    assert block is not None, f"docs/{document} has no block {name}"
    rows = [line for line in block[1].splitlines() if line.startswith("|")][2:]
    return [[cell.strip() for cell in re.split(r"(?<!\\)\|", row)[1:-1]] for row in rows]


def _code(cell: str) -> str:
    assert cell.startswith("`"), cell
    assert cell.endswith("`"), cell
    return cell[1:-1]


def test_error_codes() -> None:
    rows = _table("http-api.md", "error codes")

    assert [(_code(code), int(status)) for code, status, _ in rows] == [
        (code.value, status) for code, status in STATUS.items()
    ]
    assert all(meaning for _, _, meaning in rows)


def test_moderator_codes() -> None:
    rows = _table("http-api.md", "moderator codes")

    assert [(_code(code), label) for code, label in rows] == [(code.value, code.label) for code in ModeratorCode]


def test_metrics() -> None:
    """The whole table is the code's own words."""
    expected = [
        [
            f"`{family.name}{'_total' if isinstance(metric, Counter) else ''}`",
            KINDS[type(metric)],
            ", ".join(f"`{label}`" for label in metric._labelnames),
            family.documentation,
        ]
        for metric in vars(shared.metrics).values()
        if isinstance(metric, MetricWrapperBase)
        for family in metric.describe()
    ]

    assert expected
    assert _table("operations.md", "metrics") == expected, _rendered(expected)


def test_alerts() -> None:
    rules = YAML(typ="safe", pure=True).load(ROOT / "deploy/alerts.yml")
    alerts = [rule["alert"] for group in rules["groups"] for rule in group["rules"]]

    assert [_code(name) for name, _ in _table("operations.md", "alerts")] == alerts


def test_settings_of_all_services() -> None:
    rows = _table("deployment.md", "settings: all")

    assert [(_code(name), default) for name, default, _ in rows] == list(_settings(ServiceSettings, {}))


def test_settings_of_query() -> None:
    rows = _table("deployment.md", "settings: query")

    assert [(_code(name), default) for name, default, _ in rows] == list(
        _settings(QuerySettings, ServiceSettings.model_fields)
    )


def test_ports() -> None:
    stated: dict[str, set[int]] = {}
    service = ""
    for line in (ROOT / "docs/operations.md").read_text().splitlines():
        cells = [cell.strip() for cell in line.split("|")[1:-1]]
        if len(cells) == 4 and cells[3].isdigit():
            service = cells[0] or service
            stated.setdefault(service, set()).add(int(cells[3]))

    assert stated == {name.value: {DEFAULT_PORTS[name]} for name in ServiceName}


def test_limits() -> None:
    text = (ROOT / "docs/http-api.md").read_text()

    for field, most in {
        "title": content.MAX_TITLE,
        "text": content.MAX_TEXT,
        "entity_id": content.MAX_ENTITY_ID,
        "entity_name": content.MAX_ENTITY_NAME,
        "author.name": content.MAX_NAME,
        "author.id": content.MAX_SOURCE_ID,
    }.items():
        assert re.search(rf"^\| `{field}` \| ≤ {most:,}\b", text, re.MULTILINE), field
    assert f"{submission.MAX_BODY_BYTES // 1024} KiB" in text


def _shown_commands() -> list[tuple[str, str]]:
    """`plaudit …` in code, by document; also as the tools container of compose runs it."""
    found = []
    for document in DOCUMENTS:
        text = document.read_text().replace("\\\n", " ")
        blocks = re.findall(r"^ *```[a-z]*\n(.*?)^ *```", text, re.DOTALL | re.MULTILINE)
        lines = [line.strip() for block in blocks for line in block.splitlines()]
        inline = re.findall(r"`([^`\n]+)`", re.sub(r"^ *```.*?^ *```", "", text, flags=re.DOTALL | re.MULTILINE))
        for line in [*lines, *inline]:
            command = re.match(r"(?:\w+=\S+ )*(?:plaudit|docker compose run --rm cli) (.+)", line)
            # `plaudit COMMAND --help` and the like stand for many.
            if command is not None and not re.match(r".*[…<>|]|[A-Z]", command[1]):
                found.append((document.name, command[1].split(" #")[0]))
    return sorted(set(found))


@pytest.mark.parametrize(("document", "command"), _shown_commands())
def test_commands_that_are_shown_exist(document: str, command: str) -> None:
    words = shlex.split(command)
    name = words[0] if words else ""
    path = words[:2] if name in {"site", "key", "topics"} else words[:1]
    answer = CliRunner().invoke(app, [*path, "--help"], env={"COLUMNS": "200", "NO_COLOR": "1", "TERM": "dumb"})

    assert answer.exit_code == 0, f"{document}: plaudit {command}\n{answer.output}"
    for word in words:
        if word.startswith("--") and word != "--help":
            assert word.split("=")[0] in answer.output, f"{document}: plaudit {command} has no {word}"


def test_some_commands_are_shown() -> None:
    """Guards the test above against finding none."""
    shown = {command.split()[0] for _, command in _shown_commands()}

    assert {"up", "key", "site", "topics", "migrate"} <= shown


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_links_lead_somewhere(document: Path) -> None:
    for target in re.findall(r"\]\(([^)\s]+)\)", document.read_text()):
        if "://" in target:
            continue
        path, _, anchor = target.partition("#")
        linked = (document.parent / path).resolve() if path else document
        assert linked.exists(), f"{document.name} links to {target}"
        if anchor:
            headings = re.findall(r"^#+ (.+)$", linked.read_text(), re.MULTILINE)
            assert anchor in {_anchor(heading) for heading in headings}, f"{document.name} links to {target}"


def _anchor(heading: str) -> str:
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


def _settings(
    model: type[BaseModel], without: Mapping[str, Any], prefix: str = "PLAUDIT_"
) -> Iterator[tuple[str, str]]:
    for name, field in model.model_fields.items():
        if field.annotation is KafkaSettings:
            if name not in without:
                yield from _settings(KafkaSettings, {}, f"{prefix}{name.upper()}__")
        elif name not in without:
            yield f"{prefix}{name.upper()}", _default(field.default)


def _default(value: object) -> str:
    if value is PydanticUndefined:
        return "required"
    if isinstance(value, SecretStr):
        value = value.get_secret_value()
    if isinstance(value, tuple):
        value = ",".join(value)
    return f"`{value}`" if value not in (None, "", {}) else ""


def _rendered(rows: list[list[str]]) -> str:
    return "expected:\n" + "\n".join(f"| {' | '.join(row)} |" for row in rows)
