-- The other spaces that the resources of a class are shared to: a JSON list of their ids, sorted; '' for none. A space
-- that is deleted stays in the lists it stood in: nobody gets in there any more, and its id is never used again.
ALTER TABLE access_classes ADD COLUMN windows TEXT NOT NULL DEFAULT '';
