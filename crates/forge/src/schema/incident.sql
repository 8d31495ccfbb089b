-- What operators tell of incidents, on the public status page. Ids are entries' numbers.
CREATE TABLE incident (
    id BIGINT PRIMARY KEY,
    title TEXT NOT NULL,
    opened_us BIGINT NOT NULL,
    resolved_us BIGINT
);

CREATE TABLE incident_note (
    id BIGINT PRIMARY KEY,
    incident BIGINT NOT NULL,
    text TEXT NOT NULL,
    noted_us BIGINT NOT NULL
);
