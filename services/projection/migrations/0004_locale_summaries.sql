-- migrate:up
-- Per entity and locale too (scope 'locale'): storefronts ask for the reviews and stars of a product in their language.
alter table published.summaries
    add column locale text not null default '',
    drop constraint summaries_pkey,
    drop constraint summaries_scope_check,
    add primary key (site, scope, entity_id, locale),
    add check (scope in ('site', 'entity', 'locale')),
    add check (scope = 'locale' or locale = '');
insert into published.summaries
    (site, scope, entity_id, locale, review_count, rating_sum, ratings_1, ratings_2, ratings_3, ratings_4, ratings_5,
     recommended_count, not_recommended_count, positive_votes, negative_votes, featured_count, ratings_only_count,
     incentivized_count, native_count, native_rating_sum, native_incentivized_count)
select site, 'locale', entity_id, locale, count(*), sum(rating), count(*) filter (where rating = 1),
    count(*) filter (where rating = 2), count(*) filter (where rating = 3), count(*) filter (where rating = 4),
    count(*) filter (where rating = 5), count(*) filter (where is_recommended),
    count(*) filter (where not is_recommended), sum(positive_votes), sum(negative_votes),
    count(*) filter (where is_featured), count(*) filter (where is_ratings_only),
    count(*) filter (where is_incentivized), count(*) filter (where syndication is null),
    coalesce(sum(rating) filter (where syndication is null), 0),
    count(*) filter (where syndication is null and is_incentivized)
from published.reviews group by site, entity_id, locale;

-- migrate:down
delete from published.summaries where scope = 'locale';
alter table published.summaries
    drop constraint summaries_pkey,
    drop constraint summaries_scope_check,
    drop column locale,
    add constraint summaries_pkey primary key (site, scope, entity_id),
    add constraint summaries_scope_check check (scope in ('site', 'entity'));
