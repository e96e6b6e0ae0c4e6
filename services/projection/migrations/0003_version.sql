-- migrate:up
-- Which events the rows of `published` show: two reads with the same version read the same rows. The time tells apart what
-- has the same offset again, after a repair. The public edge pages by it, and may not look at the offsets themselves.
create view published.version as
    select coalesce(
        md5(string_agg(concat_ws('/', topic_id, partition, next_offset, extract(epoch from updated_at)), ' '
                       order by topic_id, partition)),
        '') as version
    from projection.consumer_offsets;

grant select on published.version to plaudit_query, plaudit_projection;

-- migrate:down
drop view published.version;
