-- repo: a deploy key's. writes: whether a deploy key may push. made_by: the credential it was added with.
CREATE TABLE ssh_key (
    id BIGINT PRIMARY KEY,
    account BIGINT NOT NULL,
    repo BIGINT,
    writes BOOLEAN NOT NULL,
    name TEXT NOT NULL,
    algorithm TEXT NOT NULL,
    public_key BYTEA NOT NULL,
    fingerprint TEXT NOT NULL,
    made_by BIGINT,
    created_us BIGINT NOT NULL,
    expires_us BIGINT NOT NULL,
    removed_us BIGINT,
    sleeps_until_us BIGINT
);
CREATE INDEX ssh_key_fingerprint ON ssh_key (fingerprint);
CREATE INDEX ssh_key_account ON ssh_key (account);
CREATE INDEX ssh_key_repo ON ssh_key (repo);
