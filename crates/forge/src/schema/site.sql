-- One row. Its id is the number of its entry, 0, which is also the parent of namespaces that have none.
CREATE TABLE site (
    id BIGINT PRIMARY KEY,
    origin TEXT NOT NULL,
    recovery_recipient TEXT NOT NULL,
    recovery_key TEXT NOT NULL,
    started_us BIGINT NOT NULL
);

CREATE TABLE epoch (
    number BIGINT PRIMARY KEY,
    seq BIGINT NOT NULL,
    statement TEXT NOT NULL,
    data_key BYTEA NOT NULL,
    site_recipient TEXT NOT NULL,
    started_us BIGINT NOT NULL
);

CREATE TABLE snapshot (
    id BIGINT PRIMARY KEY,
    through BIGINT NOT NULL,
    taken_us BIGINT NOT NULL
);

CREATE TABLE snapshot_part (
    snapshot BIGINT NOT NULL,
    part BIGINT NOT NULL,
    blob BYTEA NOT NULL,
    bytes BIGINT NOT NULL,
    PRIMARY KEY (snapshot, part)
);

-- Runs of entries that a recovery passed over: nothing of them is in any table. seq: the entry that says so.
CREATE TABLE skipped (
    first BIGINT PRIMARY KEY,
    last BIGINT NOT NULL,
    seq BIGINT NOT NULL
);
