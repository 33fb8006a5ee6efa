-- What policies and machines call a role: made of the name that it was given first, and kept when the name changes.
-- Roles from before get theirs when the server starts.
ALTER TABLE roles ADD COLUMN slug TEXT;
CREATE UNIQUE INDEX roles_by_slug ON roles(slug);
