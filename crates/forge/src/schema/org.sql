-- An organisation has the id of its namespace. base: every member's role in every repository.
CREATE TABLE organisation (
    id BIGINT PRIMARY KEY,
    full_name TEXT,
    description TEXT,
    website TEXT,
    visibility TEXT NOT NULL,
    base TEXT,
    members_create BOOLEAN NOT NULL,
    created_us BIGINT NOT NULL
);

CREATE TABLE org_member (
    organisation BIGINT NOT NULL,
    account BIGINT NOT NULL,
    role TEXT NOT NULL,
    shown BOOLEAN NOT NULL,
    seq BIGINT NOT NULL,
    PRIMARY KEY (organisation, account)
);
CREATE INDEX org_member_account ON org_member (account);

CREATE TABLE team (
    id BIGINT PRIMARY KEY,
    organisation BIGINT NOT NULL,
    name TEXT NOT NULL,
    description TEXT,
    access TEXT NOT NULL,
    all_repos BOOLEAN NOT NULL,
    create_repos BOOLEAN NOT NULL,
    seq BIGINT NOT NULL
);
CREATE INDEX team_name ON team (organisation, (lower(name)));

-- Whoever is in a team is in its organisation.
CREATE TABLE team_member (
    team BIGINT NOT NULL,
    account BIGINT NOT NULL,
    seq BIGINT NOT NULL,
    PRIMARY KEY (team, account)
);
CREATE INDEX team_member_account ON team_member (account);

CREATE TABLE team_repo (
    team BIGINT NOT NULL,
    repo BIGINT NOT NULL,
    seq BIGINT NOT NULL,
    PRIMARY KEY (team, repo)
);
CREATE INDEX team_repo_repo ON team_repo (repo);
