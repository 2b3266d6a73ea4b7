-- The role tokenos_app, for serving: it reads and writes rows but can't change tables, so it can't remove the triggers that protect the audit log.
-- Run this once, as the role that owns the tables (tokenos), in TokenOS's database. That role needs CREATEROLE while this runs, see docs/operations.md:
--     psql --file=deploy/postgresql-roles.sql tokenos
\set ON_ERROR_STOP on
DO $$
BEGIN
    IF NOT (SELECT rolcreaterole OR rolsuper FROM pg_roles WHERE rolname = current_user) THEN
        RAISE EXCEPTION '% may not create roles. Nothing was done.', current_user
            USING HINT = format('As a superuser: ALTER ROLE %I CREATEROLE; then run this again.', current_user);
    END IF;
END $$;
-- In a database that was created by PostgreSQL 14 or earlier, every role may create tables and functions beside ours. If the current role doesn't own the
-- schema, this line changes nothing and only warns.
REVOKE CREATE ON SCHEMA public FROM PUBLIC;
DO $$
BEGIN
    IF has_schema_privilege('public', 'public', 'CREATE') THEN
        RAISE EXCEPTION 'Every role may create tables in schema public, and % can''t change that. Nothing was done.', current_user
            USING HINT = format('As a superuser, in this database: ALTER SCHEMA public OWNER TO %I; then run this again.', current_user);
    END IF;
END $$;
CREATE ROLE tokenos_app LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE;
GRANT USAGE ON SCHEMA public TO tokenos_app;
GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO tokenos_app;
GRANT USAGE, SELECT ON ALL SEQUENCES IN SCHEMA public TO tokenos_app;
-- The same for the tables that later versions add.
ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO tokenos_app;
ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT USAGE, SELECT ON SEQUENCES TO tokenos_app;
-- By default every role may create temporary tables, and names without a schema find those first. TokenOS creates none.
REVOKE TEMPORARY ON DATABASE :"DBNAME" FROM PUBLIC;
-- psql asks for the password twice, so it isn't in any list of processes. It sends only a hash, so the password isn't in the server's log either.
-- If the two entries differ, run this line alone: psql --command='\password tokenos_app' tokenos
\password tokenos_app
