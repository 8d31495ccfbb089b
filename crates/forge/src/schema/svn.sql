-- seq: the entry that last changed anything of it.
CREATE TABLE svn_repository (
    repo BIGINT PRIMARY KEY,
    youngest BIGINT NOT NULL,
    seq BIGINT NOT NULL
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
