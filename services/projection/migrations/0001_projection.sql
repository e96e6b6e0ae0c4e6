-- migrate:up
create schema if not exists projection;
create schema if not exists published;

-- The newest staged event per review. What is public follows from this row alone.
create table projection.reviews (
    site text not null,
    review_id bigint not null,
    moderated_sequence bigint not null default 0,
    -- The revision that the newest decision makes public, or null.
    approved_revision integer,
    withdrawn boolean not null default false,
    -- Set while a record of this key could not be read: the sequence from which on a readable one counts again.
    hidden_from bigint,
    public_revision integer generated always as (
        case when withdrawn or hidden_from is not null then null else approved_revision end
    ) stored,
    primary key (site, review_id),
    unique (site, review_id, public_revision)
);

-- Replies wait here until their review is public.
create table projection.replies (
    site text not null,
    reply_id text not null,
    review_id bigint not null,
    slot integer not null,
    sequence bigint not null,
    removed boolean not null,
    hidden_from bigint,
    text text,
    author_name text,
    posted_at timestamptz,
    updated_at timestamptz,
    primary key (site, reply_id)
);
create index replies_by_review on projection.replies (site, review_id);

-- The newest staged settings per site. A site with settings that could not be read is shown as not enabled.
create table projection.sites (
    site text primary key,
    sequence bigint not null default 0,
    hidden_from bigint
);

create table published.sites (
    site text primary key,
    sequence bigint not null,
    name text not null,
    enabled boolean not null,
    settings jsonb not null
);

-- Approved content and nothing else: a row cannot exist unless staging says that exactly this revision is public.
create table published.reviews (
    site text not null,
    review_id bigint not null,
    revision integer not null,
    slug text not null,
    entity_id text not null,  -- '' is the site itself
    entity_name text,
    rating smallint not null check (rating between 1 and 5),
    title text,
    text text,
    author_id text,
    author_name text,
    author_email_masked text,
    locale text not null,
    created_at timestamptz not null,
    submitted_at timestamptz not null,
    review_date timestamptz not null,  -- the author's date where given, else created_at
    published_at timestamptz not null,
    first_published_at timestamptz not null,
    publish_count integer not null,
    is_featured boolean not null,
    display_order integer,
    replies jsonb not null default '[]',  -- [{slot, text, author_name, posted_at, updated_at}], by slot
    primary key (site, review_id),
    constraint approved_exactly foreign key (site, review_id, revision)
        references projection.reviews (site, review_id, public_revision) deferrable initially deferred
);
create index reviews_newest on published.reviews (site, created_at desc, review_id desc);
create index reviews_of_entity on published.reviews (site, entity_id, created_at desc, review_id desc);
create index reviews_of_entity_name on published.reviews (site, entity_name, created_at desc, review_id desc);

-- Counts and integer sums per entity (scope 'entity') and per site (scope 'site', entity_id ''); averages are computed on read.
create table published.summaries (
    site text not null,
    scope text not null check (scope in ('site', 'entity')),
    entity_id text not null,
    review_count bigint not null check (review_count >= 0),
    rating_sum bigint not null,
    ratings_1 bigint not null,
    ratings_2 bigint not null,
    ratings_3 bigint not null,
    ratings_4 bigint not null,
    ratings_5 bigint not null,
    primary key (site, scope, entity_id),
    check (review_count = ratings_1 + ratings_2 + ratings_3 + ratings_4 + ratings_5),
    check (rating_sum = ratings_1 + 2 * ratings_2 + 3 * ratings_3 + 4 * ratings_4 + 5 * ratings_5)
);

-- How far each consumer has come, moved in the transaction of its effects and by compare-and-set.
create table projection.consumer_offsets (
    consumer text not null,
    topic_id text not null,
    topic text not null,
    partition integer not null,
    next_offset bigint not null,
    updated_at timestamptz not null default now(),
    primary key (consumer, topic_id, partition)
);

-- Records that can never be processed, with all that is needed to look into them.
create table projection.dead_letters (
    id bigint generated always as identity primary key,
    consumer text not null,
    topic_id text not null,
    topic text not null,
    partition integer not null,
    record_offset bigint not null,
    site text,
    key bytea,
    value bytea,
    headers text not null,
    reason_code text not null,
    reason text not null,
    parked_at timestamptz not null default now(),
    unique (consumer, topic_id, partition, record_offset)
);

grant usage on schema projection, published to plaudit_projection;
grant select, insert, update, delete on all tables in schema projection, published to plaudit_projection;
grant usage on schema published to plaudit_query;
grant select on all tables in schema published to plaudit_query;

-- migrate:down
drop schema published cascade;
drop schema projection cascade;
