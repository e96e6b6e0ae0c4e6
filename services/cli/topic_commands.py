"""`plaudit topics`: making and checking the topics."""

from __future__ import annotations

import asyncio
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from services.cli.target import DataDirOption, KafkaOption, Target, find_target, kafka_settings
from shared.events.topics import TOPICS, TopicSpec, ingest_topic
from shared.kafka.admin import Admin

app = typer.Typer(help="Create and check Kafka topics.", no_args_is_help=True)

IngestOption = Annotated[
    list[str] | None, typer.Option("--ingest", metavar="TOPIC", help="An ingest topic as well; may be given again.")
]


@app.command("list")
def list_topics() -> None:
    """Show every topic, who writes it and how Kafka keeps it."""
    table = Table("topic", "written by", "key", "partitions", "cleanup", "purpose")
    for spec in TOPICS:
        table.add_row(
            spec.name, spec.written_by, spec.key, str(spec.partitions), spec.config["cleanup.policy"], spec.purpose
        )
    Console().print(table)


@app.command()
def create(
    ingest: IngestOption = None,
    replication: Annotated[int | None, typer.Option(min=1, max=9, help="Replicas of each partition.")] = None,
    kafka: KafkaOption = None,
    data_dir: DataDirOption = None,
) -> None:
    """Create the topics that are missing; those that are there stay as they are (see `plaudit topics check`)."""
    created = asyncio.run(create_topics(find_target(data_dir, kafka=kafka), _specs(ingest), replication))
    print(f"created: {', '.join(created)}" if created else "all topics are there")


@app.command()
def check(ingest: IngestOption = None, kafka: KafkaOption = None, data_dir: DataDirOption = None) -> None:
    """Compare the topics with what Plaudit needs. Exit code 1 when something differs."""

    async def run() -> int:
        async with Admin(kafka_settings(find_target(data_dir, kafka=kafka))) as admin:
            differences = await admin.check(_specs(ingest))
        for difference in differences:
            print(f"{difference.topic} {difference.what}: {difference.cure}")
        if not differences:
            print("all topics are as they must be")
        return 1 if differences else 0

    raise typer.Exit(asyncio.run(run()))


async def create_topics(
    target: Target, specs: tuple[TopicSpec, ...] = TOPICS, replication: int | None = None
) -> list[str]:
    settings = kafka_settings(target)
    if replication is not None:
        settings = settings.model_copy(update={"replication_factor": replication})
    async with Admin(settings) as admin:
        return await admin.create(specs)


def _specs(ingest: list[str] | None) -> tuple[TopicSpec, ...]:
    return (*TOPICS, *(ingest_topic(name) for name in ingest or []))
