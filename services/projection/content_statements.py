"""Statements on reviews with their comments and replies, for one pair of schemas."""

from __future__ import annotations

from services.projection.arrays import KEYS

_CHANGED_MARKERS = """
            unnest($2::text::int[], $3::text::bigint[], $4::text::bigint[], $5::text::int[], $6::text::boolean[],
                   $7::text::bigint[])"""
_VOTES = """
            unnest($2::text::int[], $3::text::bigint[], $4::text::int[], $5::text::int[], $6::text::int[])
                as moved (number, id, positive, negative, inappropriate)"""
_ADD_VOTES = """
                positive_votes = public.positive_votes + moved.positive,
                negative_votes = public.negative_votes + moved.negative,
                abuse_reports = public.abuse_reports + moved.inappropriate"""


class ContentStatements:
    def __init__(self, staging: str, published: str) -> None:
        # Its fields after the marker's are those of Counted.
        self.load_reviews = f"""
            select staged.site, staged.review_id, staged.moderated_sequence, staged.approved_revision, staged.withdrawn,
                   staged.hidden_from, public.entity_id, public.locale, public.rating, public.is_recommended,
                   public.positive_votes, public.negative_votes, public.is_featured, public.is_ratings_only,
                   public.is_incentivized, public.syndication is null, public.author_id, public.comment_count,
                   public.secondary_ratings, public.context_data, public.tags
            from {KEYS}
            join {staging}.reviews as staged on staged.site = keys.site and staged.review_id = keys.id
            left join {published}.reviews as public
                on public.site = staged.site and public.review_id = staged.review_id
            order by staged.site, staged.review_id
            for update of staged"""
        self.update_markers = f"""
            update {staging}.reviews as staged
            set moderated_sequence = changed.moderated_sequence, approved_revision = changed.approved_revision,
                withdrawn = changed.withdrawn, hidden_from = changed.hidden_from
            from {_CHANGED_MARKERS}
                as changed (number, review_id, moderated_sequence, approved_revision, withdrawn, hidden_from)
            where staged.site = ($1::text[])[changed.number] and staged.review_id = changed.review_id"""
        self.delete_reviews = f"""
            delete from {published}.reviews as public using {KEYS}
            where public.site = keys.site and public.review_id = keys.id"""

        self.load_replies = f"""
            select keys.site, review_id, slot, sequence, removed, hidden_from, text, author_name, posted_at, updated_at,
                   department, response_type, response_source
            from {KEYS}
            join {staging}.replies as staged on staged.site = keys.site and staged.review_id = keys.id"""
        self.write_replies = f"""
            insert into {staging}.replies
                (site, reply_id, review_id, slot, sequence, removed, hidden_from, text, author_name, posted_at,
                 updated_at, department, response_type, response_source)
            select * from unnest($1::text[], $2::text[], $3::bigint[], $4::int[], $5::bigint[], $6::boolean[],
                                 $7::bigint[], $8::text[], $9::text[], $10::timestamptz[], $11::timestamptz[],
                                 $12::text[], $13::text[], $14::text[])
            on conflict (site, reply_id) do update
            set sequence = excluded.sequence, removed = excluded.removed, hidden_from = excluded.hidden_from,
                text = excluded.text, author_name = excluded.author_name, posted_at = excluded.posted_at,
                updated_at = excluded.updated_at, department = excluded.department,
                response_type = excluded.response_type, response_source = excluded.response_source"""
        self.update_replies = f"""
            update {published}.reviews as public set replies = changed.replies
            from unnest($1::text[], $2::bigint[], $3::jsonb[]) as changed (site, review_id, replies)
            where public.site = changed.site and public.review_id = changed.review_id"""

        # Whether a comment is shown is what its review_id in `published` says.
        self.load_comments = f"""
            select staged.site, staged.comment_id, staged.review_id, staged.moderated_sequence,
                   staged.approved_revision, staged.withdrawn, staged.hidden_from, public.review_id, public.author_id
            from {KEYS}
            join {staging}.comments as staged on staged.site = keys.site and staged.comment_id = keys.id
            left join {published}.comments as public
                on public.site = staged.site and public.comment_id = staged.comment_id
            order by staged.site, staged.comment_id
            for update of staged"""
        self.load_waiting_comments = f"""
            select keys.site, comment_id, review_id, published
            from {KEYS}
            join {staging}.comments as staged on staged.site = keys.site and staged.review_id = keys.id
            where staged.public_revision is not null"""
        self.update_comments = f"""
            update {staging}.comments as staged
            set moderated_sequence = changed.moderated_sequence, approved_revision = changed.approved_revision,
                withdrawn = changed.withdrawn, hidden_from = changed.hidden_from,
                review_id = changed.review_id, published = changed.published
            from (select given.*, review_id, published from {_CHANGED_MARKERS}
                      with ordinality as given (number, comment_id, moderated_sequence, approved_revision, withdrawn,
                                                hidden_from, place)
                  join unnest($8::text::bigint[], $9::json[]) with ordinality as more (review_id, published, place)
                      using (place)) as changed
            where staged.site = ($1::text[])[changed.number] and staged.comment_id = changed.comment_id"""
        self.delete_comments = f"""
            delete from {published}.comments as public using {KEYS}
            where public.site = keys.site and public.comment_id = keys.id"""
        self.delete_comments_of_reviews = f"""
            with gone as (
                delete from {published}.comments as public using {KEYS}
                where public.site = keys.site and public.review_id = keys.id
                returning public.site, public.author_id)
            select site, author_id, count(*) from gone group by site, author_id"""
        self.update_comment_counts = f"""
            update {published}.reviews as public set comment_count = public.comment_count + moved.comments
            from unnest($2::text::int[], $3::text::bigint[], $4::text::int[]) as moved (number, id, comments)
            where public.site = ($1::text[])[moved.number] and public.review_id = moved.id"""

        self.vote_on_reviews = f"""
            update {published}.reviews as public set {_ADD_VOTES} from {_VOTES}
            where public.site = ($1::text[])[moved.number] and public.review_id = moved.id
            returning public.site, public.entity_id, public.locale, moved.positive, moved.negative"""
        self.vote_on_comments = f"""
            update {published}.comments as public set {_ADD_VOTES} from {_VOTES}
            where public.site = ($1::text[])[moved.number] and public.comment_id = moved.id"""
