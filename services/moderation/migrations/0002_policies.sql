-- migrate:up

-- Policies as people wrote them. A version never changes and never goes away: decisions cite it.
create table moderation.policy_versions (
    scope text not null,     -- a site, or '*' for every site
    name text not null,
    version integer not null check (version > 0),
    source text not null,    -- YAML
    digest text not null,    -- SHA-256 of the source: the same source again is the same version
    created_at timestamptz not null,
    created_by text not null,  -- an API key's id, "operator" at the command line, "plaudit" for what is built in
    moderator text,
    note text,
    primary key (scope, name, version),
    unique (scope, name, digest)
);

-- By what rules reviews are judged now, per scope. A site without a row, or without an active policy, follows '*'.
create table moderation.rules (
    scope text primary key,
    generation bigint not null,        -- at which this row changed last
    words_generation bigint not null,  -- at which the scope's words or languages changed last
    active_scope text,
    active_name text,
    active_version integer,
    rollout_scope text,
    rollout_name text,
    rollout_version integer,
    rollout_percent smallint check (rollout_percent between 0 and 100),
    shadow_scope text,
    shadow_name text,
    shadow_version integer,
    languages text[] not null default '{}',  -- in which the site takes reviews; none is any
    foreign key (active_scope, active_name, active_version) references moderation.policy_versions match full,
    foreign key (rollout_scope, rollout_name, rollout_version) references moderation.policy_versions match full,
    foreign key (shadow_scope, shadow_name, shadow_version) references moderation.policy_versions match full,
    check ((rollout_name is null) = (rollout_percent is null))
);

-- Counts all changes of rules and words. Who decides holds it, who changes waits for all who hold it.
create table moderation.rules_generation (
    one boolean primary key default true check (one),
    generation bigint not null
);
insert into moderation.rules_generation (generation) values (1);

-- A lock of this kind and not the row's own: share locks of a row pass by whoever waits to change it, so that workers
-- whose transactions overlap would hold an activation up for ever. This one has a queue.
create function moderation.rules_lock() returns bigint language sql immutable as $$
    select hashtextextended('moderation.rules', 0)
$$;

-- The generation, which stays so until the caller's transaction ends. Not one SQL statement: its snapshot would be
-- older than the lock for which it waited.
create function moderation.hold_rules() returns bigint language plpgsql volatile as $$
begin
    perform pg_advisory_xact_lock_shared(moderation.rules_lock());
    return (select generation from moderation.rules_generation);
end
$$;

-- A new generation, once every transaction that holds the old one has ended. By the clock, so that it is another number
-- than any that was given out before the database was restored: workers that live on take the same number for the same.
create function moderation.change_rules() returns bigint language plpgsql volatile as $$
declare
    counted bigint;
begin
    perform pg_advisory_xact_lock(moderation.rules_lock());
    update moderation.rules_generation
        set generation = greatest(generation + 1, (extract(epoch from clock_timestamp()) * 1000000)::bigint)
        returning generation into counted;
    return counted;
end
$$;

-- Who did what to policies, and why; never updated.
create table moderation.policy_events (
    id bigint generated always as identity primary key,
    scope text not null,
    what text not null check (what in (
        'saved', 'activated', 'followed', 'rollout-set', 'rollout-stopped', 'shadow-started', 'shadow-stopped')),
    policy_scope text,
    name text,
    version integer,
    percent smallint,
    -- What it took the place of.
    replaced_scope text,
    replaced_name text,
    replaced_version integer,
    actor text not null,
    moderator text,
    note text,
    at timestamptz not null
);
create index policy_events_of_scope on moderation.policy_events (scope, id);

-- Words that a site adds to the lexicon, takes from it, allows in a phrase, or counts as its competitors.
create table moderation.site_words (
    scope text not null,
    kind text not null check (kind in ('add', 'remove', 'allow', 'competitor')),
    entry text not null,
    category text,
    severity text,
    added_at timestamptz not null,
    added_by text not null,
    primary key (scope, kind, entry),
    check ((kind = 'add') = (category is not null)),
    check ((kind = 'add') = (severity is not null))
);

-- Who changed words and languages; never updated.
create table moderation.site_word_events (
    id bigint generated always as identity primary key,
    scope text not null,
    what text not null check (what in ('set', 'removed', 'languages')),
    kind text,
    entry text,
    category text,
    severity text,
    languages text[],
    actor text not null,
    moderator text,
    note text,
    at timestamptz not null
);
create index site_word_events_of_scope on moderation.site_word_events (scope, id);

-- What a candidate would have decided beside what was decided. Affects nothing and holds nothing of the text.
create table moderation.shadow_decisions (
    id bigint generated always as identity primary key,
    policy_scope text not null,
    policy text not null,
    policy_version integer not null,
    site text not null,
    review_id bigint not null,
    revision integer not null,
    live_status text not null,
    live_rule text not null,
    status text not null check (status in ('approved', 'held', 'rejected', 'failed')),
    rule text,
    decided_at timestamptz not null
);
create index shadow_decisions_of_policy
    on moderation.shadow_decisions (policy_scope, policy, policy_version, site, id);

-- Two sites may give policies of their own the same name.
alter table moderation.decisions add column policy_scope text;

grant select, insert on
    moderation.policy_versions, moderation.policy_events, moderation.site_word_events to plaudit_moderation;
grant select, insert, update on moderation.rules to plaudit_moderation;
grant select, update on moderation.rules_generation to plaudit_moderation;
grant select, insert, delete on moderation.shadow_decisions to plaudit_moderation;
grant select, insert, update, delete on moderation.site_words to plaudit_moderation;

-- migrate:down
alter table moderation.decisions drop column policy_scope;
drop table moderation.shadow_decisions, moderation.site_word_events, moderation.site_words, moderation.policy_events,
    moderation.rules_generation, moderation.rules, moderation.policy_versions;
drop function moderation.change_rules();
drop function moderation.hold_rules();
drop function moderation.rules_lock();
