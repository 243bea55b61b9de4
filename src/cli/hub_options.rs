//! The environment variables that Hugging Face's own tools read.

use std::env;
use std::path::{Path, PathBuf};

use sukashi::weights::hub::{Options, Proxy};
use sukashi::{Error, Result};

/// A token has about forty characters.
const MAX_TOKEN_BYTES: u64 = 4096;

/// Reads `HF_HUB_CACHE`, `HF_HOME`, `HF_TOKEN`, `HF_TOKEN_PATH`, `HF_ENDPOINT`, `HF_HUB_OFFLINE`, and for proxies
/// `ALL_PROXY`, `HTTPS_PROXY`, `HTTP_PROXY` and `NO_PROXY`.
pub fn read() -> Result<Options> {
    let home = home()?;
    let cache = folder("HF_HUB_CACHE").or_else(|| folder("HUGGINGFACE_HUB_CACHE"));
    let mut options = Options::new(cache.unwrap_or_else(|| home.join("hub")));
    if let Some(endpoint) = text("HF_ENDPOINT") {
        options.endpoint = endpoint;
    }
    options.token = token(&home)?;
    options.offline = is_set("HF_HUB_OFFLINE");
    options.proxy = Proxy::try_from_env();
    Ok(options)
}

/// The folder in which Hugging Face's tools keep their files.
fn home() -> Result<PathBuf> {
    let in_cache = || Some(folder("XDG_CACHE_HOME")?.join("huggingface"));
    let in_home = || Some(env::home_dir()?.join(".cache/huggingface"));
    folder("HF_HOME").or_else(in_cache).or_else(in_home).ok_or_else(|| {
        Error::input("cannot tell where downloaded models are kept: there is no home folder")
            .hint("HF_HOME names the folder")
    })
}

fn token(home: &Path) -> Result<Option<String>> {
    if is_set("HF_HUB_DISABLE_IMPLICIT_TOKEN") {
        return Ok(None);
    }
    // An empty variable means no token, even if there is a file with one.
    if let Some(token) = env::var_os("HF_TOKEN") {
        let token = token.into_string();
        return token.map(Some).map_err(|_| Error::input("cannot use HF_TOKEN: it is no text"));
    }
    let path = folder("HF_TOKEN_PATH").unwrap_or_else(|| home.join("token"));
    if !path.exists() {
        return Ok(None);
    }
    let bytes = sukashi::file::read(&path, MAX_TOKEN_BYTES)?;
    String::from_utf8(bytes).map(Some).map_err(|cause| {
        Error::input(format!("cannot use {} as the file with the hub token", path.display())).caused_by(cause)
    })
}

/// A variable that is not empty.
fn text(name: &str) -> Option<String> {
    env::var(name).ok().filter(|value| !value.is_empty())
}

/// A folder in a variable. A leading `~` is the home folder, even if no shell has expanded it.
fn folder(name: &str) -> Option<PathBuf> {
    let value = env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from)?;
    match value.strip_prefix("~") {
        Ok(rest) => Some(env::home_dir()?.join(rest)),
        Err(_) => Some(value),
    }
}

/// Whether a variable is true by the rules of Hugging Face's tools.
fn is_set(name: &str) -> bool {
    text(name).is_some_and(|value| ["1", "true", "yes", "on"].contains(&value.to_ascii_lowercase().as_str()))
}
