-- Who goes along when a resource moves: those that refer to it by a reference which their kind marks `follows`.
-- A row is written whenever a body is saved; what was saved before a kind marked its reference has none yet.

CREATE TABLE resource_followers (
    leader_id TEXT NOT NULL REFERENCES resources(id),
    follower_id TEXT NOT NULL REFERENCES resources(id),
    PRIMARY KEY (leader_id, follower_id)
);
CREATE INDEX resource_followers_by_follower ON resource_followers(follower_id);
