-- Managed by chora-compose-template: `copier update` rewrites this file. Your own SQL goes into a file of yours.
-- Run by the database at each start, once for each server: its role and its database, made where they are missing.
SELECT format('CREATE ROLE %I LOGIN', :'name')
WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = :'name') \gexec
SELECT format('ALTER ROLE %I PASSWORD %L', :'name', :'password') \gexec
SELECT format('CREATE DATABASE %I', :'name')
WHERE NOT EXISTS (SELECT FROM pg_database WHERE datname = :'name') \gexec
ALTER DATABASE :"name" OWNER TO :"name";
-- No other server's role gets in.
REVOKE ALL ON DATABASE :"name" FROM PUBLIC;
