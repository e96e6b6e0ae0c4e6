"""What a checker is made of, from the options of a command."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Final

from services.cli.checking.checker import Site
from services.cli.errors import UNSOUND, CommandError
from services.moderation.engine.site_words import SiteWords
from services.moderation.policy.policy import Policy, compile_policy, default_policy
from services.moderation.policy.problem import PolicyErrors, render_problems

_LANGUAGE: Final = re.compile(r"[a-z]{2}")


def policy_of(path: Path | None) -> Policy:
    """Warnings go to standard error, in the way of compilers. Raises CommandError for errors."""
    if path is None:
        return default_policy()
    source = _read(path)
    try:
        policy = compile_policy(source, _name(path))
    except PolicyErrors as errors:
        print(render_problems(errors.problems, source, str(path)), end="", file=sys.stderr)
        raise CommandError(f"{path} is not a policy that can be used", UNSOUND) from None
    print(render_problems(policy.warnings, source, str(path)), end="", file=sys.stderr)
    return policy


def site_of(languages: str | None, words: Path | None) -> Site:
    codes = [code.strip().lower() for code in languages.split(",")] if languages else []
    for code in codes:
        if _LANGUAGE.fullmatch(code) is None:
            raise CommandError(f"--languages: {code!r} is no ISO 639-1 code; name them like en,es", UNSOUND)
    if words is None:
        return Site(frozenset(codes))
    return Site(frozenset(codes), _site_words(words))


def _site_words(path: Path) -> SiteWords:
    # With asyncpg, for the same rules hold for words in the database.
    from ruamel.yaml import YAML
    from ruamel.yaml.error import YAMLError

    from services.moderation.policies.words import KINDS, Word, WordRefused, compiled, tidy

    try:
        lists = YAML(typ="safe", pure=True).load(_read(path)) or {}
    except YAMLError as error:
        raise CommandError(f"{path}: {' '.join(str(error).split())}", UNSOUND) from None
    except RecursionError:
        raise CommandError(f"{path} is nested too deeply", UNSOUND) from None
    if not isinstance(lists, dict) or not set(lists) <= set(KINDS):
        raise CommandError(
            f"{path}: a mapping with any of {', '.join(KINDS)} is needed, each with a list of entries", UNSOUND
        )
    words = []
    try:
        for kind in KINDS:
            entries = lists.get(kind) or []
            if not isinstance(entries, list):
                raise WordRefused(f"`{kind}` is a list: put a dash before each entry")
            for entry in entries:
                values = {"entry": entry} if isinstance(entry, str) else entry
                if not isinstance(values, dict) or not isinstance(values.get("entry"), str):
                    raise WordRefused(f"an entry of `{kind}` is text, or {{entry: …, category: …, severity: …}}")
                if extra := sorted(map(str, set(values) - {"entry", "category", "severity"})):
                    raise WordRefused(f"{values['entry']!r}: there is no {extra[0]}; category and severity there are")
                if not all(value is None or isinstance(value, str) for value in values.values()):
                    raise WordRefused(f"{values['entry']!r}: category and severity are text")
                words.append(tidy(Word(kind, values["entry"], values.get("category"), values.get("severity"))))
        return compiled(words)
    except WordRefused as refused:
        raise CommandError(f"{path}: {refused}", UNSOUND) from None


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise CommandError(f"{path} cannot be read: {error}", UNSOUND) from None


def _name(path: Path) -> str:
    """For a policy that states none."""
    return re.sub(r"[^a-z0-9]+", "-", path.stem.lower()).strip("-")[:64].strip("-") or "policy"
