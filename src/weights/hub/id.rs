//! The name of a model on the hub: `owner/name[@revision][:file.gguf]`.

use std::fmt;
use std::str::FromStr;

use crate::{Error, Result};

/// The default branch.
const MAIN: &str = "main";

/// The hub's own limit on names.
const MAX_NAME_LEN: usize = 96;

/// A model on the hub: a repository, a revision, and for GGUF a file.
///
/// ```
/// use sukashi::weights::hub::ModelId;
///
/// let id: ModelId = "ggml-org/gemma-3-1b-it-GGUF@main:gemma-3-1b-it-Q4_K_M.gguf".parse()?;
/// assert_eq!(id.repo(), "ggml-org/gemma-3-1b-it-GGUF");
/// assert_eq!(id.revision(), "main");
/// assert_eq!(id.file(), Some("gemma-3-1b-it-Q4_K_M.gguf"));
/// assert!("gemma-3-1b".parse::<ModelId>().is_err());
/// # Ok::<(), sukashi::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ModelId {
    owner: String,
    name: String,
    revision: Option<String>,
    file: Option<String>,
}

impl ModelId {
    /// `owner/name`.
    pub fn repo(&self) -> String {
        format!("{}/{}", self.owner, self.name)
    }

    /// A branch, a tag or a commit; `main` by default.
    pub fn revision(&self) -> &str {
        self.revision.as_deref().unwrap_or(MAIN)
    }

    /// The path of a GGUF file in the repository; `None` for safetensors.
    pub fn file(&self) -> Option<&str> {
        self.file.as_deref()
    }

    /// The repository's folder in a cache.
    pub(super) fn cache_folder(&self) -> String {
        format!("models--{}--{}", self.owner, self.name)
    }
}

impl FromStr for ModelId {
    type Err = Error;

    /// Reads `owner/name`, followed by `@revision`, by `:file.gguf`, or by both in either order.
    fn from_str(text: &str) -> Result<Self> {
        let wrong = |why: String| {
            Error::input(format!("cannot read {text:?} as a model of the hub: {why}"))
                .detail("expected owner/name, owner/name@revision or owner/name:file.gguf")
        };
        let (repo, rest) = text.split_at(text.find(['@', ':']).unwrap_or(text.len()));
        let (owner, name) = repo.split_once('/').ok_or_else(|| wrong("it has no owner".into()))?;
        if let Some(part) = [owner, name].into_iter().find(|part| !is_name(part)) {
            return Err(wrong(format!("{part:?} is not a valid name")));
        }
        let (revision, file) = match rest.split_at_checked(1) {
            None => (None, None),
            Some(("@", rest)) => match rest.split_once(':') {
                Some((revision, file)) => (Some(revision), Some(file)),
                None => (Some(rest), None),
            },
            // A file's name may contain an @.
            Some((_, rest)) => match rest.rsplit_once('@') {
                Some((file, revision)) if is_gguf(file) => (Some(revision), Some(file)),
                _ => (None, Some(rest)),
            },
        };
        if let Some(revision) = revision.filter(|revision| !is_plain_path(revision)) {
            return Err(wrong(format!("{revision:?} is not a valid revision")));
        }
        if let Some(file) = file.filter(|file| !is_plain_path(file) || !is_gguf(file)) {
            return Err(wrong(format!("{file:?} is not a valid path of a .gguf file")));
        }
        let [owner, name] = [owner, name].map(str::to_owned);
        Ok(Self { owner, name, revision: revision.map(str::to_owned), file: file.map(str::to_owned) })
    }
}

impl fmt::Display for ModelId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.owner, self.name)?;
        if let Some(revision) = &self.revision {
            write!(f, "@{revision}")?;
        }
        match &self.file {
            Some(file) => write!(f, ":{file}"),
            None => Ok(()),
        }
    }
}

/// The hub's rule for names. It forbids `--`, which separates names in the cache's folder names.
fn is_name(text: &str) -> bool {
    let is_letter = |c: char| c.is_ascii_alphanumeric() || ['-', '_', '.'].contains(&c);
    (1..=MAX_NAME_LEN).contains(&text.len())
        && text.chars().all(is_letter)
        && !text.starts_with(['-', '.'])
        && !text.ends_with(['-', '.'])
        && !text.contains("--")
        && !text.contains("..")
}

/// Whether `text` is a relative path that stays inside its folder and is a valid file name on every system.
pub(super) fn is_plain_path(text: &str) -> bool {
    // Windows removes dots and spaces at the end of a name, also from "..  ".
    let is_plain = |part: &str| !part.is_empty() && !part.ends_with(['.', ' ']) && !is_device(part);
    text.split('/').all(is_plain) && !text.contains(['\\', ':']) && !text.contains(char::is_control)
}

/// Whether Windows treats this name as a device, with any extension.
fn is_device(name: &str) -> bool {
    let stem = name.split('.').next().unwrap_or_default().trim_end().to_ascii_lowercase();
    let is_port = |name: &str| {
        let mut digits = stem.strip_prefix(name).unwrap_or_default().chars();
        matches!((digits.next(), digits.next()), (Some('0'..='9' | '¹' | '²' | '³'), None))
    };
    ["con", "prn", "aux", "nul", "conin$", "conout$"].contains(&stem.as_str())
        || is_port("com")
        || is_port("lpt")
}

pub(super) fn is_gguf(path: &str) -> bool {
    path.to_ascii_lowercase().ends_with(".gguf")
}

/// Whether a revision is a commit, which never changes, and not a branch or a tag.
pub(super) fn is_commit(revision: &str) -> bool {
    revision.len() == 40 && revision.bytes().all(|byte| byte.is_ascii_hexdigit())
}

#[cfg(test)]
mod tests {
    use super::ModelId;

    #[test]
    fn every_form_is_read() {
        let all = [
            ("a/b", "main", None),
            ("google/gemma-3-1b-pt@v1.0", "v1.0", None),
            ("a/b@refs/pr/3", "refs/pr/3", None),
            ("a/b:c.gguf", "main", Some("c.gguf")),
            ("a/b:Q4/c-d.GGUF", "main", Some("Q4/c-d.GGUF")),
            ("a/b:c@d.gguf", "main", Some("c@d.gguf")),
            ("a/b@r:c.gguf", "r", Some("c.gguf")),
            ("a/b:c.gguf@r", "r", Some("c.gguf")),
            // Not devices.
            ("a/b@nullable:com10/comet.gguf", "nullable", Some("com10/comet.gguf")),
        ];
        for (text, revision, file) in all {
            let id: ModelId = text.parse().unwrap();
            assert_eq!((id.revision(), id.file()), (revision, file), "{text}");
            assert_eq!(id.to_string().parse::<ModelId>().unwrap(), id, "{text}");
        }
    }

    #[test]
    fn what_would_leave_a_cache_or_is_no_name_is_refused() {
        for text in [
            "",
            "a",
            "/",
            "a/",
            "/b",
            "./b",
            "../b",
            "a/..",
            "a/b/c",
            "a/b/",
            "/a/b",
            "a--x/b",
            "a/-b",
            "a/b.",
            "a b/c",
            "あ/b",
            "a/b@",
            "a/b@..",
            "a/b@/x",
            "a/b@x/../../y",
            "a/b@x\\y",
            "a/b@.. /y",
            "a/b@nul",
            "a/b:AUX.gguf",
            "a/b:com1/x.gguf",
            "a/b:Lpt¹ .x.gguf",
            "a/b@x\ny",
            "a/b:",
            "a/b:../c.gguf",
            "a/b:/c.gguf",
            "a/b:c\\d.gguf",
            "a/b:c:d.gguf",
            "a/b:model.safetensors",
            "a/b:c.gguf@",
            "C:\\a/b",
        ] {
            assert!(text.parse::<ModelId>().is_err(), "{text:?}");
        }
        let long = format!("a/{}", "b".repeat(97));
        assert!(long.parse::<ModelId>().is_err());
    }
}
