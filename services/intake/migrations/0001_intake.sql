-- migrate:up
create schema if not exists intake;
create schema if not exists access;

create table intake.sites (
    site text primary key check (site ~ '^[a-z0-9][a-z0-9-]{0,62}$'),
    name text not null,
    settings jsonb not null,
    settings_version bigint not null default 1 check (settings_version > 0),
    -- Keys the HMAC by which the vault finds a person; without it nobody can test an e-mail address against the vault.
    identity_key bytea not null,
    created_at timestamptz not null default now()
);

-- The vault: the only place that knows whom an author id stands for. Deleting a row unlinks the person for good.
create table intake.authors (
    site text not null references intake.sites,
    author_id text not null,
    -- HMAC of "id:<the sender's id>" or "email:<normalised address>".
    identity bytea not null,
    email text,
    created_at timestamptz not null default now(),
    primary key (site, author_id),
    unique (site, identity)
);

-- The registry: one row per review that was ever accepted. A removed review keeps its row without content.
create table intake.reviews (
    review_id bigint primary key check (review_id between 1 and 9007199254740991),
    site text not null references intake.sites,
    state text not null default 'live' check (state in ('live', 'withdrawn', 'erased')),
    revision integer not null check (revision > 0),
    sequence bigint not null check (sequence > 0),
    entity_id text not null default '',  -- '' is the site itself
    author_id text,
    source text,
    source_id text,
    source_version bigint,
    -- Of what the sender gave: the same again is no new revision.
    content_hash bytea,
    created_at timestamptz not null,
    updated_at timestamptz not null,
    -- The last event of the key as it was sent; what a replay sends again.
    event json not null,
    check ((source is null) = (source_id is null)),
    check (state = 'live' or content_hash is null)
);
create unique index reviews_by_source on intake.reviews (site, source, source_id) where source is not null;
create unique index reviews_one_live_per_author on intake.reviews (site, entity_id, author_id)
    where state = 'live' and author_id is not null;

create table intake.replies (
    site text not null references intake.sites,
    reply_id text not null,
    review_id bigint not null references intake.reviews,
    slot integer not null check (slot between 0 and 99),
    sequence bigint not null check (sequence > 0),
    removed boolean not null default false,
    posted_at timestamptz not null,
    updated_at timestamptz not null,
    event json not null,
    primary key (site, reply_id)
);

-- Which site an ingest topic belongs to; a record's own word on that is never asked.
create table intake.ingest_topics (
    topic text primary key,
    site text not null references intake.sites
);

-- Answers to requests with an Idempotency-Key: ids and statuses, never what a review says.
create table intake.idempotent_requests (
    site text not null,
    key_id text not null,
    idempotency_key text not null,
    request_hash bytea not null,
    status integer,
    answer json,  -- as it was sent, the order of its members included
    created_at timestamptz not null default now(),
    primary key (site, key_id, idempotency_key)
);
create index idempotent_requests_by_age on intake.idempotent_requests (created_at);

-- What the relay publishes, in the order of `id`. A row is a committed fact; it is deleted only when Kafka has it.
create table intake.outbox (
    id bigint generated always as identity primary key,
    topic text not null,
    key bytea not null,
    value bytea,
    headers text not null
);
create function intake.wake_relay() returns trigger language plpgsql as $$
begin
    perform pg_notify('intake_outbox', '');
    return null;
end
$$;
create trigger wake_relay after insert on intake.outbox for each statement execute function intake.wake_relay();

-- Who may publish. It keeps two relays from working against each other; Kafka's fencing is what makes it safe.
create table intake.relay_lease (
    name text primary key,
    holder text not null,
    expires_at timestamptz not null
);

-- How far each consumer has come, moved in the transaction of its effects and by compare-and-set.
create table intake.consumer_offsets (
    consumer text not null,
    topic_id text not null,
    topic text not null,
    partition integer not null,
    next_offset bigint not null,
    updated_at timestamptz not null default now(),
    primary key (consumer, topic_id, partition)
);

-- Records that can never be processed, with all that is needed to look into them.
create table intake.dead_letters (
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

create table access.api_keys (
    key_id text primary key,
    -- null: a service of ours, for every site
    site text,
    label text not null,
    secret_hash bytea not null,
    scopes text[] not null check (scopes <@ array['submit', 'reply', 'moderate', 'read', 'admin']),
    created_at timestamptz not null default now(),
    expires_at timestamptz,
    revoked_at timestamptz
);

grant usage on schema intake, access to plaudit_intake;
grant select, insert, update, delete on all tables in schema intake, access to plaudit_intake;
grant usage on schema access to plaudit_moderation, plaudit_query;
grant select on access.api_keys to plaudit_moderation, plaudit_query;

-- migrate:down
drop schema access cascade;
drop schema intake cascade;
