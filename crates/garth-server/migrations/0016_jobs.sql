-- What the scheduler keeps of a job: which version of it was read, what of that decides when it is due (the empty text:
-- it is not due by itself), and when it is next. A job that a budget paused has the reason here.
CREATE TABLE job_states (
    job_id TEXT PRIMARY KEY REFERENCES resources(id) ON DELETE CASCADE,
    version BIGINT NOT NULL,
    timing TEXT NOT NULL,
    next_at BIGINT,
    -- How many days a run is kept; NULL is for ever.
    keep_days BIGINT,
    paused TEXT,
    paused_at BIGINT,
    -- When its last report reached somebody.
    delivered_at BIGINT,
    -- What the next report compares with, as JSON.
    found TEXT
);
CREATE INDEX job_states_by_next ON job_states(next_at);

-- A run of a job. One that is due has the time of that in due_at, and there is one for each such time: whoever fires a
-- schedule puts the row there, and only one can.
CREATE TABLE job_runs (
    id TEXT PRIMARY KEY,
    job_id TEXT NOT NULL REFERENCES resources(id) ON DELETE CASCADE,
    -- 1 for a firing of the schedule, 0 for a run that somebody asked for.
    scheduled BIGINT NOT NULL,
    due_at BIGINT NOT NULL,
    state TEXT NOT NULL,
    detail TEXT NOT NULL,
    started_at BIGINT,
    finished_at BIGINT,
    -- When the next attempt is due; NULL while one goes on, and when it is over.
    next_attempt_at BIGINT,
    attempts BIGINT NOT NULL,
    -- Attempts that failed, those that a stopped server left, and when the first one failed.
    failures BIGINT NOT NULL,
    interruptions BIGINT NOT NULL,
    failed_at BIGINT,
    -- Which server does it, and until when it is believed to.
    leased_by TEXT,
    leased_until BIGINT,
    -- The report, as JSON.
    report TEXT
);
CREATE UNIQUE INDEX job_runs_once ON job_runs(job_id, due_at) WHERE scheduled = 1;
CREATE INDEX job_runs_by_job ON job_runs(job_id, due_at, id);
CREATE INDEX job_runs_by_next ON job_runs(next_attempt_at) WHERE next_attempt_at IS NOT NULL;
CREATE INDEX job_runs_by_lease ON job_runs(leased_until) WHERE leased_until IS NOT NULL;
CREATE INDEX job_runs_by_end ON job_runs(finished_at) WHERE finished_at IS NOT NULL;

CREATE TABLE job_attempts (
    run_id TEXT NOT NULL REFERENCES job_runs(id) ON DELETE CASCADE,
    number BIGINT NOT NULL,
    started_at BIGINT NOT NULL,
    finished_at BIGINT,
    state TEXT NOT NULL,
    detail TEXT NOT NULL,
    PRIMARY KEY (run_id, number)
);

-- What became of each delivery of a run: it is begun before anything leaves, and ended when the other side has answered.
CREATE TABLE job_deliveries (
    run_id TEXT NOT NULL REFERENCES job_runs(id) ON DELETE CASCADE,
    -- Which entry of the job: the interface's id, with a number behind it where the job names it more than once.
    entry TEXT NOT NULL,
    delivery_id TEXT NOT NULL,
    place BIGINT NOT NULL,
    state TEXT NOT NULL,
    detail TEXT NOT NULL,
    -- Whom it reached so far, as a JSON list.
    reached TEXT NOT NULL,
    PRIMARY KEY (run_id, entry)
);

-- What the last five runs of a job, or deliveries by an interface, came to, the latest first: for monitoring, which looks
-- often and is not to read all of the history.
CREATE TABLE job_lately (
    resource_id TEXT PRIMARY KEY REFERENCES resources(id) ON DELETE CASCADE,
    states TEXT NOT NULL,
    at BIGINT NOT NULL,
    error TEXT
);
