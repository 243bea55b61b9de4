//! A GGUF file's metadata take about as much memory as they have bytes. The test has a binary of its own, since the
//! allocator counts for the whole process.
#![allow(unsafe_code, reason = "a global allocator can be written in no other way")]
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "tests may panic")]

#[path = "gguf/mod.rs"]
mod gguf_writer;

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use gguf_writer::{File, Value};
use sukashi::weights::Gguf;

struct Counting;

static BYTES: AtomicUsize = AtomicUsize::new(0);
static PEAK: AtomicUsize = AtomicUsize::new(0);

fn more(bytes: usize) {
    PEAK.fetch_max(BYTES.fetch_add(bytes, Relaxed) + bytes, Relaxed);
}

// SAFETY: every call goes to the system's allocator unchanged.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        more(layout.size());
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        BYTES.fetch_sub(layout.size(), Relaxed);
        unsafe { System.dealloc(pointer, layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        // Both blocks exist while one is copied to the other.
        more(size);
        BYTES.fetch_sub(layout.size(), Relaxed);
        unsafe { System.realloc(pointer, layout, size) }
    }
}

#[global_allocator]
static COUNTING: Counting = Counting;

/// An array of `length` elements of a type whose bytes are all 0.
fn array(kind: u32, length: u64, element_bytes: u64) -> Value {
    let mut bytes = kind.to_le_bytes().to_vec();
    bytes.extend(length.to_le_bytes());
    bytes.resize(bytes.len() + (length * element_bytes) as usize, 0);
    Value::Raw(9, bytes)
}

#[test]
fn metadata_need_about_as_much_memory_as_they_have_bytes() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model.gguf");
    // Numbers of one, two, four and eight bytes, booleans, empty texts, and empty arrays of numbers.
    for (kind, element_bytes) in [(0, 1), (1, 1), (2, 2), (5, 4), (6, 4), (12, 8), (7, 1), (8, 8), (9, 12)] {
        let length = (8 << 20) / element_bytes;
        let mut file = File::default();
        file.set("general.architecture", Value::Text("llama".into()));
        file.set("x", array(kind, length, element_bytes));
        let bytes = file.bytes();
        std::fs::write(&path, &bytes).unwrap();
        let num_bytes = bytes.len();
        drop((file, bytes));
        let before = BYTES.load(Relaxed);
        PEAK.store(before, Relaxed);
        let file = Gguf::open(&path).unwrap();
        let peak = PEAK.load(Relaxed) - before;
        drop(file);
        // The reader holds a part of the file, and the list doubles as it grows.
        let most = 3 * num_bytes + (2 << 20);
        assert!(peak <= most, "type {kind}: {peak} bytes for a file of {num_bytes}");
    }
}
