//! `sukashi man`: prints manual pages.

use std::path::PathBuf;

use clap::CommandFactory;
use sukashi::{Error, ErrorKind, Result, output};

use super::Cli;
use super::failure::Outcome;
use super::output::print_bytes;

/// Print the manual page
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Write one page per command into this folder instead
    #[arg(short, long, value_name = "FOLDER")]
    output: Option<PathBuf>,
    /// Replace files that exist
    #[arg(long)]
    force: bool,
}

pub fn run(args: &Args) -> Outcome {
    let mut program = Cli::command();
    // Gives every command its full name, such as `sukashi figure trace`.
    program.build();
    let Some(folder) = &args.output else { return print_bytes(&page(&program)?) };
    let mut pages = Vec::new();
    collect(&program, &mut pages)?;
    let pages: Vec<_> = pages.into_iter().map(|(name, page)| (folder.join(name), page)).collect();
    for (path, _) in &pages {
        output::check_target(path, args.force)?;
    }
    for (path, page) in &pages {
        output::write_atomically(path, page, args.force)?;
    }
    Ok(())
}

/// Collects the pages of a command and of all its subcommands, with the names of their files.
fn collect(command: &clap::Command, pages: &mut Vec<(String, Vec<u8>)>) -> Result<()> {
    let name = command.get_display_name().unwrap_or(command.get_name());
    pages.push((format!("{name}.1"), page(command)?));
    let mut visible = command.get_subcommands().filter(|below| below.get_name() != "help");
    visible.try_for_each(|below| collect(below, pages))
}

fn page(command: &clap::Command) -> Result<Vec<u8>> {
    let mut page = Vec::new();
    clap_mangen::Man::new(command.clone())
        .render(&mut page)
        .map_err(|cause| Error::new(ErrorKind::Io, "cannot write the manual page").caused_by(cause))?;
    Ok(page)
}
