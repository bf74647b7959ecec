//! The tables, and how those of an older version are brought up to date.

use rusqlite::{Connection, TransactionBehavior};

/// The current schema, as the database's `user_version`.
pub(super) const VERSION: i64 = 3;
const SCHEMA: &str = "
CREATE TABLE IF NOT EXISTS runs (
    id TEXT PRIMARY KEY,
    task TEXT NOT NULL,
    architecture TEXT NOT NULL,
    source TEXT NOT NULL,
    status TEXT NOT NULL,
    message TEXT NOT NULL DEFAULT '',
    created TEXT NOT NULL,
    seconds REAL NOT NULL DEFAULT 0,
    live_seconds REAL NOT NULL DEFAULT 0,
    recipe TEXT NOT NULL,
    machine TEXT NOT NULL,
    scored_on TEXT NOT NULL DEFAULT ''
) STRICT;
CREATE TABLE IF NOT EXISTS epochs (
    run TEXT NOT NULL REFERENCES runs(id) ON DELETE CASCADE,
    epoch INTEGER NOT NULL,
    part TEXT NOT NULL,
    name TEXT NOT NULL,
    value REAL,
    PRIMARY KEY (run, epoch, part, name)
) STRICT;
CREATE TABLE IF NOT EXISTS scores (
    run TEXT NOT NULL REFERENCES runs(id) ON DELETE CASCADE,
    name TEXT NOT NULL,
    position INTEGER NOT NULL,
    value REAL,
    PRIMARY KEY (run, name)
) STRICT;
CREATE TABLE IF NOT EXISTS costs (
    run TEXT NOT NULL REFERENCES runs(id) ON DELETE CASCADE,
    what TEXT NOT NULL,
    started TEXT NOT NULL,
    cost TEXT NOT NULL,
    PRIMARY KEY (run, what, started)
) STRICT;
";
/// Columns that version 1 of the table of runs did not have.
const ADDED_IN_2: [(&str, &str); 2] = [
    ("live_seconds", "REAL NOT NULL DEFAULT 0"),
    ("scored_on", "TEXT NOT NULL DEFAULT ''"),
];

/// Brings the schema up to date and returns its version; that of a newer program is left alone.
pub(super) fn migrate(connection: &mut Connection) -> rusqlite::Result<i64> {
    // A store that is up to date is opened without waiting for a process that writes.
    let version = version_of(connection)?;
    if version >= VERSION {
        return Ok(version);
    }
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    // Another process may have been faster.
    let version = version_of(&transaction)?;
    if version >= VERSION {
        return Ok(version);
    }
    // Version 3 added a table, which the schema makes.
    transaction.execute_batch(SCHEMA)?;
    if version == 1 {
        for (name, declaration) in ADDED_IN_2 {
            let there: bool = transaction.query_row(
                "SELECT EXISTS (SELECT 1 FROM pragma_table_info('runs') WHERE name = ?)",
                [name],
                |row| row.get(0),
            )?;
            // A program of version 1 that opens a newer store sets its version back to 1.
            if !there {
                let sql = format!("ALTER TABLE runs ADD COLUMN {name} {declaration}");
                transaction.execute_batch(&sql)?;
            }
        }
    }
    transaction.pragma_update(None, "user_version", VERSION)?;
    transaction.commit()?;
    Ok(VERSION)
}

fn version_of(connection: &Connection) -> rusqlite::Result<i64> {
    connection.pragma_query_value(None, "user_version", |row| row.get(0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::{FILE, Store};

    #[test]
    fn a_store_of_version_1_is_brought_up_to_date() {
        let folder = tempfile::tempdir().unwrap();
        let old = Connection::open(folder.path().join(FILE)).unwrap();
        old.execute_batch(
            "CREATE TABLE runs (id TEXT PRIMARY KEY, task TEXT NOT NULL, architecture TEXT NOT NULL,
                 source TEXT NOT NULL, status TEXT NOT NULL, message TEXT NOT NULL DEFAULT '',
                 created TEXT NOT NULL, seconds REAL NOT NULL DEFAULT 0, recipe TEXT NOT NULL,
                 machine TEXT NOT NULL) STRICT;
             CREATE TABLE scores (run TEXT NOT NULL REFERENCES runs(id) ON DELETE CASCADE,
                 name TEXT NOT NULL, position INTEGER NOT NULL, value REAL,
                 PRIMARY KEY (run, name)) STRICT;
             INSERT INTO runs VALUES ('a-1', 't', 'a', 's', 'finished', '', '2026', 4.0, '', '{}');
             INSERT INTO scores VALUES ('a-1', 'accuracy', 0, 0.5);
             PRAGMA user_version = 1;",
        )
        .unwrap();
        drop(old);
        for _ in 0..2 {
            let store = Store::open_existing(folder.path()).unwrap().unwrap();
            let run = store.get("a-1").unwrap();
            assert_eq!((run.total_seconds(), run.scored_on.as_str()), (4.0, ""));
            assert_eq!(run.scores, [("accuracy".to_string(), 0.5)]);
            assert_eq!(version_of(&store.connection).unwrap(), VERSION);
        }
        let store = Store::open(folder.path()).unwrap();
        store.set_scores("a-1", "test", &[]).unwrap();
        assert_eq!(store.get("a-1").unwrap().scored_on, "test");
    }

    #[test]
    fn a_newer_store_is_refused_and_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        drop(Store::open(folder.path()).unwrap());
        let newer = Connection::open(folder.path().join(FILE)).unwrap();
        newer.pragma_update(None, "user_version", 99).unwrap();
        let error = Store::open(folder.path()).err().unwrap();
        assert!(error.to_string().contains("newer version"), "{error}");
        assert!(error.help().is_some());
        assert_eq!(version_of(&newer).unwrap(), 99);
    }
}
