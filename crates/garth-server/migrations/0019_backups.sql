-- Backups that the server makes by itself: the one that is due next, and what became of those before.
CREATE TABLE backups (
    id TEXT PRIMARY KEY,
    -- When it was due; none is made twice.
    due_at BIGINT NOT NULL UNIQUE,
    -- planned, running, succeeded, failed or skipped.
    state TEXT NOT NULL,
    -- The schedule that it came by, in plain words.
    schedule TEXT NOT NULL,
    started_at BIGINT,
    finished_at BIGINT,
    -- The name of the file in the folder of backups, as long as it is kept there.
    file TEXT,
    size_bytes BIGINT,
    row_count BIGINT,
    -- One sentence of what went wrong, without secrets; empty where nothing did.
    error TEXT NOT NULL
);
