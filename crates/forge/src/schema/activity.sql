-- What happened in repositories, for people. What exactly is in the journal's entry. actor 0: the site itself, or its operator at the machine.
CREATE TABLE activity (
    seq BIGINT PRIMARY KEY,
    repo BIGINT NOT NULL,
    actor BIGINT NOT NULL
);
CREATE INDEX activity_repo ON activity (repo, seq);
CREATE INDEX activity_actor ON activity (actor, seq);
