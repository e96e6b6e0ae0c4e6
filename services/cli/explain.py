"""`plaudit explain`: one text, what was found in it, and how the policy came to its decision."""

from __future__ import annotations

import io
import sys
from typing import TYPE_CHECKING, Annotated, Any

import orjson
import typer

from services.cli.checking.checker import Checker, Judgement
from services.cli.checking.line import Item, Kind
from services.cli.checking.options import LanguagesOption, PolicyOption, WordsOption
from services.cli.checking.setup import policy_of, site_of
from services.cli.checking.sources import check_input, check_output
from services.cli.checking.trace import Considered, trace
from services.cli.errors import UNSOUND, CommandError
from services.moderation.engine.engine import Engine

if TYPE_CHECKING:
    from services.cli.checking.explanation import Explanation


def explain(
    text: Annotated[
        str | None, typer.Argument(help="The text. [default: standard input, also as -]", show_default=False)
    ] = None,
    title: Annotated[str | None, typer.Option(help="The review's title.")] = None,
    pros: Annotated[str | None, typer.Option(help="What speaks for the product.")] = None,
    cons: Annotated[str | None, typer.Option(help="What speaks against it.")] = None,
    comment: Annotated[bool, typer.Option("--comment", help="It is a comment on a review.")] = False,
    rating: Annotated[int | None, typer.Option(min=1, max=5, help="Its stars.")] = None,
    locale: Annotated[str | None, typer.Option(help="Its language, as in `en` or `de-AT`.")] = None,
    policy: PolicyOption = None,
    languages: LanguagesOption = None,
    words: WordsOption = None,
    as_json: Annotated[bool, typer.Option("--json", help="The same for programs.")] = False,
) -> None:
    """Show what is found in one text, where, and which rule decides and why the others do not.

    Try: plaudit explain "Fits well. Call me: 212-555-0142" --rating 5
    """
    check_output()
    checker = Checker(Engine.default(), policy_of(policy), site_of(languages, words))
    kind: Kind = "comment" if comment else "review"
    item = Item(
        None, _readable(_given(text)), _given_text(title), rating, locale, _given_text(pros), _given_text(cons), kind
    )
    (judgement,) = checker.judge([item])
    considered = trace(checker.policy, judgement.facts)
    if as_json:
        # JSON is UTF-8, whatever the terminal's encoding.
        option = orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE
        sys.stdout.buffer.write(orjson.dumps(as_dict(judgement, considered), option=option))
        sys.stdout.buffer.flush()
        return
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # a terminal that has no such characters shows their numbers
    _explanation().show(judgement, considered)


def as_dict(judgement: Judgement, considered: list[Considered]) -> dict[str, Any]:
    verdict = judgement.verdict
    return {
        "decision": verdict.status,
        "rule": verdict.rule,
        "codes": verdict.codes,
        "queue": verdict.queue,
        "note": verdict.note,
        "policy": verdict.policy,
        "policy_version": verdict.policy_version,
        "flags": judgement.facts.signals,
        "rules": [
            {
                "name": one.rule.name,
                "outcome": one.rule.outcome.status,
                "when": one.rule.condition.source,
                "is_true": one.result if isinstance(one.result, bool) else None,
                "error": None if isinstance(one.result, bool) else one.result,
                "reached": one.reached,
                "untrue": one.untrue,
            }
            for one in considered
        ],
    }


def _explanation() -> Explanation:
    from rich.console import Console

    from services.cli.checking.explanation import Explanation

    return Explanation(Console(highlight=False, markup=False, emoji=False))


def _given(text: str | None) -> str:
    if text is not None and text != "-":
        return text
    check_input()
    if sys.stdin.isatty():
        print("Type the text; Ctrl-D ends it.", file=sys.stderr)
    try:
        given = sys.stdin.buffer.read()
    except OSError as error:
        raise CommandError(f"standard input cannot be read: {error}", UNSOUND) from None
    return given.decode("utf-8-sig", "replace").removesuffix("\n")


def _given_text(text: str | None) -> str | None:
    return _readable(text) if text else None


def _readable(text: str) -> str:
    """Bytes of an argument that are no UTF-8 come as surrogates, which no terminal and no JSON takes."""
    return text.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
