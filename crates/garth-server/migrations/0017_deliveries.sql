-- Whom a parcel reached, as soon as the other side took it: an attempt after a crash leaves them out. Kept longer than the
-- last retry can be away.
CREATE TABLE delivery_reached (
    parcel TEXT NOT NULL,
    -- An address; empty for interfaces without recipients.
    recipient TEXT NOT NULL,
    at BIGINT NOT NULL,
    PRIMARY KEY (parcel, recipient)
);
CREATE INDEX delivery_reached_by_time ON delivery_reached(at);

-- Who does not want what one entry of a job sends them.
CREATE TABLE delivery_silences (
    job_id TEXT NOT NULL,
    entry TEXT NOT NULL,
    -- In lower case.
    address TEXT NOT NULL,
    -- NULL: for good.
    until BIGINT,
    at BIGINT NOT NULL,
    PRIMARY KEY (job_id, entry, address)
);

-- Endpoints of webhooks that asked not to be called: for good, or for a while.
CREATE TABLE delivery_rests (
    -- A hash of address and secret, so that nobody rests the endpoint of another.
    endpoint TEXT PRIMARY KEY,
    -- NULL: for good, until a test or another secret.
    until BIGINT,
    at BIGINT NOT NULL
);

-- What AI providers used, and what calls that go on may use.
CREATE TABLE ai_usage (
    id TEXT PRIMARY KEY,
    provider_id TEXT NOT NULL,
    space_id TEXT NOT NULL,
    at BIGINT NOT NULL,
    tokens BIGINT NOT NULL,
    -- 0 while only reserved.
    settled BIGINT NOT NULL
);
CREATE INDEX ai_usage_by_provider ON ai_usage(provider_id, at);
CREATE INDEX ai_usage_by_time ON ai_usage(at);
