-- Invitations into spaces, by username or by e-mail address; and the address that somebody has proved to read.

-- No references: a space, role or inviter that is gone ends what they promised, and what was sent stays counted.
CREATE TABLE invitations (
    id TEXT PRIMARY KEY,
    token_hash TEXT NOT NULL UNIQUE,
    space_id TEXT NOT NULL,
    role_id TEXT NOT NULL,
    -- 'user:<id>' or 'key:<id>'.
    invited_by TEXT NOT NULL,
    -- Among whose it counts: the inviter's; of a key, those of all keys of its space.
    counted_to TEXT NOT NULL,
    -- A username or an address as it was written, and as it is compared.
    sent_to TEXT NOT NULL,
    handle TEXT NOT NULL,
    by_address BIGINT NOT NULL,
    -- Whose username it was then; NULL for nobody's, and for addresses.
    user_id TEXT,
    -- Was the link sent to the address, and shown to nobody?
    mailed BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    -- When it was accepted, revoked or sent anew.
    ended_at BIGINT
);
CREATE INDEX invitations_by_space ON invitations(space_id, created_at, id);
CREATE INDEX invitations_by_user ON invitations(user_id, created_at, id);
CREATE INDEX invitations_by_handle ON invitations(handle, created_at, id);
CREATE INDEX invitations_by_counted ON invitations(counted_to, created_at);
CREATE INDEX invitations_by_end ON invitations(expires_at);

-- As it is compared; set by a link that was mailed there and by nothing else. One account's at a time.
ALTER TABLE users ADD COLUMN verified_email TEXT;
CREATE INDEX users_by_verified_email ON users(verified_email);
