-- Quotas: how much of a meter a space may use (most; NULL is unlimited), in which window ('"stored"', '"daily"' or
-- '{"rolling_seconds":n}'), and which roles may take of it (a JSON list of ids; NULL is whoever may consume at all).
CREATE TABLE quotas (
    space_id TEXT NOT NULL REFERENCES spaces(id),
    meter TEXT NOT NULL,
    most BIGINT,
    period TEXT NOT NULL,
    roles TEXT,
    PRIMARY KEY (space_id, meter)
);

-- Units that applications took of their own meters, by slot: 0 for stored ones, the day since 1970 for daily ones, a
-- six-hundredth of the window for rolling ones.
CREATE TABLE meter_units (
    space_id TEXT NOT NULL REFERENCES spaces(id),
    meter TEXT NOT NULL,
    slot BIGINT NOT NULL,
    units BIGINT NOT NULL,
    PRIMARY KEY (space_id, meter, slot)
);

-- Calls with the keys of a space, by the day since 1970: those that were made, and those that a server has taken as a
-- block and may still let through.
CREATE TABLE api_calls (
    space_id TEXT NOT NULL REFERENCES spaces(id),
    day BIGINT NOT NULL,
    taken BIGINT NOT NULL,
    PRIMARY KEY (space_id, day)
);

-- How many resources of a kind lie in a space, without the archived ones: kept with every change.
CREATE TABLE resource_counts (
    space_id TEXT NOT NULL REFERENCES spaces(id),
    kind_id TEXT NOT NULL REFERENCES kinds(id),
    number BIGINT NOT NULL,
    PRIMARY KEY (space_id, kind_id)
);
INSERT INTO resource_counts (space_id, kind_id, number)
    SELECT c.space_id, c.kind_id, COUNT(*) FROM resources r JOIN access_classes c ON c.id = r.class_id
    WHERE r.archived = 0 GROUP BY c.space_id, c.kind_id;
