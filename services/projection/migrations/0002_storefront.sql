-- migrate:up
-- What reviews say beyond Lynkow's fields. Mappings are null where they are empty.
alter table published.reviews
    add column pros text,
    add column cons text,
    add column is_recommended boolean,
    add column is_ratings_only boolean generated always as (text is null and title is null and pros is null and cons is null) stored,
    add column secondary_ratings jsonb,  -- {dimension: integer}
    add column context_data jsonb,       -- {dimension: value}
    add column tags jsonb,               -- {dimension: [value, …]}
    add column additional_fields jsonb,  -- {field: value}
    add column badges jsonb,             -- [{id, kind}]
    add column photos jsonb,             -- [{id, url, thumbnail_url, large_url, caption}]
    add column videos jsonb,             -- [{id, host, url, iframe_url, thumbnail_url, caption}]
    add column product_recommendation_ids text[] not null default '{}',
    add column author_location text,
    add column affiliation text,
    add column campaign_id text,
    add column submission_id text not null default '',
    add column is_incentivized boolean not null default false,
    add column syndication jsonb,        -- {name, logo_url, content_link}; null is the site's own content
    add column moderator_codes text[] not null default '{}',
    add column votes_before jsonb,       -- {positive, negative, inappropriate}: how many of the votes were not given here
    -- Votes of the content's source and those given here; what is subject to change without a new revision.
    add column positive_votes integer not null default 0 check (positive_votes >= 0),
    add column negative_votes integer not null default 0 check (negative_votes >= 0),
    add column abuse_reports integer not null default 0 check (abuse_reports >= 0),
    add column comment_count integer not null default 0 check (comment_count >= 0),
    add column helpfulness double precision generated always as (
        positive_votes::double precision
            / nullif(positive_votes::double precision + negative_votes::double precision, 0)
    ) stored;
-- Not an update: no table may be altered while a deferred foreign key is still to be checked for its rows.
alter table published.reviews alter column submission_id type text using 'r' || review_id;

-- Room for new versions of rows in their own page: comments then touch no index. Votes touch them all, for the most
-- helpful reviews of a product must be found without reading all of them.
alter table published.reviews set (fillfactor = 90);
alter table published.summaries set (fillfactor = 70);

-- Signed in the name of the shop; in published.reviews.replies under the same names, where there are any.
alter table projection.replies
    add column department text,
    add column response_type text,
    add column response_source text;

create index reviews_of_entity_dated on published.reviews (site, entity_id, review_date desc, review_id desc);
create index reviews_of_entity_helpful on published.reviews
    (site, entity_id, helpfulness desc nulls last, review_date desc, review_id desc);
create index reviews_of_entity_rated on published.reviews (site, entity_id, rating desc, review_date desc, review_id desc);
create index reviews_dated on published.reviews (site, review_date desc, review_id desc);
create index reviews_of_author on published.reviews (site, author_id, review_date desc, review_id desc)
    where author_id is not null;

-- The newest staged event per comment; it waits here, with its content, until its review is public.
create table projection.comments (
    site text not null,
    comment_id bigint not null,
    review_id bigint,  -- null when it does not matter, or cannot be known
    moderated_sequence bigint not null default 0,
    approved_revision integer,
    withdrawn boolean not null default false,
    hidden_from bigint,
    published json,  -- comment.moderated's `published`, of a comment that is public as far as it itself goes
    public_revision integer generated always as (
        case when withdrawn or hidden_from is not null then null else approved_revision end
    ) stored,
    primary key (site, comment_id),
    unique (site, comment_id, public_revision),
    check ((published is not null) = (public_revision is not null)),
    check (public_revision is null or review_id is not null)
);
create index comments_by_review on projection.comments (site, review_id) where public_revision is not null;

-- Approved comments of public reviews and nothing else.
create table published.comments (
    site text not null,
    comment_id bigint not null,
    review_id bigint not null,
    revision integer not null,
    title text,
    text text not null,
    author_id text,
    author_name text,
    author_location text,
    locale text not null,
    comment_date timestamptz not null,  -- the author's date where given, else that of the first revision
    submitted_at timestamptz not null,
    published_at timestamptz not null,
    submission_id text not null,
    campaign_id text,
    is_featured boolean not null,
    syndication jsonb,
    badges jsonb,
    photos jsonb,
    videos jsonb,
    moderator_codes text[] not null default '{}',
    positive_votes integer not null default 0 check (positive_votes >= 0),
    negative_votes integer not null default 0 check (negative_votes >= 0),
    abuse_reports integer not null default 0 check (abuse_reports >= 0),
    primary key (site, comment_id),
    constraint approved_exactly foreign key (site, comment_id, revision)
        references projection.comments (site, comment_id, public_revision) deferrable initially deferred,
    constraint of_public_review foreign key (site, review_id)
        references published.reviews (site, review_id) deferrable initially deferred
);
create index comments_of_review on published.comments (site, review_id, comment_date, comment_id);
create index comments_dated on published.comments (site, comment_date desc, comment_id desc);
create index comments_of_author on published.comments (site, author_id, comment_date desc, comment_id desc)
    where author_id is not null;

-- Every voter's newest word, and their sums: of public content they are part of its row.
create table projection.feedback (
    site text not null,
    content_kind text not null check (content_kind in ('review', 'comment')),
    content_id bigint not null,
    voter text not null,
    kind text not null check (kind in ('helpfulness', 'inappropriate')),
    sequence bigint not null,
    vote text check (vote in ('positive', 'negative', 'inappropriate')),  -- null: taken back
    hidden_from bigint,
    primary key (site, content_kind, content_id, voter, kind)
);
create table projection.feedback_totals (
    site text not null,
    content_kind text not null,
    content_id bigint not null,
    positive integer not null default 0,
    negative integer not null default 0,
    inappropriate integer not null default 0,
    primary key (site, content_kind, content_id)
) with (fillfactor = 70);

-- The newest staged event per entry of the catalog and per vocabulary (kind 'vocabulary').
create table projection.catalog (
    site text not null,
    kind text not null,
    entry_id text not null,
    sequence bigint not null default 0,
    removed boolean not null default false,
    hidden_from bigint,
    primary key (site, kind, entry_id)
);
create table published.products (
    site text not null,
    product_id text not null,
    name text,
    description text,
    image_url text,
    page_url text,
    category_id text,
    brand_id text,
    family_ids text[] not null default '{}',
    is_active boolean not null default true,
    is_disabled boolean not null default false,
    attributes json not null default '{}',   -- {id: {label, labels: {locale: label}, values: []}}
    identifiers json not null default '{}',  -- {eans: [], upcs: [], isbns: [], model_numbers: [], manufacturer_part_numbers: []}
    localized json not null default '{}',    -- {locale: {name, description, image_url, page_url}}
    primary key (site, product_id)
);
create index products_of_category on published.products (site, category_id);
create index products_of_brand on published.products (site, lower(brand_id));
create index products_of_families on published.products using gin (family_ids) where family_ids <> '{}';
create table published.categories (
    site text not null,
    category_id text not null,
    name text,
    parent_id text,
    image_url text,
    page_url text,
    attributes json not null default '{}',
    localized json not null default '{}',
    primary key (site, category_id)
);
create index categories_of_parent on published.categories (site, parent_id) where parent_id is not null;
-- The tree's closure, each category its own ancestor at depth 0. A category whose parent is missing is a root; where
-- parents run in a circle the walk ends before the first category that it would meet again; and it takes no more than
-- 100 steps.
create table published.category_ancestors (
    site text not null,
    category_id text not null,
    ancestor_id text not null,
    depth integer not null,
    primary key (site, category_id, ancestor_id)
);
create index category_descendants on published.category_ancestors (site, ancestor_id);
create table published.brands (
    site text not null,
    brand_id text not null,
    name text,
    localized json not null default '{}',
    primary key (site, brand_id)
);
create table published.vocabularies (
    site text not null,
    locale text not null,  -- '*': of locales without one of their own
    vocabulary json not null,
    primary key (site, locale)
);

-- Who has something public, with how much; what else answers say of an author follows from their newest content.
create table published.authors (
    site text not null,
    author_id text not null,
    review_count bigint not null check (review_count >= 0),
    comment_count bigint not null check (comment_count >= 0),
    primary key (site, author_id)
) with (fillfactor = 90);

-- More counts of summaries. First and last times come from an index.
alter table published.summaries
    add column recommended_count bigint not null default 0,
    add column not_recommended_count bigint not null default 0,
    add column positive_votes bigint not null default 0,
    add column negative_votes bigint not null default 0,
    add column featured_count bigint not null default 0,
    add column ratings_only_count bigint not null default 0,
    add column incentivized_count bigint not null default 0,
    -- Of the site's own content, without what is syndicated.
    add column native_count bigint not null default 0,
    add column native_rating_sum bigint not null default 0,
    add column native_incentivized_count bigint not null default 0;
update published.summaries s
set featured_count = counted.featured, ratings_only_count = counted.ratings_only, native_count = s.review_count,
    native_rating_sum = s.rating_sum
from (
    select site, scope, entity_id, count(*) filter (where is_featured) as featured,
           count(*) filter (where is_ratings_only) as ratings_only
    from (
        select site, 'entity' as scope, entity_id, is_featured, is_ratings_only from published.reviews
        union all
        select site, 'site', '', is_featured, is_ratings_only from published.reviews
    ) as scoped
    group by site, scope, entity_id
) as counted
where (s.site, s.scope, s.entity_id) = (counted.site, counted.scope, counted.entity_id);
insert into published.authors (site, author_id, review_count, comment_count)
select site, author_id, count(*), 0 from published.reviews where author_id is not null group by site, author_id;

-- How many public reviews of an entity have a value in a dimension. Averages of secondary ratings follow from these.
-- Values of more than 1,000 bytes are not counted: no index entry could hold them beside the longest ids.
create table published.distributions (
    site text not null,
    entity_id text not null,
    kind text not null check (kind in ('secondary rating', 'context data', 'tag')),
    dimension text not null,
    value text not null,
    review_count bigint not null check (review_count > 0),
    primary key (site, entity_id, kind, dimension, value)
) with (fillfactor = 70);

-- Products of the catalog, and what is reviewed without standing there.
create view published.subjects with (security_invoker = true) as
    select site, product_id, true as in_catalog, name, description, image_url, page_url, category_id, brand_id,
           family_ids, is_active, is_disabled, attributes, identifiers, localized
    from published.products
    union all
    select site, entity_id, false, null, null, null, null, null, null, '{}'::text[], true, false, '{}'::json, '{}'::json,
           '{}'::json
    from published.summaries s
    where scope = 'entity' and entity_id <> ''
      and not exists (select from published.products p where p.site = s.site and p.product_id = s.entity_id);

grant select, insert, update, delete on all tables in schema projection, published to plaudit_projection;
grant select on all tables in schema published to plaudit_query;

-- migrate:down
drop view published.subjects;
drop table published.distributions, published.authors, published.vocabularies, published.brands,
    published.category_ancestors, published.categories, published.products, published.comments;
drop table projection.catalog, projection.feedback_totals, projection.feedback, projection.comments;
alter table published.summaries
    drop column recommended_count, drop column not_recommended_count, drop column positive_votes,
    drop column negative_votes, drop column featured_count, drop column ratings_only_count,
    drop column incentivized_count, drop column native_count, drop column native_rating_sum,
    drop column native_incentivized_count;
alter table projection.replies drop column department, drop column response_type, drop column response_source;
alter table published.summaries reset (fillfactor);
alter table published.reviews reset (fillfactor);
drop index published.reviews_of_entity_dated, published.reviews_of_entity_helpful, published.reviews_of_entity_rated,
     published.reviews_dated, published.reviews_of_author;
alter table published.reviews
    drop column helpfulness, drop column is_ratings_only, drop column pros, drop column cons, drop column is_recommended,
    drop column secondary_ratings, drop column context_data, drop column tags, drop column additional_fields,
    drop column badges, drop column photos, drop column videos, drop column product_recommendation_ids,
    drop column author_location, drop column affiliation, drop column campaign_id, drop column submission_id,
    drop column is_incentivized, drop column syndication, drop column moderator_codes, drop column votes_before, drop column positive_votes,
    drop column negative_votes, drop column abuse_reports, drop column comment_count;
