CREATE TABLE ref (
    repo BIGINT NOT NULL,
    name TEXT NOT NULL,
    oid BYTEA NOT NULL,
    seq BIGINT NOT NULL,
    PRIMARY KEY (repo, name)
);

-- The packs a repository is built from, in the order of (seq, part).
CREATE TABLE pack (
    repo BIGINT NOT NULL,
    seq BIGINT NOT NULL,
    part BIGINT NOT NULL,
    blob BYTEA NOT NULL,
    bytes BIGINT NOT NULL,
    consolidated BOOLEAN NOT NULL,
    PRIMARY KEY (repo, seq, part)
);
