-- fingerprints: in hex, with blanks between them; the key's own is the first, its subkeys' follow.
CREATE TABLE openpgp_key (
    id BIGINT PRIMARY KEY,
    account BIGINT NOT NULL,
    name TEXT NOT NULL,
    packets BYTEA NOT NULL,
    fingerprints TEXT NOT NULL,
    created_us BIGINT NOT NULL,
    removed_us BIGINT
);
CREATE INDEX openpgp_key_account ON openpgp_key (account);
