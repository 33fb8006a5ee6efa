-- Lists ask the indexes alone which rows a page has: these hold the class and what is archived, too, so that the rows
-- themselves, which may be large, are read for the page only.

DROP INDEX resources_by_class_updated;
DROP INDEX resources_by_class_created;
DROP INDEX resources_by_class_name;
DROP INDEX resources_by_updated;
DROP INDEX resources_by_created;
DROP INDEX resources_by_name;
CREATE INDEX resources_by_class_updated ON resources(class_id, updated_at, id, archived);
CREATE INDEX resources_by_class_created ON resources(class_id, created_at, id, archived);
CREATE INDEX resources_by_class_name ON resources(class_id, name, id, archived);
CREATE INDEX resources_by_updated ON resources(updated_at, id, class_id, archived);
CREATE INDEX resources_by_created ON resources(created_at, id, class_id, archived);
CREATE INDEX resources_by_name ON resources(name, id, class_id, archived);
