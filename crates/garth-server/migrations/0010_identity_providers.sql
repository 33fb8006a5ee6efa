-- Sign-in by OpenID Connect: providers, whom they know here, what they made of sessions and memberships.

CREATE TABLE identity_providers (
    id TEXT PRIMARY KEY,
    -- In every URL of its sign-in; never changed, and so is the issuer.
    slug TEXT NOT NULL UNIQUE,
    issuer TEXT NOT NULL UNIQUE,
    name TEXT NOT NULL,
    client_id TEXT NOT NULL,
    -- Sealed under the installation's key; '' where there is none.
    client_secret TEXT NOT NULL,
    -- Scopes, groups and what else is chosen, as JSON.
    choices TEXT NOT NULL,
    enabled BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL
);

-- Who somebody is at a provider: told apart by issuer and subject, by nothing else.
CREATE TABLE external_identities (
    id TEXT PRIMARY KEY,
    provider_id TEXT NOT NULL REFERENCES identity_providers(id),
    issuer TEXT NOT NULL,
    subject TEXT NOT NULL,
    user_id TEXT NOT NULL REFERENCES users(id),
    -- As the provider had verified it when they were linked; only shown.
    email TEXT,
    created_at BIGINT NOT NULL,
    UNIQUE (issuer, subject)
);
CREATE INDEX external_identities_by_user ON external_identities(user_id);
CREATE INDEX external_identities_by_provider ON external_identities(provider_id);

-- Logout tokens that were carried out: none is carried out twice.
CREATE TABLE spent_logout_tokens (
    -- A hash of the provider and the token's own id.
    id TEXT PRIMARY KEY,
    until BIGINT NOT NULL
);
CREATE INDEX spent_logout_tokens_by_time ON spent_logout_tokens(until);

-- A session that began at a provider: whose, under which name there, and the sealed token that ends it there.
ALTER TABLE sessions ADD COLUMN provider_id TEXT;
ALTER TABLE sessions ADD COLUMN provider_subject TEXT;
ALTER TABLE sessions ADD COLUMN provider_sid TEXT;
ALTER TABLE sessions ADD COLUMN provider_hint TEXT;
CREATE INDEX sessions_by_provider ON sessions(provider_id, provider_subject);
CREATE INDEX sessions_by_provider_sid ON sessions(provider_id, provider_sid);

-- The same member may be in a group by somebody's hand ('') and by a provider (its id): neither undoes the other.
DROP INDEX group_members_by_member;
ALTER TABLE group_members RENAME TO group_members_before;
CREATE TABLE group_members (
    group_id TEXT NOT NULL REFERENCES groups(id),
    member TEXT NOT NULL,
    source TEXT NOT NULL DEFAULT '',
    PRIMARY KEY (group_id, member, source)
);
INSERT INTO group_members (group_id, member, source) SELECT group_id, member, '' FROM group_members_before;
DROP TABLE group_members_before;
CREATE INDEX group_members_by_member ON group_members(member);
