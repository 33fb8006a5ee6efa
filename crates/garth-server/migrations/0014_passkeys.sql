-- Passkeys, whose account asks for one after the password, and sessions that end when nobody uses them.

CREATE TABLE passkeys (
    id TEXT PRIMARY KEY,
    user_id TEXT NOT NULL REFERENCES users(id),
    -- What the authenticator calls it, in base64url: it belongs to one account.
    credential_id TEXT NOT NULL UNIQUE,
    name TEXT NOT NULL,
    -- Its public key and how often it signed, as JSON of the library that verifies it.
    credential TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    last_used_at BIGINT
);
CREATE INDEX passkeys_by_user ON passkeys(user_id);

-- A password alone does not sign in.
ALTER TABLE users ADD COLUMN passkey_required BIGINT NOT NULL DEFAULT 0;

-- The passkey that a session began with, by which it ends with it.
ALTER TABLE sessions ADD COLUMN passkey_id TEXT;
-- When it was used last, to the minute; 0 counts as when it began.
ALTER TABLE sessions ADD COLUMN used_at BIGINT NOT NULL DEFAULT 0;
