//! The tables: their text, and a list of the projections that snapshots and comparisons walk.
//!
//! A release whose tables have other columns makes them again from the journal ([`crate::replay::make_ready`]): there
//! are no migrations but for the journal's own tables, which only ever get more.
//!
//! The schema is one text for both databases. The few words they differ in are exchanged by `dialect`: SQLite wants
//! `INTEGER PRIMARY KEY` to use the key as the row's own, PostgreSQL wants to be told to sort text by its bytes.

use crate::db::{Backend, DbError, Tx};
use journal::Hash;

const LOG_TEXT: &str = include_str!("schema/log.sql");

const TEXTS: &[&str] = &[
    include_str!("schema/site.sql"),
    include_str!("schema/vault.sql"),
    include_str!("schema/alarm.sql"),
    include_str!("schema/mail.sql"),
    include_str!("schema/people.sql"),
    include_str!("schema/factor.sql"),
    include_str!("schema/reset.sql"),
    include_str!("schema/repo.sql"),
    include_str!("schema/push.sql"),
    include_str!("schema/oidc.sql"),
    include_str!("schema/org.sql"),
    include_str!("schema/protect.sql"),
    include_str!("schema/role.sql"),
    include_str!("schema/setting.sql"),
    include_str!("schema/openpgp.sql"),
    include_str!("schema/activity.sql"),
    include_str!("schema/ssh.sql"),
    include_str!("schema/certificate.sql"),
    include_str!("schema/proof.sql"),
    include_str!("schema/incident.sql"),
    include_str!("schema/guard.sql"),
    include_str!("schema/svn.sql"),
];

/// The tables that are the journal, and no projection of it.
pub const LOG_TABLES: &[&str] = &["journal", "checkpoint", "cosignature", "tile", "layout", "gap"];

/// A table that follows from the journal.
#[derive(Debug)]
pub struct Table {
    /// Its name.
    pub name: &'static str,
    /// Its columns, in the order of `select` and `insert`.
    pub columns: &'static [&'static str],
    /// How many of the first columns are its key.
    pub key_columns: usize,
    /// All rows, sorted by the key.
    pub select: &'static str,
    /// One row.
    pub insert: &'static str,
}

macro_rules! tables {
    ($($name:ident ($key1:ident $(, $key:ident)*; $($column:ident),*) $places:literal;)*) => {
        /// Every projection.
        pub const TABLES: &[Table] = &[$(Table {
            name: stringify!($name),
            columns: &[stringify!($key1), $(stringify!($key),)* $(stringify!($column),)*],
            key_columns: 1 $(+ { let _ = stringify!($key); 1 })*,
            select: concat!(
                "SELECT ", stringify!($key1), $(", ", stringify!($key),)* $(", ", stringify!($column),)*
                " FROM ", stringify!($name), " ORDER BY ", stringify!($key1), $(", ", stringify!($key),)*
            ),
            insert: concat!(
                "INSERT INTO ", stringify!($name), " (", stringify!($key1),
                $(", ", stringify!($key),)* $(", ", stringify!($column),)* ") VALUES (", $places, ")"
            ),
        },)*];
    };
}

tables! {
    site(id; origin, recovery_recipient, recovery_key, started_us) "?1, ?2, ?3, ?4, ?5";
    epoch(number; seq, statement, data_key, site_recipient, started_us) "?1, ?2, ?3, ?4, ?5, ?6";
    snapshot(id; through, taken_us) "?1, ?2, ?3";
    snapshot_part(snapshot, part; blob, bytes) "?1, ?2, ?3, ?4";
    skipped(first; last, seq) "?1, ?2, ?3";
    vault(name; seq, domain, vkey, pin, enrolled_us) "?1, ?2, ?3, ?4, ?5, ?6";
    vault_term(name, seq; domain, vkey, until_seq) "?1, ?2, ?3, ?4, ?5";
    vault_next(name; seq, domain, vkey, pin, confirmed_seq) "?1, ?2, ?3, ?4, ?5, ?6";
    alarm(id; rule, subject, raised_us, acknowledged_us, acknowledged_by) "?1, ?2, ?3, ?4, ?5, ?6";
    alarm_hook(id; host, sealed, added_us, removed_us) "?1, ?2, ?3, ?4, ?5";
    canary(id; kind, hash, note, made_us, removed_us) "?1, ?2, ?3, ?4, ?5, ?6";
    mail_transport(id; host, port, security, login, secret, sender, set_us) "?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8";
    namespace(id; parent, name, kind) "?1, ?2, ?3, ?4";
    account(id; email, password, officer, operator, created_us, credentials_revoked_us, full_name, bio, website)
        "?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10";
    password_made(account; seq, made_us) "?1, ?2, ?3";
    session(id; account, hash, agent, address, created_us, expires_us, ended_us, how, factor, new_place)
        "?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11";
    token(id; account, name, hash, scopes, created_us, expires_us, revoked_us, repos, sleeps_until_us)
        "?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10";
    authenticator(id; account, name, credential, public_key, sign_count, user_verified, backed_up, created_us, used_us,
        sleeps_until_us, removed_us) "?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12";
    totp(id; account, name, secret, step, created_us, used_us, sleeps_until_us, removed_us)
        "?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9";
    recovery_code(account, hash; made_us, used_us, seq) "?1, ?2, ?3, ?4, ?5";
    password_reset(id; account, hash, made_us, expires_us, ended_us) "?1, ?2, ?3, ?4, ?5, ?6";
    factor_policy(id; required, since_us) "?1, ?2, ?3";
    org_factor_policy(organisation; since_us) "?1, ?2";
    oidc_provider(name; seq, label, issuer, client_id, secret, registers, hosts, set_us)
        "?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9";
    oidc_identity(id; account, issuer, subject, label, linked_us, removed_us, sleeps_until_us)
        "?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8";
    repository(id; namespace, name, kind, format, visibility, head, created_us, pushed_us, seq, description, website)
        "?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12";
    collaborator(repo, account; access, seq) "?1, ?2, ?3, ?4";
    ref(repo, name; oid, seq) "?1, ?2, ?3, ?4";
    pack(repo, seq, part; blob, bytes, consolidated) "?1, ?2, ?3, ?4, ?5, ?6";
    organisation(id; full_name, description, website, visibility, base, members_create, created_us)
        "?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8";
    org_member(organisation, account; role, shown, seq) "?1, ?2, ?3, ?4, ?5";
    team(id; organisation, name, description, access, all_repos, create_repos, seq)
        "?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8";
    team_member(team, account; seq) "?1, ?2, ?3";
    team_repo(team, repo; seq) "?1, ?2, ?3";
    protection(id; repo, kind, pattern, push_role, force_role, delete_role, seq, signed, path_role, created_us)
        "?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11";
    protection_path(protection, pattern; seq) "?1, ?2, ?3";
    protection_actor(protection, act, kind, actor; seq) "?1, ?2, ?3, ?4, ?5";
    site_role(account, role; seq) "?1, ?2, ?3";
    quota(subject; repos, bytes, repo_bytes, seq) "?1, ?2, ?3, ?4, ?5";
    setting(name; value, seq) "?1, ?2, ?3";
    openpgp_key(id; account, name, packets, fingerprints, created_us, removed_us) "?1, ?2, ?3, ?4, ?5, ?6, ?7";
    activity(seq; subject, actor) "?1, ?2, ?3";
    ssh_key(
        id; account, repo, writes, name, algorithm, public_key, fingerprint, made_by, created_us, expires_us, removed_us,
        sleeps_until_us
    ) "?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13";
    ssh_authority(id; org, name, public_key, fingerprint, age_max_us, added_us, removed_us)
        "?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8";
    ssh_certificate(id; account, authority, serial, key_id, digest, seen_us, expires_us, removed_us)
        "?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9";
    ssh_revocation(id; authority, serial, key_id) "?1, ?2, ?3, ?4";
    drill(id; kind, through, started_us, answers_ms, whole_ms, data_age_ms, repositories, differences, vaults, report, done_us)
        "?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12";
    recovery_share(recipient, number; threshold, digest, published_us, seq) "?1, ?2, ?3, ?4, ?5, ?6";
    recovery_key_ordered(seq, recipient; signing, ordered_us) "?1, ?2, ?3, ?4";
    incident(id; title, opened_us, resolved_us) "?1, ?2, ?3, ?4";
    incident_note(id; incident, text, noted_us) "?1, ?2, ?3, ?4";
    officer_key(id; account, name, public_key, added_us, removed_us) "?1, ?2, ?3, ?4, ?5, ?6";
    officer_rule(id; needed, delay_us, set_us) "?1, ?2, ?3, ?4";
    filed_order(id; requester, body, hash, not_before_us, expires_us, state, closed_us, closed_by, reason)
        "?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10";
    order_signature(order_id, officer; key, hash, signature, passkey, signed_us) "?1, ?2, ?3, ?4, ?5, ?6, ?7";
    trashed_repository(id; namespace, name, kind, format, visibility, head, created_us, pushed_us, seq, description,
        website, trashed_us, trashed_by) "?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14";
    trashed_account(id; email, password, officer, operator, created_us, credentials_revoked_us, full_name, bio, website,
        trashed_us, trashed_by) "?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12";
    trashed_organisation(id; full_name, description, website, visibility, base, members_create, created_us, trashed_us,
        trashed_by) "?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10";
    emptied_repository(id; namespace, name, trashed_us, emptied_us, erasure) "?1, ?2, ?3, ?4, ?5, ?6";
    erasure(id; repo, list, erased_us) "?1, ?2, ?3, ?4";
    erased_blob(blob; erasure) "?1, ?2";
    export_permit(id; subject, until_us) "?1, ?2, ?3";
    svn_repository(repo; youngest, seq, bytes) "?1, ?2, ?3, ?4";
    svn_file(repo, name; bytes, seq) "?1, ?2, ?3, ?4";
    svn_revision(repo, rev; seq, time_us, account, hash, properties, properties_before, properties_seq)
        "?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9";
    svn_part(repo, rev, part; blob, bytes) "?1, ?2, ?3, ?4, ?5";
    svn_lock(repo, name; lock, seq) "?1, ?2, ?3, ?4";
    svn_path_rule(repo, place; path, actor, actor_id, access, seq) "?1, ?2, ?3, ?4, ?5, ?6, ?7";
    svn_commit_rules(repo; message_chars_min, message_pattern, file_bytes_max, forbidden_names, no_case_clashes, tags_fixed,
        message_by, author_changes, seq) "?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10";
    svn_mail(repo, account; seq) "?1, ?2, ?3";
    svn_layout(repo; layout, seq) "?1, ?2, ?3";
    lockdown(id; since_us, started_us, credentials, accounts, lifted_us) "?1, ?2, ?3, ?4, ?5, ?6";
    frozen_account(account; seq, since_us, reason) "?1, ?2, ?3, ?4";
}

/// Makes all tables in an empty database, and those of the journal that an earlier release did not have.
pub fn install(tx: &mut Tx) -> Result<(), DbError> {
    let log = dialect(tx.backend(), LOG_TEXT);
    tx.batch(&log)?;
    let made = tx.query_opt("SELECT hash FROM layout WHERE id = 0", &[])?;
    if made.is_some() { Ok(()) } else { make(tx) }
}

fn make(tx: &mut Tx) -> Result<(), DbError> {
    let backend = tx.backend();
    TEXTS.iter().try_for_each(|text| tx.batch(&dialect(backend, text)))?;
    let sql = "INSERT INTO layout (id, hash) VALUES (0, ?1) ON CONFLICT (id) DO UPDATE SET hash = excluded.hash";
    tx.execute(sql, &[(&fingerprint()).into()])?;
    Ok(())
}

/// Removes all projections and makes them empty, as this release has them. The journal stays.
pub(crate) fn make_again(tx: &mut Tx) -> Result<(), DbError> {
    for table in table_names(tx)?.iter().filter(|name| !LOG_TABLES.contains(&name.as_str())) {
        tx.batch(&format!("DROP TABLE \"{table}\""))?;
    }
    make(tx)
}

/// Whether the projections are this release's.
pub fn is_current(tx: &mut Tx) -> Result<bool, DbError> {
    let stored = tx.query_opt("SELECT hash FROM layout WHERE id = 0", &[])?;
    Ok(stored.map(|row| row.get::<Hash>(0)).transpose()? == Some(fingerprint()))
}

/// Of the text without its comments, before any dialect.
fn fingerprint() -> Hash {
    let code = TEXTS.iter().flat_map(|text| text.lines()).filter(|line| !line.starts_with("--"));
    Hash::of(code.collect::<Vec<_>>().join("\n").as_bytes())
}

/// Whether the tables are there.
pub fn installed(tx: &mut Tx) -> Result<bool, DbError> {
    Ok(table_names(tx)?.iter().any(|name| name == "journal"))
}

/// The tables the database says it has.
pub fn table_names(tx: &mut Tx) -> Result<Vec<String>, DbError> {
    let sql = match tx.backend() {
        Backend::Sqlite => {
            "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%' ORDER BY name"
        }
        Backend::Postgres => {
            "SELECT CAST(table_name AS TEXT) FROM information_schema.tables
             WHERE table_schema = current_schema() ORDER BY 1"
        }
    };
    tx.query(sql, &[])?.iter().map(|row| row.get(0)).collect()
}

/// The columns the database says a table has.
pub fn column_names(tx: &mut Tx, table: &str) -> Result<Vec<String>, DbError> {
    let sql = match tx.backend() {
        Backend::Sqlite => "SELECT name FROM pragma_table_info(?1) ORDER BY cid",
        Backend::Postgres => {
            "SELECT CAST(column_name AS TEXT) FROM information_schema.columns
             WHERE table_schema = current_schema() AND table_name = CAST(?1 AS TEXT) ORDER BY ordinal_position"
        }
    };
    tx.query(sql, &[table.into()])?.iter().map(|row| row.get(0)).collect()
}

/// The schema's text as this database reads it. Comments go, so that no word in them is taken for a type.
fn dialect(backend: Backend, text: &str) -> String {
    let code: String = text.lines().filter(|line| !line.starts_with("--")).map(|line| format!("{line}\n")).collect();
    match backend {
        Backend::Sqlite => {
            let code = code.replace(" BIGINT", " INTEGER").replace(" BOOLEAN", " INTEGER").replace(" BYTEA", " BLOB");
            // A table whose key is of several columns is kept in the key's own tree, not in two.
            let tables = code.split_inclusive("\n);").map(|text| match text.contains("\n    PRIMARY KEY (") {
                true => text.replace("\n);", "\n) STRICT, WITHOUT ROWID;"),
                false => text.replace("\n);", "\n) STRICT;"),
            });
            tables.collect()
        }
        Backend::Postgres => code.replace(" TEXT", " TEXT COLLATE \"C\""),
    }
}

#[cfg(test)]
mod tests;
