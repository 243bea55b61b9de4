//! Turns logits into the next token, by a chain of visible stages and a choice.
//!
//! The stages run in this order. A stage whose setting changes nothing is left out:
//!
//! | Stage | Setting | What it does |
//! |---|---|---|
//! | `penalties` | `repetition_penalty`, `frequency_penalty`, `presence_penalty` | lowers the logits of tokens already present, prompt included |
//! | `logit_bias` | `logit_bias` | adds to the logits of given ids |
//! | a caller's own | [`Sampler::with_stage`] | what its [`Stage`] does |
//! | `temperature` | `temperature` | divides the logits; 0 leaves the most probable token alone |
//! | `top_k` | `top_k` | keeps the k most probable tokens |
//! | `top_p` | `top_p` | keeps the smallest set of most probable tokens whose mass reaches p |
//! | `min_p` | `min_p` | drops tokens less probable than p times the most probable one |
//! | `typical_p` | `typical_p` | keeps the tokens whose information is closest to the entropy, up to mass p |
//!
//! Each truncation gets the *renormalised* distribution that the stages before it left, as in Hugging Face's
//! `generate`. With `top_k = 2` and `top_p = 0.6`, p is a share of the two tokens' mass and not of the vocabulary's.
//! [`Choice`] chooses one of the tokens that are left at the end.
//!
//! The lower id breaks all ties. Arithmetic is f64, and sums run in the order of ids. Exponentials and logarithms come
//! from `libm`, and the generator is PCG-64. So one seed gives one text on every platform.
//!
//! ```
//! use sukashi_figure::sampling::{Sampler, Settings};
//!
//! let settings = Settings { temperature: 0.5, seed: 7, ..Settings::default() };
//! let mut sampler = Sampler::new(settings, 3)?;
//! let token = sampler.sample(&[3.0, 1.5, 0.5], &[])?;
//! assert_eq!(token.id, 0);
//! assert!((token.prob - 0.7662).abs() < 1e-4); // the model's own probability
//! assert!((token.prob_scaled - 0.9465).abs() < 1e-4); // the same at temperature 0.5
//! # Ok::<(), sukashi_figure::Error>(())
//! ```

mod candidates;
mod choice;
mod description;
mod distribution;
mod generator;
mod greatest;
mod sampler;
mod softmax;
mod stage;
mod stages;

pub use candidates::{Candidates, InPlay};
pub use choice::Choice;
pub use description::{Criterion, Description, Label};
pub use distribution::{Distribution, Sampled};
#[doc(hidden)]
pub use generator::Generator;
pub use sampler::Sampler;
pub use softmax::Softmax;
pub use stage::{Context, Stage};
pub use stages::Settings;
