//! Negative controls: the comparisons reject wrong results.

use sukashi::Device;
use sukashi::dispatch::Tolerance;
use sukashi::kernels::{Choices, REGISTRY, kernels};
use sukashi::verify::{self, compare};

const TOLERANCE: Tolerance = Tolerance { atol: 1e-6, rtol: 1e-6 };
const POISON: u32 = 0x7fc0_dead;

fn bits(values: &[f32]) -> Vec<u32> {
    values.iter().map(|value| value.to_bits()).collect()
}

/// Three elements that the kernel writes, and a padding element that it does not write.
fn error(got: &[u32]) -> f64 {
    let mut want = bits(&[1.0, -2.0, 3.0]);
    want.push(POISON);
    compare(TOLERANCE, &[POISON; 4], got, &want).error
}

#[test]
fn the_comparator_rejects_what_it_should() {
    let right = [1.0_f32.to_bits(), (-2.0_f32).to_bits(), 3.0_f32.to_bits(), POISON];
    assert_eq!(error(&right), 0.0);
    let with = |index: usize, word: u32| {
        let mut words = right;
        words[index] = word;
        error(&words)
    };
    let within = with(2, 3.000_003_f32.to_bits());
    assert!(within > 0.5 && within < 1.0, "{within}");
    assert!(with(2, 3.000_006_f32.to_bits()) > 1.0, "perturbed");
    assert!(with(1, 2.0_f32.to_bits()) > 1.0, "of the other sign");
    assert_eq!(with(0, f32::NAN.to_bits()), f64::INFINITY, "not a number");
    assert_eq!(with(0, f32::INFINITY.to_bits()), f64::INFINITY, "infinite");
    assert_eq!(with(0, POISON), f64::INFINITY, "unwritten");
    assert_eq!(with(3, 0.0_f32.to_bits()), f64::INFINITY, "written padding");
    assert_eq!(error(&right[..3]), f64::INFINITY, "too short");
    assert_eq!(compare(TOLERANCE, &[POISON], &[], &[0]).error, f64::INFINITY, "empty");
    let place = compare(TOLERANCE, &[POISON; 2], &[POISON, 0], &bits(&[4.0, 5.0])).place;
    assert_eq!(place, "element 0 was not written, expected 4e0");
}

#[test]
fn a_kernel_without_cases_fails() {
    let mut without = *REGISTRY[0];
    without.cases = Vec::new;
    assert!(!pollster::block_on(verify::sweep_kernel(&Device::Cpu, &without)).unwrap().passed);
}

#[test]
fn a_report_has_a_row_for_every_kernel_and_tells_how_far_it_is() {
    let mut steps = Vec::new();
    let mut progress = |done: usize, total: usize, _: &str| steps.push((done, total));
    let report =
        pollster::block_on(verify::run(&Device::Cpu, &Choices::of(&Device::Cpu), &mut progress)).unwrap();
    let failed = Vec::from_iter(report.rows.iter().filter(|row| !row.passed));
    assert!(report.passed() && failed.is_empty(), "{failed:#?}");
    let total = report.rows.len();
    let mut run = kernels().filter(|kernel| Device::Cpu.runs(kernel));
    assert!(run.all(|kernel| report.rows.iter().any(|row| row.kernel == kernel.name)));
    assert_eq!(steps.first(), Some(&(0, total)));
    assert_eq!(steps.last(), Some(&(total, total)));
}
