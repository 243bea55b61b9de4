//! `--window`: what is kept of a text that outgrows the context.

use clap::ValueEnum;
use sukashi::model::Window;

#[derive(Debug, Clone, clap::Args)]
#[command(next_help_heading = "Model")]
pub struct WindowArgs {
    /// Past the model's context, keep this part of the text
    #[arg(long, value_name = "PART", default_value = "half", hide_short_help = true)]
    window: Part,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Part {
    /// The later half, which is read again once; a token costs about two
    Half,
    /// All but the oldest token, which is exact and slow: each token reads the whole window again
    Exact,
}

impl WindowArgs {
    pub fn window(&self) -> Window {
        match self.window {
            Part::Half => Window::Half,
            Part::Exact => Window::Exact,
        }
    }
}
