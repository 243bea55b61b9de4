//! The table of static costs, `docs/vendor-costs.tsv`.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{Read, Seek, Write};
use std::path::Path;

use crate::checks::statistic;
use crate::vulkan::Report;

/// The allowed increase of a cost. Schedulers change costs by as much for small changes of a shader.
const TOLERANCE: f64 = 0.03;

const UPDATE: &str = "UPDATE_VENDOR_COSTS=1 cargo test --test compilers";

/// The columns after the chip and the variant, by the driver's names.
const COLUMNS: [(&str, &str); 6] = [
    ("vgprs", "VGPRs"),
    ("subgroups", "Subgroups per SIMD"),
    ("lds", "LDS size"),
    ("instructions", "Instructions"),
    ("latency", "Latency"),
    ("inverse_throughput", "Inverse Throughput"),
];
/// The columns whose values must not get worse, and whether less is better.
const COSTS: [(usize, bool); 3] = [(1, false), (4, true), (5, true)];

type Costs = [f64; COLUMNS.len()];

/// The contents of the file.
#[derive(Debug, Default, Clone, PartialEq)]
pub struct Table {
    /// The name and the version of the driver.
    pub driver: String,
    /// The costs by chip and variant.
    lines: BTreeMap<(String, String), Costs>,
}

pub fn costs(report: &Report) -> Costs {
    COLUMNS.map(|(_, name)| statistic(report, name))
}

impl Table {
    pub fn read() -> Self {
        Self::parse(&std::fs::read_to_string(path()).unwrap_or_default())
    }

    fn parse(text: &str) -> Self {
        let mut table = Self::default();
        for line in text.lines() {
            if let Some(driver) = line.strip_prefix("# Driver: ") {
                driver.clone_into(&mut table.driver);
            }
            let mut fields = line.split('\t');
            let (Some(chip), Some(variant)) = (fields.next(), fields.next()) else { continue };
            let values: Vec<f64> = fields.filter_map(|field| field.parse().ok()).collect();
            if let Ok(costs) = values.try_into() {
                table.lines.insert((chip.to_owned(), variant.to_owned()), costs);
            }
        }
        table
    }

    fn text(&self) -> String {
        let mut text = format!(
            "# What AMD's compiler says of each kernel, without hardware. docs/performance.md says what the numbers mean.\n\
             # Written by: {UPDATE}\n\
             # Driver: {}\n\
             chip\tvariant",
            self.driver
        );
        for (name, _) in COLUMNS {
            text += &format!("\t{name}");
        }
        for ((chip, variant), costs) in &self.lines {
            text += &format!("\n{chip}\t{variant}");
            for cost in costs {
                text += &format!("\t{cost}");
            }
        }
        text + "\n"
    }

    /// The costs that are worse in `found` than in the table, and the variants that only one of them has.
    pub fn faults(&self, chip: &str, found: &[(String, Costs)]) -> Vec<String> {
        let mut faults = Vec::new();
        for (variant, found) in found {
            let Some(known) = self.lines.get(&(chip.to_owned(), variant.clone())) else {
                faults.push(format!("{variant}: not in the table"));
                continue;
            };
            for (column, less_is_better) in COSTS {
                let (known, found) = (known[column], found[column]);
                let is_worse = if less_is_better {
                    found > known * (1.0 + TOLERANCE)
                } else {
                    found < known * (1.0 - TOLERANCE)
                };
                if is_worse {
                    faults.push(format!("{variant}: {} {known} became {found}", COLUMNS[column].0));
                }
            }
        }
        for (_, variant) in self.lines.keys().filter(|(other, _)| other == chip) {
            if found.iter().all(|(other, _)| other != variant) {
                faults.push(format!("{variant}: in the table, but there is no such variant"));
            }
        }
        faults
    }

    /// The number of costs in `found` that are better by so much that the table would allow them to get worse again.
    pub fn num_better(&self, chip: &str, found: &[(String, Costs)]) -> usize {
        let is_better = |(variant, found): &&(String, Costs)| {
            let known = self.lines.get(&(chip.to_owned(), variant.clone()));
            known
                .is_some_and(|known| [4, 5].iter().any(|&cost| found[cost] < known[cost] * (1.0 - TOLERANCE)))
        };
        found.iter().filter(is_better).count()
    }

    /// Writes the lines of a chip to the file. Processes of other chips may do so at the same time.
    pub fn update(driver: &str, chip: &str, found: &[(String, Costs)]) {
        let options = File::options().read(true).write(true).create(true).truncate(false).to_owned();
        let mut file = options.open(path()).unwrap();
        file.lock().unwrap();
        let mut text = String::new();
        file.read_to_string(&mut text).unwrap();
        let mut table = Self::parse(&text);
        driver.clone_into(&mut table.driver);
        table.lines.retain(|(other, _), _| other != chip);
        let lines = found.iter().map(|(variant, costs)| ((chip.to_owned(), variant.clone()), *costs));
        table.lines.extend(lines);
        file.rewind().unwrap();
        file.set_len(0).unwrap();
        file.write_all(table.text().as_bytes()).unwrap();
    }
}

/// The command that fixes a fault of [`Table::faults`].
pub fn hint() -> String {
    format!("If that is meant, write the table anew: {UPDATE}")
}

fn path() -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/vendor-costs.tsv")
}

/// A cost that is more than 3% worse is a fault in each of these columns. So is a missing or an additional line.
pub fn worse_costs_are_faults() {
    let line = |variant: &str, costs| (variant.to_owned(), costs);
    let costs = [48.0, 16.0, 512.0, 447.0, 8000.0, 1000.0];
    let mut table = Table { driver: "radv Mesa 25.0.7".to_owned(), ..Table::default() };
    for chip in ["navi21", "navi31"] {
        table.lines.insert((chip.to_owned(), "gemv q4_k 64x32x1".to_owned()), costs);
    }
    assert_eq!(Table::parse(&table.text()), table);
    let faults = |found: &[(String, Costs)]| table.faults("navi31", found);
    let with = |column: usize, value: f64| {
        let mut changed = costs;
        changed[column] = value;
        faults(&[line("gemv q4_k 64x32x1", changed)])
    };
    for (column, value) in [(0, 96.0), (1, 17.0), (3, 900.0), (4, 8239.0), (4, 1.0), (5, 1029.0)] {
        assert_eq!(with(column, value), Vec::<String>::new(), "{}", COLUMNS[column].0);
    }
    for (column, value, fault) in [
        (1, 15.0, "gemv q4_k 64x32x1: subgroups 16 became 15"),
        (4, 8241.0, "gemv q4_k 64x32x1: latency 8000 became 8241"),
        (5, 1031.0, "gemv q4_k 64x32x1: inverse_throughput 1000 became 1031"),
    ] {
        assert_eq!(with(column, value), [fault]);
    }
    let mut better = costs;
    better[4] = 7000.0;
    let num_better = |costs| table.num_better("navi31", &[line("gemv q4_k 64x32x1", costs)]);
    assert_eq!((num_better(costs), num_better(better)), (0, 1));
    assert_eq!(faults(&[]), ["gemv q4_k 64x32x1: in the table, but there is no such variant"]);
    assert_eq!(
        faults(&[line("gemv q4_k 64x32x1", costs), line("gemv q4_k 64x32x2", costs)]),
        ["gemv q4_k 64x32x2: not in the table"]
    );
}
