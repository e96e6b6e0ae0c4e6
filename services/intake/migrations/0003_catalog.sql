-- migrate:up
-- The catalog: one row per product, category, brand, and vocabulary (its id is the locale) that there ever was. A removed
-- entry keeps its row, so that its sequence goes on growing when it comes back.
create table intake.catalog (
    site text not null references intake.sites,
    kind text not null check (kind in ('product', 'category', 'brand', 'vocabulary')),
    entry_id text collate "C" not null,
    sequence bigint not null check (sequence > 0),
    removed boolean not null default false,
    -- Of the entry: the same again is no event. Null where it was removed.
    content_hash bytea,
    updated_at timestamptz not null,
    -- The last event of the key as it was sent; what a replay sends again.
    event json not null,
    primary key (site, kind, entry_id),
    check (removed = (content_hash is null))
);

-- A pass key stands in web pages. It is kept as a hash all the same, so that a copy of this table gives nobody keys.
create table access.pass_keys (
    pass_key_hash bytea primary key,
    -- Its first characters: names the key in lists, logs and counters.
    hint text not null unique,
    site text not null references intake.sites,
    label text not null,
    per_minute integer not null check (per_minute > 0),
    per_hour integer not null check (per_hour > 0),
    locale text not null,  -- as in en_US
    excludes_syndicated boolean not null default false,
    created_at timestamptz not null default now(),
    revoked_at timestamptz
);

grant select, insert, update, delete on intake.catalog, access.pass_keys to plaudit_intake;
grant select on access.pass_keys to plaudit_query;

-- migrate:down
drop table access.pass_keys, intake.catalog;
