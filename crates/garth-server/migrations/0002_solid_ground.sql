-- API keys, the chained audit, and answers kept for requests that are sent again.

CREATE TABLE api_keys (
    id TEXT PRIMARY KEY,
    space_id TEXT NOT NULL REFERENCES spaces(id),
    name TEXT NOT NULL,
    -- The first characters of the secret, by which people tell keys apart.
    prefix TEXT NOT NULL,
    secret_hash TEXT NOT NULL UNIQUE,
    -- The secret before the last rotation, good until then.
    old_hash TEXT UNIQUE,
    old_until BIGINT,
    role_id TEXT NOT NULL REFERENCES roles(id),
    expires_at BIGINT,
    -- 1 after a restore, until somebody rotates the key.
    disabled BIGINT NOT NULL,
    created_by TEXT NOT NULL,
    created_at BIGINT NOT NULL
);
CREATE INDEX api_keys_by_space ON api_keys(space_id, created_at, id);
CREATE INDEX api_keys_by_role ON api_keys(role_id);

-- Bookkeeping, written many at a time.
CREATE TABLE api_key_last_used (
    key_id TEXT PRIMARY KEY REFERENCES api_keys(id),
    at BIGINT NOT NULL
);

-- The place of an entry in the chain of its space (or of the system), and the HMAC that binds it to the one before.
-- 0 and '' for what a version before the chain wrote: `garth verify` tells of it.
ALTER TABLE audit ADD COLUMN seq BIGINT NOT NULL DEFAULT 0;
ALTER TABLE audit ADD COLUMN mac TEXT NOT NULL DEFAULT '';
DROP INDEX audit_by_space;
CREATE INDEX audit_by_space ON audit(space_id, seq);
CREATE INDEX audit_by_time ON audit(space_id, at);

-- Where each chain begins (after what retention took away) and ends; its own HMAC shows that no entry was cut off.
CREATE TABLE audit_chains (
    space_id TEXT PRIMARY KEY,
    first_seq BIGINT NOT NULL,
    first_mac TEXT NOT NULL,
    last_seq BIGINT NOT NULL,
    last_mac TEXT NOT NULL,
    mac TEXT NOT NULL
);

-- A request that was carried out under an Idempotency-Key. The answer is sealed; '' until it is known.
CREATE TABLE idempotency_keys (
    -- A hash of the caller, the route and the key.
    scope TEXT PRIMARY KEY,
    -- A hash of what was asked for.
    request TEXT NOT NULL,
    -- Who repeats the request must still see these spaces ('' for the system's), and still be a system administrator.
    space_id TEXT NOT NULL,
    system_admin BIGINT NOT NULL,
    answer TEXT NOT NULL,
    created_at BIGINT NOT NULL
);
CREATE INDEX idempotency_keys_by_time ON idempotency_keys(created_at);
