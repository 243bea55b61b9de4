//! Sampling does not allocate. The test has a binary of its own, since the allocator counts for the whole process.
#![allow(unsafe_code, reason = "a global allocator can be written in no other way")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::collections::BTreeMap;

use sukashi::sampling::{Choice, Sampler, Settings};

struct Counting;

thread_local! {
    // The count is per thread, because the test harness allocates on threads of its own.
    static ALLOCATIONS: Cell<usize> = const { Cell::new(0) };
}

// SAFETY: every call goes to the system's allocator unchanged. The counter is a thread-local without a destructor, so
// it never allocates and always exists.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.set(ALLOCATIONS.get() + 1);
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        unsafe { System.dealloc(pointer, layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        ALLOCATIONS.set(ALLOCATIONS.get() + 1);
        unsafe { System.realloc(pointer, layout, size) }
    }
}

#[global_allocator]
static COUNTING: Counting = Counting;

fn allocations(work: impl FnOnce()) -> usize {
    let before = ALLOCATIONS.get();
    work();
    ALLOCATIONS.get() - before
}

#[test]
fn the_counter_counts() {
    assert_eq!(allocations(|| drop(std::hint::black_box(vec![1u8, 2, 3]))), 1);
}

#[test]
fn sampling_allocates_nothing() {
    let logits: Vec<f32> = (0..20_000).map(|id| ((id * 7919) % 1000) as f32 / 100.0).collect();
    let previous: Vec<u32> = (0..300).collect();
    let all = Settings {
        repetition_penalty: 1.1,
        frequency_penalty: 0.1,
        presence_penalty: 0.1,
        logit_bias: BTreeMap::from([(3, 1.0)]),
        temperature: 0.8,
        top_k: Some(15_000),
        top_p: Some(0.99),
        min_p: Some(0.001),
        typical_p: Some(0.99),
        ..Settings::default()
    };
    for choice in [Choice::Sample, Choice::Greedy, Choice::Pick(100)] {
        for settings in
            [Settings::default(), all.clone(), Settings { temperature: 0.0, ..Settings::default() }]
        {
            let mut sampler = Sampler::new(Settings { choice, ..settings }, logits.len()).unwrap();
            let count = allocations(|| {
                for _ in 0..3 {
                    sampler.sample(&logits, &previous).unwrap();
                }
            });
            assert_eq!(count, 0, "{:?}", sampler.settings());
        }
    }
}
