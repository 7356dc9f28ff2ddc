CREATE TABLE users (id INTEGER PRIMARY KEY, token TEXT, created TEXT);
INSERT INTO users (token, created) VALUES (hex(randomblob(16)), datetime('now'));
INSERT INTO users (token, created) VALUES (hex(randomblob(16)), datetime('now', 'localtime'));
CREATE INDEX users_created ON users (created);
