-- Login policies: who may sign in, and with what.

CREATE TABLE login_policies (
    id TEXT PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    rego TEXT NOT NULL,
    -- 'v0' or 'v1'.
    version TEXT NOT NULL,
    enabled BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL
);

-- What some sign-ins were judged by, where a policy asked for it: the last hundred, of seven days.
CREATE TABLE login_samples (
    id TEXT PRIMARY KEY,
    at BIGINT NOT NULL,
    user_id TEXT NOT NULL REFERENCES users(id),
    input TEXT NOT NULL,
    -- The policies that were asked, each with its text and what it said, as JSON.
    policies TEXT NOT NULL,
    -- What came of them together, as JSON.
    result TEXT NOT NULL
);
CREATE INDEX login_samples_by_time ON login_samples(at, id);

-- What a session brings besides what is stored of its user.
ALTER TABLE sessions ADD COLUMN system_admin BIGINT NOT NULL DEFAULT 0;
-- Pairs of space and role, as JSON; one that is gone brings nothing.
ALTER TABLE sessions ADD COLUMN roles TEXT NOT NULL DEFAULT '[]';
-- The user's teams from then on, as JSON; NULL where nobody said which.
ALTER TABLE sessions ADD COLUMN teams TEXT;
