-- What resources are found by: words, cut by the program alone, so that both engines find the same.

-- The words of a resource in their order, a bar after each name, label or field: ' fix the lift | green |'. head
-- is the name and the labels, body the chosen fields of the body; they count while cut is that of the kind. A resource
-- that is not here yet waits for being cut.
CREATE TABLE resource_words (
    resource_number BIGINT PRIMARY KEY REFERENCES resources(number),
    cut BIGINT NOT NULL,
    head TEXT NOT NULL,
    body TEXT NOT NULL
);

-- Each word once, with the class of its resource: a search reads the words of the classes that the caller sees, and no
-- others. Rows come and go with resource_words; a reference for each would cost more than the row.
CREATE TABLE resource_terms (
    resource_number BIGINT NOT NULL,
    term TEXT NOT NULL,
    class_id BIGINT NOT NULL,
    PRIMARY KEY (resource_number, term)
);
CREATE INDEX resource_terms_by_class ON resource_terms(class_id, term, resource_number);

-- Which cut of the words of bodies counts; a change of the fields makes it another one.
ALTER TABLE kinds ADD COLUMN search_cut BIGINT NOT NULL DEFAULT 0;
-- Up to which number its resources are cut, while some wait; NULL when none does.
ALTER TABLE kinds ADD COLUMN search_next BIGINT;
UPDATE kinds SET search_next = 0;
