//! One Parquet file: rows in, a whole file under its final name out.
//!
//! Between the thread and the directory. The columns are a contract with whoever queries: `docs/analytics.md`. Invariant: a
//! file stands under its final name only when it is whole and durable, so a crash leaves no broken one behind.

use std::{
    fs::{self, File},
    io::{self, BufWriter},
    path::{Path, PathBuf},
    sync::Arc,
};

use parquet::{
    basic::Compression,
    data_type::{ByteArray, ByteArrayType, DataType, Int64Type},
    errors::ParquetError,
    file::{
        metadata::KeyValue,
        properties::WriterProperties,
        writer::{SerializedFileWriter, SerializedRowGroupWriter},
    },
    schema::parser::parse_message_type,
};
use watershed_protocol::NodeName;

use crate::{Batch, Counts, Row};

/// The columns, in their order. `second` is in UTC; it does not say so to readers, since many of them would then show it in
/// a time zone of their own.
const SCHEMA: &str = "message analytics {
    REQUIRED INT64 second (TIMESTAMP(MILLIS, false));
    REQUIRED BYTE_ARRAY node (STRING);
    OPTIONAL BYTE_ARRAY stream (STRING);
    REQUIRED INT64 comments;
    REQUIRED INT64 likes;
    REQUIRED INT64 unlikes;
    REQUIRED INT64 reactions;
    OPTIONAL INT64 viewers;
    REQUIRED INT64 frames;
    REQUIRED INT64 shed;
}";

/// What a file is called until it is whole.
pub(crate) const PARTIAL: &str = "partial";

/// Why a file was not written.
#[derive(Debug, thiserror::Error)]
pub enum WriteError {
    /// The disk, or who owns it, says no.
    #[error("{}: {error}", path.display())]
    Io {
        /// Which file or directory.
        path: PathBuf,
        /// What the system says.
        error: io::Error,
    },
    /// The rows cannot be encoded, or what was encoded not be written.
    #[error("{}: {error}", path.display())]
    Parquet {
        /// Which file.
        path: PathBuf,
        /// What the encoder says.
        error: ParquetError,
    },
}

/// Writes a file of this node's rows, makes it durable, and then gives it its name. Returns its bytes.
pub fn write_file(path: &Path, node: &NodeName, batch: &Batch) -> Result<u64, WriteError> {
    let partial = path.with_extension(PARTIAL);
    let io = |path: &Path| {
        let path = path.to_owned();
        move |error| WriteError::Io { path, error }
    };
    let directory = path.parent().unwrap_or(Path::new("."));
    fs::create_dir_all(directory).map_err(io(directory))?;
    let file = File::create(&partial).map_err(io(&partial))?;
    let file = encode(file, node, batch).map_err(|error| WriteError::Parquet { path: partial.clone(), error })?;
    file.sync_all().map_err(io(&partial))?;
    let bytes = file.metadata().map_err(io(&partial))?.len();
    fs::rename(&partial, path).map_err(io(path))?;
    if let Err(error) = File::open(directory).and_then(|directory| directory.sync_all()) {
        // Its rows will be written again, and must not count twice. If it cannot be taken away, it is as good as written.
        if fs::remove_file(path).is_ok() {
            return Err(io(directory)(error));
        }
    }
    Ok(bytes)
}

fn encode(file: File, node: &NodeName, batch: &Batch) -> Result<File, ParquetError> {
    let told = |key: &str, value: String| KeyValue::new(key.into(), value);
    let properties = WriterProperties::builder()
        .set_compression(Compression::SNAPPY)
        .set_created_by("watershed".into())
        .set_key_value_metadata(Some(vec![
            told("node", node.to_string()),
            told("from", batch.from.to_string()),
            told("until", batch.until.to_string()),
        ]))
        .build();
    let schema = Arc::new(parse_message_type(SCHEMA)?);
    let mut writer = SerializedFileWriter::new(BufWriter::new(file), schema, Arc::new(properties))?;
    let mut group = writer.next_row_group()?;
    let rows = &batch.rows;
    let node = ByteArray::from(node.as_str());
    column::<Int64Type>(&mut group, rows, |row| Some(number(row.second.saturating_mul(1_000))))?;
    column::<ByteArrayType>(&mut group, rows, |_| Some(node.clone()))?;
    column::<ByteArrayType>(&mut group, rows, |row| row.stream.as_ref().map(|stream| stream.as_str().into()))?;
    let counts: [fn(&Counts) -> Option<u64>; 7] = [
        |counts| Some(counts.comments),
        |counts| Some(counts.likes),
        |counts| Some(counts.unlikes),
        |counts| Some(counts.reactions),
        |counts| counts.viewers,
        |counts| Some(counts.frames),
        |counts| Some(counts.shed),
    ];
    for count in counts {
        column::<Int64Type>(&mut group, rows, |row| count(&row.counts).map(number))?;
    }
    group.close()?;
    writer.into_inner()?.into_inner().map_err(|error| error.into_error().into())
}

/// Writes the next column. A value that is absent takes a place among the levels and none among the values.
fn column<T: DataType>(
    group: &mut SerializedRowGroupWriter<'_, BufWriter<File>>,
    rows: &[Row],
    value: impl Fn(&Row) -> Option<T::T>,
) -> Result<(), ParquetError> {
    let mut column = group.next_column()?.ok_or_else(|| ParquetError::General("a column too many".into()))?;
    let values: Vec<Option<T::T>> = rows.iter().map(value).collect();
    let levels: Vec<i16> = values.iter().map(|value| i16::from(value.is_some())).collect();
    let values: Vec<T::T> = values.into_iter().flatten().collect();
    column.typed::<T>().write_batch(&values, Some(&levels), None)?;
    column.close()
}

/// Parquet's integers that every reader knows are signed.
fn number(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests;
