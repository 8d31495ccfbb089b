-- Removed factors stay: what they signed must be checkable.
CREATE TABLE authenticator (
    id BIGINT PRIMARY KEY,
    account BIGINT NOT NULL,
    name TEXT NOT NULL,
    credential BYTEA NOT NULL,
    public_key BYTEA NOT NULL,
    sign_count BIGINT NOT NULL,
    user_verified BOOLEAN NOT NULL,
    backed_up BOOLEAN NOT NULL,
    created_us BIGINT NOT NULL,
    used_us BIGINT,
    sleeps_until_us BIGINT,
    removed_us BIGINT
);
CREATE UNIQUE INDEX authenticator_credential ON authenticator (credential);
CREATE INDEX authenticator_account ON authenticator (account);

CREATE TABLE totp (
    id BIGINT PRIMARY KEY,
    account BIGINT NOT NULL,
    name TEXT NOT NULL,
    secret BYTEA NOT NULL,
    step BIGINT NOT NULL,
    created_us BIGINT NOT NULL,
    used_us BIGINT,
    sleeps_until_us BIGINT,
    removed_us BIGINT
);
CREATE INDEX totp_account ON totp (account);

CREATE TABLE recovery_code (
    account BIGINT NOT NULL,
    hash BYTEA NOT NULL,
    made_us BIGINT NOT NULL,
    used_us BIGINT,
    seq BIGINT NOT NULL,
    PRIMARY KEY (account, hash)
);

-- One row, number 0, once it was ever set.
CREATE TABLE factor_policy (
    id BIGINT PRIMARY KEY,
    required BOOLEAN NOT NULL,
    since_us BIGINT NOT NULL
);

-- Organisations that require a second factor of everybody who has a part in them, also in those that lie in them.
CREATE TABLE org_factor_policy (
    organisation BIGINT PRIMARY KEY,
    since_us BIGINT NOT NULL
);
