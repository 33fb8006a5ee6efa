-- Addresses of spaces that letters come in at; keys of who watches the installation; what was told in alerts.

-- No references: an address whose kind is gone takes nothing in.
CREATE TABLE inbound_addresses (
    id TEXT PRIMARY KEY,
    space_id TEXT NOT NULL,
    -- What stands in front of the '@', in lower case: the prefix, a hyphen, and 128 random bits.
    local_part TEXT NOT NULL UNIQUE,
    prefix TEXT NOT NULL,
    -- The name of the kind, which is for ever.
    kind TEXT NOT NULL,
    created_by TEXT NOT NULL,
    created_at BIGINT NOT NULL
);
CREATE INDEX inbound_addresses_by_space ON inbound_addresses(space_id, created_at, id);

CREATE TABLE observer_keys (
    id TEXT PRIMARY KEY,
    name TEXT NOT NULL,
    -- The first characters of the secret, by which people tell keys apart.
    prefix TEXT NOT NULL,
    secret_hash TEXT NOT NULL UNIQUE,
    created_by TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    last_used_at BIGINT
);
CREATE INDEX observer_keys_by_time ON observer_keys(created_at, id);

-- What is red, since when, and whether somebody was told. A row goes when it is red no more.
CREATE TABLE alerts (
    -- 'job:<id>', 'delivery:<id>', 'backup', …
    subject TEXT PRIMARY KEY,
    since BIGINT NOT NULL,
    told_at BIGINT
);
