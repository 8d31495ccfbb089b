-- Who may push to, rewind and delete refs whose names fit: a role's holders, and the actors below. NULL: no role.
CREATE TABLE protection (
    id BIGINT PRIMARY KEY,
    repo BIGINT NOT NULL,
    kind TEXT NOT NULL,
    pattern TEXT NOT NULL,
    push_role TEXT,
    force_role TEXT,
    delete_role TEXT,
    seq BIGINT NOT NULL,
    signed BOOLEAN NOT NULL,
    path_role TEXT,
    created_us BIGINT NOT NULL
);
CREATE INDEX protection_repo ON protection (repo);

CREATE TABLE protection_actor (
    protection BIGINT NOT NULL,
    act TEXT NOT NULL,
    kind TEXT NOT NULL,
    actor BIGINT NOT NULL,
    seq BIGINT NOT NULL,
    PRIMARY KEY (protection, act, kind, actor)
);

-- Paths that only those with path_role and the actors of the act "path" may change.
CREATE TABLE protection_path (
    protection BIGINT NOT NULL,
    pattern TEXT NOT NULL,
    seq BIGINT NOT NULL,
    PRIMARY KEY (protection, pattern)
);
