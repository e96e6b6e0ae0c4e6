"""`plaudit vocabulary`: labels, ranges and order of a site's dimensions, by locale."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import orjson
import typer
from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError

from services.cli.intake_requests import FAILED, IntakeOption, KeyOption, Place, SiteArgument, ask
from services.cli.target import DataDirOption
from shared.events.vocabulary import DEFAULT_LOCALE, Vocabulary

DEFAULT = "default"
LocaleArgument = Annotated[
    str,
    typer.Argument(help="As in en or en_US, or `default`: of all locales without a vocabulary of their own (*)."),
]

app = typer.Typer(
    help="Vocabularies of a site: what secondary ratings, context data, tags, additional fields and badges there are, "
    "how they are called, and in which order they are shown.",
    no_args_is_help=True,
    add_completion=False,
)


@app.command("set")
def set_vocabulary(
    site: SiteArgument,
    locale: LocaleArgument,
    file: Annotated[Path, typer.Argument(exists=True, dir_okay=False, readable=True, help="YAML or JSON.")],
    intake: IntakeOption = None,
    key: KeyOption = None,
    data_dir: DataDirOption = None,
) -> None:
    """Put a vocabulary in force, in place of the whole one before it. The same again changes nothing.

    The file has lists of secondary_ratings, context_data, tags, additional_fields and badges; every item an `id` and a
    `label`, and where it applies value_labels, range, min_label, max_label, display_type and required. Storefronts show
    them in the order of the file, and may filter and sort by what stands there. See docs/catalog.md.
    """
    body = _read(file)
    answer = ask(Place(site, intake, key, data_dir), "admin", "PUT", ("vocabularies", _locale(locale)), body)
    assert answer is not None
    print(f"the vocabulary {answer['locale']} of {site}: {answer['outcome']}")


@app.command("show")
def show_vocabulary(
    site: SiteArgument,
    locale: Annotated[str | None, typer.Argument(help="As in en_US, or `default`. [default: list the locales]")] = None,
    intake: IntakeOption = None,
    key: KeyOption = None,
    data_dir: DataDirOption = None,
) -> None:
    """Show a vocabulary as JSON, or which locales have one. Ends with 1 where this locale has none of its own."""
    place = Place(site, intake, key, data_dir)
    if locale is None:
        listed = ask(place, "read", "GET", ("vocabularies",))
        if listed is None:
            print(f"there is no site {site}")
            raise typer.Exit(FAILED)
        print("\n".join(DEFAULT if one == DEFAULT_LOCALE else one for one in listed["locales"]))
        return
    found = ask(place, "read", "GET", ("vocabularies", _locale(locale)))
    if found is None:
        print(f"{site} has no vocabulary of {locale}")
        raise typer.Exit(FAILED)
    print(orjson.dumps(found, option=orjson.OPT_INDENT_2).decode())


@app.command("remove")
def remove_vocabulary(
    site: SiteArgument,
    locale: LocaleArgument,
    intake: IntakeOption = None,
    key: KeyOption = None,
    data_dir: DataDirOption = None,
) -> None:
    """Remove the vocabulary of a locale, which then has the default one."""
    answer = ask(Place(site, intake, key, data_dir), "admin", "DELETE", ("vocabularies", _locale(locale)))
    assert answer is not None
    gone = answer["outcome"] == "removed"
    print(f"the vocabulary {answer['locale']} of {site} {'is removed' if gone else 'was not there'}")


def _locale(text: str) -> str:
    return DEFAULT_LOCALE if text == DEFAULT else text


def _read(file: Path) -> dict[str, Any]:
    try:
        found = YAML(typ="safe", pure=True).load(file.read_text("utf-8"))
    except UnicodeDecodeError:
        raise typer.BadParameter(f"{file.name} is not UTF-8") from None
    except YAMLError as error:
        mark = error.problem_mark if isinstance(error, MarkedYAMLError) else None
        place = f" line {mark.line + 1}" if mark is not None else ""
        raise typer.BadParameter(f"{file.name}{place}: not YAML") from None
    if not isinstance(found, dict):
        raise typer.BadParameter(f"{file.name}: this must be a mapping of {', '.join(Vocabulary.model_fields)}")
    # Intake passes over what it does not know, for newer senders' sake; in a file it is a slip.
    if unknown := sorted(str(name) for name in found.keys() - Vocabulary.model_fields.keys()):
        known = ", ".join(Vocabulary.model_fields)
        raise typer.BadParameter(f"{file.name}: `{unknown[0]}` is not known here; known are {known}")
    texts: dict[str, Any] = _with_text_keys(found)
    return texts


def _with_text_keys(value: Any) -> Any:
    """`1: Poor` is a label of the value "1"."""
    if isinstance(value, dict):
        return {str(key): _with_text_keys(inner) for key, inner in value.items()}
    return [_with_text_keys(inner) for inner in value] if isinstance(value, list) else value
