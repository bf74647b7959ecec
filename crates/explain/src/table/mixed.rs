//! Rows put together of the values of others.

use modelwright_data::{Column, ColumnData, Content, DataError, Table};

/// The rows whose values are put together.
pub(super) struct Pool {
    table: Table,
}

impl Pool {
    /// The rows of a table.
    pub fn of(table: Table) -> Self {
        Self { table }
    }

    /// The rows of tables with the same columns, one below the other.
    ///
    /// # Errors
    /// Their columns differ.
    pub fn new(mut table: Table, below: Table) -> Result<Self, DataError> {
        table.append(below)?;
        Ok(Self { table })
    }

    /// Number of columns.
    pub fn columns(&self) -> usize {
        self.table.columns.len()
    }

    /// The rows.
    pub fn table(&self) -> &Table {
        &self.table
    }

    /// Rows in which each column has its value from a row of its own: `rows[i][c]` is the row of this
    /// pool from which row i has column c.
    pub fn mixed(&self, rows: &[Vec<usize>]) -> Content {
        let column = |(c, column): (usize, &Column)| {
            let from = rows.iter().map(|row| row[c]);
            let data = match &column.data {
                ColumnData::Numbers(values) => {
                    ColumnData::Numbers(from.map(|row| values[row]).collect())
                }
                ColumnData::Labels { codes, levels } => ColumnData::Labels {
                    codes: from.map(|row| codes[row]).collect(),
                    levels: levels.clone(),
                },
            };
            Column {
                name: column.name.clone(),
                kind: column.kind,
                data,
            }
        };
        let columns = self.table.columns.iter().enumerate();
        Content::Table(Table {
            columns: columns.map(column).collect(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use modelwright_data::table::parse_csv;

    #[test]
    fn values_come_from_the_rows_that_are_named() {
        let table = |text: &str| parse_csv("t", text.as_bytes(), "utf-8").unwrap();
        let pool = Pool::new(table("x,c\n1,a\n2,b\n"), table("x,c\n3,z\n")).unwrap();
        let Content::Table(mixed) = pool.mixed(&[vec![0, 2], vec![2, 1]]) else {
            panic!("a table")
        };
        let text = |row| {
            format!(
                "{} {}",
                mixed.columns[0].text(row),
                mixed.columns[1].text(row)
            )
        };
        assert_eq!((text(0).as_str(), text(1).as_str()), ("1 z", "3 b"));
    }
}
