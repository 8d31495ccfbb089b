//! From our placeholders to PostgreSQL's.

/// Rewrites `?1` to `$1`, leaving what stands in quotes alone.
pub(super) fn for_postgres(sql: &str) -> String {
    let mut quoted_by = None;
    sql.chars()
        .map(|c| match (quoted_by, c) {
            (None, '?') => '$',
            (None, '\'' | '"') => {
                quoted_by = Some(c);
                c
            }
            (Some(q), _) if q == c => {
                quoted_by = None;
                c
            }
            _ => c,
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::for_postgres;

    #[test]
    fn placeholders_are_rewritten_and_quoted_text_is_not() {
        assert_eq!(for_postgres("SELECT ?1 WHERE a = ?12"), "SELECT $1 WHERE a = $12");
        assert_eq!(for_postgres("SELECT '?1', \"?2\", ?3"), "SELECT '?1', \"?2\", $3");
        assert_eq!(for_postgres("SELECT 'it''s ?1', ?1"), "SELECT 'it''s ?1', $1");
    }
}
