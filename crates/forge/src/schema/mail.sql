-- How mail is sent: the newest is in force. host NULL: no mail is sent. secret: sealed to the recovery key and the site.
CREATE TABLE mail_transport (
    id BIGINT PRIMARY KEY,
    host TEXT,
    port BIGINT NOT NULL,
    security TEXT NOT NULL,
    login TEXT,
    secret BYTEA,
    sender TEXT NOT NULL,
    set_us BIGINT NOT NULL
);
