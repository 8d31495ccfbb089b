-- Links that set a password once. hash: of the secret in the link.
CREATE TABLE password_reset (
    id BIGINT PRIMARY KEY,
    account BIGINT NOT NULL,
    hash BYTEA NOT NULL,
    made_us BIGINT NOT NULL,
    expires_us BIGINT NOT NULL,
    ended_us BIGINT
);
CREATE INDEX password_reset_account ON password_reset (account);
CREATE INDEX password_reset_hash ON password_reset (hash);
