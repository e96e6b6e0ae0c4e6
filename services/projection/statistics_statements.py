"""Statements on summaries, authors and distributions, for one schema."""

from __future__ import annotations

from services.projection.summaries import COUNTS

_STORED = ("review_count", "rating_sum", *COUNTS)
_DELTAS = f"""
            (select site, scope, entity_id, locale,
                    ratings_1 + ratings_2 + ratings_3 + ratings_4 + ratings_5 as review_count,
                    ratings_1 + 2 * ratings_2 + 3 * ratings_3 + 4 * ratings_4 + 5 * ratings_5 as rating_sum,
                    {", ".join(COUNTS)}
             from unnest($1::text::text[], $2::text::text[], $3::text::text[], $4::text::text[],
                         {", ".join(f"${number}::text::bigint[]" for number, _ in enumerate(COUNTS, 5))})
                 as given (site, scope, entity_id, locale, {", ".join(COUNTS)})) as delta"""

_VALUES = """unnest($1::text::text[], $2::text::text[], $3::text::text[], $4::text::text[], $5::text::text[],
                        $6::text::bigint[])"""


class StatisticsStatements:
    def __init__(self, published: str) -> None:
        stored = ", ".join(_STORED)
        self.grow_summaries = f"""
            insert into {published}.summaries as old (site, scope, entity_id, locale, {stored})
            select site, scope, entity_id, locale, {stored} from {_DELTAS}
            on conflict (site, scope, entity_id, locale) do update set {_added("excluded")}"""
        # Not an upsert: the negative counts of the row proposed for insertion would break its constraints.
        self.shrink_summaries = f"""
            update {published}.summaries as old set {_added("delta")} from {_DELTAS}
            where old.site = delta.site and old.scope = delta.scope and old.entity_id = delta.entity_id
              and old.locale = delta.locale
            returning old.review_count"""
        self.delete_summaries = f"""
            delete from {published}.summaries
            using unnest($1::text::text[], $2::text::text[], $3::text::text[], $4::text::text[])
                as gone (site, scope, entity_id, locale)
            where summaries.site = gone.site and summaries.scope = gone.scope and summaries.entity_id = gone.entity_id
              and summaries.locale = gone.locale and review_count = 0"""

        self.grow_authors = f"""
            insert into {published}.authors as old (site, author_id, review_count, comment_count)
            select * from unnest($1::text::text[], $2::text::text[], $3::text::bigint[], $4::text::bigint[])
            on conflict (site, author_id) do update
            set review_count = old.review_count + excluded.review_count,
                comment_count = old.comment_count + excluded.comment_count"""
        self.shrink_authors = f"""
            update {published}.authors as old
            set review_count = old.review_count + delta.review_count,
                comment_count = old.comment_count + delta.comment_count
            from unnest($1::text::text[], $2::text::text[], $3::text::bigint[], $4::text::bigint[])
                as delta (site, author_id, review_count, comment_count)
            where old.site = delta.site and old.author_id = delta.author_id
            returning old.review_count + old.comment_count"""
        self.delete_authors = f"""
            delete from {published}.authors
            using unnest($1::text::text[], $2::text::text[]) as gone (site, author_id)
            where authors.site = gone.site and authors.author_id = gone.author_id
              and review_count = 0 and comment_count = 0"""

        self.grow_distributions = f"""
            insert into {published}.distributions as old (site, entity_id, kind, dimension, value, review_count)
            select * from {_VALUES}
            on conflict (site, entity_id, kind, dimension, value) do update
            set review_count = old.review_count + excluded.review_count"""
        # What would reach zero is deleted first: a row of zero reviews may not even be there for a moment.
        self.delete_distributions = f"""
            delete from {published}.distributions as old
            using {_VALUES}
                as delta (site, entity_id, kind, dimension, value, review_count)
            where old.site = delta.site and old.entity_id = delta.entity_id and old.kind = delta.kind
              and old.dimension = delta.dimension and old.value = delta.value
              and old.review_count + delta.review_count = 0
            returning 1"""
        self.shrink_distributions = f"""
            update {published}.distributions as old set review_count = old.review_count + delta.review_count
            from {_VALUES}
                as delta (site, entity_id, kind, dimension, value, review_count)
            where old.site = delta.site and old.entity_id = delta.entity_id and old.kind = delta.kind
              and old.dimension = delta.dimension and old.value = delta.value
            returning 1"""


def _added(delta: str) -> str:
    return ", ".join(f"{column} = old.{column} + {delta}.{column}" for column in _STORED)
