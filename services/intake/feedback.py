"""Votes for reviews and comments, and reports of abuse: one of each kind per voter, which the voter may change.

Everything runs in the caller's transaction, many words as one set of statements, in the order of the registry: find the
voters, lock reviews and comments, lock what was said before, decide, write voters, write what is said, append events.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Literal, NamedTuple

from services.intake.feedback_body import FeedbackBody, FeedbackRecord, VoterOrNetwork, Word
from services.intake.identity import Person
from services.intake.live import ContentRef, lock_contents
from services.intake.refusal import Refused
from services.intake.registry import Registry, load_site
from services.intake.transaction import Connection, again_on_conflict
from services.intake.vault import Vault
from shared import metrics
from shared.events.cloudevents import Encoded, encode
from shared.events.models import ContentKind, FeedbackGiven, FeedbackKind, FeedbackRemoved
from shared.events.topics import REVIEW_FEEDBACK
from shared.kafka.outbox import append

# See the registry's look-up for the form. Keys are locked in the order in which they are asked for.
_FIND = """
    select found.* from unnest($2::text[], $3::bigint[], $4::text[], $5::text[])
        as wanted (content_kind, content_id, voter, kind)
    cross join lateral (
        select f.content_kind, f.content_id, f.voter, f.kind, f.sequence, f.vote, f.event ->> 'reason' as reason
        from intake.feedback f
        where f.site = $1 and f.content_kind = wanted.content_kind and f.content_id = wanted.content_id
            and f.voter = wanted.voter and f.kind = wanted.kind limit 1 for update
    ) as found"""
_CHANGE = """
    update intake.feedback set sequence = new.sequence, vote = new.vote, updated_at = $6, event = new.event::json
    from unnest($2::text[], $3::bigint[], $4::text[], $5::text[], $7::bigint[], $8::text[], $9::text[])
        as new (content_kind, content_id, voter, kind, sequence, vote, event)
    where feedback.site = $1 and feedback.content_kind = new.content_kind and feedback.content_id = new.content_id
        and feedback.voter = new.voter and feedback.kind = new.kind"""
_COLUMNS = ("site", "content_kind", "content_id", "voter", "kind", "sequence", "vote", "updated_at", "event")


@dataclass(frozen=True, slots=True)
class Feedback:
    """Somebody's word on a review or comment; `traceparent` is its sender's."""

    content: ContentRef
    said: FeedbackBody | FeedbackRecord
    traceparent: str | None = None

    @property
    def voter(self) -> Person:
        voter = self.said.voter
        network = voter.network if isinstance(voter, VoterOrNetwork) else None
        return Person(voter.id, voter.email, network)


@dataclass(frozen=True, slots=True)
class FeedbackResult:
    """`voter_id` is None where somebody who was never heard of takes something back."""

    voter_id: str | None
    outcome: Literal["set", "removed", "unchanged"]


class Place(NamedTuple):
    """Of one voter's word within a site."""

    content_kind: ContentKind
    content_id: int
    voter: str
    kind: FeedbackKind


@dataclass(frozen=True, slots=True)
class Given:
    """The newest word; a vote of None was taken back."""

    sequence: int
    vote: str | None
    reason: str | None


def follow(
    site: str, place: Place, found: Given | None, said: Word, now: datetime
) -> FeedbackGiven | FeedbackRemoved | None:
    """What is to be told of a word, if it changes anything. Pure."""
    sequence = found.sequence + 1 if found is not None else 1
    if said.vote is None:
        if found is None or found.vote is None:
            return None
        return FeedbackRemoved(site=site, **place._asdict(), sequence=sequence, removed_at=now)
    reason = said.reason if said.kind == "inappropriate" else None
    if found is not None and (found.vote, found.reason) == (said.vote, reason):
        return None
    return FeedbackGiven(site=site, **place._asdict(), sequence=sequence, vote=said.vote, reason=reason, given_at=now)


async def give(
    tx: Connection, registry: Registry, site: str, given: Sequence[Feedback]
) -> list[FeedbackResult | Refused]:
    """One result per word, in order, as if they had come one after the other. The same again changes nothing.

    Refused is what is said of reviews and comments that are not there, or were removed. Raises Refused for an unknown
    site. First words of one voter that come at the same time are settled by doing all of it again, within `tx`.
    """
    results = await again_on_conflict(tx, registry.clock, registry.rng, partial(_give, tx, registry, site, given))
    for labels, count in Counter(
        (one.content.kind, one.said.kind, "refused" if isinstance(result, Refused) else result.outcome)
        for one, result in zip(given, results, strict=True)
    ).items():
        metrics.FEEDBACK.labels(*labels).inc(count)
    return results


async def _give(
    tx: Connection, registry: Registry, site_id: str, given: Sequence[Feedback]
) -> list[FeedbackResult | Refused]:
    site = await load_site(tx, site_id)
    vault = Vault(site.site, site.identity_key, registry.rng)
    voters = [one.voter for one in given]
    voter_ids = await vault.identify(tx, voters)
    contents = await lock_contents(tx, site.site, {one.content for one in given})
    now = registry.clock.now()
    places = [
        Place(*one.content, voter_id or "", one.said.kind) for one, voter_id in zip(given, voter_ids, strict=True)
    ]
    before = await _find(tx, site.site, {place for place in places if vault.is_known(place.voter)})
    newest = dict(before)
    events: list[Encoded] = []
    stored: dict[Place, str] = {}
    results: list[FeedbackResult | Refused] = []
    for one, voter, place in zip(given, voters, places, strict=True):
        refused = contents.refuse(one.content)
        if refused is not None:
            results.append(refused)
            continue
        if one.said.vote is not None:
            vault.use(place.voter, voter)
        event = follow(site.site, place, newest.get(place), one.said, now)
        if event is None:
            is_somebody = vault.is_known(place.voter) or place in newest
            results.append(FeedbackResult(place.voter if is_somebody else None, "unchanged"))
            continue
        encoded = encode(REVIEW_FEEDBACK, event, one.traceparent)
        assert encoded.value is not None
        events.append(encoded)
        stored[place] = encoded.value.decode()
        if isinstance(event, FeedbackRemoved):
            newest[place] = Given(event.sequence, None, None)
            results.append(FeedbackResult(place.voter, "removed"))
        else:
            newest[place] = Given(event.sequence, event.vote, event.reason)
            results.append(FeedbackResult(place.voter, "set"))
    await vault.write(tx, now)
    await _write(tx, site.site, now, before, newest, stored)
    await append(tx, "intake", events)
    return results


async def _find(tx: Connection, site: str, places: Collection[Place]) -> dict[Place, Given]:
    if not places:
        return {}
    rows = await tx.fetch(_FIND, site, *_columns(sorted(places)))
    return {
        Place(row["content_kind"], row["content_id"], row["voter"], row["kind"]): Given(
            row["sequence"], row["vote"], row["reason"]
        )
        for row in rows
    }


async def _write(
    tx: Connection,
    site: str,
    now: datetime,
    before: dict[Place, Given],
    newest: dict[Place, Given],
    stored: dict[Place, str],
) -> None:
    """A first word that somebody else has written meanwhile is a unique violation: do all of it again."""
    new = [
        (site, *place, newest[place].sequence, newest[place].vote, now, stored[place])
        for place in sorted(stored)
        if place not in before
    ]
    if new:
        await tx.copy_records_to_table("feedback", schema_name="intake", columns=_COLUMNS, records=new)
    changed = [place for place in sorted(stored) if place in before]
    if changed:
        await tx.execute(
            _CHANGE,
            site,
            *_columns(changed),
            now,
            [newest[place].sequence for place in changed],
            [newest[place].vote for place in changed],
            [stored[place] for place in changed],
        )


def _columns(places: Sequence[Place]) -> tuple[list[str], list[int], list[str], list[str]]:
    return (
        [place.content_kind for place in places],
        [place.content_id for place in places],
        [place.voter for place in places],
        [place.kind for place in places],
    )
