-- Roles for the whole site; operators and officers are in their account's row.
CREATE TABLE site_role (
    account BIGINT NOT NULL,
    role TEXT NOT NULL,
    seq BIGINT NOT NULL,
    PRIMARY KEY (account, role)
);

-- subject: a namespace, a repository, or 0 for every owner. NULL: the next wider one's.
CREATE TABLE quota (
    subject BIGINT PRIMARY KEY,
    repos BIGINT,
    bytes BIGINT,
    repo_bytes BIGINT,
    seq BIGINT NOT NULL
);
