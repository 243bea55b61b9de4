//! The header of a safetensors file: a length of 8 bytes, then JSON, then the data that it describes.
//!
//! The `safetensors` crate's parser silently drops a duplicate tensor, and its errors do not name the tensor.
//! So this module parses the header itself and uses only the crate's list of types.

use std::collections::{BTreeMap, HashSet};
use std::fmt;

use safetensors::Dtype as FileDtype;
use serde::Deserialize;
use serde::de::{Deserializer, Error as _, MapAccess, SeqAccess, Visitor};

use super::source::Source;
use super::{Dtype, TensorInfo, excerpt, json};
use crate::{Error, Result};

/// The format's own limit on the header, in bytes.
const MAX_HEADER_BYTES: u64 = 100_000_000;
/// No model needs more. The limit bounds what a hostile shape can allocate.
const MAX_DIMENSIONS: usize = 16;
const LENGTH_BYTES: u64 = 8;

/// A tensor and where its bytes are.
#[derive(Debug)]
pub(super) struct Entry {
    pub name: String,
    pub info: TensorInfo,
    /// From the start of the file.
    pub offset: u64,
    pub num_bytes: u64,
}

/// Reads and checks the header. The tensors of the result cover the data exactly, and their sizes match their
/// shapes.
pub(super) fn read(source: &Source) -> Result<Vec<Entry>> {
    let label = &source.label;
    if source.len < LENGTH_BYTES {
        return Err(bad_file(label).detail(format!(
            "found {} bytes, expected at least the {LENGTH_BYTES} of the header's length",
            source.len
        )));
    }
    let mut length = [0; LENGTH_BYTES as usize];
    source.read_at(0, &mut length)?;
    let header_bytes = u64::from_le_bytes(length);
    let after_length = source.len - LENGTH_BYTES;
    if header_bytes > after_length.min(MAX_HEADER_BYTES) {
        return Err(bad_file(label).detail(format!(
            "found header length {header_bytes}, expected at most {} (the file has {after_length} more bytes, the \
             format allows {MAX_HEADER_BYTES})",
            after_length.min(MAX_HEADER_BYTES)
        )));
    }
    let mut header = Vec::new();
    source.read_vec(LENGTH_BYTES, header_bytes, &mut header)?;

    let text = json::utf8(&format!("the header of {label}"), &header)?;
    let mut entries = parse(label, text)?;
    let data_start = LENGTH_BYTES + header_bytes;
    check_layout(label, &mut entries, source.len - data_start)?;
    for entry in &mut entries {
        entry.offset += data_start;
    }
    Ok(entries)
}

fn bad_file(label: &str) -> Error {
    Error::input(format!("cannot read {label}: it is not a safetensors file"))
        .hint("the download may be incomplete")
}

/// Parses the entries. Their offsets are relative to the start of the data.
fn parse(label: &str, text: &str) -> Result<Vec<Entry>> {
    // serde_json's messages do not name the tensor, so the visitor stores the current name here.
    let mut current = String::new();
    let mut deserializer = serde_json::Deserializer::from_str(text);
    let raw = deserializer
        .deserialize_map(HeaderVisitor { current: &mut current })
        .and_then(|raw| deserializer.end().map(|()| raw));
    let raw = raw.map_err(|error| {
        let place =
            if current.is_empty() { String::new() } else { format!(", tensor {}", excerpt(&current)) };
        json::explain(&format!("the header of {label}{place}"), text, &error)
    })?;

    let mut names = HashSet::new();
    if let Some((name, _)) = raw.iter().find(|(name, _)| !names.insert(name.as_str())) {
        let name = excerpt(name);
        return Err(Error::input(format!("cannot read {label}: the header lists tensor {name} twice")));
    }
    drop(names);
    raw.into_iter().map(|(name, raw)| entry(label, name, raw)).collect()
}

fn entry(label: &str, name: String, raw: RawEntry) -> Result<Entry> {
    let RawEntry { dtype, shape: Shape(dimensions), data_offsets: (begin, end) } = raw;
    let failed = || Error::input(format!("cannot load {} from {label}", excerpt(&name)));

    let num_bits = dimensions.iter().try_fold(dtype.bitsize() as u64, |bits, &size| bits.checked_mul(size));
    let shape: Option<Vec<usize>> = dimensions.iter().map(|&size| usize::try_from(size).ok()).collect();
    let (Some(num_bits), Some(shape)) = (num_bits, shape) else {
        return Err(failed()
            .detail(format!("found shape {dimensions:?}, which has more elements than 64 bits can count")));
    };
    let Some(num_bytes) = end.checked_sub(begin) else {
        return Err(failed()
            .detail(format!("found data_offsets [{begin}, {end}], expected the end after the beginning")));
    };
    if num_bits % 8 != 0 || num_bytes != num_bits / 8 {
        return Err(failed()
            .detail(format!("found data_offsets [{begin}, {end}] = {num_bytes} bytes"))
            .detail(format!("expected {} bytes for shape {shape:?} of {dtype:?}", num_bits.div_ceil(8))));
    }
    Ok(Entry { info: TensorInfo { dtype: known(dtype), shape }, name, offset: begin, num_bytes })
}

/// Checks that the tensors lie end to end over all of `data_bytes`.
fn check_layout(label: &str, entries: &mut [Entry], data_bytes: u64) -> Result<()> {
    entries.sort_by_key(|entry| (entry.offset, entry.num_bytes));
    let mut expected = 0;
    for entry in entries.iter() {
        if entry.offset != expected {
            let what = if entry.offset < expected {
                "overlaps the tensor before it"
            } else {
                "leaves a gap before it"
            };
            return Err(Error::input(format!(
                "cannot load {} from {label}: it {what}",
                excerpt(&entry.name)
            ))
            .detail(format!("found its data at offset {}, expected {expected}", entry.offset)));
        }
        // Cannot overflow: `num_bytes` is the distance to an end that is a u64.
        expected = entry.offset + entry.num_bytes;
        if expected > data_bytes {
            return Err(Error::input(format!(
                "cannot load {} from {label}: its data ends past the file",
                excerpt(&entry.name)
            ))
            .detail(format!(
                "found data_offsets to {expected}, expected at most the {data_bytes} bytes of data"
            ))
            .hint("the file is cut short; download it again"));
        }
    }
    if expected != data_bytes {
        return Err(Error::input(format!("cannot read {label}: bytes at its end belong to no tensor"))
            .detail(format!("found {data_bytes} bytes of data, expected {expected} as the header says")));
    }
    Ok(())
}

/// Converts the format's type.
fn known(dtype: FileDtype) -> Dtype {
    match dtype {
        FileDtype::F32 => Dtype::F32,
        FileDtype::F16 => Dtype::F16,
        FileDtype::BF16 => Dtype::Bf16,
        FileDtype::F64 => Dtype::Other("F64"),
        FileDtype::BOOL => Dtype::Other("BOOL"),
        FileDtype::U8 => Dtype::Other("U8"),
        FileDtype::I8 => Dtype::Other("I8"),
        FileDtype::I16 => Dtype::Other("I16"),
        FileDtype::U16 => Dtype::Other("U16"),
        FileDtype::I32 => Dtype::Other("I32"),
        FileDtype::U32 => Dtype::Other("U32"),
        FileDtype::I64 => Dtype::Other("I64"),
        FileDtype::U64 => Dtype::Other("U64"),
        FileDtype::F8_E4M3 => Dtype::Other("F8_E4M3"),
        FileDtype::F8_E5M2 => Dtype::Other("F8_E5M2"),
        _ => Dtype::Other("8-bit or smaller floats"),
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawEntry {
    dtype: FileDtype,
    shape: Shape,
    data_offsets: (u64, u64),
}

struct Shape(Vec<u64>);

impl<'de> Deserialize<'de> for Shape {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct ShapeVisitor;
        impl<'de> Visitor<'de> for ShapeVisitor {
            type Value = Shape;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "a list of at most {MAX_DIMENSIONS} sizes")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut sizes: A) -> Result<Shape, A::Error> {
                let mut shape = Vec::new();
                while let Some(size) = sizes.next_element()? {
                    if shape.len() == MAX_DIMENSIONS {
                        return Err(A::Error::invalid_length(MAX_DIMENSIONS + 1, &self));
                    }
                    shape.push(size);
                }
                Ok(Shape(shape))
            }
        }
        deserializer.deserialize_seq(ShapeVisitor)
    }
}

struct HeaderVisitor<'a> {
    current: &'a mut String,
}

impl<'de> Visitor<'de> for HeaderVisitor<'_> {
    type Value = Vec<(String, RawEntry)>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object of tensors")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut entries = Vec::new();
        while let Some(name) = map.next_key::<String>()? {
            self.current.clone_from(&name);
            if name == "__metadata__" {
                map.next_value::<BTreeMap<String, String>>()?;
            } else {
                entries.push((name, map.next_value()?));
            }
            self.current.clear();
        }
        Ok(entries)
    }
}
