-- Drills, each by the number of its entry. The report is the signed note; the other columns are taken from it.
CREATE TABLE drill (
    id BIGINT PRIMARY KEY,
    kind TEXT NOT NULL,
    through BIGINT NOT NULL,
    started_us BIGINT NOT NULL,
    answers_ms BIGINT NOT NULL,
    whole_ms BIGINT NOT NULL,
    data_age_ms BIGINT NOT NULL,
    repositories BIGINT NOT NULL,
    differences BIGINT NOT NULL,
    vaults TEXT NOT NULL,
    report TEXT NOT NULL,
    done_us BIGINT NOT NULL
);

-- The shares of a recovery key: what may be known of each.
CREATE TABLE recovery_share (
    recipient TEXT NOT NULL,
    number BIGINT NOT NULL,
    threshold BIGINT NOT NULL,
    digest TEXT NOT NULL,
    published_us BIGINT NOT NULL,
    seq BIGINT NOT NULL,
    PRIMARY KEY (recipient, number)
);

-- Recovery keys that officers ordered, each order by the number of its entry.
CREATE TABLE recovery_key_ordered (
    seq BIGINT NOT NULL,
    recipient TEXT NOT NULL,
    signing BYTEA NOT NULL,
    ordered_us BIGINT NOT NULL,
    PRIMARY KEY (seq, recipient)
);
