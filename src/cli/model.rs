//! `--model`: files of this machine, or a model of the hub.

use std::io::ErrorKind as Io;
use std::path::{Path, PathBuf};

use sukashi::weights::ModelFiles;
use sukashi::{Error, Result};

use super::terminal::Terminal;

#[derive(Debug, Clone, clap::Args)]
#[command(next_help_heading = "Model")]
pub struct ModelArgs {
    /// A .gguf file, a folder, or a model to download such as owner/name [default: the model in the program]
    ///
    /// A folder holds config.json, model.safetensors and tokenizer.json. Names of models to download are owner/name,
    /// owner/name@revision and owner/name:file.gguf. A folder `owner` in the current folder makes owner/name a path.
    #[arg(long, value_name = "MODEL")]
    model: Option<PathBuf>,
    /// Only warn of tensors that no part of the model uses
    #[arg(long, hide_short_help = true)]
    allow_unused_tensors: bool,
}

impl ModelArgs {
    /// Opens the model's files.
    pub fn open(&self, terminal: &Terminal) -> Result<ModelFiles> {
        let mut files = open_model(self.model.as_deref(), terminal)?;
        files.allow_unused_tensors = self.allow_unused_tensors;
        Ok(files)
    }

    /// Whether the model is the one in the program.
    pub fn is_embedded(&self) -> bool {
        self.model.is_none()
    }
}

/// Opens what `--model` names; without it, the model in the program. A path that exists is never looked for on the hub.
pub fn open_model(model: Option<&Path>, terminal: &Terminal) -> Result<ModelFiles> {
    let Some(path) = model else { return ModelFiles::embedded() };
    match path.symlink_metadata() {
        Err(cause) if matches!(cause.kind(), Io::NotFound | Io::NotADirectory) => {
            from_hub(path, Error::file("open model", path, cause), terminal)
        }
        _ => ModelFiles::open(path),
    }
}

#[cfg(feature = "hub")]
fn from_hub(path: &Path, missing: Error, terminal: &Terminal) -> Result<ModelFiles> {
    use sukashi::weights::hub;

    use super::{hub_options, progress::Progress};

    let id = match path.to_string_lossy().parse::<hub::ModelId>() {
        Ok(id) => id,
        Err(no_id) => {
            // Each of its lines is one here.
            let missing =
                no_id.to_string().lines().fold(missing, |error, line| error.detail(line.trim_start()));
            return Err(missing.hint(
                "a model on this machine is a .gguf file, or a folder with config.json, model.safetensors and \
                 tokenizer.json",
            ));
        }
    };
    if let Some(mark) = local_mark(path) {
        return Err(missing.detail(mark).hint(format!(
            "check the path; to download this name from the hub all the same, write {}@main",
            path.display()
        )));
    }
    let label = format!("{} {}", terminal.words("ダウンロード中", "downloading"), id.repo());
    let mut progress = Progress::of_bytes(label);
    let fetched = pollster::block_on(hub::fetch(
        &id,
        &hub_options::read()?,
        &mut |hub::Progress { done_bytes, total_bytes }| {
            progress.set(done_bytes as usize, total_bytes as usize);
        },
    ));
    drop(progress);
    // The name may be a mistyped path, of which the hub's message says nothing.
    let fetched = fetched
        .map_err(|error| error.detail(format!("and there is no file or folder {} here", path.display())))?;
    ModelFiles::open(&fetched)
}

/// Says why a name of the form owner/name looks like a mistyped path of this machine. The hub must not learn of such a path
/// or get the token for it. A revision or a file behind the name leaves no doubt that the hub is meant.
#[cfg(feature = "hub")]
fn local_mark(path: &Path) -> Option<String> {
    let text = path.to_str()?;
    if text.contains(['@', ':']) {
        return None;
    }
    let folder = path.parent()?;
    if folder.exists() {
        return Some(format!("found {} here, and no {} in it", folder.display(), file_name(path)));
    }
    let extension = path.extension()?.to_str()?.to_ascii_lowercase();
    let is_file = ["gguf", "safetensors", "json", "bin", "pt", "pth"].contains(&extension.as_str());
    is_file.then(|| format!("found a name that ends as a file's does, .{extension}"))
}

#[cfg(feature = "hub")]
fn file_name(path: &Path) -> String {
    path.file_name().unwrap_or_default().display().to_string()
}

#[cfg(not(feature = "hub"))]
fn from_hub(_path: &Path, missing: Error, _terminal: &Terminal) -> Result<ModelFiles> {
    Err(missing.hint(
        "a model is a .gguf file, or a folder with config.json, model.safetensors and tokenizer.json; this program \
         was built without the feature `hub`, which downloads models",
    ))
}
