-- The role tokenos_app, which serves: it reads and writes rows, and can change no table, so it can't take away the triggers that keep the audit log.
-- Run this once, as the role that owns the tables (tokenos) and may make roles, in the database of TokenOS:
--     psql --set=password=PASSWORD --file=deploy/postgresql-roles.sql tokenos
CREATE ROLE tokenos_app LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE PASSWORD :'password';
GRANT USAGE ON SCHEMA public TO tokenos_app;
GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO tokenos_app;
GRANT USAGE, SELECT ON ALL SEQUENCES IN SCHEMA public TO tokenos_app;
-- The same for the tables that later versions add.
ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO tokenos_app;
ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT USAGE, SELECT ON SEQUENCES TO tokenos_app;
