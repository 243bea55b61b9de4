//! Where a figure's numbers come from.

use serde::Serialize;

use super::Lang;
use super::words;
use crate::Trace;
use crate::sampling::Settings;
use crate::trace::{AdapterInfo, ModelInfo};

/// Everything that the same numbers need to be had again, but for the prompt, which the title holds.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Provenance {
    generator: String,
    model: ModelInfo,
    adapter: AdapterInfo,
    sampling: Settings,
}

impl Provenance {
    pub(super) fn new(trace: &Trace) -> Self {
        Self {
            generator: format!("sukashi {}", trace.version),
            model: trace.model.clone(),
            adapter: trace.adapter.clone(),
            sampling: trace.sampling.clone(),
        }
    }

    pub(super) fn json(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }

    /// The same in a few words, for print.
    pub(super) fn caption(&self, lang: Lang) -> Vec<String> {
        let hash: String = self.model.weights_sha256.chars().take(12).collect();
        let mut parts = vec![
            self.generator.clone(),
            format!("{} ({}, sha256 {hash})", self.model.name, self.model.precision),
            format!("{} ({})", self.adapter.name, self.adapter.backend),
        ];
        parts.extend(words::settings(&self.sampling, lang));
        parts.push(format!("seed {}", self.sampling.seed));
        parts
    }
}
