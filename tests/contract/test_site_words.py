"""A site's own words and languages: over HTTP, audited, and known to workers from the next batch on."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any, cast

import asyncpg
import httpx
import pytest

from services.moderation.api import ModerationApi
from services.moderation.desk import Desk
from services.moderation.engine.engine import Engine
from services.moderation.judging.judge import Judge
from services.moderation.judging.rulebook import NO_VOCABULARY, Rulebook
from services.moderation.policies import words
from services.moderation.policies.reference import By
from services.moderation.policies.words import Word, WordRefused, compiled, tidy
from shared.access import ApiKeys, new_key
from shared.clock import SystemClock
from shared.http.app import create_app
from shared.postgres.pool import create_pool
from shared.service import Health
from tests.moderation_world import BY, NOW, activate, approving, decision, process, rows, submission, worker
from tests.parts import Database

FLAGGING = """\
name: flagging
rules:
  - name: word
    when: signals.exists(s, s.detector == "lexicon" && s.severity in ["strong", "severe"])
    outcome: reject
    codes: [PRF]
    note: A strong word.
  - name: competitor
    when: signals.exists(s, s.category == "competitor")
    outcome: hold
    queue: competitors
    note: A competitor.
  - name: language
    when: signals.exists(s, s.detector == "language")
    outcome: hold
    queue: language
    note: Another language.
default: {outcome: approve}
"""


@pytest.fixture
async def pool(database: Database) -> AsyncIterator[asyncpg.Pool[Any]]:
    async with await create_pool(database.role("moderation"), application_name="test") as pool:
        await activate(pool, FLAGGING)
        yield pool


@pytest.fixture(scope="module")
def judge() -> Judge:
    return Judge(Engine.default())


def tx(connection: object) -> asyncpg.Connection[Any]:
    return cast("asyncpg.Connection[Any]", connection)


async def set_words(pool: asyncpg.Pool[Any], scope: str, *wanted: Word, by: By = BY) -> list[Word]:
    async with pool.acquire() as connection, connection.transaction():
        return await words.set_words(tx(connection), scope, wanted, by, NOW)


async def remove(pool: asyncpg.Pool[Any], scope: str, kind: words.Kind, entry: str) -> bool:
    async with pool.acquire() as connection, connection.transaction():
        return await words.remove_word(tx(connection), scope, kind, entry, BY, NOW)


async def languages(pool: asyncpg.Pool[Any], scope: str, *codes: str) -> bool:
    async with pool.acquire() as connection, connection.transaction():
        return await words.set_languages(tx(connection), scope, codes, BY, NOW)


async def rule_of(pool: asyncpg.Pool[Any], review_id: int) -> str:
    rule: str = (await decision(pool, review_id))["rule"]
    return rule


async def test_a_word_acts_from_the_next_batch_on_and_on_its_site_only(pool: asyncpg.Pool[Any], judge: Judge) -> None:
    processor = worker(judge=judge)
    text = "What a blorptastic thing, I use it every day."
    await process(pool, processor, submission(1, text))
    await set_words(pool, "shop", Word("add", "blorptastic"))
    await process(pool, processor, submission(2, text), submission(3, text, site="else"))
    assert await remove(pool, "shop", "add", "blorptastic")
    await process(pool, processor, submission(4, text))
    assert [await rule_of(pool, number) for number in (1, 2, 3, 4)] == ["default", "word", "default", "default"]
    assert '"matched":"blorptastic"' in (await decision(pool, 2))["signals"]


async def test_a_batch_that_was_read_before_the_change_is_read_again(pool: asyncpg.Pool[Any], judge: Judge) -> None:
    processor = worker(judge=judge)
    await process(pool, processor, submission(1))
    batch = rows(submission(2, "What a blorptastic thing."))
    await processor.prepare(batch)
    await set_words(pool, "shop", Word("add", "blorptastic"))
    async with pool.acquire() as connection, connection.transaction():
        await processor.process(tx(connection), batch)
    assert await rule_of(pool, 2) == "word"


async def test_words_are_taken_from_the_lists_and_allowed_in_phrases(pool: asyncpg.Pool[Any], judge: Judge) -> None:
    processor = worker(judge=judge)
    texts = {1: "This is fucking great.", 2: "This is fucking great.", 3: "The bullshit grinder works well."}
    await process(pool, processor, submission(1, texts[1]))
    await set_words(pool, "shop", Word("remove", "fuck(|s|er|ers|ing|in|ed)"), Word("allow", "bullshit grinder"))
    await process(pool, processor, submission(2, texts[2]), submission(3, texts[3]), submission(4, "Bullshit."))
    assert [await rule_of(pool, number) for number in (1, 2, 3, 4)] == ["word", "default", "default", "word"]


async def test_entries_that_differ_in_case_are_the_same(pool: asyncpg.Pool[Any], judge: Judge) -> None:
    await set_words(pool, "*", Word("add", "Blorp"))
    await set_words(pool, "shop", Word("remove", "BLORP"))
    text = "A blorp."
    await process(pool, worker(judge=judge), submission(1, text), submission(2, text, site="else"))
    assert [await rule_of(pool, number) for number in (1, 2)] == ["default", "word"]
    assert await set_words(pool, "shop", Word("remove", "Blorp")) == []
    await set_words(pool, "shop", Word("add", "bLorp"), Word("competitor", "ACME"), Word("competitor", "Acme"))
    await set_words(pool, "shop", Word("competitor", "AcMe"))
    async with pool.acquire() as connection:
        shown = [one.word for one in await words.listed(tx(connection), "shop") if one.scope == "shop"]
    assert [(word.kind, word.entry) for word in shown] == [("add", "blorp"), ("competitor", "AcMe")]
    assert await remove(pool, "shop", "competitor", "acme")
    assert await remove(pool, "shop", "add", "BLORP")


async def test_competitors_are_found(pool: asyncpg.Pool[Any], judge: Judge) -> None:
    await set_words(pool, "shop", Word("competitor", "Acme Tools"))
    processor = worker(judge=judge)
    text = "Bought the same at Acme Tools for half of it."
    await process(pool, processor, submission(1, text), submission(2, text, site="else"))
    assert [await rule_of(pool, number) for number in (1, 2)] == ["competitor", "default"]


async def test_languages_are_a_sites_own_or_everybodys(pool: asyncpg.Pool[Any], judge: Judge) -> None:
    german = "Die Schuhe sind sehr bequem und passen gut, ich bin mit der Qualität wirklich sehr zufrieden."
    processor = worker(judge=judge)
    await process(pool, processor, submission(1, german))
    assert await languages(pool, "*", "en")
    assert await languages(pool, "else", "de", "en")
    assert not await languages(pool, "else", "en", "de")
    await process(pool, processor, submission(2, german), submission(3, german, site="else"))
    assert [await rule_of(pool, number) for number in (1, 2, 3)] == ["default", "language", "default"]
    async with pool.acquire() as connection:
        assert await words.languages(tx(connection), "shop") == ["en"]
        assert await words.languages(tx(connection), "else") == ["de", "en"]
    with pytest.raises(WordRefused):
        await languages(pool, "shop", "english")


async def test_what_holds_everywhere_is_overruled_by_a_site(pool: asyncpg.Pool[Any], judge: Judge) -> None:
    await set_words(pool, "*", Word("add", "blorptastic"))
    await set_words(pool, "shop", Word("remove", "blorptastic"))
    await set_words(pool, "mild", Word("add", "blorptastic", "profanity", "mild"))
    text = "What a blorptastic thing."
    sites = {1: "shop", 2: "mild", 3: "else"}
    await process(pool, worker(judge=judge), *(submission(number, text, site) for number, site in sites.items()))
    assert [await rule_of(pool, number) for number in sites] == ["default", "default", "word"]
    assert '"severity":"mild"' in (await decision(pool, 2))["signals"]


async def test_to_add_a_word_ends_its_removal_and_the_same_again_changes_nothing(pool: asyncpg.Pool[Any]) -> None:
    await set_words(pool, "shop", Word("remove", "  heck   no "))
    await set_words(pool, "shop", Word("add", "heck no"))
    async with pool.acquire() as connection:
        before = await words.page(tx(connection), "shop", None, 50)
        assert [one.word for one in await words.listed(tx(connection), "shop")] == [
            Word("add", "heck no", "profanity", "strong")
        ]
    assert await set_words(pool, "shop", Word("add", "heck no")) == []
    assert not await remove(pool, "shop", "remove", "heck no")
    async with pool.acquire() as connection:
        assert await words.page(tx(connection), "shop", None, 50) == before
    assert [(event["what"], event["kind"]) for event in before[0]] == [
        ("set", "add"),
        ("removed", "remove"),
        ("set", "remove"),
    ]
    assert {(event["actor"], event["moderator"], event["note"]) for event in before[0]} == {tuple(BY)}


@pytest.mark.parametrize(
    "word",
    [
        Word("add", ""),
        Word("add", "x" * 201),
        Word("add", "bad\nword\0"),
        Word("add", "word", "rudeness"),
        Word("add", "word", "insult", "awful"),
        Word("allow", "word", "insult"),
        Word("competitor", "word", None, "mild"),
        Word("add", "br(oken"),
    ],
)
async def test_what_cannot_be_a_word_is_refused_and_nothing_changes(pool: asyncpg.Pool[Any], word: Word) -> None:
    with pytest.raises(WordRefused):
        await set_words(pool, "shop", Word("add", "fine"), word)
    assert await pool.fetchval("select count(*) from moderation.site_words") == 0


def test_a_site_has_its_own_limit() -> None:
    many = [Word("competitor", f"rival number{number}") for number in range(words.MOST_WORDS)]
    compiled(map(tidy, many))  # as many as are taken can be used


async def test_more_words_than_a_site_may_have_are_refused(pool: asyncpg.Pool[Any]) -> None:
    many = [Word("competitor", f"rival number{number}") for number in range(words.MOST_WORDS)]
    assert len(await set_words(pool, "shop", *many)) == words.MOST_WORDS
    with pytest.raises(WordRefused, match="at most"):
        await set_words(pool, "shop", Word("competitor", "one more"))


DENSE = "(a|b|c|d|e|f|g|h)(a|b|c|d|e|f|g|h)(a|b|c|d|e|f|g|h)"


async def test_a_few_entries_do_not_stand_for_more_than_workers_can_carry(pool: asyncpg.Pool[Any]) -> None:
    with pytest.raises(WordRefused, match="spellings"):
        await set_words(pool, "shop", *(Word("add", f"x{number}{DENSE}") for number in range(20)))
    with pytest.raises(WordRefused, match="spellings"):
        await set_words(pool, "shop", *(Word("allow", f"x{number}{DENSE} y{DENSE}") for number in range(10)))
    assert await pool.fetchval("select count(*) from moderation.site_words") == 0
    for number in range(9):  # a few at a time they count together as well
        await set_words(pool, "shop", Word("competitor", f"x{number}{DENSE} y{DENSE}"))
    with pytest.raises(WordRefused, match="spellings"):
        await set_words(pool, "shop", Word("competitor", f"xx{DENSE} y{DENSE}"))
    await set_words(pool, "else", Word("competitor", f"xx{DENSE} y{DENSE}"))


async def test_a_change_of_policies_leaves_what_is_known_of_words(pool: asyncpg.Pool[Any]) -> None:
    await set_words(pool, "shop", Word("add", "blorptastic"))
    rulebook = Rulebook()
    async with pool.acquire() as connection, connection.transaction():
        await rulebook.hold(tx(connection))
    vocabulary = rulebook.of("shop").vocabulary
    assert vocabulary is not NO_VOCABULARY
    assert rulebook.of("else").vocabulary is NO_VOCABULARY
    await activate(pool, approving(), "shop")
    await set_words(pool, "else", Word("add", "blorptastic"))
    async with pool.acquire() as connection, connection.transaction():
        await rulebook.hold(tx(connection))
    assert rulebook.of("shop").active.reference.name == "easy"
    assert rulebook.of("shop").vocabulary is vocabulary
    assert rulebook.of("else").vocabulary is not NO_VOCABULARY


class Office:
    def __init__(self, http: httpx.AsyncClient, tokens: dict[str, str]) -> None:
        self.http = http
        self.tokens = tokens

    async def call(
        self, method: str, path: str, expected: int = 200, as_: str = "admin", **arguments: Any
    ) -> dict[str, Any]:
        headers = {"Authorization": f"Bearer {self.tokens[as_]}"}
        answer = await self.http.request(method, path, headers=headers, **arguments)
        assert answer.status_code == expected, answer.text
        body: dict[str, Any] = answer.json()
        return body


@pytest.fixture
async def office(pool: asyncpg.Pool[Any], database: Database) -> AsyncIterator[Office]:
    keys = {
        "admin": ("shop", ["admin"]),
        "reader": ("shop", ["read"]),
        "stranger": ("other", ["admin"]),
        "operator": (None, ["admin"]),
    }
    made = {name: new_key() for name in keys}
    owner = await asyncpg.connect(database.dsn)
    await owner.executemany(
        "insert into access.api_keys (key_id, site, label, secret_hash, scopes) values ($1, $2, $3, $4, $5)",
        [(made[name].key_id, site, name, made[name].secret_hash, scopes) for name, (site, scopes) in keys.items()],
    )
    await owner.close()
    api = ModerationApi(pool, ApiKeys(pool), Desk(pool, SystemClock()))
    transport = httpx.ASGITransport(create_app("moderation", api.routes(), Health()))
    async with httpx.AsyncClient(transport=transport, base_url="http://moderation") as http:
        yield Office(http, {name: key.token for name, key in made.items()})


SHOP = "/v1/sites/shop"


async def test_words_over_http(office: Office) -> None:
    wanted = [
        {"kind": "add", "entry": "blorp(|s)", "category": "insult", "severity": "mild"},
        {"kind": "competitor", "entry": "Acme Tools"},
    ]
    changed = await office.call("PUT", f"{SHOP}/words", json={"words": wanted, "note": "ours", "moderator": "Ada"})
    assert len(changed["changed"]) == 2
    assert (await office.call("PUT", f"{SHOP}/words", json={"words": wanted}))["changed"] == []
    await office.call("PUT", "/v1/words", as_="operator", json={"words": [{"kind": "allow", "entry": "kill switch"}]})

    listed = await office.call("GET", f"{SHOP}/words", as_="reader")
    assert [(one["kind"], one["entry"], one["severity"]) for one in listed["words"]] == [
        ("add", "blorp(|s)", "mild"),
        ("competitor", "Acme Tools", None),
    ]
    assert [one["entry"] for one in listed["inherited"]] == ["kill switch"]
    assert listed["languages"] == []

    params = {"kind": "add", "entry": "blorp(|s)"}
    await office.call("DELETE", f"{SHOP}/words", params=params)
    await office.call("DELETE", f"{SHOP}/words", 404, params=params)
    await office.call("DELETE", f"{SHOP}/words", 422, params={"entry": "x"})
    assert len((await office.call("GET", f"{SHOP}/words"))["words"]) == 1

    assert (await office.call("PUT", f"{SHOP}/languages", json={"languages": ["es", "en"]}))["languages"] == [
        "en",
        "es",
    ]
    refused = await office.call("PUT", f"{SHOP}/languages", 422, json={"languages": ["English"]})
    assert refused["error"]["field"] == "languages"
    events = (await office.call("GET", f"{SHOP}/words/log", as_="reader"))["events"]
    assert [event["what"] for event in events] == ["languages", "removed", "set", "set"]
    assert events[-1]["moderator"] == "Ada"


async def test_bad_words_are_refused_over_http(office: Office) -> None:
    for word in (
        {"kind": "add", "entry": "br(oken"},
        {"kind": "add", "entry": "word", "category": "rudeness"},
        {"kind": "swear", "entry": "word"},
        {"kind": "add", "entry": ""},
    ):
        error = (await office.call("PUT", f"{SHOP}/words", 422, json={"words": [word]}))["error"]
        assert error["code"] == "VALIDATION_ERROR"
    assert (await office.call("GET", f"{SHOP}/words"))["words"] == []


async def test_who_may_change_words(office: Office) -> None:
    body = {"words": [{"kind": "add", "entry": "blorp"}]}
    for name, path in (("reader", SHOP), ("stranger", SHOP), ("admin", "/v1")):
        await office.call("PUT", f"{path}/words", 403, name, json=body)
        await office.call("DELETE", f"{path}/words", 403, name, params={"kind": "add", "entry": "blorp"})
        await office.call("PUT", f"{path}/languages", 403, name, json={"languages": ["en"]})
    await office.call("GET", f"{SHOP}/words", 403, "stranger")
    await office.call("GET", "/v1/words", 403, "admin")
