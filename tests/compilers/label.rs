//! Names variants.

use sukashi::format::Format;
use sukashi::kernels::Epilogue;
use sukashi::kernels::variants::Variant;

/// The kernel's name and the values of its constants: `gemv q4_k 64x32x1 rms_norm geglu`.
pub fn label(variant: &Variant) -> String {
    let value =
        |name: &str| variant.constants.iter().find(|(other, _)| *other == name).map(|(_, value)| *value);
    let mut words = vec![variant.kernel.name.to_owned()];
    if let Some(code) = value("FORMAT") {
        words.push(Format::from_code(code as u32).name().to_owned());
    }
    // In the form of `GemvShape`.
    let sizes = ["WORKGROUP_SIZE", "THREADS_PER_ROW", "ROWS_PER_THREAD"].map(value);
    let sizes: Vec<String> = sizes.iter().flatten().map(f64::to_string).collect();
    if !sizes.is_empty() {
        words.push(sizes.join("x"));
    }
    match value("NORM") {
        Some(1.0) => words.push("rms_norm".to_owned()),
        Some(2.0) => words.push("layer_norm".to_owned()),
        _ => {}
    }
    if let Some(code) = value("EPILOGUE").filter(|code| *code > 0.0) {
        words.push(format!("{:?}", Epilogue::ALL[code as usize]).to_lowercase());
    }
    let told = ["FORMAT", "WORKGROUP_SIZE", "THREADS_PER_ROW", "ROWS_PER_THREAD", "NORM", "EPILOGUE"];
    let rest = variant.constants.iter().filter(|(name, _)| !told.contains(name));
    words.extend(rest.map(|(name, value)| format!("{}={value}", name.to_lowercase())));
    words.join(" ")
}
