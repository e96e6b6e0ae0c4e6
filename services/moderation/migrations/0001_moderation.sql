-- migrate:up
create schema if not exists moderation;

-- One case per review: what was submitted last, what is decided on it, and what is public because of all decisions.
create table moderation.cases (
    review_id bigint primary key,
    site text not null,
    version integer not null check (version > 0),   -- counts the decisions; guards a person's decision
    sequence bigint not null check (sequence > 0),  -- of the last review-moderated event
    submitted_sequence bigint not null,             -- of the last review-submitted event that was folded
    revision integer not null,                      -- the latest that was submitted; 0 when none could be read
    status text not null check (status in ('approved', 'held', 'rejected', 'withdrawn')),
    queue text,
    -- Of the newest decision, for the queue's filters.
    rule text,
    codes text[] not null default '{}',
    entity_id text not null default '',
    locale text,
    rating smallint,
    opened_at timestamptz not null,
    updated_at timestamptz not null,
    -- The latest submission as its event said it; null once withdrawn, and in a case that could not be read.
    submission json,
    -- The submission that is public, where that is an older one than the latest.
    public_submission json,
    public_revision integer,
    public_since timestamptz,
    highest_published_revision integer not null default 0,
    first_published_at timestamptz,
    publish_count integer not null default 0,
    is_featured boolean not null default false,
    display_order integer,
    check (status <> 'withdrawn' or (submission is null and public_submission is null and public_revision is null)),
    check (status <> 'approved' or public_revision = revision),
    check (status <> 'rejected' or public_revision is distinct from revision),
    check (public_revision is null or public_revision <= highest_published_revision)
);
create index cases_by_age on moderation.cases (site, status, updated_at, review_id);

-- Every decision ever made; never updated, and an erasure takes the matched words only.
create table moderation.decisions (
    site text not null,
    review_id bigint not null,
    version integer not null,
    revision integer not null,
    status text not null check (status in ('approved', 'held', 'rejected', 'withdrawn')),
    previous_status text,
    public_revision integer,  -- after this decision
    actor_kind text not null check (actor_kind in ('policy', 'person', 'system')),
    actor text not null,      -- a policy's name, an API key's id, a service
    moderator text,           -- the person's name, where the console says it
    policy text,
    policy_version integer,
    rule text,
    codes text[] not null,
    signals json not null,
    note text,
    decided_at timestamptz not null,
    primary key (review_id, version),
    check (actor_kind <> 'policy' or (policy is not null and policy_version is not null and rule is not null))
);

-- Who gave a review its place among others; no decision on its content, hence no row above.
create table moderation.placements (
    site text not null,
    review_id bigint not null,
    sequence bigint not null,  -- of the case after it
    is_featured boolean not null,
    display_order integer,
    actor text not null,
    moderator text,
    placed_at timestamptz not null
);
create index placements_of_review on moderation.placements (review_id);

-- What the relay publishes, in the order of `id`. A row is a committed fact; it is deleted only when Kafka has it.
create table moderation.outbox (
    id bigint generated always as identity primary key,
    topic text not null,
    key bytea not null,
    value bytea,
    headers text not null
);
create function moderation.wake_relay() returns trigger language plpgsql as $$
begin
    perform pg_notify('moderation_outbox', '');
    return null;
end
$$;
create trigger wake_relay after insert on moderation.outbox for each statement execute function moderation.wake_relay();

-- Who may publish. It keeps two relays from working against each other; Kafka's fencing is what makes it safe.
create table moderation.relay_lease (
    name text primary key,
    holder text not null,
    expires_at timestamptz not null
);

-- How far each consumer has come, moved in the transaction of its effects and by compare-and-set.
create table moderation.consumer_offsets (
    consumer text not null,
    topic_id text not null,
    topic text not null,
    partition integer not null,
    next_offset bigint not null,
    updated_at timestamptz not null default now(),
    primary key (consumer, topic_id, partition)
);

-- Records that can never be processed, with all that is needed to look into them.
create table moderation.dead_letters (
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

grant usage on schema moderation to plaudit_moderation;
grant select, insert, update, delete on all tables in schema moderation to plaudit_moderation;
revoke update, delete on moderation.decisions, moderation.placements from plaudit_moderation;

-- migrate:down
drop schema moderation cascade;
