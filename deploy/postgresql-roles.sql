-- The role tokenos_app, which serves: it reads and writes rows, and can change no table, so it can't take away the triggers that keep the audit log.
-- Run this once, as the role that owns the tables (tokenos), in the database of TokenOS. It needs CREATEROLE meanwhile, see docs/operations.md:
--     psql --file=deploy/postgresql-roles.sql tokenos
\set ON_ERROR_STOP on
DO $$
BEGIN
    IF NOT (SELECT rolcreaterole OR rolsuper FROM pg_roles WHERE rolname = current_user) THEN
        RAISE EXCEPTION '% may not make roles. Nothing was done.', current_user
            USING HINT = format('As a superuser: ALTER ROLE %I CREATEROLE; then run this again.', current_user);
    END IF;
END $$;
-- In a database that PostgreSQL 14 made, or that was upgraded from there, everybody may make tables and functions beside ours. Who doesn't own the schema
-- takes nothing away by this line, and is only warned.
REVOKE CREATE ON SCHEMA public FROM PUBLIC;
DO $$
BEGIN
    IF has_schema_privilege('public', 'public', 'CREATE') THEN
        RAISE EXCEPTION 'Everybody may make tables in schema public, and % can''t change that. Nothing was done.', current_user
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
-- Everybody may make temporary tables by default, and names without a schema lead to those first. TokenOS makes none.
REVOKE TEMPORARY ON DATABASE :"DBNAME" FROM PUBLIC;
-- Asked for twice, so that it stands in no list of processes. psql sends only what it is checked by, so it stands in no log of the server either.
-- If the two differ, run this line alone: psql --command='\password tokenos_app' tokenos
\password tokenos_app
