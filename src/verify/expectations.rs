//! Kernels that fail on drivers with known faults.
//!
//! The form is that of wgpu's own tests. An expected failure is reported, but the run does not fail. If a kernel does
//! not fail where a failure is expected, that is reported, too, so that somebody removes the entry.

use crate::trace::AdapterInfo;

/// A kernel that is known to fail on some adapters. All given conditions must hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Expectation {
    /// The kernel's name.
    pub kernel: &'static str,
    /// The backend: `vulkan`, `metal`, `dx12` or `gl`.
    pub backend: Option<&'static str>,
    /// A part of the adapter's name.
    pub adapter: Option<&'static str>,
    /// A part of the driver's name and version.
    pub driver: Option<&'static str>,
    /// The fault, with the driver's own bug report if there is one.
    pub reason: &'static str,
    /// The day on which the fault was last seen, such as `2026-11-29`.
    pub seen: &'static str,
}

/// All known failures. There are none: the tested adapters agree with the twins.
pub static EXPECTATIONS: &[Expectation] = &[];

impl Expectation {
    /// Whether `kernel` is expected to fail on this adapter.
    pub fn applies(&self, kernel: &str, info: &AdapterInfo) -> bool {
        let holds = |condition: Option<&str>, value: &str| {
            condition.is_none_or(|part| value.to_lowercase().contains(&part.to_lowercase()))
        };
        self.kernel == kernel
            && holds(self.backend, &info.backend)
            && holds(self.adapter, &info.name)
            && holds(self.driver, &info.driver)
    }
}

/// The first of `expectations` that applies.
pub(super) fn find(
    expectations: &'static [Expectation],
    kernel: &str,
    info: &AdapterInfo,
) -> Option<&'static Expectation> {
    expectations.iter().find(|expectation| expectation.applies(kernel, info))
}

#[cfg(test)]
mod tests {
    use super::*;

    static SOME: &[Expectation] = &[
        Expectation {
            kernel: "gemv",
            backend: Some("vulkan"),
            adapter: Some("iris"),
            driver: Some("mesa 24.1"),
            reason: "shift by 32",
            seen: "2026-11-29",
        },
        Expectation {
            kernel: "add",
            backend: None,
            adapter: None,
            driver: None,
            reason: "x",
            seen: "2026-11-29",
        },
    ];

    fn info(backend: &str, name: &str, driver: &str) -> AdapterInfo {
        AdapterInfo {
            name: name.into(),
            backend: backend.into(),
            driver: driver.into(),
            kind: "integrated".into(),
        }
    }

    #[test]
    fn every_condition_has_to_hold() {
        let iris = info("vulkan", "Intel Iris Xe", "Intel Mesa 24.1.3");
        assert_eq!(find(SOME, "gemv", &iris), Some(&SOME[0]));
        assert_eq!(find(SOME, "gemm", &iris), None);
        assert_eq!(find(SOME, "gemv", &info("gl", "Intel Iris Xe", "Intel Mesa 24.1.3")), None);
        assert_eq!(find(SOME, "gemv", &info("vulkan", "Intel Arc", "Intel Mesa 24.1.3")), None);
        assert_eq!(find(SOME, "gemv", &info("vulkan", "Intel Iris Xe", "Intel Mesa 24.2.0")), None);
        assert_eq!(find(SOME, "add", &info("gl", "any", "other")), Some(&SOME[1]));
    }

    #[test]
    fn entries_name_kernels_days_and_reasons() {
        for entry in EXPECTATIONS.iter().chain(SOME) {
            let known = crate::kernels::kernels().any(|kernel| kernel.name == entry.kernel);
            assert!(known, "no kernel is called {}", entry.kernel);
            let is_day =
                entry.seen.len() == 10 && entry.seen.bytes().filter(|byte| *byte == b'-').count() == 2;
            assert!(is_day && !entry.reason.is_empty(), "{entry:?}");
        }
    }
}
