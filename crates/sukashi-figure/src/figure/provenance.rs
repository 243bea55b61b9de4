//! Where a figure's numbers come from.

use serde::Serialize;

use super::Lang;
use super::phrases;
use super::words;
use crate::Trace;
use crate::sampling::Settings;
use crate::trace::{AdapterInfo, ModelInfo};

/// Everything that one needs to make the same numbers again, except the prompt. The title has the prompt.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(super) struct Provenance {
    generator: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    model: Option<ModelInfo>,
    #[serde(skip_serializing_if = "Option::is_none")]
    adapter: Option<AdapterInfo>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sampling: Option<Settings>,
    /// The model whose tokenizer counted tokens.
    #[serde(skip_serializing_if = "Option::is_none")]
    tokenizer: Option<String>,
    /// Further runs that the figure shows, if they differ from the first one.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    compared_with: Vec<Provenance>,
}

impl Provenance {
    pub(super) fn new(trace: &Trace) -> Self {
        Self {
            model: Some(trace.model.clone()),
            adapter: Some(trace.adapter.clone()),
            sampling: Some(trace.sampling.clone()),
            ..Self::of_numbers(&trace.version)
        }
    }

    /// The provenance of several runs: the first run, and the later runs that differ from it.
    pub(super) fn of_traces(traces: &[&Trace]) -> Self {
        let mut all: Vec<Self> = Vec::new();
        for trace in traces {
            let own = Self::new(trace);
            if !all.contains(&own) {
                all.push(own);
            }
        }
        let mut all = all.into_iter();
        let first = all.next().unwrap_or_else(|| Self::of_numbers(env!("CARGO_PKG_VERSION")));
        Self { compared_with: all.collect(), ..first }
    }

    /// The provenance of a record other than a trace.
    pub(super) fn of_record(version: &str, model: &ModelInfo, adapter: &AdapterInfo) -> Self {
        let (model, adapter) = (Some(model.clone()), Some(adapter.clone()));
        Self { model, adapter, ..Self::of_numbers(version) }
    }

    /// The provenance of numbers that this version of sukashi calculated without a model.
    pub(super) fn of_numbers(version: &str) -> Self {
        Self {
            generator: format!("sukashi {version}"),
            model: None,
            adapter: None,
            sampling: None,
            tokenizer: None,
            compared_with: Vec::new(),
        }
    }

    /// The same provenance with the adapter that computed the numbers.
    pub(super) fn on(self, adapter: &AdapterInfo) -> Self {
        Self { adapter: Some(adapter.clone()), ..self }
    }

    /// The same provenance with the model whose tokenizer counted the tokens.
    pub(super) fn counted_by(self, model: Option<&str>) -> Self {
        Self { tokenizer: model.map(str::to_owned), ..self }
    }

    pub(super) fn json(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }

    /// The provenance in a few words, for the caption.
    pub(super) fn caption(&self, lang: Lang) -> Vec<String> {
        let mut parts = vec![self.generator.clone()];
        parts.extend(self.run(lang));
        for other in &self.compared_with {
            parts.extend(other.run(lang));
        }
        parts
    }

    /// The model, the adapter and the settings of a run.
    fn run(&self, lang: Lang) -> Vec<String> {
        let mut parts = Vec::new();
        if let Some(model) = &self.model {
            let hash: String = model.weights_sha256.chars().take(12).collect();
            let weights = match (model.precision.as_str(), hash.as_str()) {
                ("", "") => String::new(),
                (precision, "") => format!(" ({precision}, {})", phrases::not_hashed(lang)),
                (precision, hash) => format!(" ({precision}, sha256 {hash})"),
            };
            parts.push(format!("{}{weights}", model.name));
        }
        parts.extend(self.tokenizer.as_ref().map(|model| phrases::tokenizer(lang, model)));
        // Numbers of another program have no adapter.
        let adapter = self.adapter.as_ref().filter(|adapter| !adapter.name.is_empty());
        parts.extend(adapter.map(|adapter| format!("{} ({})", adapter.name, adapter.backend)));
        if let Some(sampling) = &self.sampling {
            parts.extend(words::settings(sampling, lang));
            parts.push(format!("seed {}", sampling.seed));
        }
        parts
    }
}
