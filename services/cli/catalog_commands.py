"""`plaudit catalog`: what a site sells, loaded, shown and removed."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, ClassVar

import orjson
import typer

from services.cli.intake_requests import FAILED, IntakeOption, KeyOption, Place, SiteOption, ask
from services.cli.lazy import LazyGroup
from services.cli.target import DataDirOption


class Kind(StrEnum):
    PRODUCT = "product"
    CATEGORY = "category"
    BRAND = "brand"


COLLECTIONS = {Kind.PRODUCT: "products", Kind.CATEGORY: "categories", Kind.BRAND: "brands"}
KindArgument = Annotated[Kind, typer.Argument(help="What it is.")]
IdArgument = Annotated[str, typer.Argument(metavar="ID", help="As the catalog has it; a path's slashes included.")]


class CatalogCommands(LazyGroup):
    places: ClassVar = {
        "import": "services.cli.catalog_import:import_catalog",
        "show": "services.cli.catalog_commands:show",
        "remove": "services.cli.catalog_commands:remove",
    }


app = typer.Typer(
    cls=CatalogCommands,
    help="The catalog of a site: load products, categories and brands, show them, take them out.",
    no_args_is_help=True,
    add_completion=False,
)


@app.callback()
def catalog() -> None:
    """Makes it a group; its commands are in `CatalogCommands`."""


def show(
    kind: KindArgument,
    entry_id: IdArgument,
    site: SiteOption,
    intake: IntakeOption = None,
    key: KeyOption = None,
    data_dir: DataDirOption = None,
) -> None:
    """Show an entry as JSON, as it was put. Ends with 1 where the catalog has none of this id."""
    found = ask(Place(site, intake, key, data_dir), "read", "GET", ("catalog", COLLECTIONS[kind], entry_id))
    if found is None:
        print(f"the catalog of {site} has no {kind} {entry_id}")
        raise typer.Exit(FAILED)
    print(orjson.dumps(found, option=orjson.OPT_INDENT_2).decode())


def remove(
    kind: KindArgument,
    entry_id: IdArgument,
    site: SiteOption,
    intake: IntakeOption = None,
    key: KeyOption = None,
    data_dir: DataDirOption = None,
) -> None:
    """Take an entry out of the catalog. Reviews of a removed product stay; putting it again brings it back.

    A product that is no longer sold need not go: `"active": false` says so, and filters know it.
    """
    place = Place(site, intake, key, data_dir)
    answer = ask(place, "submit", "DELETE", ("catalog", COLLECTIONS[kind], entry_id))
    assert answer is not None
    print(f"{kind} {entry_id} {'is removed' if answer['outcome'] == 'removed' else 'was not there'}")
