-- What uses what: explicit links between resources. The classes stand beside the ids, so that a change of the tree
-- finds the links it could break without looking at resources; whatever puts a resource into another class writes
-- them anew.
CREATE TABLE attachments (
    consumer_id TEXT NOT NULL REFERENCES resources(id),
    provider_id TEXT NOT NULL REFERENCES resources(id),
    consumer_class BIGINT NOT NULL,
    provider_class BIGINT NOT NULL,
    created_by TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (consumer_id, provider_id)
);
CREATE INDEX attachments_by_provider ON attachments(provider_id, consumer_id);
CREATE INDEX attachments_by_classes ON attachments(consumer_class, provider_class, consumer_id, provider_id);
CREATE INDEX attachments_by_provider_class ON attachments(provider_class, consumer_class);

-- Labels that attach by themselves, without their 'autoattach:', with the class of their resource: what is attached to
-- something is looked for in the classes of its space and of those it inherits from, and nowhere else.
CREATE TABLE resource_offers (
    class_id BIGINT NOT NULL,
    label TEXT NOT NULL,
    resource_id TEXT NOT NULL REFERENCES resources(id),
    PRIMARY KEY (class_id, label, resource_id)
);
CREATE INDEX resource_offers_by_resource ON resource_offers(resource_id);
INSERT INTO resource_offers (class_id, label, resource_id)
    SELECT r.class_id, substr(l.label, 12), r.id FROM resource_labels l JOIN resources r ON r.id = l.resource_id
    WHERE substr(l.label, 1, 11) = 'autoattach:' AND length(l.label) > 11;
