-- migrate:up

-- Comments are judged as reviews are. Their ids come from the same registry, so `review_id` is the number of the one or
-- the other, here and in all tables of this schema, and a case is found by it alone.
alter table moderation.cases
    add column kind text not null default 'review' check (kind in ('review', 'comment')),
    add column parent_id bigint,  -- the review that a comment is on; null where no record of it could be read
    -- Moderator codes of all decisions on the latest revision, in the order of their first appearance; and those of the
    -- public revision, where that is an older one.
    add column revision_codes text[] not null default '{}',
    add column older_codes text[] not null default '{}',
    add column reports_since timestamptz,  -- reports of abuse given up to then are answered
    add check (kind = 'comment' or parent_id is null);
comment on column moderation.cases.review_id is 'of the review, or of the comment where kind says so';

create function moderation.codes_of_revision(bigint, integer) returns text[] language sql stable as $$
    select coalesce(array_agg(code order by version, place), '{}') from (
        select distinct on (code) code, version, place
        from moderation.decisions d, unnest(d.codes) with ordinality as given (code, place)
        where d.review_id = $1 and d.revision = $2
        order by code, version, place
    ) as first
$$;
update moderation.cases c set
    revision_codes = moderation.codes_of_revision(c.review_id, c.revision),
    older_codes = case when c.public_revision < c.revision
        then moderation.codes_of_revision(c.review_id, c.public_revision) else '{}' end
where exists (select from moderation.decisions d where d.review_id = c.review_id and d.codes <> '{}');
drop function moderation.codes_of_revision(bigint, integer);

-- What each reader said last of a review or comment: that it is inappropriate, or no longer. A report may come before
-- the case that it is about. Goes with the content when that is withdrawn or erased.
create table moderation.reports (
    content_id bigint not null,
    content_kind text not null check (content_kind in ('review', 'comment')),
    site text not null,
    voter text not null,
    sequence bigint not null,  -- of the voter's newest word
    reported boolean not null,
    reason text,               -- in the reader's words, for moderators only
    at timestamptz not null,   -- when it was said, not when it came
    primary key (content_id, content_kind, site, voter),
    check (reported or reason is null)
);

-- A report on what has no case yet holds this alone, whoever opens cases holds it with others: so that of a report and
-- a submission at the same moment, one sees the other.
create function moderation.reports_lock() returns bigint language sql immutable as $$
    select hashtextextended('moderation.reports', 0)
$$;

grant select, insert, update, delete on moderation.reports to plaudit_moderation;

-- migrate:down
drop function moderation.reports_lock();
drop table moderation.reports;
alter table moderation.cases
    drop column kind, drop column parent_id, drop column revision_codes, drop column older_codes,
    drop column reports_since;
