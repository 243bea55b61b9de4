//! The list of tensors: names, shapes, types and positions.

use std::collections::BTreeMap;

use super::super::{Dtype, TensorInfo};
use super::Tensor;
use super::reader::Reader;
use crate::format::Format;
use crate::{Error, Result};

/// The bytes of the smallest entry: lengths, type, offset, and one dimension.
pub(super) const SMALLEST_ENTRY: u64 = 32;
/// The most tensors. Large models have some thousand.
pub(super) const MAX_TENSORS: u64 = 1 << 17;
const MAX_NAME_BYTES: u64 = 1024;
const MAX_DIMENSIONS: u32 = 4;

/// The format with this number.
fn format(number: u32) -> Option<Format> {
    Format::ALL.into_iter().find(|format| format.description().gguf_type == number)
}

/// All formats for messages: `F32, … or Q6_K`.
fn supported() -> String {
    let names = Format::ALL.map(|format| Dtype::from(format).to_string());
    let (last, others) = names.split_last().map_or(("", &[][..]), |(last, others)| (last.as_str(), others));
    format!("{} or {last}", others.join(", "))
}

/// The name of an unsupported type.
fn unsupported(number: u32) -> &'static str {
    match number {
        9 => "Q8_1",
        10 => "Q2_K",
        11 => "Q3_K",
        15 => "Q8_K",
        16..=23 | 29 => "an IQ type",
        24..=27 => "an integer type",
        28 => "F64",
        34 | 35 => "a TQ type",
        39 => "MXFP4",
        _ => "an unknown type",
    }
}

/// Reads the list, and checks that the data of every tensor is aligned, inside the file and not shared.
pub(super) fn read(reader: &mut Reader<'_>, count: u64, alignment: u64) -> Result<BTreeMap<String, Tensor>> {
    let mut tensors = BTreeMap::new();
    for index in 1..=count {
        let name = reader.text(&format!("the name of tensor {index}"), MAX_NAME_BYTES)?;
        let tensor = entry(reader, &name, alignment)?;
        if tensors.insert(name.clone(), tensor).is_some() {
            return Err(reader.wrong("the header lists a tensor twice", format!("found {name} again")));
        }
    }
    let data_start = reader.position.next_multiple_of(alignment);
    let data_bytes = (reader.position + reader.remaining()).saturating_sub(data_start);
    check_layout(reader.label(), &tensors, data_bytes)?;
    for tensor in tensors.values_mut() {
        tensor.offset += data_start;
    }
    Ok(tensors)
}

/// Reads an entry. Its offset is relative to the start of the data.
fn entry(reader: &mut Reader<'_>, name: &str, alignment: u64) -> Result<Tensor> {
    let label = reader.label();
    let failed = || Error::input(format!("cannot load {name} from {label}"));
    let num_dimensions = reader.u32(name)?;
    if !(1..=MAX_DIMENSIONS).contains(&num_dimensions) {
        return Err(failed()
            .detail(format!("found {num_dimensions} dimensions, expected from 1 to {MAX_DIMENSIONS}")));
    }
    // The innermost dimension comes first.
    let mut sizes = Vec::new();
    for _ in 0..num_dimensions {
        sizes.push(reader.u64(name)?);
    }
    let number = reader.u32(name)?;
    let offset = reader.u64(name)?;
    if sizes.contains(&0) {
        return Err(failed().detail(format!("found shape {sizes:?}, expected no dimension of 0")));
    }
    let Some(format) = format(number) else {
        return Err(failed()
            .detail(format!("found type {number}, {}", unsupported(number)))
            .detail(format!("expected {}", supported())));
    };
    let (dtype, block) = (Dtype::from(format), format.block_columns() as u64);
    let block_bytes = format.file_bytes(format.block_columns()) as u64;
    if !sizes[0].is_multiple_of(block) {
        return Err(failed()
            .detail(format!("found rows of {}, expected a multiple of {block} for {dtype}", sizes[0])));
    }
    let num_elements = sizes.iter().try_fold(1_u64, |product, &size| product.checked_mul(size));
    let num_bytes = num_elements.and_then(|elements| (elements / block).checked_mul(block_bytes));
    let shape: Option<Vec<usize>> = sizes.iter().rev().map(|&size| usize::try_from(size).ok()).collect();
    let (Some(num_bytes), Some(shape)) = (num_bytes, shape) else {
        return Err(failed().detail(format!("found shape {sizes:?}, more bytes than 64 bits can count")));
    };
    if !offset.is_multiple_of(alignment) {
        return Err(failed().detail(format!("found offset {offset}, expected a multiple of {alignment}")));
    }
    Ok(Tensor { info: TensorInfo { dtype, shape }, offset, num_bytes })
}

fn check_layout(label: &str, tensors: &BTreeMap<String, Tensor>, data_bytes: u64) -> Result<()> {
    let mut by_place: Vec<(&String, &Tensor)> = tensors.iter().collect();
    by_place.sort_by_key(|(_, tensor)| (tensor.offset, tensor.num_bytes));
    let mut end = 0;
    for (name, tensor) in by_place {
        let failed = |what: &str| Error::input(format!("cannot load {name} from {label}: {what}"));
        if tensor.offset < end {
            return Err(failed("it overlaps the tensor before it")
                .detail(format!("found its data at offset {}, expected at least {end}", tensor.offset)));
        }
        let own_end = tensor.offset.checked_add(tensor.num_bytes).filter(|&own_end| own_end <= data_bytes);
        end = own_end.ok_or_else(|| {
            failed("its data ends past the file")
                .detail(format!(
                    "found {} bytes at offset {}, expected at most the {data_bytes} bytes of data",
                    tensor.num_bytes, tensor.offset
                ))
                .hint("the file is cut short; download it again")
        })?;
    }
    Ok(())
}
