//! The tests: one for each chip, and the negative controls of each check.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use libtest_mimic::{Arguments, Trial};
use sukashi::dispatch::Kernel;
use sukashi::kernels::kernels;

use crate::checks::{Chip, faults, statistic};
use crate::skip::skip;
use crate::table::{self, Table, costs};
use crate::vulkan::Report;
use crate::worker::{self, Jobs, Outcome};
use crate::{controls, hlsl, loads};

/// Chips of GCN (2017), RDNA 2 (2020) and RDNA 3 (2022). The last has cooperative matrices.
///
/// Kernels for prompts keep many sums in registers, so that they use each loaded value often. `attention` keeps all
/// channels of a tile's rows. It keeps most for 8 rows of 256 channels.
const CHIPS: [Chip; 3] = [
    Chip {
        name: "vega10",
        subgroups: 4.0,
        crowded: &[("attention", 2.0), ("gemm", 2.0), ("gemm_rows", 3.0), ("gemm_shared", 2.0)],
    },
    Chip {
        name: "navi21",
        subgroups: 16.0,
        crowded: &[("attention", 6.0), ("gemm", 8.0), ("gemm_rows", 10.0), ("gemm_shared", 8.0)],
    },
    Chip {
        name: "navi31",
        subgroups: 16.0,
        crowded: &[("attention", 6.0), ("gemm", 12.0), ("gemm_shared", 8.0)],
    },
];

/// The most faults in a message.
const MAX_SHOWN: usize = 40;

pub fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let jobs = arguments.get(1).and_then(|name| Jobs::parse(name));
    match (arguments.first().map(String::as_str), jobs) {
        (Some("--hlsl"), None) => hlsl::write(Path::new(&arguments[1])),
        (Some("--compile"), Some(jobs)) => worker::answer(jobs),
        (Some("--table"), Some(jobs)) => print_table(jobs),
        _ => return tests(),
    }
    ExitCode::SUCCESS
}

fn tests() -> ExitCode {
    let trial = |name: String, test: Box<dyn FnOnce() + Send>| {
        Trial::test(name, || {
            test();
            Ok(())
        })
    };
    let mut trials = Vec::from_iter(
        CHIPS.map(|chip| trial(format!("amd::{}", chip.name), Box::new(move || holds_on(&chip)))),
    );
    trials.push(trial("controls".into(), Box::new(controls_are_refused)));
    trials.push(trial("wgpu_is_as_it_was".into(), Box::new(wgpu_is_as_it_was)));
    trials.push(trial("worse_costs_are_faults".into(), Box::new(table::worse_costs_are_faults)));
    trials.push(trial("loads_are_told_apart".into(), Box::new(loads::loads_are_told_apart)));
    libtest_mimic::run(&Arguments::from_args(), trials).exit_code()
}

/// Compiles the jobs with Mesa's driver for AMD. If no driver compiles for this chip, `SUKASHI_REQUIRE_GPU=1` makes
/// this a failure. Otherwise it is printed.
fn compile(chip: &Chip, jobs: Jobs) -> Option<Outcome> {
    let missing = |reason: String| {
        assert!(std::env::var_os("SUKASHI_REQUIRE_GPU").is_none(), "SUKASHI_REQUIRE_GPU is set and {reason}");
        skip(reason);
        None
    };
    let Some(driver) = amd_driver() else {
        return missing("there is no Vulkan driver for AMD (scripts/install_software_adapter.sh)".to_owned());
    };
    let variables = [("VK_DRIVER_FILES", driver.to_str().unwrap()), ("RADV_FORCE_FAMILY", chip.name)];
    let outcome = worker::run(jobs, &variables);
    if let Some(error) = &outcome.no_driver {
        return missing(format!("Mesa's driver for AMD does not start without AMD's hardware: {error}"));
    }
    if !outcome.name.contains(&chip.name.to_uppercase()) {
        return missing(format!("this Mesa compiles for {}, not for {}", outcome.name, chip.name));
    }
    Some(outcome)
}

/// The path of Mesa's driver for AMD in usual distributions.
fn amd_driver() -> Option<PathBuf> {
    let folders =
        ["/usr/share", "/usr/local/share", "/etc"].map(|folder| PathBuf::from(folder).join("vulkan/icd.d"));
    let files = folders.iter().filter_map(|folder| folder.read_dir().ok()).flatten().flatten();
    let mut files: Vec<PathBuf> = files.map(|file| file.path()).collect();
    // If there are several, the file's name has the machine's architecture.
    let is_one = |file: &PathBuf| {
        let name = file.file_name().unwrap_or_default().to_string_lossy().into_owned();
        name == "radeon_icd.json" || name == format!("radeon_icd.{}.json", std::env::consts::ARCH)
    };
    files.retain(is_one);
    files.sort();
    files.into_iter().next()
}

fn kernel_of(label: &str) -> &'static Kernel {
    let name = label.split(' ').next().unwrap();
    kernels().find(|kernel| kernel.name == name).unwrap()
}

fn holds_on(chip: &Chip) {
    let jobs = if std::env::var_os("SUKASHI_ALL_VARIANTS").is_some() { Jobs::Most } else { Jobs::Some };
    // Tuning also tries threads with three or four rows each.
    let least = if jobs == Jobs::Most { 0.75 } else { 1.0 };
    let chip = &Chip { subgroups: least * chip.subgroups, ..*chip };
    let start = std::time::Instant::now();
    let Some(outcome) = compile(chip, jobs) else { return };
    let compiled = &outcome.compiled;
    let mut found: Vec<String> =
        compiled.iter().flat_map(|(label, result)| faults(chip, kernel_of(label), label, result)).collect();
    println!("{}: {} pipelines in {:.1} s", chip.name, compiled.len(), start.elapsed().as_secs_f64());
    print_least_subgroups(compiled);

    let costs: Vec<(String, _)> = compiled
        .iter()
        .filter_map(|(label, result)| Some((label.clone(), costs(result.as_ref().ok()?.first()?))))
        .collect();
    let labels: std::collections::BTreeSet<&String> = costs.iter().map(|(label, _)| label).collect();
    assert_eq!(labels.len(), costs.len(), "two variants have one label");
    if jobs == Jobs::Most {
        println!("{}: costs are compared for fewer variants", chip.name);
    } else if std::env::var_os("UPDATE_VENDOR_COSTS").is_some() {
        Table::update(&outcome.version, chip.name, &costs);
    } else {
        let table = Table::read();
        if table.driver == outcome.version {
            let worse = table.faults(chip.name, &costs);
            if !worse.is_empty() {
                found.push(table::hint());
            }
            found.splice(0..0, worse);
            match table.num_better(chip.name, &costs) {
                0 => {}
                better => println!(
                    "{}: {better} variants cost less than in the table. {}",
                    chip.name,
                    table::hint()
                ),
            }
        } else {
            skip(format_args!("the costs are those of {}, and this is {}", table.driver, outcome.version));
        }
    }
    assert!(found.is_empty(), "{}: {} faults\n{}", chip.name, found.len(), shown(&found));
}

fn shown(faults: &[String]) -> String {
    let mut lines = faults.iter().take(MAX_SHOWN).cloned().collect::<Vec<_>>();
    if faults.len() > MAX_SHOWN {
        lines.push(format!("and {} more", faults.len() - MAX_SHOWN));
        lines.extend(faults.last().cloned());
    }
    lines.join("\n")
}

fn print_least_subgroups(compiled: &[(String, Result<Vec<Report>, String>)]) {
    let mut least: BTreeMap<&str, (f64, &str)> = BTreeMap::new();
    for (label, result) in compiled {
        let Some(report) = result.as_ref().ok().and_then(|reports| reports.first()) else { continue };
        let subgroups = statistic(report, "Subgroups per SIMD");
        let of = least.entry(label.split(' ').next().unwrap()).or_insert((subgroups, label));
        if subgroups < of.0 {
            *of = (subgroups, label);
        }
    }
    for (subgroups, label) in least.values() {
        println!("{subgroups:4} subgroups on a SIMD: {label}");
    }
}

fn controls_are_refused() {
    let chip = &CHIPS[2];
    let Some(outcome) = compile(chip, Jobs::Controls) else { return };
    let controls = controls::all();
    assert_eq!(outcome.compiled.len(), controls.len());
    for (control, (label, result)) in controls.iter().zip(&outcome.compiled) {
        let found = faults(chip, control.variant.kernel, label, result);
        println!("{}", shown(&found));
        assert!(
            found.iter().any(|fault| fault.contains(control.fault)),
            "{label}: expected {}, found {found:?}",
            control.fault
        );
    }
}

/// `spirv.rs` repeats options that wgpu-hal does not expose.
fn wgpu_is_as_it_was() {
    let lock = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.lock")).unwrap();
    let (_, package) = lock.split_once("name = \"wgpu-hal\"\nversion = \"").unwrap();
    assert!(
        package.starts_with("30.0."),
        "compare tests/compilers/spirv.rs with `compile_stage` and `naga_options` of the new wgpu-hal's vulkan folder, then change this"
    );
}

/// Prints the driver's statistics of each variant, with tabs between columns.
fn print_table(jobs: Jobs) {
    let outcome = worker::run(jobs, &[]);
    if let Some(error) = outcome.no_driver {
        println!("# no driver: {error}");
        return;
    }
    println!("# {} by {}", outcome.name, outcome.version);
    let mut columns: Vec<&String> = Vec::new();
    for report in outcome.compiled.iter().filter_map(|(_, result)| result.as_ref().ok()).flatten() {
        columns.extend(report.statistics.keys());
        columns.sort();
        columns.dedup();
    }
    columns.retain(|column| !column.to_lowercase().contains("hash"));
    let names: Vec<&str> = columns.iter().map(|column| column.as_str()).collect();
    println!("variant\tLanes\t{}", names.join("\t"));
    for (label, result) in &outcome.compiled {
        match result {
            Err(error) => println!("{label}\tREFUSED: {}", error.replace(['\n', '\t'], " ")),
            Ok(reports) => {
                for report in reports {
                    let value = |column: &&String| {
                        report.statistics.get(*column).map_or(String::new(), f64::to_string)
                    };
                    let values: Vec<String> = columns.iter().map(value).collect();
                    println!("{label}\t{}\t{}", report.subgroup_size, values.join("\t"));
                }
            }
        }
    }
}
