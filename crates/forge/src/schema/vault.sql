CREATE TABLE vault (
    name TEXT PRIMARY KEY,
    seq BIGINT NOT NULL,
    domain TEXT NOT NULL,
    vkey TEXT NOT NULL,
    pin TEXT NOT NULL,
    enrolled_us BIGINT NOT NULL
);
