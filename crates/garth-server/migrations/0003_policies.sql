-- What must be seen before a resource is seen: the references of its body that its kind marks `requires: "view"`, and
-- what those require in turn, so that a list asks one flat question. It is direct where the body says so itself; a
-- resource that stands beside its own id requires itself by way of others, and is hidden from everybody.

CREATE TABLE resource_requirements (
    resource_id TEXT NOT NULL REFERENCES resources(id),
    required_id TEXT NOT NULL REFERENCES resources(id),
    direct BIGINT NOT NULL,
    PRIMARY KEY (resource_id, required_id)
);
CREATE INDEX resource_requirements_by_required ON resource_requirements(required_id, resource_id);
