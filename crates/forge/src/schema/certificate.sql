-- Whose certificates open the door. org: whose repositories; NULL: all. age_max_us: how long one may be good.
CREATE TABLE ssh_authority (
    id BIGINT PRIMARY KEY,
    org BIGINT,
    name TEXT NOT NULL,
    public_key BYTEA NOT NULL,
    fingerprint TEXT NOT NULL,
    age_max_us BIGINT NOT NULL,
    added_us BIGINT NOT NULL,
    removed_us BIGINT
);
CREATE INDEX ssh_authority_fingerprint ON ssh_authority (fingerprint);

-- Certificates that opened it. serial: a number of 64 bits without a sign, as text.
CREATE TABLE ssh_certificate (
    id BIGINT PRIMARY KEY,
    account BIGINT NOT NULL,
    authority BIGINT NOT NULL,
    serial TEXT NOT NULL,
    key_id TEXT NOT NULL,
    digest BYTEA NOT NULL,
    seen_us BIGINT NOT NULL,
    expires_us BIGINT NOT NULL,
    removed_us BIGINT
);
CREATE INDEX ssh_certificate_digest ON ssh_certificate (digest);
CREATE INDEX ssh_certificate_authority ON ssh_certificate (authority);

-- Those that open it no more, by number or by name.
CREATE TABLE ssh_revocation (
    id BIGINT PRIMARY KEY,
    authority BIGINT NOT NULL,
    serial TEXT,
    key_id TEXT
);
CREATE INDEX ssh_revocation_authority ON ssh_revocation (authority);
