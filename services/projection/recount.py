"""Whether the published rows are what staging says, and all counts what the rows say: nothing is taken from the counts.

For tests, and for `plaudit recount`. Reads everything there is: a few seconds for a million reviews.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import asyncpg

from services.projection.catalog_statements import MAX_DEPTH
from services.projection.summaries import MAX_VALUE_BYTES

MOST = 20
"""Differences listed of one kind."""


class Difference(NamedTuple):
    """`key`, `stored` and `counted` are JSON; the last two null where there is no such row. For a terminal and not for
    logs: a distribution's key holds a value, which an author may have made up."""

    what: str
    key: str
    stored: str | None
    counted: str | None


async def differences(
    connection: asyncpg.Connection[Any], staging: str = "projection", published: str = "published"
) -> list[Difference]:
    """All of one snapshot; empty when all is well. The connection must not be in a transaction."""
    found: list[Difference] = []
    async with connection.transaction(isolation="repeatable_read", readonly=True):
        for what, (key, stored, counted) in _checks(staging, published).items():
            rows = await connection.fetch(
                f"""
                with stored as ({stored}),
                    -- Under the names that the first part of a union has.
                    counted as (select * from stored where false union all ({counted}))
                select jsonb_build_array({key})::text, to_jsonb(stored)::text, to_jsonb(counted)::text
                from stored full join counted using ({key})
                where stored is distinct from counted
                limit {MOST}"""
            )
            found += [Difference(what, *row) for row in rows]
    return found


def _checks(staging: str, published: str) -> dict[str, tuple[str, str, str]]:
    """The key's columns, what is stored, and what it has to be. The columns of both are the same, in the same order."""
    votes = "positive_votes::bigint, negative_votes::bigint, abuse_reports::bigint"
    return {
        "public reviews": (
            "site, review_id",
            f"select site, review_id, revision from {published}.reviews",
            f"select site, review_id, public_revision from {staging}.reviews where public_revision is not null",
        ),
        "public comments": (
            "site, comment_id",
            f"select site, comment_id, review_id, revision from {published}.comments",
            f"""select site, comment_id, review_id, c.public_revision
                from {staging}.comments c join {staging}.reviews r using (site, review_id)
                where c.public_revision is not null and r.public_revision is not null""",
        ),
        "totals of feedback": (
            "site, content_kind, content_id",
            f"select site, content_kind, content_id, positive, negative, inappropriate from {staging}.feedback_totals",
            f"""select site, content_kind, content_id, (count(*) filter (where vote = 'positive'))::int,
                    (count(*) filter (where vote = 'negative'))::int,
                    (count(*) filter (where vote = 'inappropriate'))::int
                from {staging}.feedback where vote is not null and hidden_from is null
                group by site, content_kind, content_id""",
        ),
        "votes on reviews": (
            "site, review_id",
            f"select site, review_id, {votes} from {published}.reviews",
            _votes("review", f"select site, review_id, votes_before from {published}.reviews", staging),
        ),
        "votes on comments": (
            "site, comment_id",
            f"select site, comment_id, {votes} from {published}.comments",
            _votes(
                "comment",
                f"""select site, comment_id, (s.published #> '{{content,votes_before}}')::jsonb as votes_before
                    from {published}.comments join {staging}.comments s using (site, comment_id)""",
                staging,
            ),
        ),
        "comments of reviews": (
            "site, review_id",
            f"select site, review_id, comment_count::bigint from {published}.reviews where comment_count <> 0",
            f"select site, review_id, count(*) from {published}.comments group by site, review_id",
        ),
        "authors": (
            "site, author_id",
            f"select site, author_id, review_count, comment_count from {published}.authors",
            f"""select site, author_id, sum(reviews)::bigint, sum(comments)::bigint
                from (select site, author_id, 1 as reviews, 0 as comments from {published}.reviews
                      union all
                      select site, author_id, 0, 1 from {published}.comments) as content
                where author_id is not null group by site, author_id""",
        ),
        "summaries": (
            "site, scope, entity_id, locale",
            f"""select site, scope, entity_id, locale, review_count, rating_sum, ratings_1, ratings_2, ratings_3,
                    ratings_4, ratings_5, recommended_count, not_recommended_count, positive_votes, negative_votes,
                    featured_count, ratings_only_count, incentivized_count, native_count, native_rating_sum,
                    native_incentivized_count
                from {published}.summaries""",
            " union all ".join(
                (
                    _summaries("'locale'", "entity_id", "locale", published),
                    _summaries("'entity'", "entity_id", "''", published),
                    _summaries("'site'", "''", "''", published),
                )
            ),
        ),
        "distributions": (
            "site, entity_id, kind, dimension, value",
            f"select site, entity_id, kind, dimension, value, review_count from {published}.distributions",
            f"""select site, entity_id, kind, dimension, value, count(distinct review_id)
                from (select site, entity_id, review_id, 'secondary rating' as kind, dimension, value
                      from {published}.reviews, jsonb_each_text(secondary_ratings) as each (dimension, value)
                      union all
                      select site, entity_id, review_id, 'context data', dimension, value
                      from {published}.reviews, jsonb_each_text(context_data) as each (dimension, value)
                      union all
                      select site, entity_id, review_id, 'tag', dimension, value
                      from {published}.reviews, jsonb_each(tags) as each (dimension, given),
                           jsonb_array_elements_text(given) as value) as said
                where octet_length(value) <= {MAX_VALUE_BYTES} group by site, entity_id, kind, dimension, value""",
        ),
        "entries of the catalog": (
            "site, kind, entry_id",
            f"""select site, 'product' as kind, product_id as entry_id from {published}.products
                union all select site, 'category', category_id from {published}.categories
                union all select site, 'brand', brand_id from {published}.brands
                union all select site, 'vocabulary', locale from {published}.vocabularies""",
            f"select site, kind, entry_id from {staging}.catalog where not removed and hidden_from is null",
        ),
        "ancestors of categories": (
            "site, category_id, ancestor_id",
            f"select site, category_id, ancestor_id, depth from {published}.category_ancestors",
            f"""select * from (
                with recursive up (site, category_id, ancestor_id, depth, path) as (
                    select site, category_id, category_id, 0, array[category_id] from {published}.categories
                    union all
                    select up.site, up.category_id, parent.category_id, up.depth + 1, up.path || parent.category_id
                    from up
                    join {published}.categories as own on own.site = up.site and own.category_id = up.ancestor_id
                    join {published}.categories as parent
                        on parent.site = own.site and parent.category_id = own.parent_id
                    where not parent.category_id = any (up.path) and up.depth < {MAX_DEPTH})
                select site, category_id, ancestor_id, depth from up) as walked""",
        ),
    }


def _votes(kind: str, before: str, staging: str) -> str:
    def sum_of(vote: str) -> str:
        return f"coalesce((votes_before ->> '{vote}')::bigint, 0) + coalesce({vote}, 0)"

    return f"""
        select before.site, before.{kind}_id, {sum_of("positive")}, {sum_of("negative")}, {sum_of("inappropriate")}
        from ({before}) as before
        left join {staging}.feedback_totals t
            on t.site = before.site and t.content_kind = '{kind}' and t.content_id = before.{kind}_id"""


def _summaries(scope: str, entity: str, locale: str, published: str) -> str:
    stars = ", ".join(f"count(*) filter (where rating = {rating})" for rating in range(1, 6))
    return f"""
        select site, {scope}, {entity} as entity_id, {locale} as locale, count(*), sum(rating)::bigint, {stars},
            count(*) filter (where is_recommended), count(*) filter (where not is_recommended),
            sum(positive_votes)::bigint, sum(negative_votes)::bigint, count(*) filter (where is_featured),
            count(*) filter (where is_ratings_only), count(*) filter (where is_incentivized),
            count(*) filter (where syndication is null),
            coalesce(sum(rating) filter (where syndication is null), 0)::bigint,
            count(*) filter (where syndication is null and is_incentivized)
        from {published}.reviews group by site, 3, 4"""
