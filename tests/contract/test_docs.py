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
from services.cli.app import app
from services.cli.importing import detail_kinds
from services.cli.serving import DEFAULT_PORTS, ServiceName
from services.intake import submission
from services.moderation.backtest.jobs import BacktestRunner
from services.moderation.backtest_api import BacktestApi
from services.moderation.engine.context import Context
from services.moderation.engine.engine import Engine
from services.moderation.engine.signal import Category, Detector, Severity
from services.moderation.engine.site_words import SiteWords
from services.moderation.engine.wordlist import load_word_lists
from services.moderation.judging.classifier import Classifier, HasHealth
from services.moderation.judging.judge import CLASSIFIER_FAILED
from services.moderation.policy import limits
from services.moderation.policy.check import DEFAULT, RESERVED
from services.moderation.policy.codes import ModeratorCode, code_of
from services.moderation.policy.expression import Expression
from services.moderation.policy.policy import check_policy, default_policy
from services.moderation.policy.problem import render_problems
from services.moderation.policy.schema import REVIEW_FIELDS, SIGNAL_FIELDS
from services.moderation.policy.source import MAX_RULES, MAX_SOURCE_BYTES
from services.moderation.policy_api import PolicyApi
from services.moderation.settings import ModerationSettings
from services.moderation.word_api import WordApi
from services.query.settings import QuerySettings
from shared.access import ApiKeys
from shared.clock import SystemClock
from shared.events import content
from shared.events.topics import TOPICS
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


OF_THE_HISTORY = {Detector.DUPLICATE: Category.SPAM, Detector.BURST: Category.SPAM}
"""What no single text shows."""
SHOP = Context(languages=frozenset({"en"}), rating=5, words=SiteWords.compile(competitors=["Acme Tools"]))
CEL_TYPES = {str: "string", int: "int", bool: "bool", float: "double"}


def test_vocabulary_is_that_of_the_code() -> None:
    rows = _table("moderation.md", "vocabulary")
    graded: dict[str, set[Severity]] = {}
    for word in load_word_lists().words:
        graded.setdefault(word.category, set()).add(word.severity)

    named = [_code(row[0]) for row in rows]
    assert set(named) == set(Detector)
    assert {_code(row[1]) for row in rows if _code(row[0]) == Detector.LEXICON} == set(graded)
    assert len({(row[0], row[1]) for row in rows}) == len(rows)
    for detector, category, severities, code, _ in rows:
        expected = code_of(_code(detector), Category(_code(category)))
        assert expected is not None, detector
        assert _code(code) == expected.value, detector
        stated = [_code(severity) for severity in severities.split(", ") if severity]
        of_lists = graded[_code(category)] if _code(detector) == Detector.LEXICON else set()
        assert stated == [severity.value for severity in Severity if severity in of_lists], (detector, category)


@pytest.mark.parametrize("row", _table("moderation.md", "vocabulary"), ids=lambda row: f"{row[0]} {row[1]}")
def test_what_the_vocabulary_shows_is_found(row: list[str]) -> None:
    detector, category, text = _code(row[0]), _code(row[1]), row[4]
    if detector in OF_THE_HISTORY:
        assert category == OF_THE_HISTORY[Detector(detector)]
        return

    found = Engine.default().analyse({"text": text}, SHOP)

    assert (detector, category) in {(signal.detector, signal.category) for signal in found}


@pytest.mark.parametrize(("name", "fields"), [("review fields", REVIEW_FIELDS), ("signal fields", SIGNAL_FIELDS)])
def test_fields_of_conditions(name: str, fields: Mapping[str, type]) -> None:
    rows = _table("policies.md", name)

    assert [(_code(field), kind) for field, kind, _ in rows] == [
        (field, CEL_TYPES[kind]) for field, kind in fields.items()
    ]


def test_rules_of_the_built_in_policy() -> None:
    policy = default_policy()
    outcomes = [(rule.name, rule.outcome) for rule in policy.rules]
    expected = [
        [
            f"`{name}`",
            outcome.status,
            f"`{outcome.queue}`" if outcome.queue else "",
            ", ".join(f"`{code}`" for code in outcome.codes),
            outcome.note,
        ]
        for name, outcome in outcomes
    ]

    *rows, last = _table("policies.md", "default rules")

    assert rows == expected, _rendered(expected)
    assert _code(last[0]) == DEFAULT
    assert f"`default`, version {policy.version}." in (ROOT / "docs/policies.md").read_text()


def test_rules_that_are_in_no_policy() -> None:
    named = [_code(name) for row in _table("policies.md", "other rules") for name in row[0].split(", ")]

    assert sorted(named) == sorted(RESERVED - {DEFAULT})
    assert CLASSIFIER_FAILED in named


def test_policy_that_is_shown_is_the_example_and_sound() -> None:
    source = (ROOT / "docs/examples/marketplace.yaml").read_text()

    assert f"```yaml\n{source}```" in (ROOT / "docs/policies.md").read_text()
    assert check_policy(source) == []


def test_conditions_that_are_shown_are_sound() -> None:
    text = (ROOT / "docs/policies.md").read_text()
    block = re.search(r"^## Conditions\n+```\n(.*?)^```", text, re.DOTALL | re.MULTILINE)

    assert block is not None
    for line in block[1].splitlines():
        assert Expression.compile(line).type == "bool", line


def test_mistakes_that_are_shown_are_what_is_said() -> None:
    rule = "  - name: {}\n    when: {}\n    outcome: reject\n    codes: [PRF]\n    note: It is.\n"
    conditions = {
        "foul": 'signals.exists(s, s.category == "profanity" && s.sevrity == "strong")',
        "any-word": 'signals.exists(s, s.category == "profanity")',
        "strong-word": 'signals.exists(s, s.category == "profanity" && s.severity == "strong")',
        "shouting": 'signals.exists(s, s.detector == "shoutng")',
    }
    rules = "".join(rule.format(name, condition) for name, condition in conditions.items())
    source = f"name: house\nrules:\n{rules}default: {{outcome: approve}}\n"

    shown = check_policy(source)

    assert len(shown) == 3
    assert render_problems(shown, source, "house.yaml") in (ROOT / "docs/policies.md").read_text()


def test_routes_of_rules() -> None:
    pool: Any = None
    clock = SystemClock()
    keys = ApiKeys(pool)
    backtests = BacktestApi(pool, keys, clock, BacktestRunner(pool, lambda: pytest.fail("nothing is run"), clock))
    routes = [
        f"{method} {route.path}"
        for part in (PolicyApi(pool, keys, clock), WordApi(pool, keys, clock), backtests)
        for route in part.routes()
        for method in set(route.methods or ()) - {"HEAD"}
    ]
    of_sites = {route for route in routes if "/sites/{site}" in route}

    assert {_code(row[0]) for row in _table("http-api.md", "rule routes")} == of_sites
    # Without a site there is all but to follow what every site has.
    of_all = {route.replace("/sites/{site}", "") for route in of_sites} - {"DELETE /v1/policies/active"}
    assert set(routes) - of_sites == of_all


def test_members_of_classifiers() -> None:
    members = [name for kind in (Classifier, HasHealth) for name in vars(kind) if not name.startswith("_")]

    assert [_code(row[0]) for row in _table("classifiers.md", "classifier members")] == members


def test_migrations_of_moderation() -> None:
    files = sorted(file.name for file in (ROOT / "services/moderation/migrations").glob("*.sql"))

    assert [_code(row[0]) for row in _table("architecture.md", "moderation migrations")] == files


def test_topics() -> None:
    rows = _table("architecture.md", "topics")

    assert [(_code(name), *rest) for name, *rest in rows] == [
        (topic.name, topic.written_by, topic.key, topic.purpose) for topic in TOPICS
    ]


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


def test_settings_of_moderation() -> None:
    rows = _table("deployment.md", "settings: moderation")

    assert [(_code(name), default) for name, default, _ in rows] == list(
        _settings(ModerationSettings, ServiceSettings.model_fields)
    )


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


def test_details_of_reviews() -> None:
    rows = _table("http-api.md", "review details")
    limits = {_code(name): most for names, most, _ in rows for name in names.split(", ")}

    assert set(limits) == set(content.ReviewDetails.model_fields)
    for field, most in {
        "pros": content.MAX_PROS,
        "secondary_ratings": content.MAX_SECONDARY_RATING,
        "context_data": content.MAX_DIMENSION_VALUE,
        "tags": content.MAX_TAGS,
        "badges": content.MAX_BADGES,
        "photos": content.MAX_MEDIA,
        "videos": content.MAX_MEDIA,
        "product_recommendation_ids": content.MAX_RECOMMENDED_PRODUCTS,
        "author_location": content.MAX_LOCATION,
        "affiliation": content.MAX_NAME,
        "campaign_id": content.MAX_ENTITY_ID,
    }.items():
        assert re.search(rf"\b{most:,}\b", limits[field]), field


def test_details_of_mappings() -> None:
    rows = _table("importing.md", "details")
    named = [re.match(r"\w+", _code(name)) for names, _ in rows for name in re.split(r", (?=`)", names)]

    assert sorted(match[0] for match in named if match is not None) == sorted(detail_kinds.NAMES)


def test_mapping_that_is_shown_is_the_example() -> None:
    lines = (ROOT / "docs/examples/womens-clothing.yaml").read_text().splitlines()
    source = "".join(f"{line}\n" for line in lines if line and not line.lstrip().startswith("#"))

    assert f"```yaml\n{source}```" in (ROOT / "docs/importing.md").read_text()


GROUPS = {"site", "key", "passkey", "topics", "policy", "words", "catalog", "vocabulary"}
"""Of commands."""


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
    path = words[:2] if name in GROUPS else words[:1]
    answer = CliRunner().invoke(app, [*path, "--help"], env={"COLUMNS": "200", "NO_COLOR": "1", "TERM": "dumb"})

    assert answer.exit_code == 0, f"{document}: plaudit {command}\n{answer.output}"
    for word in words:
        if word.startswith("--") and word != "--help":
            assert word.split("=")[0] in answer.output, f"{document}: plaudit {command} has no {word}"


def test_some_commands_are_shown() -> None:
    """Guards the test above against finding none."""
    shown = {command.split()[0] for _, command in _shown_commands()}

    assert {"up", "key", "site", "topics", "migrate", "check", "explain", "policy", "words"} <= shown


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


def test_limits_of_policies() -> None:
    stated = [row[1] for row in _table("policies.md", "policy limits")]
    assert stated == [
        f"{MAX_SOURCE_BYTES // 1024} KiB",
        str(MAX_RULES),
        str(limits.MOST_MATCHES),
        f"{limits.LONGEST_PATTERN} characters",
        f"{limits.MOST_PATTERNS:,} characters",
        str(limits.MOST_REPETITIONS),
        str(limits.MOST_CHOICES),
        str(limits.MOST_LOOKS),
        str(limits.MOST_NESTED),
    ]
