//! Writes valid and invalid GGUF files for tests.
#![allow(dead_code, reason = "each test binary uses a part")]

/// A value of the metadata.
pub enum Value {
    U32(u32),
    F32(f32),
    Bool(bool),
    Text(String),
    Texts(Vec<String>),
    /// The number of a type, and the bytes that follow it.
    Raw(u32, Vec<u8>),
}

/// A tensor. The innermost dimension comes first.
pub struct Tensor {
    pub name: String,
    pub dimensions: Vec<u64>,
    pub kind: u32,
    pub data: Vec<u8>,
    /// Replaces the offset of the data.
    pub offset: Option<u64>,
}

impl Tensor {
    pub fn f32(name: &str, dimensions: &[u64], values: &[f32]) -> Self {
        let data = values.iter().flat_map(|value| value.to_le_bytes()).collect();
        Self { name: name.into(), dimensions: dimensions.to_vec(), kind: 0, data, offset: None }
    }
}

impl Tensor {
    /// The same tensor in Q8_0. Each block of 32 f32 becomes an f16 scale and 32 bytes.
    pub fn to_q8_0(&self) -> Self {
        let floats = |bytes: &[u8]| f32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]);
        let values: Vec<f32> = self.data.chunks_exact(4).map(floats).collect();
        let mut data = Vec::new();
        for block in values.chunks_exact(32) {
            let largest = block.iter().fold(0.0_f32, |largest, value| largest.max(value.abs()));
            let scale = half::f16::from_f32(largest / 127.0);
            data.extend(scale.to_le_bytes());
            data.extend(block.iter().map(|value| (value / scale.to_f32().max(1e-30)).round() as i8 as u8));
        }
        Self { name: self.name.clone(), dimensions: self.dimensions.clone(), kind: 8, data, offset: None }
    }
}

/// A GGUF file. A test can change every number in it.
pub struct File {
    pub magic: [u8; 4],
    pub version: u32,
    pub num_tensors: Option<u64>,
    pub num_keys: Option<u64>,
    pub metadata: Vec<(String, Value)>,
    pub tensors: Vec<Tensor>,
    pub alignment: usize,
}

impl Default for File {
    fn default() -> Self {
        Self {
            magic: *b"GGUF",
            version: 3,
            num_tensors: None,
            num_keys: None,
            metadata: Vec::new(),
            tensors: Vec::new(),
            alignment: 32,
        }
    }
}

pub fn text(bytes: &mut Vec<u8>, text: &str) {
    bytes.extend((text.len() as u64).to_le_bytes());
    bytes.extend(text.as_bytes());
}

impl File {
    pub fn set(&mut self, key: &str, value: Value) -> &mut Self {
        self.metadata.push((key.to_owned(), value));
        self
    }

    pub fn bytes(&self) -> Vec<u8> {
        let mut bytes = self.magic.to_vec();
        bytes.extend(self.version.to_le_bytes());
        bytes.extend(self.num_tensors.unwrap_or(self.tensors.len() as u64).to_le_bytes());
        bytes.extend(self.num_keys.unwrap_or(self.metadata.len() as u64).to_le_bytes());
        for (key, value) in &self.metadata {
            text(&mut bytes, key);
            write_value(&mut bytes, value);
        }
        let mut offset = 0;
        for tensor in &self.tensors {
            text(&mut bytes, &tensor.name);
            bytes.extend((tensor.dimensions.len() as u32).to_le_bytes());
            for size in &tensor.dimensions {
                bytes.extend(size.to_le_bytes());
            }
            bytes.extend(tensor.kind.to_le_bytes());
            bytes.extend(tensor.offset.unwrap_or(offset as u64).to_le_bytes());
            offset = (offset + tensor.data.len()).next_multiple_of(self.alignment);
        }
        for tensor in &self.tensors {
            bytes.resize(bytes.len().next_multiple_of(self.alignment), 0);
            bytes.extend(&tensor.data);
        }
        bytes
    }
}

fn write_value(bytes: &mut Vec<u8>, value: &Value) {
    let kind = |bytes: &mut Vec<u8>, kind: u32| bytes.extend(kind.to_le_bytes());
    match value {
        Value::U32(number) => {
            kind(bytes, 4);
            bytes.extend(number.to_le_bytes());
        }
        Value::F32(number) => {
            kind(bytes, 6);
            bytes.extend(number.to_le_bytes());
        }
        Value::Bool(flag) => {
            kind(bytes, 7);
            bytes.push(u8::from(*flag));
        }
        Value::Text(value) => {
            kind(bytes, 8);
            text(bytes, value);
        }
        Value::Texts(values) => {
            kind(bytes, 9);
            kind(bytes, 8);
            bytes.extend((values.len() as u64).to_le_bytes());
            values.iter().for_each(|value| text(bytes, value));
        }
        Value::Raw(number, raw) => {
            kind(bytes, *number);
            bytes.extend(raw);
        }
    }
}
