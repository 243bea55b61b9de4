//! Rotary position embeddings: an angle for each position, from a base and a scaling.

use serde_json::{Map, Value};

use super::config::Config;
use crate::weights::excerpt;
use crate::{Error, Result};

/// The largest base of the frequencies.
const MAX_THETA: f32 = 1e12;
/// The largest factor by which a context may be stretched.
const MAX_FACTOR: f32 = 1e6;

/// One rotation. It holds the frequency of each pair of channels.
///
/// ```
/// use serde_json::json;
/// use sukashi::model::spec::{self, Position};
///
/// let config = json!({
///     "model_type": "llama", "vocab_size": 20, "hidden_size": 8, "intermediate_size": 16, "num_hidden_layers": 1,
///     "num_attention_heads": 2, "max_position_embeddings": 64, "rope_theta": 10000.0,
/// });
/// let Position::Rope(ropes) = spec::from_config(&config, "config.json")?.position else { unreachable!() };
/// assert_eq!(ropes[0].inv_freq, [1.0, 0.01]);
/// # Ok::<(), sukashi::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Rope {
    /// Radians per position, `[head_dim / 2]`. The fastest pair comes first.
    pub inv_freq: Vec<f64>,
}

impl Rope {
    /// Computes `theta^(-2i / head_dim)`, and scales it by `fields`, which are those of `rope_scaling` or
    /// `rope_parameters`.
    pub(super) fn new(
        head_dim: usize,
        theta: f32,
        scaling: Option<&Map<String, Value>>,
        file: &str,
    ) -> Result<Self> {
        let half = head_dim / 2;
        let mut inv_freq: Vec<f64> =
            (0..half).map(|i| f64::from(theta).powf(-2.0 * i as f64 / head_dim as f64)).collect();
        if let Some(fields) = scaling {
            scale(&mut inv_freq, fields, file)?;
        }
        Ok(Self { inv_freq })
    }

    /// Reads the fields of `config.json` for one kind of layer. There are two forms. `rope_parameters` has an entry for
    /// each kind of layer, or one for all kinds. `theta_key` gives the base, and `rope_scaling` the scaling if the kind
    /// is `scaled`.
    pub(super) fn from_config(
        config: &Config<'_>,
        head_dim: usize,
        layer_type: &str,
        (theta_key, default_theta, scaled): (&str, f32, bool),
    ) -> Result<Self> {
        let file = config.file();
        let theta = config.positive(theta_key, default_theta, MAX_THETA)?;
        check_whole(config)?;
        let old = config.object("rope_scaling")?;
        if let Some(parameters) = config.object("rope_parameters")? {
            if old.is_some_and(|old| old != parameters) {
                return Err(config.wrong("rope_scaling", "no such field beside rope_parameters"));
            }
            let kinds = ["full_attention", "sliding_attention"];
            let num_kinds = kinds.iter().filter(|kind| parameters.contains_key(**kind)).count();
            let wrong = || config.wrong("rope_parameters", "an object, or one for each kind of layer");
            let own = match parameters.get(layer_type) {
                _ if num_kinds > 0 && num_kinds < parameters.len() => return Err(wrong()),
                Some(Value::Null) => None,
                Some(own) => Some(own.as_object().ok_or_else(wrong)?),
                // An entry for all layers is for the kinds that are scaled.
                None => (scaled && num_kinds == 0).then_some(parameters),
            };
            let Some(own) = own else { return Self::new(head_dim, theta, None, file) };
            let value = Value::Object(own.clone());
            let theta = Config::new(&value, file)?.positive("rope_theta", theta, MAX_THETA)?;
            return Self::new(head_dim, theta, Some(own), file);
        }
        Self::new(head_dim, theta, old.filter(|_| scaled), file)
    }

    /// Writes the cosines and sines of `positions`. A row has `[head_dim / 2]` cosines and as many sines. Rows are
    /// `stride` apart.
    pub(super) fn angles(&self, positions: &[u32], stride: usize, rows: &mut [f32]) {
        let half = self.inv_freq.len();
        for (&position, row) in positions.iter().zip(rows.chunks_exact_mut(stride)) {
            for (i, inv_freq) in self.inv_freq.iter().enumerate() {
                // The angles are computed in f64 on the host. The sine and cosine of large angles differ between
                // drivers.
                let (sine, cosine) = libm::sincos(f64::from(position) * inv_freq);
                row[i] = cosine as f32;
                row[half + i] = sine as f32;
            }
        }
    }
}

/// Applies a scaling. Sources: for linear, Chen et al. 2023, arXiv:2306.15595; for `llama3`, arXiv:2407.21783.
fn scale(inv_freq: &mut [f64], fields: &Map<String, Value>, file: &str) -> Result<()> {
    let value = Value::Object(fields.clone());
    let config = Config::new(&value, file)?;
    let kind = match config.text("rope_type")? {
        Some(kind) => Some(kind),
        None => config.text("type")?,
    };
    check_whole(&config)?;
    check_fields(&config, kind)?;
    match kind {
        None | Some("default") => Ok(()),
        Some("linear") => {
            let factor = f64::from(required(&config, "factor")?);
            inv_freq.iter_mut().for_each(|frequency| *frequency /= factor);
            Ok(())
        }
        Some("llama3") => {
            let factor = f64::from(required(&config, "factor")?);
            let low = f64::from(required(&config, "low_freq_factor")?);
            let high = f64::from(required(&config, "high_freq_factor")?);
            let original = config.size("original_max_position_embeddings", 1 << 24)? as f64;
            if high <= low {
                return Err(config.wrong("high_freq_factor", &format!("more than low_freq_factor = {low}")));
            }
            for frequency in inv_freq {
                let turns = original * *frequency / std::f64::consts::TAU;
                // Slow channels are stretched, and fast channels are kept. Those between are blended.
                let keep = ((turns - low) / (high - low)).clamp(0.0, 1.0);
                *frequency *= keep + (1.0 - keep) / factor;
            }
            Ok(())
        }
        Some("divisors") => {
            let divisors = config.get("divisors").and_then(Value::as_array);
            let divisors: Vec<f64> = divisors.into_iter().flatten().filter_map(Value::as_f64).collect();
            let positive = divisors.iter().all(|divisor| *divisor > 0.0 && divisor.is_finite());
            if divisors.len() != inv_freq.len() || !positive {
                let expected = format!("{} numbers above 0, one for each pair of channels", inv_freq.len());
                return Err(config.wrong("divisors", &expected));
            }
            inv_freq.iter_mut().zip(divisors).for_each(|(frequency, divisor)| *frequency /= divisor);
            Ok(())
        }
        Some(other) => {
            Err(Error::input(format!("cannot use {file}: rope type {:?} is not supported", excerpt(other)))
                .detail("expected one of: default, linear, llama3"))
        }
    }
}

/// Refuses fields that this kind of scaling does not read. They may ask for another kind.
fn check_fields(config: &Config<'_>, kind: Option<&str>) -> Result<()> {
    let read: &[&str] = match kind {
        None | Some("default") => &[],
        Some("linear") => &["factor"],
        Some("llama3") => &["factor", "low_freq_factor", "high_freq_factor"],
        Some("divisors") => &["divisors"],
        // `scale` refuses an unknown kind by its name.
        Some(_) => return Ok(()),
    };
    // The length of texts before the scaling changes none of these kinds.
    let always =
        ["rope_type", "type", "rope_theta", "partial_rotary_factor", "original_max_position_embeddings"];
    for (key, value) in config.iter() {
        let nothing = value.as_bool() == Some(false) || key == "factor" && value.as_f64() == Some(1.0);
        if !nothing && !always.contains(&key) && !read.contains(&key) {
            let kind =
                kind.map_or("without a rope_type".to_owned(), |kind| format!("for rope_type {kind:?}"));
            return Err(config.wrong(key, &format!("no such field {kind}")));
        }
    }
    Ok(())
}

/// Checks that the rotation covers all channels of a head.
fn check_whole(config: &Config<'_>) -> Result<()> {
    match config.get("partial_rotary_factor") {
        Some(factor) if factor.as_f64() != Some(1.0) => Err(config.wrong("partial_rotary_factor", "1")),
        _ => Ok(()),
    }
}

fn required(config: &Config<'_>, key: &str) -> Result<f32> {
    if config.get(key).is_none() {
        return Err(config.wrong(key, &format!("a number above 0 and at most {MAX_FACTOR}")));
    }
    config.positive(key, 1.0, MAX_FACTOR)
}

#[cfg(test)]
mod tests {
    use super::Rope;

    #[test]
    fn angles_grow_with_the_position() {
        let rope = Rope::new(4, 10_000.0, None, "config.json").expect("no scaling");
        let mut rows = [7.0; 15];
        rope.angles(&[0, 3, 100_000], 5, &mut rows);
        assert_eq!(rows[..5], [1.0, 1.0, 0.0, 0.0, 7.0]);
        let row = |position: f64| {
            let (fast, slow) = (position, position / 100.0);
            [fast.cos() as f32, slow.cos() as f32, fast.sin() as f32, slow.sin() as f32]
        };
        assert_eq!(rows[5..9], row(3.0));
        for (got, want) in rows[10..14].iter().zip(row(100_000.0)) {
            assert!((got - want).abs() < 1e-6, "{got}, expected {want}");
        }
    }
}
