-- What happened in repositories and organisations (subject: which), for people. What exactly is in the journal's entry. actor 0: the site itself, or its operator at the machine.
CREATE TABLE activity (
    seq BIGINT PRIMARY KEY,
    subject BIGINT NOT NULL,
    actor BIGINT NOT NULL
);
CREATE INDEX activity_subject ON activity (subject, seq);
CREATE INDEX activity_actor ON activity (actor, seq);
