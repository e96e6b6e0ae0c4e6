-- migrate:up
-- One role per service: what a service may touch is said here and in its own migrations, and the database holds it to that.
-- Roles belong to the whole cluster, so several databases may share them.
do $$
declare
    name text;
begin
    foreach name in array array['plaudit_intake', 'plaudit_moderation', 'plaudit_projection', 'plaudit_query'] loop
        begin
            execute format('create role %I nologin', name);
        exception when duplicate_object or unique_violation then
            null;
        end;
    end loop;
end
$$;
revoke all on schema public from public;

-- migrate:down
-- The roles stay: another database of the cluster may use them.
grant usage on schema public to public;
