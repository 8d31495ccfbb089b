-- Providers of OpenID Connect. secret: sealed. hosts: machines besides the issuer's that may be asked, with spaces between.
CREATE TABLE oidc_provider (
    name TEXT PRIMARY KEY,
    seq BIGINT NOT NULL,
    label TEXT NOT NULL,
    issuer TEXT NOT NULL,
    client_id TEXT NOT NULL,
    secret BYTEA,
    registers BOOLEAN NOT NULL,
    hosts TEXT NOT NULL,
    set_us BIGINT NOT NULL
);

-- Whom an issuer calls subject is an account. A removed one stays.
CREATE TABLE oidc_identity (
    id BIGINT PRIMARY KEY,
    account BIGINT NOT NULL,
    issuer TEXT NOT NULL,
    subject TEXT NOT NULL,
    label TEXT NOT NULL,
    linked_us BIGINT NOT NULL,
    removed_us BIGINT,
    sleeps_until_us BIGINT
);
CREATE INDEX oidc_identity_subject ON oidc_identity (issuer, subject);
CREATE INDEX oidc_identity_account ON oidc_identity (account);
