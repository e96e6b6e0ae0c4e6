"""However the topics mix, whatever comes twice: the same public rows, exact statistics, nothing that was withdrawn."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import orjson
import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as configure
from hypothesis import strategies as st

from shared.events.catalog import CatalogKind
from shared.events.content import ReviewContent, SyndicationSource, VotesBefore
from shared.events.models import CommentModerated, ContentKind, ReviewModerated, Status, Vote
from tests.parts import Database
from tests.projection_world import (
    Row,
    World,
    brand,
    category,
    comment,
    comment_submitted,
    comment_withdrawn,
    detailed,
    entry_removed,
    feedback,
    feedback_removed,
    moderated,
    posted,
    product,
    record,
    removed,
    settings,
    submitted,
    tombstone,
    vocabulary,
    withdrawn,
    world,
)

SITES = ("one", "two")
ENTITIES = (None, "hat", "shirt")
AUTHORS = (None, "jane", "joe")
VOTERS = ("anna", "ben")
CATEGORIES = ("a", "b", "c", "d")
Lane = list[Row]
"""The records of one key on one topic, in the order in which their owner wrote them: all the order that Kafka keeps."""

run = configure(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@dataclass
class History:
    """What the owners of all keys did, in the order in which they did it, and what must be public in the end."""

    records: list[Row] = field(default_factory=list)
    lanes: dict[tuple[str, bytes | None], Lane] = field(default_factory=dict)
    public: dict[tuple[str, int], ReviewModerated] = field(default_factory=dict)
    withdrawn: set[tuple[str, int]] = field(default_factory=set)
    replies: dict[tuple[str, int], dict[int, str]] = field(default_factory=dict)
    sites: dict[str, tuple[int, bool]] = field(default_factory=dict)
    comments: dict[tuple[str, int], CommentModerated] = field(default_factory=dict)
    withdrawn_comments: set[tuple[str, int]] = field(default_factory=set)
    votes: dict[tuple[str, str, int, str, str], Vote | None] = field(default_factory=dict)
    entries: dict[tuple[str, str, str], str | None] = field(default_factory=dict)
    """What stands in the catalog: its name, or the parent of a category."""

    def add(self, row: Row) -> None:
        self.records.append(row)
        self.lanes.setdefault((row.topic, row.key), []).append(row)

    def shown(self) -> dict[tuple[str, int], ReviewModerated]:
        return {
            key: event
            for key, event in self.public.items()
            if event.published is not None and key not in self.withdrawn
        }

    def shown_comments(self) -> dict[tuple[str, int], CommentModerated]:
        return {
            key: event
            for key, event in self.comments.items()
            if event.published is not None
            and key not in self.withdrawn_comments
            and (key[0], event.review_id) in self.shown()
        }

    def voted(self, site: str, kind: str, content_id: int, before: VotesBefore | None) -> tuple[int, ...]:
        given = [vote for key, vote in self.votes.items() if key[:3] == (site, kind, content_id)]
        source = before or VotesBefore()
        return (
            source.positive + given.count("positive"),
            source.negative + given.count("negative"),
            source.inappropriate + given.count("inappropriate"),
        )

    def expected(self) -> set[tuple[Any, ...]]:
        commented = [(site, event.review_id) for (site, _), event in self.shown_comments().items()]
        return {
            (
                *key,
                event.published.revision,
                event.published.content.rating,
                event.published.content.entity_id or "",
                tuple(text for _, text in sorted(self.replies.get(key, {}).items())),
                self.voted(key[0], "review", key[1], _details(event.published.content).votes_before),
                commented.count(key),
            )
            for key, event in self.shown().items()
            if event.published is not None
        }

    def expected_comments(self) -> set[tuple[Any, ...]]:
        return {
            (
                *key,
                event.review_id,
                event.published.revision,
                self.voted(key[0], "comment", key[1], event.published.content.votes_before),
            )
            for key, event in self.shown_comments().items()
            if event.published is not None
        }

    def expected_ancestors(self, site: str) -> dict[str, list[str]]:
        parents = {key[2]: parent for key, parent in self.entries.items() if key[:2] == (site, "category")}
        ancestors: dict[str, list[str]] = {}
        for name in parents:
            at: str | None = name
            ancestors[name] = []
            while at in parents and at not in ancestors[name]:
                ancestors[name].append(at)
                at = parents[at]
        return ancestors


def _details(content: ReviewContent) -> Any:
    assert content.details is not None
    return content.details


counts = st.integers(0, 3)
votes_before = st.none() | st.builds(VotesBefore, positive=counts, negative=counts, inappropriate=counts)
values = st.sampled_from(("small", "true", "ü" * 400, "long" * 300))
said = st.builds(
    lambda rating, entity_id, author_id, text, **details: detailed(1, rating, entity_id, **details).model_copy(
        update={"author_id": author_id, "text": text, "title": text}
    ),
    st.integers(1, 5),
    st.sampled_from(ENTITIES),
    st.sampled_from(AUTHORS),
    st.none() | st.just("Fits"),
    is_recommended=st.none() | st.booleans(),
    is_incentivized=st.booleans(),
    syndication=st.none() | st.just(SyndicationSource(name="elsewhere")),
    secondary_ratings=st.dictionaries(st.sampled_from(("quality", "size")), st.integers(1, 5)),
    context_data=st.dictionaries(st.sampled_from(("Age", "Gender")), values),
    tags=st.dictionaries(st.sampled_from(("Pro", "Con")), st.lists(values, max_size=3).map(tuple)),
    votes_before=votes_before,
)
MOVES = (
    *("approve", "approve", "approve", "reject", "hold", "submit", "withdraw", "reply", "remove reply", "settings"),
    *("approve comment", "approve comment", "reject comment", "hold comment", "withdraw comment"),
    *("vote", "vote", "vote", "category", "category", "entry", "remove entry"),
)


@st.composite
def histories(draw: st.DrawFn) -> History:
    history = History()
    counters: dict[Any, int] = {}

    def following(key: Any) -> int:
        counters[key] = counters.get(key, 0) + 1
        return counters[key]

    keys = draw(st.lists(st.tuples(st.sampled_from(SITES), st.integers(1, 3)), min_size=1, max_size=4, unique=True))
    for move in draw(st.lists(st.sampled_from(MOVES), min_size=1, max_size=30)):
        key = site, review_id = draw(st.sampled_from(keys))
        gone = key in history.withdrawn
        comment_key = site, comment_id = site, draw(st.sampled_from((100, 200))) + review_id
        if move == "settings":
            event = settings(following(site), draw(st.booleans()), site)
            history.sites[site] = (event.sequence, event.settings.enabled)
            history.add(record(event))
        elif move in ("reply", "remove reply"):
            slot = draw(st.integers(0, 1))
            sequence = following(("reply", key, slot))
            if move == "reply":
                text = f"reply {sequence}"
                history.replies.setdefault(key, {})[slot] = text
                history.add(record(posted(review_id, slot, sequence, text, site)))
            else:
                history.replies.get(key, {}).pop(slot, None)
                gone_reply = removed(review_id, slot, sequence, site)
                history.add(record(gone_reply) if draw(st.booleans()) else tombstone(gone_reply))
        elif move == "withdraw":
            # Moderation, which has not heard of it yet, may go on deciding for a while.
            removal = withdrawn(review_id, following(("submitted", key)), site)
            history.add(record(removal))
            if draw(st.booleans()):
                history.add(tombstone(removal))
            history.withdrawn.add(key)
        elif move == "withdraw comment":
            gone_comment = comment_withdrawn(comment_id, review_id, following(("commented", comment_key)), site)
            history.add(record(gone_comment))
            if draw(st.booleans()):
                history.add(tombstone(gone_comment))
            history.withdrawn_comments.add(comment_key)
        elif move == "submit":
            if not gone:
                sequence = following(("submitted", key))
                history.add(record(submitted(review_id, sequence, sequence, site)))
            if comment_key not in history.withdrawn_comments:
                sequence = following(("commented", comment_key))
                history.add(record(comment_submitted(comment_id, review_id, sequence, site)))
        elif move == "vote":
            kind: ContentKind = draw(st.sampled_from(("review", "comment")))
            content_id = review_id if kind == "review" else comment_id
            vote: Vote = draw(st.sampled_from(("positive", "negative", "inappropriate")))
            given = feedback(content_id, vote, draw(st.sampled_from(VOTERS)), 1, kind, site)
            slot_of = (site, kind, content_id, given.voter, given.kind)
            given = given.model_copy(update={"sequence": following(slot_of)})
            taken_back = draw(st.booleans())
            history.votes[slot_of] = None if taken_back else vote
            back = feedback_removed(given, given.sequence)
            history.add(draw(st.sampled_from((record(back), tombstone(back)))) if taken_back else record(given))
        elif move == "category":
            name, parent = draw(st.sampled_from(CATEGORIES)), draw(st.none() | st.sampled_from(CATEGORIES))
            history.entries[site, "category", name] = parent
            history.add(record(category(name, parent, following((site, "category", name)), site)))
        elif move == "entry":
            sequence = following((site, "entry"))
            made = draw(st.sampled_from((product("p/1", sequence, site), brand("p/1", sequence, site))))
            of = "product" if made.TYPE == "product.updated" else "brand"
            history.entries[site, of, "p/1"] = f"{of.capitalize()} {sequence}"
            history.add(record(made))
            history.add(record(vocabulary("de_DE", following((site, "vocabulary")), site)))
        elif move == "remove entry":
            entry: CatalogKind = draw(st.sampled_from(("product", "brand", "category")))
            entry_id = "a" if entry == "category" else "p/1"
            sequence = following((site, "category", "a") if entry == "category" else (site, "entry"))
            history.entries.pop((site, entry, entry_id), None)
            gone_entry = entry_removed(entry, entry_id, sequence, site)
            history.add(record(gone_entry) if draw(st.booleans()) else tombstone(gone_entry))
        elif move.endswith("comment"):
            history.add(record(_moderate_comment(draw, history, move, comment_key, review_id, following)))
        else:
            history.add(record(_moderate(draw, history, move, key, following)))
    return history


def _moderate(
    draw: st.DrawFn, history: History, move: str, key: tuple[str, int], following: Callable[[Any], int]
) -> ReviewModerated:
    site, review_id = key
    before = history.public.get(key)
    kept = None if before is None else before.published
    revision = following(("revision", key))
    sequence = following(("moderated", key))
    if move == "approve":
        event = moderated(review_id, sequence, "approved", revision, revision, site, draw(said), draw(st.booleans()))
    elif move == "hold" and kept is not None:
        event = moderated(review_id, sequence, "held", kept.revision, revision, site, kept.content)
    else:
        status: Status = "rejected" if move == "reject" else "held"
        event = moderated(review_id, sequence, status, None, revision, site)
    history.public[key] = event
    return event


def _moderate_comment(
    draw: st.DrawFn,
    history: History,
    move: str,
    key: tuple[str, int],
    review_id: int,
    following: Callable[[Any], int],
) -> CommentModerated:
    site, comment_id = key
    before = history.comments.get(key)
    kept = None if before is None else before.published
    revision = following(("comment revision", key))
    sequence = following(("comment moderated", key))
    if move == "approve comment":
        author, source = draw(st.sampled_from(AUTHORS)), draw(votes_before)
        event = comment(
            comment_id, review_id, sequence, "approved", revision, site=site, author_id=author, votes_before=source
        )
    elif move == "hold comment" and kept is not None:
        event = comment(comment_id, review_id, sequence, "held", None, revision, site)
        event = event.model_copy(update={"published": kept})
    else:
        status: Status = "rejected" if move == "reject comment" else "held"
        event = comment(comment_id, review_id, sequence, status, None, revision, site)
    history.comments[key] = event
    return event


@st.composite
def deliveries(draw: st.DrawFn, history: History) -> list[list[Row]]:
    """The records of a history as a consumer may get them: lanes mixed, parts of them again, cut into batches."""
    lanes = []
    for lane in history.lanes.values():
        redelivered: Lane = list(lane)
        for _ in range(draw(st.integers(0, 2))):
            start = draw(st.integers(0, len(redelivered) - 1))
            end = draw(st.integers(start + 1, len(redelivered)))
            # At least once: a consumer that lost its place reads on from an earlier one.
            redelivered = redelivered[:end] + redelivered[start:]
        lanes.append(redelivered)
    mixed = _mixed(draw, lanes)
    batches: list[list[Row]] = []
    while mixed:
        size = draw(st.integers(1, min(len(mixed), 12)))
        batches.append(mixed[:size])
        mixed = mixed[size:]
    # Old records alone, after all others: not what Kafka does, but nothing may hang on that.
    stale = [row for lane in history.lanes.values() for row in lane[:-1]]
    batches += [[row] for row in draw(st.lists(st.sampled_from(stale), max_size=4))] if stale else []
    return batches


def _mixed(draw: st.DrawFn, lanes: list[Lane]) -> list[Row]:
    mixed: list[Row] = []
    while lanes := [lane for lane in lanes if lane]:
        mixed.append(draw(st.sampled_from(lanes)).pop(0))
    return mixed


@pytest.fixture(scope="module")
async def live(module_database: Database) -> AsyncIterator[World]:
    async with world(module_database.dsn) as made:
        yield made


@pytest.fixture(scope="module")
async def rebuilt(module_database: Database) -> AsyncIterator[World]:
    """The same tables under other names."""
    async with world(module_database.dsn, "rebuilt_") as made:
        yield made


@run
@given(data=st.data())
async def test_every_delivery_of_a_history_gives_the_rows_of_the_history_itself(
    live: World, rebuilt: World, data: st.DataObject
) -> None:
    history = data.draw(histories())
    batches = data.draw(deliveries(history))
    await live.empty()
    await rebuilt.empty()
    for row in history.records:
        await rebuilt.fold(row)
    for batch in batches:
        await live.fold(*batch)
        assert await live.recount() == [], "statistics are exact at every commit"
    assert await live.snapshot() == await rebuilt.snapshot()
    await _is_as_expected(live, history)


@run
@given(data=st.data())
async def test_the_newest_record_of_each_key_gives_the_same_public_rows_as_all_of_them(
    live: World, rebuilt: World, data: st.DataObject
) -> None:
    """What compaction leaves, and a rebuild reads."""
    history = data.draw(histories())
    await live.empty()
    await rebuilt.empty()
    await live.fold(*history.records)
    for row in data.draw(st.permutations([lane[-1] for lane in history.lanes.values()])):
        await rebuilt.fold(row)
    assert await rebuilt.recount() == []
    assert await live.snapshot("published") == await rebuilt.snapshot("published")
    await _is_as_expected(rebuilt, history)


@run
@given(data=st.data())
async def test_a_withdrawn_review_never_comes_back(live: World, data: st.DataObject) -> None:
    history = data.draw(histories())
    batches = data.draw(deliveries(history))
    await live.empty()
    seen: dict[str, set[tuple[str, int]]] = {"review-submitted": set(), "comment-submitted": set()}
    for batch in batches:
        await live.fold(*batch)
        for row in batch:
            site, _, number = (row.key or b"").decode().rpartition("/")
            if row.topic in seen and b"withdrawn" in dict(row.headers)["ce_type"]:
                seen[row.topic].add((site, int(number)))
        assert not seen["review-submitted"] & {row[:2] for row in await _shown(live)}
        assert not seen["comment-submitted"] & {row[:2] for row in await _comments(live)}


@run
@given(data=st.data())
async def test_a_record_that_cannot_be_read_hides_its_key_until_a_later_one_can(
    live: World, rebuilt: World, data: st.DataObject
) -> None:
    history = data.draw(histories())
    topic, key = data.draw(st.sampled_from(sorted(history.lanes, key=repr)))
    lane = history.lanes[topic, key]
    at = data.draw(st.integers(0, len(lane) - 1))
    row = lane[at]
    lane[at] = row.corrupt()
    await live.empty()
    await rebuilt.empty()
    for batch in data.draw(deliveries(history)):
        await live.fold(*batch)
        assert await live.recount() == []
    for readable in history.records:
        await rebuilt.fold(lane[at] if readable is row else readable)
    assert await live.snapshot("published") == await rebuilt.snapshot("published")
    if at == len(lane) - 1:
        _hide(history, topic, (key or b"").decode())
    await _is_as_expected(live, history)


def _hide(history: History, topic: str, key: str) -> None:
    """What is not expected while the newest record of a key cannot be read. A removal counts all the same."""
    site, _, rest = key.partition("/")
    if topic == "review-moderated":
        history.public.pop((site, int(rest)))
    elif topic == "comment-moderated":
        history.comments.pop((site, int(rest)))
    elif topic == "reply-posted":
        review_id, _, slot = rest.partition(".")
        history.replies.get((site, int(review_id)), {}).pop(int(slot), None)
    elif topic == "review-feedback":
        content_kind, content_id, voter, kind = rest.split("/")
        history.votes.pop((site, content_kind, int(content_id), voter, kind))
    elif topic == "catalog-updated":
        kind, _, entry_id = rest.partition("/")
        history.entries.pop((site, kind, entry_id), None)
    elif topic == "site-settings-changed":
        # Those before it are shown, as of a site that is not enabled.
        history.sites.pop(site)


@run
@given(data=st.data())
async def test_nothing_is_ever_public_that_no_decision_approved(live: World, data: st.DataObject) -> None:
    history = data.draw(histories())
    approved = {
        (event.site, event.review_id, event.published.revision)
        for event in _decisions(history)
        if event.published is not None
    }
    await live.empty()
    for batch in data.draw(deliveries(history)):
        await live.fold(*batch)
        assert {row[:3] for row in await _shown(live)} <= approved


def _decisions(history: History) -> Iterator[ReviewModerated]:
    for row in history.records:
        if row.topic == "review-moderated" and row.value is not None:
            yield ReviewModerated.model_validate_json(row.value)


async def _is_as_expected(shop: World, history: History) -> None:
    assert await _shown(shop) == history.expected()
    assert await _comments(shop) == history.expected_comments()
    assert {site: settings for site, settings in (await _sites(shop)).items() if site in history.sites} == history.sites
    for site in SITES:
        assert await shop.ancestors(site) == history.expected_ancestors(site)
    named = await shop.connection.fetch(
        f"""select site, 'product' as kind, product_id as id, name from {shop.published}.products
            union all select site, 'brand', brand_id, name from {shop.published}.brands
            union all select site, 'category', category_id, parent_id from {shop.published}.categories"""
    )
    assert {(row["site"], row["kind"], row["id"]): row["name"] for row in named} == history.entries


async def _shown(shop: World) -> set[tuple[Any, ...]]:
    rows = await shop.connection.fetch(
        f"""select site, review_id, revision, rating, entity_id, replies, positive_votes, negative_votes, abuse_reports,
                comment_count from {shop.published}.reviews"""
    )
    return {
        (
            *tuple(row)[:5],
            tuple(reply["text"] for reply in orjson.loads(row["replies"])),
            tuple(row)[6:9],
            row["comment_count"],
        )
        for row in rows
    }


async def _comments(shop: World) -> set[tuple[Any, ...]]:
    rows = await shop.connection.fetch(
        f"""select site, comment_id, review_id, revision, positive_votes, negative_votes, abuse_reports
            from {shop.published}.comments"""
    )
    return {(*tuple(row)[:4], tuple(row)[4:]) for row in rows}


async def _sites(shop: World) -> dict[str, tuple[int, bool]]:
    rows = await shop.connection.fetch(f"select site, sequence, enabled from {shop.published}.sites")
    return {row["site"]: (row["sequence"], row["enabled"]) for row in rows}
