-- Keys of officers' own machines. A removed one stays, so that old signatures can be checked.
CREATE TABLE officer_key (
    id BIGINT PRIMARY KEY,
    account BIGINT NOT NULL,
    name TEXT NOT NULL,
    public_key BYTEA NOT NULL,
    added_us BIGINT NOT NULL,
    removed_us BIGINT
);
CREATE INDEX officer_key_account ON officer_key (account);

-- One row, once the guard is in force.
CREATE TABLE officer_rule (
    id BIGINT PRIMARY KEY,
    needed BIGINT NOT NULL,
    delay_us BIGINT NOT NULL,
    set_us BIGINT NOT NULL
);

-- body: the canonical form; hash: its SHA-256. state: pending, executed, vetoed, expired.
CREATE TABLE filed_order (
    id BIGINT PRIMARY KEY,
    requester BIGINT,
    body BYTEA NOT NULL,
    hash BYTEA NOT NULL,
    not_before_us BIGINT NOT NULL,
    expires_us BIGINT NOT NULL,
    state TEXT NOT NULL,
    closed_us BIGINT,
    closed_by BIGINT,
    reason TEXT
);
CREATE INDEX filed_order_state ON filed_order (state);

CREATE TABLE order_signature (
    order_id BIGINT NOT NULL,
    officer BIGINT NOT NULL,
    key BIGINT NOT NULL,
    hash BYTEA NOT NULL,
    signature BYTEA NOT NULL,
    passkey BOOLEAN NOT NULL,
    signed_us BIGINT NOT NULL,
    PRIMARY KEY (order_id, officer)
);

-- The columns of repository, and when and by whom. Refs, packs and collaborators stay where they are.
CREATE TABLE trashed_repository (
    id BIGINT PRIMARY KEY,
    namespace BIGINT NOT NULL,
    name TEXT NOT NULL,
    kind TEXT NOT NULL,
    format TEXT NOT NULL,
    visibility TEXT NOT NULL,
    head TEXT NOT NULL,
    created_us BIGINT NOT NULL,
    pushed_us BIGINT,
    seq BIGINT NOT NULL,
    description TEXT,
    website TEXT,
    trashed_us BIGINT NOT NULL,
    trashed_by BIGINT
);
CREATE INDEX trashed_repository_namespace ON trashed_repository (namespace);

-- The columns of account, and when and by whom. Its namespace stays: nobody else gets the name.
CREATE TABLE trashed_account (
    id BIGINT PRIMARY KEY,
    email TEXT,
    password TEXT,
    officer BOOLEAN NOT NULL,
    operator BOOLEAN NOT NULL,
    created_us BIGINT NOT NULL,
    credentials_revoked_us BIGINT,
    full_name TEXT,
    bio TEXT,
    website TEXT,
    trashed_us BIGINT NOT NULL,
    trashed_by BIGINT
);

-- The columns of organisation, and when and by whom. Its namespace, members and teams stay.
CREATE TABLE trashed_organisation (
    id BIGINT PRIMARY KEY,
    full_name TEXT,
    description TEXT,
    website TEXT,
    visibility TEXT NOT NULL,
    base TEXT,
    members_create BOOLEAN NOT NULL,
    created_us BIGINT NOT NULL,
    trashed_us BIGINT NOT NULL,
    trashed_by BIGINT
);

-- What was forgotten. erasure: the entry that erased its content; then its name is gone too.
CREATE TABLE emptied_repository (
    id BIGINT PRIMARY KEY,
    namespace BIGINT,
    name TEXT,
    trashed_us BIGINT NOT NULL,
    emptied_us BIGINT NOT NULL,
    erasure BIGINT
);

-- list: the hash of the list of blobs that officers signed.
CREATE TABLE erasure (
    id BIGINT PRIMARY KEY,
    repo BIGINT NOT NULL,
    list BYTEA NOT NULL,
    erased_us BIGINT NOT NULL
);

-- What may be missing in a vault, and by which erasure.
CREATE TABLE erased_blob (
    blob BYTEA PRIMARY KEY,
    erasure BIGINT NOT NULL
);

-- What officers let leave.
CREATE TABLE export_permit (
    id BIGINT PRIMARY KEY,
    subject TEXT NOT NULL,
    until_us BIGINT NOT NULL
);

-- In force while lifted_us is null. credentials, accounts: how many it ended and froze.
CREATE TABLE lockdown (
    id BIGINT PRIMARY KEY,
    since_us BIGINT NOT NULL,
    started_us BIGINT NOT NULL,
    credentials BIGINT NOT NULL,
    accounts BIGINT NOT NULL,
    lifted_us BIGINT
);

CREATE TABLE frozen_account (
    account BIGINT PRIMARY KEY,
    seq BIGINT NOT NULL,
    since_us BIGINT NOT NULL,
    reason TEXT NOT NULL
);
