//! Bytes that JavaScript gives.

use std::io;

use js_sys::{Promise, Uint8Array};
use sukashi::weights::{ByteSource, Reading};
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::JsFuture;

use crate::failure::words;

#[wasm_bindgen(typescript_custom_section)]
const TYPES: &str = r#"
/** The bytes of a file, wherever they are. A model is loaded from them part by part. */
export interface ByteSource {
  /** The length in bytes. */
  readonly size: number;
  /** The SHA-256 of all bytes in hexadecimal, if it is known, such as from the download. Records have it then. */
  readonly sha256?: string;
  /** Fills `into` with the bytes from `offset` on: at once, or when the promise is done. */
  readAt(offset: number, into: Uint8Array): void | Promise<void>;
}
"#;

#[wasm_bindgen]
extern "C" {
    /// An object with `size` and `readAt`, or the bytes themselves.
    #[wasm_bindgen(typescript_type = "ByteSource | Uint8Array")]
    #[derive(Debug, Clone)]
    pub type GivenBytes;

    #[wasm_bindgen(method, getter)]
    fn size(this: &GivenBytes) -> f64;

    #[wasm_bindgen(method, getter)]
    fn sha256(this: &GivenBytes) -> Option<String>;

    #[wasm_bindgen(method, catch, js_name = readAt)]
    fn read_at(this: &GivenBytes, offset: f64, into: &Uint8Array) -> Result<JsValue, JsValue>;
}

/// A [`ByteSource`] of an object in JavaScript. Its bytes stay outside of WebAssembly's memory.
#[derive(Debug)]
pub struct JsBytes {
    bytes: Bytes,
    num_bytes: u64,
}

#[derive(Debug)]
enum Bytes {
    Array(Uint8Array),
    Object(GivenBytes),
}

impl JsBytes {
    pub fn new(given: GivenBytes) -> Box<dyn ByteSource> {
        match given.dyn_ref::<Uint8Array>() {
            Some(array) => {
                Box::new(Self { num_bytes: u64::from(array.length()), bytes: Bytes::Array(array.clone()) })
            }
            // A file has fewer bytes than an f64 has whole numbers.
            None => Box::new(Self { num_bytes: given.size() as u64, bytes: Bytes::Object(given) }),
        }
    }
}

impl ByteSource for JsBytes {
    fn len(&self) -> u64 {
        self.num_bytes
    }

    fn sha256(&self) -> Option<String> {
        match &self.bytes {
            Bytes::Array(_) => None,
            Bytes::Object(object) => object.sha256(),
        }
    }

    fn read_at<'a>(&'a self, offset: u64, buffer: &'a mut [u8]) -> Reading<'a> {
        Box::pin(async move {
            let end = offset.saturating_add(buffer.len() as u64);
            if end > self.num_bytes {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            match &self.bytes {
                Bytes::Array(array) => array.subarray(offset as u32, end as u32).copy_to(buffer),
                Bytes::Object(object) => {
                    // Not a view of `buffer`: WebAssembly's memory may grow and move while JavaScript reads.
                    let part = Uint8Array::new_with_length(buffer.len() as u32);
                    let refused = |thrown| io::Error::other(words(&thrown));
                    let read = object.read_at(offset as f64, &part).map_err(refused)?;
                    if let Ok(promise) = read.dyn_into::<Promise>() {
                        JsFuture::from(promise).await.map_err(refused)?;
                    }
                    part.copy_to(buffer);
                }
            }
            Ok(())
        })
    }
}
