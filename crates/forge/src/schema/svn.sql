-- seq: the entry that last changed anything of it. bytes: of its revisions' files.
CREATE TABLE svn_repository (
    repo BIGINT PRIMARY KEY,
    youngest BIGINT NOT NULL,
    seq BIGINT NOT NULL,
    bytes BIGINT NOT NULL
);

-- The files a repository began with, revision 0's among them.
CREATE TABLE svn_file (
    repo BIGINT NOT NULL,
    name TEXT NOT NULL,
    bytes BYTEA NOT NULL,
    seq BIGINT NOT NULL,
    PRIMARY KEY (repo, name)
);

-- hash: SHA-256 of the revision's file. properties_before: what they were changed from, for telling a change that did not get through
-- from one that came past us.
CREATE TABLE svn_revision (
    repo BIGINT NOT NULL,
    rev BIGINT NOT NULL,
    seq BIGINT NOT NULL,
    time_us BIGINT NOT NULL,
    account BIGINT,
    hash BYTEA NOT NULL,
    properties BYTEA NOT NULL,
    properties_before BYTEA,
    properties_seq BIGINT NOT NULL,
    PRIMARY KEY (repo, rev)
);

-- The blobs of a revision's file, in order.
CREATE TABLE svn_part (
    repo BIGINT NOT NULL,
    rev BIGINT NOT NULL,
    part BIGINT NOT NULL,
    blob BYTEA NOT NULL,
    bytes BIGINT NOT NULL,
    PRIMARY KEY (repo, rev, part)
);

-- name: the MD5 of the path, as Subversion calls the file that keeps the lock.
CREATE TABLE svn_lock (
    repo BIGINT NOT NULL,
    name TEXT NOT NULL,
    lock BYTEA NOT NULL,
    seq BIGINT NOT NULL,
    PRIMARY KEY (repo, name)
);

-- place: where it stands in the list. actor_id: the account or the team; 0 for anyone.
CREATE TABLE svn_path_rule (
    repo BIGINT NOT NULL,
    place BIGINT NOT NULL,
    path TEXT NOT NULL,
    actor TEXT NOT NULL,
    actor_id BIGINT NOT NULL,
    access TEXT NOT NULL,
    seq BIGINT NOT NULL,
    PRIMARY KEY (repo, place)
);

-- message_by: the role that corrects log messages; NULL: nobody does.
CREATE TABLE svn_commit_rules (
    repo BIGINT PRIMARY KEY,
    message_chars_min BIGINT NOT NULL,
    message_pattern TEXT NOT NULL,
    file_bytes_max BIGINT,
    forbidden_names TEXT NOT NULL,
    no_case_clashes BOOLEAN NOT NULL,
    tags_fixed BOOLEAN NOT NULL,
    message_by TEXT,
    author_changes BOOLEAN NOT NULL,
    seq BIGINT NOT NULL
);

-- Which paths Git has as branches and tags; without a row: those that are usual.
CREATE TABLE svn_layout (
    repo BIGINT PRIMARY KEY,
    layout TEXT NOT NULL,
    seq BIGINT NOT NULL
);

-- Who is told of each commit by mail.
CREATE TABLE svn_mail (
    repo BIGINT NOT NULL,
    account BIGINT NOT NULL,
    seq BIGINT NOT NULL,
    PRIMARY KEY (repo, account)
);
