-- What operators have set; what is not here is the release's default.
CREATE TABLE setting (
    name TEXT PRIMARY KEY,
    value TEXT NOT NULL,
    seq BIGINT NOT NULL
);
