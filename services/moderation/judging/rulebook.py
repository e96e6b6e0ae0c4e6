"""All rules as a worker has them in memory, and how it keeps them those in force."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import asyncpg

from services.moderation.engine.site_words import NO_SITE_WORDS, SiteWords
from services.moderation.judging.rollout import is_chosen
from services.moderation.policies.generation import hold
from services.moderation.policies.reference import BUILT_IN, EVERY_SITE, Reference
from services.moderation.policies.words import Word, WordRefused, compiled
from services.moderation.policy.policy import Policy, default_policy, load_policy
from services.moderation.policy.problem import PolicyErrors
from shared.logging import get_logger

log = get_logger(__name__)

_RULES = """
    select scope, generation, words_generation, active_scope, active_name, active_version, rollout_scope, rollout_name,
        rollout_version, rollout_percent, shadow_scope, shadow_name, shadow_version, languages
    from moderation.rules"""
_WORDS = "select scope, kind, entry, category, severity from moderation.site_words where scope = any($1::text[])"
_DIGESTS = """
    select scope, name, version, digest from moderation.policy_versions
    where (scope, name, version) in (select * from unnest($1::text[], $2::text[], $3::int[]))"""
_SOURCE = "select source from moderation.policy_versions where scope = $1 and name = $2 and version = $3"
_NOT_LOADED: Final = 0


@dataclass(frozen=True, slots=True)
class Ruler:
    """A version of a policy, ready to be asked. `policy` is None where this release cannot use what is saved."""

    reference: Reference
    policy: Policy | None


@dataclass(frozen=True, slots=True, eq=False)
class Vocabulary:
    """What the engine has to know of a site. The same object as long as nothing of it changes."""

    words: SiteWords = NO_SITE_WORDS
    languages: frozenset[str] = frozenset()


NO_VOCABULARY: Final = Vocabulary()


@dataclass(frozen=True, slots=True)
class SiteRules:
    """What decides on the reviews of one site."""

    active: Ruler
    rollout: Ruler | None
    percent: int
    shadow: Ruler | None
    vocabulary: Vocabulary

    def ruler(self, review_id: int) -> Ruler:
        """The active version, or the candidate that is rolled out to this review."""
        rollout = self.rollout
        if rollout is not None and is_chosen(rollout.reference.name, review_id, self.percent):
            return rollout
        return self.active


@dataclass(frozen=True, slots=True)
class _Scope:
    generation: int = _NOT_LOADED
    words_generation: int = _NOT_LOADED
    active: Reference | None = None
    rollout: Reference | None = None
    percent: int = 0
    shadow: Reference | None = None
    languages: frozenset[str] = frozenset()
    words: tuple[Word, ...] = ()

    def references(self) -> tuple[Reference, ...]:
        return tuple(one for one in (self.active, self.rollout, self.shadow) if one is not None)


_NO_SCOPE: Final = _Scope()


@dataclass(slots=True)
class _Loaded:
    """Everything of one generation. Replaced as a whole, so that a transaction that fails leaves nothing half done."""

    generation: int
    scopes: Mapping[str, _Scope]
    rulers: Mapping[Reference, Ruler]
    digests: Mapping[Reference, str]
    sites: dict[str, SiteRules] = field(default_factory=dict)


class Rulebook:
    """One per worker. Before `hold` it has the built-in policy and no words, which is enough to read texts ahead."""

    def __init__(self) -> None:
        built_in = default_policy()
        self._built_in = Ruler(Reference(EVERY_SITE, BUILT_IN, built_in.version), built_in)
        self._loaded = _Loaded(_NOT_LOADED, {}, {}, {})
        # By site, and what they were made from; words that all sites share are kept once, under EVERY_SITE.
        self._words: dict[str, tuple[tuple[Word, ...], tuple[Word, ...], SiteWords]] = {}
        self._vocabularies: dict[str, Vocabulary] = {}

    @property
    def generation(self) -> int:
        return self._loaded.generation

    async def hold(self, tx: asyncpg.Connection[Any]) -> None:
        """Until the transaction ends, `of` says what is in force. One round trip where nothing has changed."""
        generation = await hold(tx)
        loaded = self._loaded
        if generation == loaded.generation:
            return
        # Scopes by their generations and policies by their digests: of a database that was restored meanwhile, nothing
        # else that we know need be so.
        scopes = await _scopes(tx, loaded.scopes)
        digests = await _digests(tx, {reference for scope in scopes.values() for reference in scope.references()})
        known = {one: loaded.rulers[one] for one, digest in digests.items() if loaded.digests.get(one) == digest}
        rulers = {**known, **await _rulers(tx, digests.keys() - known.keys())}
        self._loaded = _Loaded(generation, scopes, rulers, digests)
        log.info("rules loaded", generation=generation, policies=len(rulers), scopes=len(scopes))

    def of(self, site: str) -> SiteRules:
        rules = self._loaded.sites.get(site)
        if rules is None:
            rules = self._loaded.sites[site] = self._site_rules(site)
        return rules

    def _site_rules(self, site: str) -> SiteRules:
        scopes, rulers = self._loaded.scopes, self._loaded.rulers
        everywhere = scopes.get(EVERY_SITE, _NO_SCOPE)
        own = scopes.get(site, _NO_SCOPE)
        # What is tried on every site is tried where that is what decides.
        inherited = everywhere if own.active is None else _NO_SCOPE
        active = own.active or inherited.active
        rollout, percent = (
            (own.rollout, own.percent) if own.rollout is not None else (inherited.rollout, inherited.percent)
        )
        shadow = own.shadow or inherited.shadow
        return SiteRules(
            active=rulers[active] if active else self._built_in,
            rollout=rulers[rollout] if rollout and rollout != active else None,
            percent=percent,
            shadow=rulers[shadow] if shadow and shadow != active else None,
            vocabulary=self._vocabulary(site, own, everywhere),
        )

    def _vocabulary(self, site: str, own: _Scope, everywhere: _Scope) -> Vocabulary:
        words = self._site_words(site if own.words else EVERY_SITE, own.words, everywhere.words)
        languages = own.languages or everywhere.languages
        known = self._vocabularies.get(site, NO_VOCABULARY)
        if known.words is not words or known.languages != languages:
            known = self._vocabularies[site] = Vocabulary(words, languages)
        return known

    def _site_words(self, site: str, own: tuple[Word, ...], everywhere: tuple[Word, ...]) -> SiteWords:
        if not own and not everywhere:
            return NO_SITE_WORDS
        known = self._words.get(site)
        if known is None or known[:2] != (own, everywhere):
            known = self._words[site] = (own, everywhere, _compiled(own, everywhere))
        return known[2]


async def _scopes(tx: asyncpg.Connection[Any], known: Mapping[str, _Scope]) -> dict[str, _Scope]:
    rows = await tx.fetch(_RULES)
    renewed = [
        row["scope"] for row in rows if row["words_generation"] != known.get(row["scope"], _NO_SCOPE).words_generation
    ]
    words: dict[str, list[Word]] = {}
    if renewed:
        for scope, kind, entry, category, severity in await tx.fetch(_WORDS, renewed):
            words.setdefault(scope, []).append(Word(kind, entry, category, severity))
    return {
        row["scope"]: _scope(row, known.get(row["scope"], _NO_SCOPE), words.get(row["scope"], ()), renewed)
        for row in rows
    }


def _scope(row: asyncpg.Record, known: _Scope, words: Collection[Word], renewed: Collection[str]) -> _Scope:
    if row["generation"] == known.generation:
        return known
    return _Scope(
        generation=row["generation"],
        words_generation=row["words_generation"],
        active=_reference(row, "active"),
        rollout=_reference(row, "rollout"),
        percent=row["rollout_percent"] or 0,
        shadow=_reference(row, "shadow"),
        languages=frozenset(row["languages"]),
        words=tuple(sorted(words)) if row["scope"] in renewed else known.words,
    )


async def _digests(tx: asyncpg.Connection[Any], wanted: Collection[Reference]) -> dict[Reference, str]:
    if not wanted:
        return {}
    rows = await tx.fetch(_DIGESTS, *zip(*wanted, strict=True))
    return {Reference(row["scope"], row["name"], row["version"]): row["digest"] for row in rows}


async def _rulers(tx: asyncpg.Connection[Any], wanted: Collection[Reference]) -> dict[Reference, Ruler]:
    """One after the other, in a thread: hundreds of sites may have policies of their own, of which each takes a
    twentieth of a second. Meanwhile Kafka hears from us, and Postgres ends no transaction in which nothing happens.
    """
    return {
        reference: await asyncio.to_thread(_ruler, reference, await tx.fetchval(_SOURCE, *reference))
        for reference in wanted
    }


def _ruler(reference: Reference, source: str) -> Ruler:
    try:
        return Ruler(reference, load_policy(source, reference.name, reference.version))
    except PolicyErrors as errors:
        # Sound when it was saved, by another release. Its reviews are held: see `judge`.
        log.error("policy unusable", scope=reference.scope, policy=str(reference), problem=str(errors))
        return Ruler(reference, None)


def _compiled(own: Sequence[Word], everywhere: Sequence[Word]) -> SiteWords:
    try:
        return compiled(own, everywhere)
    except WordRefused:
        # Likewise sound when they were saved: without the entries that this release cannot take.
        log.error("site words unusable in part", words=len(own) + len(everywhere))
        return compiled(list(filter(_is_usable, own)), list(filter(_is_usable, everywhere)))


def _is_usable(word: Word) -> bool:
    try:
        compiled([word])
    except WordRefused:
        return False
    return True


def _reference(row: asyncpg.Record, what: str) -> Reference | None:
    if row[f"{what}_name"] is None:
        return None
    return Reference(row[f"{what}_scope"], row[f"{what}_name"], row[f"{what}_version"])
