-- Entries that are alarms. subject: of those that the site raised itself. acknowledged_by 0: at the site's machine.
CREATE TABLE alarm (
    id BIGINT PRIMARY KEY,
    rule TEXT NOT NULL,
    subject TEXT,
    raised_us BIGINT NOT NULL,
    acknowledged_us BIGINT,
    acknowledged_by BIGINT
);
CREATE INDEX alarm_rule ON alarm (rule, subject);

-- Where alarms are posted. sealed: address and signing secret.
CREATE TABLE alarm_hook (
    id BIGINT PRIMARY KEY,
    host TEXT NOT NULL,
    sealed BYTEA NOT NULL,
    added_us BIGINT NOT NULL,
    removed_us BIGINT
);

-- Credentials that nobody has a reason to use.
CREATE TABLE canary (
    id BIGINT PRIMARY KEY,
    kind TEXT NOT NULL,
    hash BYTEA NOT NULL,
    note TEXT NOT NULL,
    made_us BIGINT NOT NULL,
    removed_us BIGINT
);
CREATE UNIQUE INDEX canary_hash ON canary (hash);
