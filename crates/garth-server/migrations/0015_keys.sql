-- The first characters of the secret before the last rotation, while that is kept.
ALTER TABLE api_keys ADD COLUMN old_prefix TEXT;

-- What a logout of a provider ended, so that a sign-in that was under way by then does not outrun it; kept as long as
-- one may take.
ALTER TABLE spent_logout_tokens ADD COLUMN provider_id TEXT;
ALTER TABLE spent_logout_tokens ADD COLUMN subject TEXT;
ALTER TABLE spent_logout_tokens ADD COLUMN sid TEXT;
ALTER TABLE spent_logout_tokens ADD COLUMN at BIGINT NOT NULL DEFAULT 0;
CREATE INDEX spent_logout_tokens_by_provider ON spent_logout_tokens(provider_id, at);

-- Whoever is refused at their first sign-in by a provider has no account, and gets none by that.
DROP INDEX login_samples_by_time;
ALTER TABLE login_samples RENAME TO login_samples_before;
CREATE TABLE login_samples (
    id TEXT PRIMARY KEY,
    at BIGINT NOT NULL,
    -- NULL for somebody without an account.
    user_id TEXT REFERENCES users(id),
    -- 1 for a sign-in that was refused: of those fewer are kept, so that they crowd nobody out.
    refused BIGINT NOT NULL,
    input TEXT NOT NULL,
    -- The policies that were asked, each with its text and what it said, as JSON.
    policies TEXT NOT NULL,
    -- What came of them together, as JSON.
    result TEXT NOT NULL
);
INSERT INTO login_samples (id, at, user_id, refused, input, policies, result)
    SELECT id, at, user_id, CASE WHEN result LIKE '%"decision":"refused"%' THEN 1 ELSE 0 END, input, policies, result
    FROM login_samples_before;
DROP TABLE login_samples_before;
CREATE INDEX login_samples_by_time ON login_samples(at, id);
