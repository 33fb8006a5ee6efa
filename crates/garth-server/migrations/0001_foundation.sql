-- Who is where, what lies where, and what has happened. Ids and JSON are TEXT, times are
-- microseconds since 1970 UTC, flags are 0 and 1; '' stands for "nobody" and "none" where
-- a column is compared in queries.

CREATE TABLE installation (
    name TEXT PRIMARY KEY,
    value TEXT NOT NULL
);

CREATE TABLE users (
    id TEXT PRIMARY KEY,
    username TEXT NOT NULL,
    -- The username in lower case, or the id of a deleted user: unique without regard to case.
    handle TEXT NOT NULL UNIQUE,
    name TEXT NOT NULL,
    email TEXT,
    password TEXT,
    system_admin BIGINT NOT NULL,
    disabled BIGINT NOT NULL,
    deleted_at BIGINT,
    default_space TEXT,
    created_at BIGINT NOT NULL
);

CREATE TABLE signup_tokens (
    token_hash TEXT PRIMARY KEY,
    user_id TEXT NOT NULL REFERENCES users(id),
    expires_at BIGINT NOT NULL
);

CREATE TABLE recovery_codes (
    user_id TEXT NOT NULL REFERENCES users(id),
    code_hash TEXT NOT NULL,
    PRIMARY KEY (user_id, code_hash)
);

CREATE TABLE sessions (
    id TEXT PRIMARY KEY,
    token_hash TEXT NOT NULL UNIQUE,
    user_id TEXT NOT NULL REFERENCES users(id),
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    device TEXT NOT NULL
);
CREATE INDEX sessions_by_user ON sessions(user_id);

CREATE TABLE groups (
    id TEXT PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    created_at BIGINT NOT NULL
);

-- A member is 'user:<id>' or 'group:<id>'.
CREATE TABLE group_members (
    group_id TEXT NOT NULL REFERENCES groups(id),
    member TEXT NOT NULL,
    PRIMARY KEY (group_id, member)
);
CREATE INDEX group_members_by_member ON group_members(member);

CREATE TABLE roles (
    id TEXT PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    permissions TEXT NOT NULL,
    created_at BIGINT NOT NULL
);

CREATE TABLE kinds (
    id TEXT PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    prefix TEXT NOT NULL UNIQUE,
    definition TEXT NOT NULL,
    created_at BIGINT NOT NULL
);

CREATE TABLE policies (
    id TEXT PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    policy TEXT NOT NULL,
    edit TEXT NOT NULL,
    created_at BIGINT NOT NULL
);

CREATE TABLE spaces (
    id TEXT PRIMARY KEY,
    name TEXT NOT NULL,
    description TEXT NOT NULL,
    parent_id TEXT REFERENCES spaces(id),
    view_policy TEXT NOT NULL,
    edit_policy TEXT NOT NULL,
    inherits BIGINT NOT NULL,
    sealed BIGINT NOT NULL,
    archived BIGINT NOT NULL,
    labels TEXT NOT NULL,
    -- 1 for the default space, NULL for the others: there can be one only, and it is there from the start.
    default_mark BIGINT UNIQUE,
    secret_key TEXT NOT NULL,
    version BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL
);
CREATE INDEX spaces_by_parent ON spaces(parent_id);

CREATE TABLE grants (
    id TEXT PRIMARY KEY,
    space_id TEXT NOT NULL REFERENCES spaces(id),
    principal TEXT NOT NULL,
    role_id TEXT NOT NULL REFERENCES roles(id),
    expires_at BIGINT,
    source TEXT NOT NULL,
    granted_by TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    UNIQUE (space_id, principal, role_id)
);
CREATE INDEX grants_by_principal ON grants(principal);
CREATE INDEX grants_by_role ON grants(role_id);

-- What the resources of a class have in common; '' is the kind's default policy. Together they name one
-- class only; the writer sees to it, because an index of PostgreSQL would not take a policy of more than 2 KiB.
CREATE TABLE access_classes (
    id BIGINT PRIMARY KEY,
    space_id TEXT NOT NULL REFERENCES spaces(id),
    kind_id TEXT NOT NULL REFERENCES kinds(id),
    view_policy TEXT NOT NULL,
    edit_policy TEXT NOT NULL
);
CREATE INDEX access_classes_by_space ON access_classes(space_id);
CREATE INDEX access_classes_by_kind ON access_classes(kind_id);

CREATE TABLE resources (
    id TEXT PRIMARY KEY,
    -- Counts all resources ever made; never shown, codes are made of it.
    number BIGINT NOT NULL UNIQUE,
    code TEXT NOT NULL UNIQUE,
    class_id BIGINT NOT NULL REFERENCES access_classes(id),
    name TEXT NOT NULL,
    -- The name in lower case, for finding parts of it alike on both engines.
    name_key TEXT NOT NULL,
    body TEXT NOT NULL,
    -- Sealed values of secret fields, by JSON pointer.
    secrets TEXT NOT NULL,
    author TEXT NOT NULL,
    owner TEXT NOT NULL,
    archived BIGINT NOT NULL,
    version BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL
);
CREATE INDEX resources_by_class_updated ON resources(class_id, updated_at, id);
CREATE INDEX resources_by_class_created ON resources(class_id, created_at, id);
CREATE INDEX resources_by_class_name ON resources(class_id, name, id);
CREATE INDEX resources_by_updated ON resources(updated_at, id);
CREATE INDEX resources_by_created ON resources(created_at, id);
CREATE INDEX resources_by_name ON resources(name, id);
CREATE INDEX resources_by_owner ON resources(owner, updated_at, id);
CREATE INDEX resources_by_author ON resources(author, updated_at, id);

CREATE TABLE resource_labels (
    resource_id TEXT NOT NULL REFERENCES resources(id),
    label TEXT NOT NULL,
    PRIMARY KEY (resource_id, label)
);
CREATE INDEX resource_labels_by_label ON resource_labels(label, resource_id);

CREATE TABLE resource_subscribers (
    resource_id TEXT NOT NULL REFERENCES resources(id),
    subscriber TEXT NOT NULL,
    PRIMARY KEY (resource_id, subscriber)
);
CREATE INDEX resource_subscribers_by_subscriber ON resource_subscribers(subscriber, resource_id);

-- One change or refusal. space_id is the space whose administrators see it, '' for the system's.
CREATE TABLE audit (
    id TEXT PRIMARY KEY,
    at BIGINT NOT NULL,
    space_id TEXT NOT NULL,
    actor TEXT NOT NULL,
    credential TEXT NOT NULL,
    action TEXT NOT NULL,
    target_type TEXT NOT NULL,
    target_id TEXT NOT NULL,
    outcome TEXT NOT NULL,
    before_state TEXT NOT NULL,
    after_state TEXT NOT NULL,
    request_id TEXT NOT NULL
);
CREATE INDEX audit_by_space ON audit(space_id, at, id);

-- What changed in the directory, in order; other nodes will follow it.
CREATE TABLE changes (
    seq BIGINT PRIMARY KEY,
    noun TEXT NOT NULL,
    id TEXT NOT NULL,
    at BIGINT NOT NULL
);
