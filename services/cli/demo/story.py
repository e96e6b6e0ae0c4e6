"""What the demo does once everything runs, up to what the public sees. Each part checks what it shows."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass

from rich.text import Text

from services.cli.demo import preparation, tables
from services.cli.demo.api import Api, Json
from services.cli.demo.errors import DemoFailed
from services.cli.demo.outcome import Outcome, differences, outcome_of, policies, summaries, summary_differs
from services.cli.demo.preparation import DeadLetter
from services.cli.demo.sample import APPROVED_BY_HAND, REPLIED_TO, SITE, TOPIC, Way, load_sample, of_way
from services.cli.demo.screen import Screen
from services.cli.demo.sending import Mishap, send_batch, send_records, send_singly
from services.cli.demo.storefront import PRODUCT, Shown, Storefront, differs, voted_on
from services.cli.demo.timing import LOOK_EVERY_SECONDS, PublicWatch
from services.cli.target import Target, kafka_settings

PATIENCE_SECONDS = 90.0
"""For anything that the services do on their own; it takes a second or two."""
_LOOK_SECONDS = 0.2
_AT_ONCE = 8
_PAGE = 20
_STATUSES = ("approved", "held", "rejected")
EXPLAIN = 'plaudit explain "Great boots. Call me: 212-555-0142"'
_REPLY = "Sorry about that! The new batch is warmer; write to us and we will send you one."


@dataclass(frozen=True)
class Known:
    """What the moderation API says about every review of the site."""

    outcomes: tuple[Outcome, ...]

    def of_source(self, source_id: str) -> Outcome:
        return next(outcome for outcome in self.outcomes if outcome.source_id == source_id)

    def first(self, status: str, besides: Collection[str]) -> Outcome | None:
        """One of the sample that is `status` and has words."""
        fitting = (o for o in self.outcomes if o.status == status and o.source_id not in besides)
        return next((outcome for outcome in fitting if outcome.source_id and outcome.text), None)


class Story:
    """Told in order, part by part. Raises DemoFailed as soon as something is not as it must be."""

    def __init__(self, screen: Screen, target: Target, api: Api, storefront: Storefront) -> None:
        self._storefront = storefront
        self._screen = screen
        self._console = screen.console
        self._target = target
        self._api = api
        self._sample = load_sample()

    async def tell(self) -> Known:
        await self._until_public_edge_knows_site()
        letters = await preparation.dead_letters(self._target)
        async with _watching(self._api) as watch:
            mishaps, expected_letters = await self._send()
            known, dead = await self._moderated(expected_letters, letters[-1].id if letters else 0)
        self._show_outcomes(known, mishaps, dead)
        await self._show_public(known)
        await self._people_act(known)
        known = await self._know()
        await self._show_storefront(known)
        self._show_timing(known, watch)
        self._check(known, [review["id"] for review in (await self._api.public_reviews())[0]])
        return known

    async def _until_public_edge_knows_site(self) -> None:
        """Settings travel over Kafka like everything else."""
        self._screen.begin(f"the public edge learns of the site {SITE}")
        await self._wait_for(self._api.is_site_public, "the site's settings did not reach the public edge", 0.05)
        self._screen.done()

    async def _send(self) -> tuple[list[Mishap], int]:
        screen, sample = self._screen, self._sample
        screen.heading(3, "Reviews come in")
        singly, batch, records = (of_way(sample, way) for way in Way)
        screen.begin(f"{len(batch)} reviews in one HTTP request, as NDJSON")
        batch_answers = await send_batch(self._api, batch)
        screen.done(_tally(batch_answers.outcomes))
        screen.begin(f"{len(records)} as records of the Kafka topic {TOPIC}")
        expected_letters = await send_records(kafka_settings(self._target), records)
        screen.done("sent, and 3 that are repeated or broken")
        screen.begin(f"{len(singly)} over HTTP, one after the other")
        answers = await send_singly(self._api, singly)
        screen.done(_tally(answers.outcomes))
        return [*answers.mishaps, *batch_answers.mishaps], expected_letters

    async def _moderated(self, expected_letters: int, after_id: int) -> tuple[Known, list[DeadLetter]]:
        """Every review of the sample has its decision, every approved one is public, every broken record is parked."""
        screen, wanted = self._screen, {review.source_id for review in self._sample}
        screen.heading(4, "Every one is moderated")
        screen.begin("decisions")

        async def decided() -> bool:
            found = wanted.intersection(case["submission"].get("source_id") for case in await self._cases())
            screen.update(f"{len(found)} of {len(wanted)}")
            return found == wanted

        await self._wait_for(decided, "some reviews got no decision")
        screen.done(str(len(wanted)))
        screen.begin("broken records become dead letters")
        dead: list[DeadLetter] = []

        async def parked() -> bool:
            dead[:] = await preparation.dead_letters(self._target, after_id)
            return len(dead) >= expected_letters

        await self._wait_for(parked, "the broken records did not become dead letters")
        screen.done(str(len(dead)))
        screen.begin("every case is read with its history")
        known = await self._know()
        screen.done(_tally([outcome.status for outcome in known.outcomes]))
        approved = {outcome.review_id for outcome in known.outcomes if outcome.public}
        screen.begin("approved ones become public")

        async def published() -> bool:
            shown = {review["id"] for review in (await self._api.public_reviews())[0]}
            screen.update(f"{len(approved & shown)} of {len(approved)}")
            return approved <= shown

        await self._wait_for(published, "some approved reviews did not become public")
        screen.done(str(len(approved)))
        return known, dead

    def _show_outcomes(self, known: Known, mishaps: Sequence[Mishap], dead: Sequence[DeadLetter]) -> None:
        self._screen.heading(5, "What became of each")
        ways = {review.source_id: review.way for review in self._sample}
        self._console.print()
        self._console.print(tables.outcome_table(known.outcomes, ways, self._console.width))
        self._show_policies(known)
        self._console.print("\nWhat senders got wrong, and what they were told:\n")
        letters = [
            Mishap(
                Way.KAFKA, f"partition {letter.partition}, offset {letter.offset}", f"{letter.code}: {letter.reason}"
            )
            for letter in dead
        ]
        first = known.of_source(of_way(self._sample, Way.KAFKA)[0].source_id)
        again = Mishap(Way.KAFKA, "the first one again", f"still one review, at revision {first.revision}")
        self._console.print(tables.mishap_table([*mishaps, again, *letters]))
        self._say(f"{len(dead)} dead letters, each kept with its record and reason; every other record went its way.")

    def _show_policies(self, known: Known) -> None:
        found = policies(known.outcomes)
        if "" in found:
            raise DemoFailed(f"{found['']} reviews were decided on without a policy")
        self._tick("decided by policy " + ", ".join(f"{name}: {count} reviews" for name, count in found.items()))
        self._say("Which policies there are, and what is in force: plaudit policy list")
        self._say(f"What it makes of a text, and why: {EXPLAIN}")

    async def _show_public(self, known: Known) -> None:
        self._screen.heading(6, "What the public sees")
        reviews, pages = await self._api.public_reviews(_PAGE)
        self._check(known, [review["id"] for review in reviews])
        self._tick(
            f"GET {self._api.public}/reviews: {len(reviews)} reviews on {pages} pages, exactly the approved ones"
        )
        for status in ("held", "rejected"):
            hidden = known.first(status, ())
            if hidden is None:
                continue
            answer = await self._api.public_review(hidden.review_id)
            if answer.status_code != 404:
                raise DemoFailed(f"the {status} review {hidden.review_id} is public: {answer.status_code}")
            self._tick(f"GET …/reviews/{hidden.review_id} ({status}): 404")
        rows = []
        names = {outcome.entity_id: outcome.entity_name for outcome in known.outcomes}
        for entity, summary in sorted(summaries(known.outcomes).items()):
            answered = await self._api.summary(entity)
            if summary_differs(summary, answered):
                raise DemoFailed(
                    f"GET …/summary?entity_id={entity} answers {answered}, the approved reviews say {summary}"
                )
            rows.append((names.get(entity) or entity or "the shop itself", summary))
        self._tick("GET …/summary?entity_id=…: counts and averages are those of the approved reviews\n")
        self._console.print(tables.summary_table(rows))

    async def _people_act(self, known: Known) -> None:
        self._screen.heading(7, "A moderator approves, the owner replies")
        held, praised = known.of_source(APPROVED_BY_HAND), known.of_source(REPLIED_TO)
        if held.status == "held":
            await self._api.approve(held.review_id, held.version, held.revision, "A reader's own pictures; harmless.")
            seconds = await self._until_shown(held.review_id, lambda review: True)
            self._tick(f"{held.review_id} was held ({held.rule}), is approved by hand, and public {seconds}")
        else:
            self._tick(f"{held.review_id} was approved by hand in an earlier run")
        reply = await self._api.set_reply(praised.review_id, _REPLY, "Demo shop")
        seconds = await self._until_shown(
            praised.review_id, lambda review: review.get("response", {}).get("content") == _REPLY
        )
        when = "from an earlier run" if reply["outcome"] == "unchanged" else f"public {seconds}"
        self._tick(f"{praised.review_id} has an answer of the shop, {when}:\n")
        self._console.print_json(data=(await self._api.public_review(praised.review_id)).json(), ensure_ascii=False)

    async def _show_storefront(self, known: Known) -> None:
        self._screen.heading(8, "A storefront written for Bazaarvoice asks for the same")
        await self._storefront.fill_catalog()
        await self._storefront.find_helpful(voted_on(known.outcomes))
        expected = summaries(known.outcomes)[PRODUCT]
        pages: list[Shown] = []

        async def complete() -> bool:
            page = await self._storefront.product_page()
            if page is not None:
                pages.append(page)
            return page is not None and page.helpful_votes > 0 and not differs(page, expected)

        await self._wait_for(complete, f"product, vote or statistics of {PRODUCT} did not reach the storefront", 0.02)
        page = pages[-1]
        self._tick(f"GET {self._storefront.address}?Filter=ProductId:{PRODUCT}&Include=Products&Stats=Reviews&…")
        self._tick(
            f"{page.name}: {page.review_count} reviews, {page.average:.2f} stars, helpful votes: {page.helpful_votes}\n"
        )
        fields = ("Id", "Rating", "Title", "ReviewText", "UserNickname", "SubmissionTime", "Helpfulness")
        self._console.print_json(data={name: page.most_helpful[name] for name in fields}, ensure_ascii=False)

    def _show_timing(self, known: Known, watch: PublicWatch) -> None:
        self._screen.heading(9, "From accepted to public, in this run")
        ways = {review.source_id: review.way for review in self._sample}
        waits: dict[Way, list[float]] = {way: [] for way in Way}
        for outcome in known.outcomes:
            wait = watch.wait_of(outcome.review_id, outcome.submitted_at)
            if wait is not None and outcome.source_id in ways:
                waits[ways[outcome.source_id]].append(wait)
        if not any(waits.values()):
            self._say("nothing new became public: this run's reviews were known from an earlier one")
            return
        self._console.print()
        self._console.print(tables.timing_table(waits))
        self._say(
            f"Seen by asking the public list every {LOOK_EVERY_SECONDS * 1000:.0f} ms, so up to that much too long. "
            "The batch came first, to services that had just started; those of a batch, or of a topic, travel together."
        )

    def _check(self, known: Known, public_ids: Sequence[int]) -> None:
        problems = differences(known.outcomes, public_ids)
        if problems:
            raise DemoFailed("the public answer is not what was approved:\n  " + "\n  ".join(problems))

    async def _cases(self) -> list[Json]:
        """Those with a submission; an unreadable one has none, and is nothing of the demo's."""
        return [case for status in _STATUSES async for case in self._api.cases(status) if case["submission"]]

    async def _know(self) -> Known:
        """Reads every case with its history, a few at a time."""
        limit = asyncio.Semaphore(_AT_ONCE)

        async def read(review_id: int) -> Outcome:
            async with limit:
                return outcome_of(await self._api.case(review_id))

        cases = await self._cases()
        outcomes = await asyncio.gather(*(read(case["review_id"]) for case in cases))
        known = Known(tuple(sorted(outcomes, key=lambda outcome: outcome.source_id or "~")))
        _refuse_twins(known)
        return known

    async def _until_shown(self, review_id: int, is_there: Callable[[Json], bool]) -> str:
        begun = time.monotonic()

        async def shown() -> bool:
            answer = await self._api.public_review(review_id)
            return answer.status_code == 200 and is_there(answer.json())

        await self._wait_for(shown, f"review {review_id} did not become public as it is now", 0.02)
        return f"{(time.monotonic() - begun) * 1000:,.0f} ms later"

    async def _wait_for(
        self, happened: Callable[[], Awaitable[bool]], otherwise: str, look_seconds: float = _LOOK_SECONDS
    ) -> None:
        deadline = time.monotonic() + PATIENCE_SECONDS
        while not await happened():
            if time.monotonic() > deadline:
                raise DemoFailed(f"{otherwise} within {PATIENCE_SECONDS:.0f} s")
            await asyncio.sleep(look_seconds)

    def _tick(self, text: str) -> None:
        self._console.print(Text.assemble(("✓ ", "green"), text))

    def _say(self, text: str) -> None:
        self._console.print(Text(text, style="dim"))


@asynccontextmanager
async def _watching(api: Api) -> AsyncIterator[PublicWatch]:
    """Watches until the block ends. Should the watch fail, the block goes on, and the failure is raised at its end."""
    watch = PublicWatch(api)
    await watch.begin()
    task = asyncio.create_task(watch.run())
    try:
        yield watch
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


def _refuse_twins(known: Known) -> None:
    sources = [outcome.source_id for outcome in known.outcomes if outcome.source_id]
    twins = sorted({source for source in sources if sources.count(source) > 1})
    if twins:
        raise DemoFailed(f"one record became several reviews: {', '.join(twins)}")


def _tally(words: Sequence[str]) -> str:
    return ", ".join(f"{words.count(word)} {word}" for word in dict.fromkeys(words))
