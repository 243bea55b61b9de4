//! Counts the bytes that each load of AMD's machine code takes from each binding.
//!
//! Only machine code shows this. SPIR-V still has the branches of other formats, and a compiler may merge or split
//! loads. A buffer's descriptor has 16 bytes, and the kernels' bindings are numbered from 0. So the offset from which a
//! descriptor is loaded gives its binding.

use std::collections::{BTreeMap, HashMap};

/// The bytes of a descriptor.
const DESCRIPTOR: usize = 16;

/// The bytes of a wide load: a vector of four words, or more.
const WIDE: usize = 16;

/// The loads of a binding.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Loads {
    /// Loads of 16 bytes or more.
    pub wide: usize,
    /// Loads of fewer bytes.
    pub narrow: usize,
}

/// The loads of each binding. `None` stands for bindings whose descriptor was moved, so that they are not known.
pub fn loads(assembly: &str) -> BTreeMap<Option<usize>, Loads> {
    // The key is the first register of the descriptor.
    let mut descriptors: HashMap<usize, usize> = HashMap::new();
    let mut loads: BTreeMap<Option<usize>, Loads> = BTreeMap::new();
    for line in assembly.lines() {
        let code = line.split(';').next().unwrap_or_default().trim();
        let Some((name, operands)) = code.split_once(' ') else { continue };
        let registers = scalar_registers(operands);
        if let Some(bytes) = name.strip_prefix("s_load_").and_then(width) {
            let Some(&(first, _)) = registers.first() else { continue };
            let offset = operands.rsplit(", ").next().and_then(number);
            for index in 0..bytes / DESCRIPTOR {
                let register = first + 4 * index;
                match offset {
                    Some(offset) => descriptors.insert(register, offset / DESCRIPTOR + index),
                    None => descriptors.remove(&register),
                };
            }
            continue;
        }
        let scalar = name.strip_prefix("s_buffer_load_");
        let Some(bytes) = scalar.or_else(|| name.strip_prefix("buffer_load_")).and_then(width) else {
            continue;
        };
        // A scalar load names its destination first.
        let descriptor = registers.iter().skip(usize::from(scalar.is_some())).find(|(_, count)| *count == 4);
        let binding = descriptor.and_then(|(first, _)| descriptors.get(first)).copied();
        let of = loads.entry(binding).or_default();
        *(if bytes >= WIDE { &mut of.wide } else { &mut of.narrow }) += 1;
        if scalar.is_some() {
            // The instruction overwrites a descriptor in these registers.
            for &(first, count) in registers.iter().take(1) {
                (first..first + count).for_each(|register| {
                    descriptors.remove(&register);
                });
            }
        }
    }
    loads
}

/// The bytes of a load with this ending of its name. Chips before and after gfx11 have different names.
fn width(name: &str) -> Option<usize> {
    Some(match name {
        "dword" | "b32" => 4,
        "dwordx2" | "b64" => 8,
        "dwordx3" | "b96" => 12,
        "dwordx4" | "b128" => 16,
        "dwordx8" | "b256" => 32,
        "dwordx16" | "b512" => 64,
        // Bytes and shorts.
        _ => 1,
    })
}

/// The scalar registers of an instruction, in order: the first of each range, and the number of its registers.
fn scalar_registers(operands: &str) -> Vec<(usize, usize)> {
    operands
        .split(", ")
        .filter_map(|operand| {
            let operand = operand.split_whitespace().next()?;
            let rest = operand.strip_prefix('s')?;
            if let Some(range) = rest.strip_prefix('[') {
                let (first, last) = range.strip_suffix(']')?.split_once(':')?;
                let (first, last): (usize, usize) = (first.parse().ok()?, last.parse().ok()?);
                return Some((first, last - first + 1));
            }
            Some((rest.parse().ok()?, 1))
        })
        .collect()
}

fn number(text: &str) -> Option<usize> {
    match text.trim() {
        "null" => Some(0),
        text => match text.strip_prefix("0x") {
            Some(digits) => usize::from_str_radix(digits, 16).ok(),
            None => text.parse().ok(),
        },
    }
}

/// Checks the loads of pieces of real machine code. The last two lines load through an unknown register.
pub fn loads_are_told_apart() {
    let gfx11 = "BB0:\n\
        \ts_load_b128 s[8:11], s[2:3], null                           ; f4080201 f8000000\n\
        \ts_load_b256 s[12:19], s[2:3], 0x20                          ; f4080301 f8000010\n\
        \ts_buffer_load_b32 s1, s[8:11], null                         ; f4200044 f8000000\n\
        \tbuffer_load_b128 v[4:7], v0, s[12:15], 0 offen offset:16    ; e05c1010 80430400\n\
        \tbuffer_load_b32 v1, v2, s[16:19], 0 offen                   ; e0501000 80430102\n\
        \tbuffer_load_u16 v1, v2, s[16:19], s5 offen                  ; e0481000 80430102\n\
        \tbuffer_store_b32 v1, v2, s[16:19], 0 offen                  ; e0681000 80430102\n\
        \ts_buffer_load_b512 s[16:31], s[12:15], s4                   ; f4200406 08000000\n\
        \tbuffer_load_b32 v1, v2, s[16:19], 0 offen                   ; e0501000 80430102\n";
    let gfx9 = "\ts_load_dwordx4 s[8:11], s[2:3], 0x30                         ; c00a0201 00000030\n\
        \tbuffer_load_dwordx4 v[4:7], v0, s[8:11], 0 offen            ; e05c1000 80020400\n\
        \tbuffer_load_dword v1, v2, s[4:7], 0 offen                   ; e0501000 80010102\n";
    let of = |wide, narrow| Loads { wide, narrow };
    assert_eq!(
        loads(gfx11),
        BTreeMap::from([(None, of(0, 1)), (Some(0), of(0, 1)), (Some(2), of(2, 0)), (Some(3), of(0, 2))])
    );
    assert_eq!(loads(gfx9), BTreeMap::from([(None, of(0, 1)), (Some(3), of(1, 0))]));
}
