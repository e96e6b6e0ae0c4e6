-- migrate:up
-- Comments on reviews: one row per comment that was ever accepted, as the registry of reviews has them.
create table intake.comments (
    -- Odd: what a review is now given is even.
    comment_id bigint primary key check (comment_id between 1 and 9007199254740991 and comment_id % 2 = 1),
    site text not null references intake.sites,
    review_id bigint not null references intake.reviews,
    state text not null default 'live' check (state in ('live', 'withdrawn', 'erased')),
    revision integer not null check (revision > 0),
    sequence bigint not null check (sequence > 0),
    author_id text,
    source text,
    source_id text,
    source_version bigint,
    content_hash bytea,
    created_at timestamptz not null,
    updated_at timestamptz not null,
    -- The last event of the key as it was sent; what a replay sends again.
    event json not null,
    check ((source is null) = (source_id is null)),
    check (state = 'live' or content_hash is null)
);
create unique index comments_by_source on intake.comments (site, source, source_id) where source is not null;
create index comments_of_review on intake.comments (review_id);
create index comments_of_author on intake.comments (site, author_id) where author_id is not null;

-- Votes and reports of abuse: one row per voter, content and kind, with the newest word.
create table intake.feedback (
    site text not null references intake.sites,
    content_kind text not null check (content_kind in ('review', 'comment')),
    content_id bigint not null,
    voter text not null,
    kind text not null check (kind in ('helpfulness', 'inappropriate')),
    sequence bigint not null check (sequence > 0),
    -- null: taken back
    vote text,
    updated_at timestamptz not null,
    event json not null,
    -- The voter first: all that a person said is found by it, too.
    primary key (site, voter, content_kind, content_id, kind),
    check (vote is null or vote = 'inappropriate' and kind = 'inappropriate'
        or vote in ('positive', 'negative') and kind = 'helpfulness')
);

grant select, insert, update, delete on intake.comments, intake.feedback to plaudit_intake;

-- migrate:down
drop table intake.feedback;
drop table intake.comments;
