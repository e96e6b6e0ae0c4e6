"""The contracts as files: `python -m shared.events.schema [--check | --release]` writes docs/contracts.

`schemas/` has a JSON Schema per event type and version, `asyncapi.json` the topics. `released/` is a copy of both as
readers out there know them; `--check` fails when a file is not as generated, or when a reader of `released/` would
break.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic.json_schema import GenerateJsonSchema

from shared.events.cloudevents import CONTENT_TYPE, MAX_VALUE_BYTES, REQUIRED_ATTRIBUTES, encode
from shared.events.compatibility import Break, breaks_of_schema, breaks_of_topics
from shared.events.examples import EXAMPLES
from shared.events.models import EVENTS, Event
from shared.events.topics import TOPICS, TopicSpec

DIRECTORY = Path(__file__).parents[2] / "docs" / "contracts"
RELEASED = "released"
ASYNCAPI = "asyncapi.json"

_BINDING = "0.5.0"
_DIALECT = "https://json-schema.org/draft/2020-12/schema"
_SEGMENT = "[^/]+"
_ATTRIBUTES = {
    "ce_id": "`type:key:sequence`: the same whenever the same fact is sent again.",
    "ce_source": "The service that wrote it.",
    "ce_time": "When the fact became true: RFC 3339, UTC.",
    "ce_subject": "The record's key.",
    "ce_site": "The site that the fact belongs to.",
    "ce_sequence": "Grows strictly per key: the highest is the truth.",
}


class _Generator(GenerateJsonSchema):
    """Without a title for every field that says the field's name again."""

    def field_title_should_be_set(self, schema: Any) -> bool:
        return False


def name_of(event: type[Event]) -> str:
    return f"{event.TYPE}.v{event.VERSION}"


def event_schema(event: type[Event]) -> dict[str, Any]:
    """What a reader may rely on: fields with a default may be missing from events that an older writer wrote."""
    schema = event.model_json_schema(mode="validation", schema_generator=_Generator)
    return {"$schema": _DIALECT, "$id": f"urn:plaudit:event:{name_of(event)}", **schema, "title": name_of(event)}


def asyncapi() -> dict[str, Any]:
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Plaudit",
            "version": "1.0.0",
            "description": (
                "Topics that Plaudit writes and anybody may read. Records are CloudEvents 1.0 in binary mode. Per key, "
                "the record with the highest `ce_sequence` is the truth; duplicates have the same `ce_id`. "
                f"Readers ignore fields that they do not know. No value is larger than {MAX_VALUE_BYTES} bytes."
            ),
            "license": {"name": "Apache-2.0"},
        },
        "defaultContentType": CONTENT_TYPE.decode(),
        "channels": {spec.name: _channel(spec) for spec in TOPICS},
        "operations": {f"write-{spec.name}": _operation(spec) for spec in TOPICS},
        "components": {
            "messages": {
                **{name_of(event): _message(spec, event) for spec in TOPICS for event in spec.events},
                **{_tombstone_name(spec): _tombstone(spec) for spec in TOPICS if spec.tombstones},
            }
        },
    }


def _message_names(spec: TopicSpec) -> list[str]:
    return [*map(name_of, spec.events), *([_tombstone_name(spec)] if spec.tombstones else [])]


def _tombstone_name(spec: TopicSpec) -> str:
    return f"{spec.name}.tombstone"


def _channel(spec: TopicSpec) -> dict[str, Any]:
    # The binding knows some of Kafka's settings only; the others are our own.
    known = {"cleanup.policy", "delete.retention.ms", "retention.ms"}
    configuration: dict[str, Any] = {
        key: value.split(",") if key == "cleanup.policy" else int(value)
        for key, value in spec.config.items()
        if key in known
    }
    return {
        "address": spec.name,
        "description": f"{spec.purpose} Written by {spec.written_by}; keyed by {spec.key}.",
        "messages": {name: {"$ref": f"#/components/messages/{name}"} for name in _message_names(spec)},
        "bindings": {
            "kafka": {
                "topic": spec.name,
                "partitions": spec.partitions,
                "topicConfiguration": configuration,
                "bindingVersion": _BINDING,
            }
        },
        "x-topic-configuration": {key: value for key, value in spec.config.items() if key not in known},
        "x-partitioner": "murmur2 of the key, as Kafka's Java client has it",
    }


def _operation(spec: TopicSpec) -> dict[str, Any]:
    return {
        "action": "send",
        "channel": {"$ref": f"#/channels/{spec.name}"},
        "summary": spec.purpose,
        "messages": [{"$ref": f"#/channels/{spec.name}/messages/{name}"} for name in _message_names(spec)],
    }


def _message(spec: TopicSpec, event: type[Event]) -> dict[str, Any]:
    example = EXAMPLES[event]
    encoded = encode(spec, example)
    return {
        "name": name_of(event),
        "summary": " ".join((event.__doc__ or "").split()),
        "contentType": CONTENT_TYPE.decode(),
        "headers": _headers([name_of(event)], spec),
        "payload": {
            "schemaFormat": "application/schema+json;version=draft-2020-12",
            "schema": {"$ref": f"./schemas/{name_of(event)}.json"},
        },
        "bindings": {"kafka": {"key": _key(spec), "bindingVersion": _BINDING}},
        "examples": [
            {
                "name": name_of(event),
                "headers": {name: value.decode() for name, value in encoded.headers},
                "payload": example.model_dump(mode="json"),
            }
        ],
    }


def _tombstone(spec: TopicSpec) -> dict[str, Any]:
    return {
        "name": _tombstone_name(spec),
        "summary": "The key is erased: there is no value. The headers say which fact was the last.",
        "headers": _headers([name_of(event) for event in spec.events], spec),
        "payload": {"type": "null"},
        "bindings": {"kafka": {"key": _key(spec), "bindingVersion": _BINDING}},
    }


def _headers(types: list[str], spec: TopicSpec) -> dict[str, Any]:
    texts = {name: {"type": "string", "description": text} for name, text in _ATTRIBUTES.items()}
    return {
        "type": "object",
        "required": [*REQUIRED_ATTRIBUTES, "content-type"],
        "properties": {
            "ce_specversion": {"type": "string", "const": "1.0"},
            "ce_type": {"type": "string", "enum": types},
            **texts,
            "ce_source": {**texts["ce_source"], "const": f"/plaudit/{spec.written_by}"},
            "ce_time": {**texts["ce_time"], "format": "date-time"},
            "ce_sequence": {**texts["ce_sequence"], "pattern": "^[0-9]+$"},
            "content-type": {"type": "string", "const": CONTENT_TYPE.decode()},
            "traceparent": {"type": "string", "description": "W3C trace context of the request that it came from."},
        },
    }


def _key(spec: TopicSpec) -> dict[str, Any]:
    *others, last = spec.key.split("/")
    # Ids of a catalog are other systems' and may hold slashes.
    pattern = "/".join([*([_SEGMENT] * len(others)), ".+" if last == "id" else _SEGMENT])
    return {"type": "string", "description": spec.key, "pattern": f"^{pattern}$"}


def files() -> dict[str, str]:
    """Every generated file by its path below the directory of the contracts."""
    documents: dict[str, Any] = {f"schemas/{name_of(event)}.json": event_schema(event) for event in EVENTS}
    documents[ASYNCAPI] = asyncapi()
    return {path: json.dumps(document, indent=2, ensure_ascii=False) + "\n" for path, document in documents.items()}


def stale(directory: Path) -> list[str]:
    """Paths that are missing, not as generated, or left over."""
    wanted = files()
    there = {str(path.relative_to(directory)) for path in directory.glob("schemas/*.json")} | {ASYNCAPI}
    return sorted(
        path
        for path in wanted.keys() | there
        if path not in wanted or not (directory / path).is_file() or (directory / path).read_text() != wanted[path]
    )


def breaks(directory: Path) -> list[Break]:
    """What readers of the released contracts would stumble over. A released file never disappears by itself."""
    released = directory / RELEASED
    current = {path: json.loads(text) for path, text in files().items()}
    found: list[Break] = []
    for path in sorted(released.glob("schemas/*.json")):
        schema = current.get(f"schemas/{path.name}")
        if schema is None:
            found.append(Break(path.stem, "released version is no longer read"))
        else:
            found += breaks_of_schema(json.loads(path.read_text()), schema, path.stem)
    if (released / ASYNCAPI).is_file():
        found += breaks_of_topics(json.loads((released / ASYNCAPI).read_text()), current[ASYNCAPI])
    return found


def write(directory: Path, contents: Mapping[str, str]) -> None:
    """Makes `directory` hold these files, and no other schemas."""
    for path in directory.glob("schemas/*.json"):
        path.unlink()
    for name, text in contents.items():
        path = directory / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m shared.events.schema", description=__doc__)
    parser.add_argument("--directory", type=Path, default=DIRECTORY)
    parser.add_argument("--check", action="store_true", help="write nothing; exit code 1 when something is wrong")
    parser.add_argument("--release", action="store_true", help="make the current contracts the released ones")
    parser.add_argument("--accept-breaks", action="store_true", help="with --release: after every reader was upgraded")
    options = parser.parse_args(arguments)
    wrong = [f"breaks readers: {found}" for found in breaks(options.directory)]
    if options.check:
        wrong += [f"not as generated, run `{parser.prog}`: {path}" for path in stale(options.directory)]
    else:
        write(options.directory, files())
        if options.release and (options.accept_breaks or not wrong):
            write(options.directory / RELEASED, files())
            wrong = []
    sys.stderr.writelines(f"{line}\n" for line in wrong)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
