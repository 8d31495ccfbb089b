-- parent 0: it has none. Names are unique without regard to the case of ASCII letters, which is all they may have.
CREATE TABLE namespace (
    id BIGINT PRIMARY KEY,
    parent BIGINT NOT NULL,
    name TEXT NOT NULL,
    kind TEXT NOT NULL
);
CREATE UNIQUE INDEX namespace_name ON namespace (parent, (lower(name)));

-- A person's account has the id of its namespace.
CREATE TABLE account (
    id BIGINT PRIMARY KEY,
    email TEXT,
    password TEXT,
    officer BOOLEAN NOT NULL,
    operator BOOLEAN NOT NULL,
    created_us BIGINT NOT NULL,
    credentials_revoked_us BIGINT,
    full_name TEXT,
    bio TEXT,
    website TEXT
);

-- The entry that set an account's password; no row: it has none.
CREATE TABLE password_made (
    account BIGINT PRIMARY KEY,
    seq BIGINT NOT NULL,
    made_us BIGINT NOT NULL
);

CREATE TABLE token (
    id BIGINT PRIMARY KEY,
    account BIGINT NOT NULL,
    name TEXT NOT NULL,
    hash BYTEA NOT NULL,
    scopes TEXT NOT NULL,
    created_us BIGINT NOT NULL,
    expires_us BIGINT,
    revoked_us BIGINT,
    repos TEXT,
    sleeps_until_us BIGINT
);
CREATE UNIQUE INDEX token_hash ON token (hash);
CREATE INDEX token_account ON token (account);

CREATE TABLE session (
    id BIGINT PRIMARY KEY,
    account BIGINT NOT NULL,
    hash BYTEA NOT NULL,
    agent TEXT NOT NULL,
    address TEXT,
    created_us BIGINT NOT NULL,
    expires_us BIGINT NOT NULL,
    ended_us BIGINT,
    how TEXT NOT NULL,
    factor BIGINT,
    new_place BOOLEAN NOT NULL
);
CREATE UNIQUE INDEX session_hash ON session (hash);
CREATE INDEX session_account ON session (account);
