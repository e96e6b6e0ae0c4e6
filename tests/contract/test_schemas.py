"""The committed contracts are what the code says, and no change breaks a reader unseen."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from shared.events import schema
from shared.events.cloudevents import REQUIRED_ATTRIBUTES
from shared.events.compatibility import breaks_of_schema, breaks_of_topics
from shared.events.examples import EXAMPLES
from shared.events.models import EVENTS, Event
from shared.events.topics import TOPICS

Document = dict[str, Any]
CONTRACTS = schema.DIRECTORY
REGENERATE = "run `python -m shared.events.schema` and read docs/contracts/README.md"


def test_the_committed_files_are_as_generated() -> None:
    assert schema.stale(CONTRACTS) == [], REGENERATE


def test_no_reader_of_the_released_contracts_breaks() -> None:
    assert schema.breaks(CONTRACTS) == [], REGENERATE


def test_there_is_a_released_contract_to_compare_with() -> None:
    released = {path.stem for path in (CONTRACTS / schema.RELEASED / "schemas").glob("*.json")}
    assert released >= {"review.submitted.v1", "review.moderated.v1", "review.withdrawn.v1"}
    assert (CONTRACTS / schema.RELEASED / schema.ASYNCAPI).is_file()


def test_generating_twice_gives_the_same() -> None:
    assert schema.files() == schema.files()


@pytest.mark.parametrize("event", EVENTS, ids=schema.name_of)
def test_examples_are_of_their_schema(event: type[Event]) -> None:
    document = schema.event_schema(event)
    validator = jsonschema.Draft202012Validator(document, format_checker=jsonschema.Draft202012Validator.FORMAT_CHECKER)
    jsonschema.Draft202012Validator.check_schema(document)
    body = EXAMPLES[event].model_dump(mode="json")
    validator.validate(body)
    validator.validate(body | {"since_next_year": 1})
    for name in document["required"]:
        with pytest.raises(jsonschema.ValidationError):
            validator.validate({key: value for key, value in body.items() if key != name})
    with pytest.raises(jsonschema.ValidationError):
        validator.validate(body | {"sequence": 0})


# The AsyncAPI document


def references(node: Any) -> Iterator[str]:
    if isinstance(node, dict):
        if isinstance(node.get("$ref"), str):
            yield node["$ref"]
        for inner in node.values():
            yield from references(inner)
    elif isinstance(node, list):
        for inner in node:
            yield from references(inner)


def resolve(document: Any, reference: str) -> Any:
    for step in reference.removeprefix("#/").split("/"):
        document = document[step]
    return document


def test_every_reference_of_the_asyncapi_document_leads_somewhere() -> None:
    document = schema.asyncapi()
    found = list(references(document))
    assert found
    for reference in found:
        if reference.startswith("#/"):
            assert resolve(document, reference)
        else:
            assert (CONTRACTS / reference).is_file(), reference


def test_every_topic_is_a_channel_with_key_partitions_and_cleanup_policy() -> None:
    document = schema.asyncapi()
    assert document["asyncapi"] == "3.0.0"
    assert list(document["channels"]) == [spec.name for spec in TOPICS]
    for spec in TOPICS:
        channel = document["channels"][spec.name]
        kafka = channel["bindings"]["kafka"]
        assert channel["address"] == kafka["topic"] == spec.name
        assert kafka["partitions"] == spec.partitions
        settings = kafka["topicConfiguration"] | channel["x-topic-configuration"]
        assert settings.keys() == spec.config.keys()
        assert settings["cleanup.policy"] == [spec.config["cleanup.policy"]]
        assert len(channel["messages"]) == len(spec.events) + spec.tombstones
        operation = document["operations"][f"write-{spec.name}"]
        assert operation["action"] == "send"
        assert {ref["$ref"].rpartition("/")[2] for ref in operation["messages"]} == channel["messages"].keys()


def test_every_event_is_a_message_with_its_headers_and_an_example_that_fits() -> None:
    messages = schema.asyncapi()["components"]["messages"]
    assert {schema.name_of(event) for event in EVENTS} <= messages.keys()
    for event in EVENTS:
        message = messages[schema.name_of(event)]
        assert {*REQUIRED_ATTRIBUTES, "content-type"} == set(message["headers"]["required"])
        [example] = message["examples"]
        jsonschema.validate(example["headers"], message["headers"])
        jsonschema.validate(example["payload"], schema.event_schema(event))
        jsonschema.validate(EXAMPLES[event].key.decode(), message["bindings"]["kafka"]["key"])
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate(example["headers"] | {"ce_type": "other.v1"}, message["headers"])


# The compatibility check catches each kind of change


def released() -> Document:
    return {
        "type": "object",
        "required": ["id", "rating", "status", "content", "tags"],
        "properties": {
            "id": {"type": "integer"},
            "rating": {"type": "integer", "minimum": 1, "maximum": 5},
            "status": {"enum": ["approved", "held"], "type": "string"},
            "title": {"anyOf": [{"type": "string", "maxLength": 10}, {"type": "null"}], "default": None},
            "at": {"type": "string", "format": "date-time"},
            "slug": {"type": "string", "pattern": "^[a-z]+$"},
            "content": {"$ref": "#/$defs/Content", "description": "what it says"},
            "tags": {"type": "array", "items": {"type": "string"}},
        },
        "$defs": {
            "Content": {
                "type": "object",
                "required": ["text"],
                "properties": {"text": {"type": "string"}, "locale": {"type": "string", "default": "en"}},
            }
        },
    }


def field(document: Document, name: str) -> Document:
    found: Document = document["properties"][name]
    return found


def content(document: Document) -> Document:
    found: Document = document["$defs"]["Content"]
    return found


Change = Callable[[Document], object]

HARMLESS: dict[str, Change] = {
    "nothing": lambda d: None,
    "a new optional field": lambda d: d["properties"].update(mood={"type": "string"}),
    "a new optional field inside": lambda d: content(d)["properties"].update(mood={"type": "string"}),
    "another description": lambda d: field(d, "id").update(description="who it is", title="Id", examples=[1]),
    "the same definition under another name": lambda d: (
        d["$defs"].update(Said=d["$defs"].pop("Content")),
        field(d, "content").update({"$ref": "#/$defs/Said"}),
    ),
    "the order of values and fields": lambda d: (
        field(d, "status").update(enum=["held", "approved"]),
        d.update(required=list(reversed(d["required"])), properties=dict(reversed(d["properties"].items()))),
    ),
}

BREAKING: dict[str, tuple[Change, str, str]] = {
    "field removed": (lambda d: d["properties"].pop("at"), "e.at", "field removed"),
    "required field removed": (
        lambda d: (d["properties"].pop("id"), d["required"].remove("id")),
        "e.id",
        "field removed",
    ),
    "nested field removed": (
        lambda d: content(d)["properties"].pop("locale"),
        "e.content.locale",
        "field removed",
    ),
    "optional made required": (lambda d: d["required"].append("at"), "e.at", "optional field made required"),
    "nested optional made required": (
        lambda d: content(d)["required"].append("locale"),
        "e.content.locale",
        "optional field made required",
    ),
    "required made optional": (lambda d: d["required"].remove("id"), "e.id", "required field made optional"),
    "required field added": (
        lambda d: (d["properties"].update(mood={"type": "string"}), d["required"].append("mood")),
        "e.mood",
        "required field added",
    ),
    "type changed": (lambda d: field(d, "id").update(type="string"), "e.id", "type narrowed: integer"),
    "type widened": (lambda d: field(d, "id").update(type="number"), "e.id", "type widened: number"),
    "null no longer read": (
        lambda d: d["properties"].update(title={"type": "string", "maxLength": 10, "default": None}),
        "e.title",
        "type narrowed: null",
    ),
    "null may come": (
        lambda d: d["properties"].update(id={"anyOf": [{"type": "integer"}, {"type": "null"}]}),
        "e.id",
        "type widened: null",
    ),
    "minimum raised": (lambda d: field(d, "rating").update(minimum=2), "e.rating", "type narrowed: minimum"),
    "minimum lowered": (lambda d: field(d, "rating").update(minimum=0), "e.rating", "type widened: minimum"),
    "maximum lowered": (lambda d: field(d, "rating").update(maximum=4), "e.rating", "type narrowed: maximum"),
    "maximum gone": (lambda d: field(d, "rating").pop("maximum"), "e.rating", "type widened: maximum"),
    "length limited": (lambda d: field(d, "slug").update(maxLength=5), "e.slug", "type narrowed: maxLength"),
    "limit inside a union": (
        lambda d: field(d, "title")["anyOf"][0].update(maxLength=5),
        "e.title",
        "type narrowed: maxLength",
    ),
    "enum value removed": (
        lambda d: field(d, "status").update(enum=["approved"]),
        "e.status",
        "enum value 'held' removed",
    ),
    "enum value added": (
        lambda d: field(d, "status").update(enum=["approved", "held", "odd"]),
        "e.status",
        "enum value 'odd' added",
    ),
    "enum opened": (lambda d: field(d, "status").pop("enum"), "e.status", "type widened: any value"),
    "text closed to an enum": (lambda d: field(d, "slug").update(enum=["a"]), "e.slug", "type narrowed: only some"),
    "format changed": (lambda d: field(d, "at").update(format="date"), "e.at", "format changed"),
    "pattern changed": (lambda d: field(d, "slug").update(pattern="^.*$"), "e.slug", "pattern changed"),
    "default changed": (
        lambda d: content(d)["properties"]["locale"].update(default="de"),
        "e.content.locale",
        "default changed",
    ),
    "default gone": (lambda d: field(d, "title").pop("default"), "e.title", "default changed"),
    "items of another type": (
        lambda d: field(d, "tags").update(items={"type": "integer"}),
        "e.tags[]",
        "type narrowed: string",
    ),
    "unknown fields refused": (lambda d: d.update(additionalProperties=False), "e", "unknown fields"),
}


@pytest.mark.parametrize("change", HARMLESS.values(), ids=HARMLESS)
def test_a_harmless_change_passes(change: Change) -> None:
    current = released()
    change(current)
    assert breaks_of_schema(released(), current, "e") == []


@pytest.mark.parametrize(("change", "place", "what"), BREAKING.values(), ids=BREAKING)
def test_a_breaking_change_is_caught(change: Change, place: str, what: str) -> None:
    current = released()
    change(current)
    found = breaks_of_schema(released(), current, "e")
    assert any(it.place == place and it.what.startswith(what) for it in found), [str(it) for it in found]


TOPIC = "review-submitted"
MESSAGE = "review.submitted.v1"
BREAKING_TOPICS: dict[str, tuple[Change, str]] = {
    "topic removed": (lambda d: d["channels"].pop(TOPIC), "topic removed"),
    "partitions": (lambda d: d["channels"][TOPIC]["bindings"]["kafka"].update(partitions=24), "partitions changed"),
    "cleanup policy": (
        lambda d: d["channels"][TOPIC]["bindings"]["kafka"]["topicConfiguration"].update(
            {"cleanup.policy": ["delete"]}
        ),
        "cleanup policy changed",
    ),
    "event removed": (lambda d: d["channels"][TOPIC]["messages"].pop(MESSAGE), "event review.submitted.v1 removed"),
    "event added": (
        lambda d: d["channels"][TOPIC]["messages"].update(
            {"review.moderated.v1": {"$ref": "#/components/messages/review.moderated.v1"}}
        ),
        "event review.moderated.v1 added",
    ),
    "key": (
        lambda d: d["components"]["messages"][MESSAGE]["bindings"]["kafka"]["key"].update(pattern="^.$"),
        "key changed",
    ),
    "header removed": (
        lambda d: d["components"]["messages"][MESSAGE]["headers"]["properties"].pop("ce_site"),
        "field removed",
    ),
    "header made optional": (
        lambda d: d["components"]["messages"][MESSAGE]["headers"]["required"].remove("ce_sequence"),
        "required field made optional",
    ),
}


@pytest.mark.parametrize(("change", "what"), BREAKING_TOPICS.values(), ids=BREAKING_TOPICS)
def test_a_breaking_change_of_a_topic_is_caught(change: Change, what: str) -> None:
    current = copy.deepcopy(schema.asyncapi())
    change(current)
    found = breaks_of_topics(schema.asyncapi(), current)
    assert any(it.what.startswith(what) for it in found), [str(it) for it in found]
    assert all(it.place.startswith(TOPIC) for it in found)


def test_a_new_topic_breaks_nobody() -> None:
    before = copy.deepcopy(schema.asyncapi())
    before["channels"].pop("reply-posted")
    assert breaks_of_topics(before, schema.asyncapi()) == []
    assert breaks_of_topics(schema.asyncapi(), schema.asyncapi()) == []


# The command


@pytest.fixture
def contracts(tmp_path: Path) -> Path:
    assert run(tmp_path, "--release") == 0
    return tmp_path


def run(directory: Path, *arguments: str) -> int:
    return schema.main(["--directory", str(directory), *arguments])


def rewrite(path: Path, change: Change) -> None:
    document = json.loads(path.read_text())
    change(document)
    path.write_text(json.dumps(document))


def test_check_passes_on_what_was_just_written(contracts: Path) -> None:
    assert run(contracts, "--check") == 0


@pytest.mark.parametrize("path", ["schemas/review.submitted.v1.json", "asyncapi.json"])
def test_check_fails_on_a_file_that_is_stale_missing_or_left_over(
    contracts: Path, path: str, capsys: pytest.CaptureFixture[str]
) -> None:
    rewrite(contracts / path, lambda document: document.update(title="by hand"))
    assert run(contracts, "--check") == 1
    assert path in capsys.readouterr().err
    (contracts / path).unlink()
    assert run(contracts, "--check") == 1
    assert not (contracts / path).exists(), "a check writes nothing"
    assert run(contracts) == 0
    (contracts / "schemas" / "review.forgotten.v1.json").write_text("{}")
    assert run(contracts, "--check") == 1
    assert run(contracts) == 0
    assert run(contracts, "--check") == 0


def test_check_fails_when_a_released_field_is_gone(contracts: Path, capsys: pytest.CaptureFixture[str]) -> None:
    known = contracts / schema.RELEASED / "schemas" / "review.submitted.v1.json"
    rewrite(known, lambda document: document["properties"].update(gone={"type": "string"}))
    assert run(contracts, "--check") == 1
    assert "review.submitted.v1.gone: field removed" in capsys.readouterr().err


def test_check_fails_when_a_released_version_is_no_longer_read(
    contracts: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    known = contracts / schema.RELEASED / "schemas"
    (known / "review.submitted.v0.json").write_text((known / "review.submitted.v1.json").read_text())
    assert run(contracts, "--check") == 1
    assert "review.submitted.v0: released version is no longer read" in capsys.readouterr().err


def test_a_break_becomes_the_baseline_only_when_it_is_accepted(contracts: Path) -> None:
    known = contracts / schema.RELEASED / "schemas" / "review.submitted.v1.json"
    rewrite(known, lambda document: document["properties"].update(gone={"type": "string"}))
    before = known.read_text()
    assert run(contracts, "--release") == 1
    assert known.read_text() == before
    assert run(contracts, "--release", "--accept-breaks") == 0
    assert run(contracts, "--check") == 0
