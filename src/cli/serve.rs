//! `sukashi serve`: answers OpenAI's clients over HTTP.

use std::net::{IpAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::time::Duration;

use jiff::ZonedDateTime;
use sukashi::figure::Lang;
use sukashi::serve::{self, Config, EngineSettings, Guard, MAX_KEY_FILE_BYTES};
use sukashi::text::{DateTime, plain_text};
use sukashi::{BatchSession, Error, ErrorKind, Result, file, shown};

use super::args::at_least_one;
use super::device::DeviceArgs;
use super::failure::Outcome;
use super::model::ModelArgs;
use super::output::note;
use super::run::OpenedModel;
use super::terminal::Terminal;
use super::tuning::TuningArgs;

/// Serve a page to play with the model, and answer OpenAI's clients
///
/// The address that is printed is the page: open it in a browser.
///
/// The endpoints are /v1/completions, /v1/chat/completions, /v1/models and more; docs/server.md describes them. The text and the
/// log-probabilities of a request do not depend on other requests, bit by bit.
///
/// The server answers this machine only. With another --host, it needs --api-key-file, or --no-auth for everybody who reaches it.
/// It speaks HTTP without TLS, which a proxy can add. SIGINT and SIGTERM end it after the running answers; a second one at once.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    model: ModelArgs,
    #[command(flatten)]
    device: DeviceArgs,
    #[command(flatten)]
    tuning: TuningArgs,
    /// Call the model NAME instead of what its files call it
    #[arg(long, value_name = "NAME", help_heading = "Model", hide_short_help = true)]
    model_name: Option<String>,
    /// Listen on this address
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1", help_heading = "Network")]
    host: IpAddr,
    /// Listen on this port; 0 takes a free one
    #[arg(long, value_name = "PORT", default_value_t = 8000, help_heading = "Network")]
    port: u16,
    /// Answer only requests with a key of this file, which has one a line
    #[arg(long, value_name = "FILE", conflicts_with = "no_auth", help_heading = "Network")]
    api_key_file: Option<PathBuf>,
    /// Answer everybody who reaches --host
    #[arg(long, help_heading = "Network")]
    no_auth: bool,
    /// Also answer requests for this host name; may be repeated
    #[arg(long, value_name = "NAME", help_heading = "Network", hide_short_help = true)]
    allow_host: Vec<String>,
    /// Answer pages of this origin, such as https://example.org; may be repeated
    #[arg(long, value_name = "ORIGIN", value_parser = origin, help_heading = "Network", hide_short_help = true)]
    cors_origin: Vec<String>,
    /// Write up to N texts at a time, at most 64
    #[arg(long, value_name = "N", default_value_t = 8, help_heading = "Limits")]
    slots: usize,
    /// Give a text at most N tokens, its prompt included [default: the model's context, at most 4096]
    #[arg(long, value_name = "N", help_heading = "Limits")]
    context: Option<usize>,
    /// Keep keys and values in at most this many MiB; there are as many slots as fit
    #[arg(long, value_name = "MIB", default_value_t = 2048, help_heading = "Limits", hide_short_help = true)]
    kv_memory: usize,
    /// Let up to N texts wait; others get status 429
    #[arg(long, value_name = "N", default_value_t = 256, help_heading = "Limits", hide_short_help = true)]
    max_queue: usize,
    /// Give an answer at most this many seconds, its wait included
    #[arg(
        long,
        value_name = "SECONDS",
        default_value_t = 600,
        help_heading = "Limits",
        hide_short_help = true
    )]
    timeout: u64,
    /// Let running answers go on for this many seconds after a signal
    #[arg(
        long,
        value_name = "SECONDS",
        default_value_t = 10,
        help_heading = "Limits",
        hide_short_help = true
    )]
    grace: u64,
}

/// The context if no flag gives one, in tokens.
const DEFAULT_CONTEXT: usize = 4096;

/// The threads that read requests and write answers. The engine and the CPU device have others.
const NUM_THREADS: usize = 2;

pub fn run(args: &Args, terminal: &Terminal) -> Outcome {
    let config = args.config()?;
    // A wrong model ends the program before it listens.
    let opened = OpenedModel::of(&args.model, &args.device, &args.tuning, terminal)?;
    let listener = TcpListener::bind((args.host, args.port)).map_err(|cause| {
        Error::input(format!("cannot listen on {}, port {}", args.host, args.port)).caused_by(cause)
    })?;
    let address = listener.local_addr().map_err(|cause| {
        Error::new(ErrorKind::Io, "cannot tell the address of the server").caused_by(cause)
    })?;
    note(&match terminal.lang {
        Lang::Ja => format!("http://{address} で応答します（Ctrl-C で終了）"),
        Lang::En => format!("listening on http://{address} (Ctrl-C ends the server)"),
    });
    let own = *terminal;
    let load = move || opened.load(&own).map(|(model, _)| model);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(NUM_THREADS)
        .enable_all()
        .build()
        .map_err(|cause| Error::new(ErrorKind::Io, "cannot start the server's threads").caused_by(cause))?;
    let outcome = runtime.block_on(serve::serve(listener, config, load, stopped()));
    // What still runs belongs to clients that do not read.
    runtime.shutdown_background();
    Ok(outcome?)
}

impl Args {
    fn config(&self) -> Result<Config> {
        at_least_one("--slots", self.slots)?;
        at_least_one("--max-queue", self.max_queue)?;
        if self.slots > BatchSession::MAX_TEXTS {
            return Err(Error::input(format!("cannot work with --slots {}", self.slots))
                .detail(format!("expected 1 to {}", BatchSession::MAX_TEXTS)));
        }
        if let Some(context) = self.context {
            at_least_one("--context", context)?;
        }
        if !self.host.is_loopback() && self.api_key_file.is_none() && !self.no_auth {
            return Err(Error::input(format!("cannot listen on {} without keys", self.host))
                .detail("other machines may reach this address")
                .hint("give --api-key-file FILE, or --no-auth to answer everybody"));
        }
        let keys = self.api_key_file.as_deref().map(keys).transpose()?.unwrap_or_default();
        Ok(Config {
            engine: EngineSettings {
                max_texts: self.slots,
                max_seq_len: self.context.unwrap_or(DEFAULT_CONTEXT),
                kv_bytes: self.kv_memory.saturating_mul(1 << 20),
                max_queue: self.max_queue,
            },
            model_id: self.model_name.clone(),
            timeout: Duration::from_secs(self.timeout),
            grace: Duration::from_secs(self.grace),
            guard: Guard::new(&keys, &self.allow_host, &self.cors_origin),
            origins: self.cors_origin.clone(),
            now,
        })
    }
}

fn keys(path: &Path) -> Result<Vec<String>> {
    let label = path.display().to_string();
    Guard::keys(&label, &plain_text(&label, file::read(path, MAX_KEY_FILE_BYTES)?)?)
}

fn now() -> DateTime {
    ZonedDateTime::now().datetime()
}

/// Parses the origin of a page.
fn origin(text: &str) -> Result<String, String> {
    let host = text.strip_prefix("http://").or_else(|| text.strip_prefix("https://")).unwrap_or_default();
    let is_origin =
        !host.is_empty() && host.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".-:[]".contains(&byte));
    is_origin
        .then(|| text.to_ascii_lowercase())
        .ok_or_else(|| format!("{} is no origin such as https://example.org", shown::excerpt(text)))
}

/// Waits for a signal that ends the server. The next one ends the process.
async fn stopped() {
    signal().await;
    tokio::spawn(async {
        signal().await;
        std::process::exit(EXIT_CODE);
    });
}

/// What a shell says of a program that SIGINT ends.
const EXIT_CODE: i32 = 130;

#[cfg(unix)]
async fn signal() {
    use tokio::signal::unix::{SignalKind, signal};
    let (Ok(mut interrupt), Ok(mut terminate)) =
        (signal(SignalKind::interrupt()), signal(SignalKind::terminate()))
    else {
        // Without handlers, signals end the process.
        return std::future::pending().await;
    };
    tokio::select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
    }
}

#[cfg(not(unix))]
async fn signal() {
    if tokio::signal::ctrl_c().await.is_err() {
        std::future::pending().await
    }
}

#[cfg(test)]
mod tests {
    use super::origin;

    #[test]
    fn an_origin_has_a_scheme_and_a_host() {
        for good in ["http://localhost:3000", "https://Example.org", "http://[::1]:80"] {
            assert!(origin(good).is_ok(), "{good}");
        }
        for bad in ["", "*", "null", "example.org", "https://", "https://a/b", "ftp://a", "https://a\n"] {
            assert!(origin(bad).is_err(), "{bad:?}");
        }
    }
}
