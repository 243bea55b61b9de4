//! A process that compiles, and the process that reads its answers.
//!
//! A driver reads the chip from the environment when it starts, and may crash on a shader. So each chip has a process
//! of its own.

use std::io::{BufRead, BufReader, Write};
use std::process::{Command, Stdio};

use serde::{Deserialize, Serialize};
use sukashi::dispatch::Kernel;
use sukashi::kernels::variants::{Coverage, Variant, variants};

use crate::controls;
use crate::label::label;
use crate::spirv::Parsed;
use crate::vulkan::{Driver, Report};

/// A line from the process that compiles.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub enum Answer {
    /// The driver cannot be used.
    NoDriver(String),
    /// The driver that compiles.
    Driver { name: String, version: String },
    /// The label of the next variant.
    Begins(String),
    /// The result of the variant.
    Compiled(Result<Vec<Report>, String>),
}

/// The shaders to compile.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Jobs {
    Some,
    Most,
    /// Shaders that the checks have to refuse.
    Controls,
}

impl Jobs {
    const ALL: [(&str, Self); 3] = [("some", Self::Some), ("most", Self::Most), ("controls", Self::Controls)];

    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.iter().find(|(name, _)| *name == text).map(|(_, jobs)| *jobs)
    }

    fn name(self) -> &'static str {
        Self::ALL.iter().find(|(_, jobs)| *jobs == self).unwrap().0
    }
}

/// Compiles all jobs with the driver that the environment names, and passes each answer to `tell`.
pub fn work(jobs: Jobs, tell: &mut dyn FnMut(Answer)) {
    let driver = match Driver::open() {
        Ok(driver) => driver,
        Err(error) => return tell(Answer::NoDriver(error)),
    };
    tell(Answer::Driver { name: driver.name.clone(), version: driver.version.clone() });
    let variants = match jobs {
        Jobs::Some => variants(&driver.hardware, Coverage::Some).unwrap(),
        Jobs::Most => variants(&driver.hardware, Coverage::Most).unwrap(),
        Jobs::Controls => controls::all().into_iter().map(|control| control.variant).collect(),
    };
    let mut parsed: Option<(&'static Kernel, Result<Parsed, String>)> = None;
    for variant in &variants {
        tell(Answer::Begins(label(variant)));
        let known = parsed.take().filter(|(kernel, _)| std::ptr::eq(*kernel, variant.kernel));
        let (_, of_kernel) =
            parsed.insert(known.unwrap_or_else(|| (variant.kernel, Parsed::new(variant.kernel))));
        tell(Answer::Compiled(compile(&driver, variant, of_kernel)));
    }
}

fn compile(
    driver: &Driver,
    variant: &Variant,
    parsed: &Result<Parsed, String>,
) -> Result<Vec<Report>, String> {
    let spirv = parsed.as_ref().map_err(String::clone)?.translate(&variant.constants, &driver.features)?;
    driver.compile(variant.kernel, &controls::damaged(variant.kernel, spirv))
}

/// Runs [`work`] in a process whose answers another one reads.
pub fn answer(jobs: Jobs) {
    let mut out = std::io::stdout().lock();
    work(jobs, &mut |answer| {
        serde_json::to_writer(&mut out, &answer).unwrap();
        writeln!(out).unwrap();
        // The reader gets the line even if the driver crashes on the next shader.
        out.flush().unwrap();
    });
}

/// The result of all jobs.
#[derive(Debug, Default)]
pub struct Outcome {
    pub no_driver: Option<String>,
    pub name: String,
    pub version: String,
    /// The results by label.
    pub compiled: Vec<(String, Result<Vec<Report>, String>)>,
}

/// Compiles all jobs in a process with these variables.
pub fn run(jobs: Jobs, variables: &[(&str, &str)]) -> Outcome {
    // In a folder that is the root, /proc may be missing.
    let program = std::env::current_exe().unwrap_or_else(|_| std::env::args_os().next().unwrap().into());
    let mut child = Command::new(program)
        .args(["--compile", jobs.name()])
        .envs(variables.iter().copied())
        // The driver would take pipelines from its cache, which have no statistics.
        .env("MESA_SHADER_CACHE_DISABLE", "true")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut outcome = Outcome::default();
    let mut begun: Option<String> = None;
    for line in BufReader::new(child.stdout.take().unwrap()).lines() {
        match serde_json::from_str(&line.unwrap()).unwrap() {
            Answer::NoDriver(error) => outcome.no_driver = Some(error),
            Answer::Driver { name, version } => (outcome.name, outcome.version) = (name, version),
            Answer::Begins(label) => begun = Some(label),
            Answer::Compiled(result) => outcome.compiled.push((begun.take().unwrap(), result)),
        }
    }
    let status = child.wait().unwrap();
    match begun {
        Some(label) => outcome.compiled.push((label, Err(format!("the driver crashes ({status})")))),
        None => assert!(status.success(), "the process that compiles ended with {status}"),
    }
    outcome
}
