//! PostgreSQL, through the blocking client: the writer is a plain thread and readers run on blocking threads.

use super::{DbError, DbErrorKind, Row, Value, sql};
use postgres::fallible_iterator::FallibleIterator;
use postgres::types::{FromSql, IsNull, ToSql, Type, to_sql_checked};
use postgres::{Client, NoTls, Statement};
use std::borrow::Cow;
use std::collections::HashMap;
use std::error::Error as StdError;
use std::time::{Duration, Instant};

/// How long to wait for a writer that has gone to be missed by the server.
const WRITER_LOCK_WAIT: Duration = Duration::from_secs(3);

type BytesMut = bytes::BytesMut;
type SqlResult<T> = Result<T, Box<dyn StdError + Sync + Send>>;

pub(super) struct PgConnection {
    client: Option<Client>,
    statements: HashMap<&'static str, Statement>,
}

impl std::fmt::Debug for PgConnection {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PgConnection").field("statements", &self.statements.len()).finish_non_exhaustive()
    }
}

impl PgConnection {
    pub(super) fn open(url: &str, writing: bool) -> Result<Self, DbError> {
        let mut client = Client::connect(url, NoTls)?;
        client.batch_execute("SET synchronous_commit = on; SET client_min_messages = warning")?;
        if writing {
            lock_for_writing(&mut client)?;
        }
        Ok(Self { client: Some(client), statements: HashMap::new() })
    }

    fn client(&mut self) -> Result<&mut Client, DbError> {
        self.client.as_mut().ok_or_else(|| DbError::mistake("a closed connection was used"))
    }

    pub(super) fn batch(&mut self, sql: &str) -> Result<(), DbError> {
        Ok(self.client()?.batch_execute(sql)?)
    }

    fn statement(&mut self, sql: &'static str) -> Result<Statement, DbError> {
        if let Some(statement) = self.statements.get(sql) {
            return Ok(statement.clone());
        }
        let statement = self.client()?.prepare(&sql::for_postgres(sql))?;
        self.statements.insert(sql, statement.clone());
        Ok(statement)
    }

    /// The client panics on a wrong number of parameters.
    fn statement_for(&mut self, sql: &'static str, params: &[Value]) -> Result<Statement, DbError> {
        let statement = self.statement(sql)?;
        let wanted = statement.params().len();
        if wanted != params.len() {
            return Err(DbError::mistake(format!("{} parameters for {wanted} places", params.len())));
        }
        Ok(statement)
    }

    pub(super) fn parameters(&mut self, sql: &'static str) -> Result<usize, DbError> {
        Ok(self.statement(sql)?.params().len())
    }

    pub(super) fn execute(&mut self, sql: &'static str, params: &[Value]) -> Result<u64, DbError> {
        let statement = self.statement_for(sql, params)?;
        let params: Vec<&(dyn ToSql + Sync)> = params.iter().map(|v| v as _).collect();
        Ok(self.client()?.execute(&statement, &params)?)
    }

    pub(super) fn query_each<E: From<DbError>>(
        &mut self,
        sql: &'static str,
        params: &[Value],
        each: &mut dyn FnMut(Row) -> Result<(), E>,
    ) -> Result<(), E> {
        let within = |e: DbError| e.within(sql);
        let statement = self.statement_for(sql, params).map_err(within)?;
        let params = params.iter().map(|v| v as &(dyn ToSql + Sync));
        let client = self.client()?;
        let mut rows = client.query_raw(&statement, params).map_err(|e| within(e.into()))?;
        while let Some(row) = rows.next().map_err(|e| within(e.into()))? {
            each(owned(&row).map_err(within)?)?;
        }
        Ok(())
    }
}

/// One writer for each schema. A connection of ours that broke keeps its lock until the server has noticed.
fn lock_for_writing(client: &mut Client) -> Result<(), DbError> {
    let sql = "SELECT pg_try_advisory_lock(hashtext('outlast writer'), hashtext(current_schema()))";
    let patience = Instant::now() + WRITER_LOCK_WAIT;
    while !client.query_one(sql, &[])?.try_get::<_, bool>(0)? {
        if Instant::now() > patience {
            let text =
                "another Outlast is writing to this database: only one may. Stop it, or give this one its own database";
            return Err(DbError::new(DbErrorKind::Busy, text));
        }
        std::thread::sleep(Duration::from_millis(100));
    }
    Ok(())
}

/// Closing waits on the client's own runtime, which panics on a thread of another one: it is done on a thread of its
/// own.
impl Drop for PgConnection {
    fn drop(&mut self) {
        self.statements.clear();
        if let Some(client) = self.client.take() {
            // If no thread can be had, the server notices the closed socket at the end of the process.
            let _ = std::thread::Builder::new().name("postgres-close".into()).spawn(move || drop(client));
        }
    }
}

fn owned(row: &postgres::Row) -> Result<Row, DbError> {
    let mut values = Vec::with_capacity(row.len());
    for i in 0..row.len() {
        let value: Option<Value<'static>> = row.try_get(i)?;
        values.push(value.unwrap_or(Value::Null));
    }
    Ok(Row::new(values))
}

impl ToSql for Value<'_> {
    fn to_sql(&self, ty: &Type, out: &mut BytesMut) -> SqlResult<IsNull> {
        match (self, ty) {
            (Value::Null, _) => Ok(IsNull::Yes),
            (Value::Int(n), &Type::INT8) => n.to_sql(ty, out),
            (Value::Int(n), &Type::INT4) => i32::try_from(*n)?.to_sql(ty, out),
            (Value::Bool(b), &Type::BOOL) => b.to_sql(ty, out),
            // How SQLite and snapshots write a BOOLEAN.
            (Value::Int(n @ (0 | 1)), &Type::BOOL) => (*n == 1).to_sql(ty, out),
            (Value::Text(s), t) if <&str as ToSql>::accepts(t) => s.as_ref().to_sql(ty, out),
            (Value::Bytes(b), &Type::BYTEA) => b.as_ref().to_sql(ty, out),
            (value, ty) => Err(format!("a {} where the statement wants {ty}", value.type_name()).into()),
        }
    }

    fn accepts(_: &Type) -> bool {
        true
    }

    to_sql_checked!();
}

impl FromSql<'_> for Value<'static> {
    fn from_sql(ty: &Type, raw: &[u8]) -> SqlResult<Self> {
        Ok(match *ty {
            Type::INT8 => Value::Int(i64::from_sql(ty, raw)?),
            Type::INT4 => Value::Int(i64::from(i32::from_sql(ty, raw)?)),
            Type::BOOL => Value::Bool(bool::from_sql(ty, raw)?),
            Type::BYTEA => Value::Bytes(Cow::Owned(raw.to_vec())),
            _ => Value::Text(Cow::Owned(String::from_sql(ty, raw)?)),
        })
    }

    fn accepts(ty: &Type) -> bool {
        matches!(*ty, Type::INT8 | Type::INT4 | Type::BOOL | Type::BYTEA) || <String as FromSql>::accepts(ty)
    }
}
