//! Decoding on the CPU device does not allocate on any thread. The test has a binary of its own, since the allocator
//! counts for the whole process.
#![allow(unsafe_code, reason = "a global allocator can be written in no other way")]
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "tests may panic")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use sukashi::{Device, Model, Session};

struct Counting;

static ALLOCATIONS: AtomicUsize = AtomicUsize::new(0);

// SAFETY: every call goes to the system's allocator unchanged.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.fetch_add(1, Relaxed);
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        unsafe { System.dealloc(pointer, layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        ALLOCATIONS.fetch_add(1, Relaxed);
        unsafe { System.realloc(pointer, layout, size) }
    }
}

#[global_allocator]
static COUNTING: Counting = Counting;

#[test]
fn decoding_allocates_nothing() {
    let before = ALLOCATIONS.load(Relaxed);
    let model = Model::embedded(&Device::Cpu).unwrap();
    let mut session = Session::new(&model).unwrap();
    assert!(ALLOCATIONS.load(Relaxed) > before + 100, "the counter counts nothing");
    pollster::block_on(session.prefill(&[1; 20])).unwrap();
    // The pool's threads create their queues during the first tokens.
    for id in 0..20 {
        pollster::block_on(session.decode(id)).unwrap();
    }
    let before = ALLOCATIONS.load(Relaxed);
    for id in 0..128 {
        pollster::block_on(session.decode(id)).unwrap();
    }
    let count = ALLOCATIONS.load(Relaxed) - before;
    // The thread that hands passes to the pool adds them to a list, which grows by a block every 63 entries.
    assert!(count <= 128 / 63 + 1, "{count} allocations in 128 tokens");
}
