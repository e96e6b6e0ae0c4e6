"""Every statement of the projection, for one pair of schemas.

Rows are passed as one array per column. Numbers come as the text of an array (`numbers`), for asyncpg looks at every
element of an array whether it is one itself, which costs more than all that Postgres does with it.
"""

from __future__ import annotations

from collections.abc import Iterable


def numbers(values: Iterable[int | None]) -> str:
    """The text of an array of integers, as `$1::text::bigint[]` reads it."""
    return f"{{{','.join(['null' if value is None else str(int(value)) for value in values])}}}"


# The sites of a batch are few: $1 names them, and $2 has for each row the number of its site, from 1.
_KEYS = """
            (select ($1::text[])[number] as site, review_id
             from unnest($2::text::int[], $3::text::bigint[]) as given (number, review_id)) as keys"""
_COUNTS = "review_count, rating_sum, ratings_1, ratings_2, ratings_3, ratings_4, ratings_5"
_DELTAS = """
            (select site, scope, entity_id, s1 + s2 + s3 + s4 + s5 as review_count,
                    s1 + 2 * s2 + 3 * s3 + 4 * s4 + 5 * s5 as rating_sum,
                    s1 as ratings_1, s2 as ratings_2, s3 as ratings_3, s4 as ratings_4, s5 as ratings_5
             from unnest($1::text[], $2::text[], $3::text[], $4::text::bigint[], $5::text::bigint[], $6::text::bigint[],
                         $7::text::bigint[], $8::text::bigint[])
                 as given (site, scope, entity_id, s1, s2, s3, s4, s5)) as delta"""


class Statements:
    def __init__(self, staging: str, published: str) -> None:
        # One projector acts at a time, whatever the consumer group believes. The settings are the transaction's: its
        # statements are planned once per connection, often when the tables are still empty and cheap to scan.
        self.begin = f"""
            select pg_advisory_xact_lock(hashtextextended('{staging}.fold', 0)),
                   set_config('enable_seqscan', 'off', true), set_config('enable_hashjoin', 'off', true),
                   set_config('enable_mergejoin', 'off', true)"""

        self.load_reviews = f"""
            select site, review_id, staged.moderated_sequence, staged.approved_revision, staged.withdrawn,
                   staged.hidden_from, public.entity_id, public.rating
            from {_KEYS}
            join {staging}.reviews as staged using (site, review_id)
            left join {published}.reviews as public using (site, review_id)
            order by site, review_id
            for update of staged"""
        self.load_replies = f"""
            select site, review_id, slot, sequence, removed, hidden_from, text, author_name, posted_at, updated_at
            from {_KEYS}
            join {staging}.replies using (site, review_id)"""

        self.update_markers = f"""
            update {staging}.reviews as staged
            set moderated_sequence = changed.moderated_sequence, approved_revision = changed.approved_revision,
                withdrawn = changed.withdrawn::boolean, hidden_from = changed.hidden_from
            from unnest($2::text::int[], $3::text::bigint[], $4::text::bigint[], $5::text::int[], $6::text::int[],
                        $7::text::bigint[])
                as changed (number, review_id, moderated_sequence, approved_revision, withdrawn, hidden_from)
            where staged.site = ($1::text[])[changed.number] and staged.review_id = changed.review_id"""
        self.delete_reviews = f"""
            delete from {published}.reviews as public using {_KEYS}
            where public.site = keys.site and public.review_id = keys.review_id"""

        self.write_replies = f"""
            insert into {staging}.replies
                (site, reply_id, review_id, slot, sequence, removed, hidden_from,
                 text, author_name, posted_at, updated_at)
            select * from unnest($1::text[], $2::text[], $3::bigint[], $4::int[], $5::bigint[], $6::boolean[],
                                 $7::bigint[], $8::text[], $9::text[], $10::timestamptz[], $11::timestamptz[])
            on conflict (site, reply_id) do update
            set sequence = excluded.sequence, removed = excluded.removed, hidden_from = excluded.hidden_from,
                text = excluded.text, author_name = excluded.author_name, posted_at = excluded.posted_at,
                updated_at = excluded.updated_at"""
        self.update_replies = f"""
            update {published}.reviews as public set replies = changed.replies
            from unnest($1::text[], $2::bigint[], $3::jsonb[]) as changed (site, review_id, replies)
            where public.site = changed.site and public.review_id = changed.review_id"""

        self.grow_summaries = f"""
            insert into {published}.summaries as old (site, scope, entity_id, {_COUNTS})
            select site, scope, entity_id, {_COUNTS} from {_DELTAS}
            on conflict (site, scope, entity_id) do update set {_added("excluded")}"""
        # Not an upsert: the negative counts of the row proposed for insertion would break its constraints.
        self.shrink_summaries = f"""
            update {published}.summaries as old set {_added("delta")} from {_DELTAS}
            where old.site = delta.site and old.scope = delta.scope and old.entity_id = delta.entity_id
            returning old.review_count"""
        self.delete_summaries = f"""
            delete from {published}.summaries
            using unnest($1::text[], $2::text[], $3::text[]) as gone (site, scope, entity_id)
            where summaries.site = gone.site and summaries.scope = gone.scope and summaries.entity_id = gone.entity_id
              and review_count = 0"""

        self.load_sites = f"select site, sequence, hidden_from from {staging}.sites where site = any($1::text[])"
        self.write_site = f"""
            insert into {staging}.sites (site, sequence, hidden_from) values ($1, $2, $3)
            on conflict (site) do update set sequence = excluded.sequence, hidden_from = excluded.hidden_from"""
        self.publish_site = f"""
            insert into {published}.sites (site, sequence, name, enabled, settings) values ($1, $2, $3, $4, $5::jsonb)
            on conflict (site) do update set sequence = excluded.sequence, name = excluded.name,
                enabled = excluded.enabled, settings = excluded.settings"""
        self.hide_site = f"update {published}.sites set enabled = false where site = $1"


def _added(delta: str) -> str:
    return ", ".join(f"{column} = old.{column} + {delta}.{column}" for column in _COUNTS.split(", "))
