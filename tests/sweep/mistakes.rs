//! Puts mistakes into kernels. The sweep has to find each of them on every device.

use std::cmp::Reverse;

use sukashi::Device;
use sukashi::dispatch::{Call, Kernel};
use sukashi::kernels::{KernelSweep, kernels};
use sukashi::verify::{self, AttentionCase, Case};

use crate::sweeps_of;

/// The kernel's cases in the order of their pipelines. The pipeline with the most cases comes first, since a device
/// compiles the broken shader for each pipeline, and some of attention's take seconds.
fn cases(sweep: &KernelSweep) -> Vec<Case> {
    let pipeline = |case: &Case| match case {
        Case::Attention(AttentionCase { tile, head_dim, .. }) => format!("{tile:?} {head_dim}"),
        _ => String::new(),
    };
    let mut cases = (sweep.cases)();
    let names: Vec<String> = cases.iter().map(pipeline).collect();
    cases.sort_by_cached_key(|case| {
        let name = pipeline(case);
        (Reverse(names.iter().filter(|other| **other == name).count()), name)
    });
    cases
}

/// Puts each mistake of a kernel into its shader.
pub fn are_found_in_shaders(kernel_name: &str, devices: &[(String, Device)]) {
    let mut accepted = Vec::new();
    // The case that finds a mistake on one device comes first on the next device.
    let mut found_by: Vec<Option<Case>> = Vec::new();
    for (label, device) in devices.iter().filter(|(_, device)| matches!(device, Device::Gpu(_))) {
        // Kernels with cooperative matrices exist for each size. A device runs one of them.
        let Some(sweep) = sweeps_of(kernel_name, label, device).into_iter().next() else { continue };
        found_by.resize(sweep.mistakes.len(), None);
        for ((right, wrong, mistake), found_by) in sweep.mistakes.iter().zip(&mut found_by) {
            assert!(sweep.kernel.wgsl.contains(right), "no `{right}`");
            let wgsl = sweep.kernel.wgsl.replace(right, wrong).leak();
            let broken = sweep.with_kernel(Box::leak(Box::new(Kernel { wgsl, ..*sweep.kernel })));
            // The first failing case is enough.
            let failed = found_by.take().into_iter().chain(cases(sweep)).find_map(|case| {
                let worst = pollster::block_on(verify::check(device, &broken, &case)).unwrap();
                (worst.error > 1.0).then_some((case, worst.place))
            });
            match failed {
                Some((case, place)) => {
                    println!("{label}, {mistake}: {case}: {place}");
                    *found_by = Some(case);
                }
                None => accepted.push(format!("{mistake}, on {label}")),
            }
        }
    }
    assert!(accepted.is_empty(), "the sweep accepts {accepted:#?}");
}

/// Replaces the function that the CPU device runs.
pub fn are_found_on_the_cpu(kernel_name: &str) {
    let kernel = |name: &str| kernels().find(|kernel| kernel.name == name).unwrap();
    let nothing: fn(&mut Call<'_>) = |_| {};
    let mut mistakes = vec![(nothing, "nothing")];
    for (name, other) in
        [("geglu", "swiglu"), ("swiglu", "geglu"), ("gelu_erf", "gelu_tanh"), ("gelu_tanh", "gelu_erf")]
    {
        if name == kernel_name {
            mistakes.push((kernel(other).fast, other));
        }
    }
    // The cases are the same for every size of matrices.
    let Some(sweep) = sweeps_of(kernel_name, "cpu", &Device::Cpu).into_iter().next() else { return };
    for (fast, mistake) in mistakes {
        let broken = sweep.with_kernel(Box::leak(Box::new(Kernel { fast, ..*sweep.kernel })));
        let mut cases = (sweep.cases)().into_iter();
        let fails = cases
            .any(|case| pollster::block_on(verify::check(&Device::Cpu, &broken, &case)).unwrap().error > 1.0);
        assert!(fails, "{mistake}");
    }
}
