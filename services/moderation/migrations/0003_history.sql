-- migrate:up
-- What duplicates and bursts are found by: a row per review, of its newest revision, without its words. It goes with
-- the review when that is withdrawn or erased.
create table moderation.history (
    review_id bigint primary key,
    site text not null,
    revision integer not null,
    -- Whose burst it counts for: hashes of a site and a name in it, and when it was submitted first. All are null where
    -- it counts for none, and the author also where nobody knows who it was.
    author bigint,
    entity bigint,
    counted_at timestamptz,
    written_at timestamptz not null,  -- when what it says was submitted first; a light edit leaves it
    size integer not null,            -- of its sketch; 0 for a short text
    sketch bytea not null,            -- its hashes, or the only probe of a short text
    -- What was found, so that the same revision gets the same answer again.
    copy_of bigint,
    similarity double precision,
    author_burst boolean not null,
    entity_burst boolean not null,
    check ((counted_at is null) = (entity is null))
);
create index history_by_author on moderation.history (author, counted_at)
    where author is not null and counted_at is not null;
create index history_by_entity on moderation.history (entity, counted_at) where counted_at is not null;

-- The numbers under which a sketch is found; see judging/sketch.py.
create table moderation.history_probes (
    value bigint not null,
    review_id bigint not null,
    primary key (value, review_id)
);

grant select, insert, update, delete on moderation.history, moderation.history_probes to plaudit_moderation;

-- migrate:down
drop table moderation.history_probes;
drop table moderation.history;
