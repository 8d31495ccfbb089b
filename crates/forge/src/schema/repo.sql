-- seq: the entry that last changed what its refs show (made, pushed, HEAD set).
CREATE TABLE repository (
    id BIGINT PRIMARY KEY,
    namespace BIGINT NOT NULL,
    name TEXT NOT NULL,
    kind TEXT NOT NULL,
    format TEXT NOT NULL,
    visibility TEXT NOT NULL,
    head TEXT NOT NULL,
    created_us BIGINT NOT NULL,
    pushed_us BIGINT,
    seq BIGINT NOT NULL,
    description TEXT,
    website TEXT
);
CREATE UNIQUE INDEX repository_name ON repository (namespace, (lower(name)));

CREATE TABLE collaborator (
    repo BIGINT NOT NULL,
    account BIGINT NOT NULL,
    access TEXT NOT NULL,
    seq BIGINT NOT NULL,
    PRIMARY KEY (repo, account)
);
CREATE INDEX collaborator_account ON collaborator (account);
