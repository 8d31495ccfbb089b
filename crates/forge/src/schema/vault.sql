CREATE TABLE vault (
    name TEXT PRIMARY KEY,
    seq BIGINT NOT NULL,
    domain TEXT NOT NULL,
    vkey TEXT NOT NULL,
    pin TEXT NOT NULL,
    enrolled_us BIGINT NOT NULL
);

-- Every vault that ever counted: from the entry seq until, and without, the entry until_seq.
CREATE TABLE vault_term (
    name TEXT NOT NULL,
    seq BIGINT NOT NULL,
    domain TEXT NOT NULL,
    vkey TEXT NOT NULL,
    until_seq BIGINT,
    PRIMARY KEY (name, seq)
);

-- While officers' order changes the vaults: those that are to be. seq is the entry that says so, confirmed_seq the one that says that both
-- quorums hold it.
CREATE TABLE vault_next (
    name TEXT PRIMARY KEY,
    seq BIGINT NOT NULL,
    domain TEXT NOT NULL,
    vkey TEXT NOT NULL,
    pin TEXT NOT NULL,
    confirmed_seq BIGINT
);
