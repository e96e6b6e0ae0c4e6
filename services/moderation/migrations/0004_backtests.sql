-- migrate:up

-- Backtests that somebody asked for over HTTP. A report names reviews and rules, and holds nothing of any text.
create table moderation.backtests (
    id uuid primary key default gen_random_uuid(),
    scope text not null,
    policy_scope text not null,
    policy text not null,
    policy_version integer not null,
    reviews_per_hour double precision,
    status text not null default 'waiting' check (status in ('waiting', 'running', 'done', 'failed')),
    begun integer not null default 0,  -- how often: one that is broken off again and again fails in the end
    done integer not null default 0,
    total integer,
    report json,
    error text,
    requested_by text not null,
    requested_at timestamptz not null,
    -- By whoever runs it, at every step: one that stands still for long belongs to a process that is gone.
    beat_at timestamptz,
    finished_at timestamptz,
    foreign key (policy_scope, policy, policy_version) references moderation.policy_versions,
    check ((status = 'done') = (report is not null))
);
create index backtests_to_do on moderation.backtests (requested_at) where status in ('waiting', 'running');
create index backtests_of_scope on moderation.backtests (scope, requested_at);

grant select, insert, update, delete on moderation.backtests to plaudit_moderation;

-- migrate:down
drop table moderation.backtests;
