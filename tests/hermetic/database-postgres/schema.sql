CREATE TABLE notes (id uuid DEFAULT gen_random_uuid(), at timestamptz DEFAULT now(), text text);
INSERT INTO notes (text) SELECT 'note ' || i FROM generate_series(1, 1000) AS i;
CREATE INDEX ON notes (at);
VACUUM ANALYZE notes;
