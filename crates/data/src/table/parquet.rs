//! Parquet, through its record interface: flat columns of numbers, text, booleans and dates.

use super::Table;
use super::infer::{self, Cell};
use crate::error::DataError;
use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::record::Field;
use std::fs::File;
use std::path::Path;

/// Reads a file with flat columns.
pub fn read(path: &Path) -> Result<Table, DataError> {
    const HELP: &str = "write the file again; it is damaged or has been cut short";
    let broken = |e: parquet::errors::ParquetError| {
        let problem = format!("not a complete Parquet file ({e})");
        DataError::new(path.display(), problem, HELP)
    };
    // The schema at the end of the file was read, so what is wrong lies before it.
    let damaged = |e: parquet::errors::ParquetError| {
        DataError::new(path.display(), format!("damaged rows ({e})"), HELP)
    };
    let file = File::open(path).map_err(|e| DataError::io(path, &e))?;
    let reader = SerializedFileReader::new(file).map_err(broken)?;
    let schema = reader
        .metadata()
        .file_metadata()
        .schema_descr()
        .root_schema()
        .clone();
    let names: Vec<String> = schema
        .get_fields()
        .iter()
        .map(|f| f.name().to_string())
        .collect();
    let mut columns: Vec<Vec<Cell>> = vec![Vec::new(); names.len()];
    for (i, row) in reader.get_row_iter(None).map_err(damaged)?.enumerate() {
        let row = row.map_err(damaged)?;
        for (column, (name, field)) in columns.iter_mut().zip(row.get_column_iter()) {
            column.push(cell(field).ok_or_else(|| {
                let place = format!("{}, row {}", path.display(), i + 1);
                DataError::new(
                    place,
                    format!("`{name}` holds a nested or binary value"),
                    "flatten it into columns of its own",
                )
            })?);
        }
    }
    if columns.first().is_none_or(Vec::is_empty) {
        return Err(DataError::new(
            path.display(),
            "no rows",
            "give a table with rows",
        ));
    }
    let columns = names
        .into_iter()
        .zip(columns)
        .map(|(n, c)| infer::column_of_cells(n, c));
    Ok(Table {
        columns: columns.collect(),
    })
}

fn cell(field: &Field) -> Option<Cell> {
    let integer = |value: f64| {
        Some(Cell::Number {
            value,
            integer: true,
        })
    };
    let number = |value: f64| {
        Some(Cell::Number {
            value,
            integer: false,
        })
    };
    match field {
        Field::Null => Some(Cell::Missing),
        Field::Bool(v) => Some(Cell::Boolean(*v)),
        Field::Byte(v) => integer(f64::from(*v)),
        Field::Short(v) => integer(f64::from(*v)),
        Field::Int(v) => integer(f64::from(*v)),
        Field::Long(v) => integer(*v as f64),
        Field::UByte(v) => integer(f64::from(*v)),
        Field::UShort(v) => integer(f64::from(*v)),
        Field::UInt(v) => integer(f64::from(*v)),
        Field::ULong(v) => integer(*v as f64),
        Field::Float(v) => number(f64::from(*v)),
        Field::Double(v) => number(*v),
        Field::Str(v) => Some(Cell::Text(v.clone())),
        Field::Decimal(_) => field.to_string().parse().ok().and_then(number),
        // Days, milliseconds and microseconds since 1970 become days, as dates in text do.
        Field::Date(v) => number(f64::from(*v)),
        Field::TimestampMillis(v) => number(*v as f64 / 86_400e3),
        Field::TimestampMicros(v) => number(*v as f64 / 86_400e6),
        _ => None,
    }
}
