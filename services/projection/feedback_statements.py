"""Statements on votes and reports and their sums, for one schema."""

from __future__ import annotations

from services.projection.arrays import KEYS


class FeedbackStatements:
    def __init__(self, staging: str) -> None:
        self.load_feedback = f"""
            select site, content_kind, content_id, voter, kind, sequence, vote, hidden_from
            from unnest($1::text::text[], $2::text::text[], $3::text::bigint[], $4::text::text[], $5::text::text[])
                as keys (site, content_kind, content_id, voter, kind)
            join {staging}.feedback using (site, content_kind, content_id, voter, kind)"""
        self.update_feedback = f"""
            update {staging}.feedback as staged
            set sequence = changed.sequence, vote = changed.vote, hidden_from = changed.hidden_from
            from unnest($1::text::text[], $2::text::text[], $3::text::bigint[], $4::text::text[], $5::text::text[],
                        $6::text::bigint[], $7::text[], $8::text::bigint[])
                as changed (site, content_kind, content_id, voter, kind, sequence, vote, hidden_from)
            where staged.site = changed.site and staged.content_kind = changed.content_kind
              and staged.content_id = changed.content_id and staged.voter = changed.voter
              and staged.kind = changed.kind"""
        self.load_totals = f"""
            select keys.site, content_id, positive, negative, inappropriate
            from {KEYS}
            join {staging}.feedback_totals as totals
                on totals.site = keys.site and totals.content_kind = $4 and totals.content_id = keys.id"""
        # Gives the keys that are without votes again.
        self.move_totals = f"""
            with moved as (
                insert into {staging}.feedback_totals as old
                    (site, content_kind, content_id, positive, negative, inappropriate)
                select * from unnest($1::text::text[], $2::text::text[], $3::text::bigint[], $4::text::int[],
                                     $5::text::int[], $6::text::int[])
                on conflict (site, content_kind, content_id) do update
                set positive = old.positive + excluded.positive, negative = old.negative + excluded.negative,
                    inappropriate = old.inappropriate + excluded.inappropriate
                returning *)
            select site, content_kind, content_id from moved
            where positive = 0 and negative = 0 and inappropriate = 0"""
        self.delete_totals = f"""
            delete from {staging}.feedback_totals as totals
            using unnest($1::text::text[], $2::text::text[], $3::text::bigint[])
                as gone (site, content_kind, content_id)
            where totals.site = gone.site and totals.content_kind = gone.content_kind
              and totals.content_id = gone.content_id"""
