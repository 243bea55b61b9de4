//! The header of a GGUF file: magic, version, counts, metadata, and the list of tensors.

use std::collections::BTreeMap;

use super::super::source::Source;
use super::metadata::{MAX_KEYS, Metadata, Value};
use super::reader::Reader;
use super::{Tensor, keys, tensors};
use crate::{Error, Result};

const MAGIC: [u8; 4] = *b"GGUF";
/// Magic, version and two counts.
const FIXED_BYTES: u64 = 24;
/// A key's length, its type, and one byte of a value.
const SMALLEST_PAIR: u64 = 13;
const DEFAULT_ALIGNMENT: u64 = 32;
const MAX_ALIGNMENT: u64 = 1 << 20;

/// Reads and checks everything before the data.
pub(super) fn read(source: &Source) -> Result<(Metadata, BTreeMap<String, Tensor>)> {
    let mut reader = Reader::new(source);
    if source.len < FIXED_BYTES {
        let detail = format!("found {} bytes, expected at least {FIXED_BYTES}", source.len);
        return Err(not_gguf(&reader).detail(detail));
    }
    let magic = reader.u32("the magic")?.to_le_bytes();
    if magic != MAGIC {
        let shown = magic.escape_ascii();
        return Err(not_gguf(&reader).detail(format!("found \"{shown}\" at its start, expected \"GGUF\"")));
    }
    let version = reader.u32("the version")?;
    if !(2..=3).contains(&version) {
        let error = reader.wrong(
            "this version of GGUF is not supported",
            format!("found version {version}, expected 2 or 3"),
        );
        return Err(match version.swap_bytes() {
            2 | 3 => error.hint("the file is for big-endian machines"),
            _ => error,
        });
    }
    let num_tensors = reader.u64("the number of tensors")?;
    let num_pairs = reader.u64("the number of metadata keys")?;
    check_count(&reader, "tensors", num_tensors, (tensors::SMALLEST_ENTRY, tensors::MAX_TENSORS))?;
    check_count(&reader, "metadata keys", num_pairs, (SMALLEST_PAIR, MAX_KEYS))?;

    let metadata = Metadata::read(&mut reader, num_pairs)?;
    keys::check_kind(&metadata)?;
    let alignment = alignment(&metadata)?;
    let tensors = tensors::read(&mut reader, num_tensors, alignment)?;
    Ok((metadata, tensors))
}

fn not_gguf(reader: &Reader<'_>) -> Error {
    Error::input(format!("cannot read {}: it is not a GGUF file", reader.label()))
        .hint("the download may be incomplete")
}

fn check_count(reader: &Reader<'_>, what: &str, count: u64, (smallest, most): (u64, u64)) -> Result<()> {
    let limit = most.min(reader.remaining() / smallest);
    if count <= limit {
        return Ok(());
    }
    let detail = format!("found {count}, expected at most {limit} in a file of this length");
    Err(reader.wrong(&format!("it has too many {what}"), detail))
}

fn alignment(metadata: &Metadata) -> Result<u64> {
    match metadata.get("general.alignment") {
        None => Ok(DEFAULT_ALIGNMENT),
        Some(Value::Unsigned(alignment)) if alignment.is_power_of_two() && *alignment <= MAX_ALIGNMENT => {
            Ok(*alignment)
        }
        Some(_) => {
            Err(metadata.wrong("general.alignment", &format!("a power of two, at most {MAX_ALIGNMENT}")))
        }
    }
}
