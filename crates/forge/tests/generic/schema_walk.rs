//! No table and no column exists that no event explains.

use crate::databases::on_both;
use crate::generate::{Rng, World};
use crate::rig::Rig;
use forge::db::{Db, Value};
use forge::event::KINDS;
use forge::schema::{LOG_TABLES, TABLES, column_names, table_names};
use std::collections::{BTreeMap, BTreeSet};

/// Times each kind is generated: enough for every choice it has.
const ROUNDS: usize = 12;

type Key = Vec<String>;
type Dump = BTreeMap<&'static str, BTreeMap<Key, Vec<Value<'static>>>>;

fn dump(db: &Db) -> Dump {
    let rows = |table: &'static forge::schema::Table| {
        let rows = db.read(|tx| tx.query(table.select, &[])).unwrap();
        let keyed = rows.into_iter().map(|row| {
            let values = row.values().to_vec();
            (values[..table.key_columns].iter().map(|v| format!("{v:?}")).collect(), values)
        });
        (table.name, keyed.collect())
    };
    TABLES.iter().map(rows).collect()
}

/// The columns in which `after` has something that `before` had not.
fn filled(before: &Dump, after: &Dump) -> BTreeSet<String> {
    let mut columns = BTreeSet::new();
    for table in TABLES {
        for (key, row) in &after[table.name] {
            let old = before[table.name].get(key);
            for (i, column) in table.columns.iter().enumerate() {
                let was = old.map_or(&Value::Null, |old| &old[i]);
                if row[i] != *was && row[i] != Value::Null {
                    columns.insert(format!("{}.{column}", table.name));
                }
            }
        }
    }
    columns
}

on_both! {
    fn the_list_of_tables_is_the_schema(databases) {
        let rig = Rig::new(databases.empty());
        let names: BTreeSet<String> = rig.site.db().read(table_names).unwrap().into_iter().collect();
        let listed = TABLES.iter().map(|t| t.name).chain(LOG_TABLES.iter().copied()).map(str::to_owned).collect();
        assert_eq!(names, listed, "every table is in schema::TABLES, or one of the journal's own");
        for table in TABLES {
            let columns = rig.site.db().read(|tx| column_names(tx, table.name)).unwrap();
            assert_eq!(columns, table.columns, "{}", table.name);
        }
    }
}

on_both! {
    fn every_column_is_filled_by_an_event_and_every_event_does_something(databases) {
        let rig = Rig::new(databases.empty());
        let (mut world, mut rng) = (World::default(), Rng(1));
        rig.write(world.beginning(&mut rng));
        let (mut explained, mut before) = (BTreeSet::new(), dump(rig.site.db()));
        let mut idle: BTreeSet<&str> = KINDS.iter().map(|(_, name)| *name).collect();
        for _ in 0..ROUNDS {
            for (kind, name) in KINDS {
                // The change of vaults that it would be about is over.
                if world.lacks_order_of_vaults(*kind) {
                    rig.write(vec![world.event(207, &mut rng)]);
                    before = dump(rig.site.db());
                }
                rig.write(vec![world.event(*kind, &mut rng)]);
                let after = dump(rig.site.db());
                if after != before {
                    idle.remove(name);
                }
                explained.extend(filled(&before, &after));
                before = after;
            }
        }
        let all = TABLES.iter().flat_map(|t| t.columns.iter().map(|c| format!("{}.{c}", t.name)));
        let unexplained: Vec<String> = all.filter(|column| !explained.contains(column)).collect();
        assert!(unexplained.is_empty(), "columns that no event fills: {unexplained:?}");
        assert!(idle.is_empty(), "events that change nothing: {idle:?}");
    }
}
