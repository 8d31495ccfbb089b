-- The journal itself: the only tables that are no projection of it. This text is run at every start: tables are added, and never changed.

-- entry: the entry's plaintext, as it was sealed. event: the event's bytes where the entry only names the blobs they are in.
CREATE TABLE IF NOT EXISTS journal (
    seq BIGINT PRIMARY KEY,
    time_us BIGINT NOT NULL,
    actor BIGINT,
    credential BIGINT,
    kind BIGINT NOT NULL,
    entry BYTEA NOT NULL,
    event BYTEA,
    leaf_hash BYTEA NOT NULL
);

-- One for each batch: entries first .. size. note: signed once.
CREATE TABLE IF NOT EXISTS checkpoint (
    size BIGINT PRIMARY KEY,
    first BIGINT NOT NULL,
    epoch BIGINT NOT NULL,
    root BYTEA NOT NULL,
    note TEXT NOT NULL
);

CREATE TABLE IF NOT EXISTS cosignature (
    size BIGINT NOT NULL,
    vault TEXT NOT NULL,
    line TEXT NOT NULL,
    PRIMARY KEY (size, vault)
);

-- Full tiles: 256 hashes. A shorter one was brought by a snapshot and is replaced when it fills.
CREATE TABLE IF NOT EXISTS tile (
    level BIGINT NOT NULL,
    place BIGINT NOT NULL,
    hashes BYTEA NOT NULL,
    PRIMARY KEY (level, place)
);

-- One row: SHA-256 of the text the other tables were made with. Another release's text: they are made again from the journal.
CREATE TABLE IF NOT EXISTS layout (
    id BIGINT PRIMARY KEY,
    hash BYTEA NOT NULL
);

-- At most one row: the entries first .. until that a database made from a snapshot lacks. They are filled in from the front.
CREATE TABLE IF NOT EXISTS gap (
    id BIGINT PRIMARY KEY,
    first BIGINT NOT NULL,
    until BIGINT NOT NULL
);
