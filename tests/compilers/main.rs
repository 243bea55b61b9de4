//! Every pipeline through AMD's compiler, without AMD's hardware.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "tests may panic")]

mod label;
mod spirv;
mod vulkan;

use sukashi::kernels::variants::{Variant, variants};

use label::label;
use spirv::Parsed;
use vulkan::{Driver, Report};

fn main() {
    let driver = Driver::open().unwrap();
    eprintln!("{} | {} | {:?} | {:?}", driver.name, driver.version, driver.features, driver.hardware);
    let start = std::time::Instant::now();
    let variants = variants(&driver.hardware).unwrap();
    eprintln!("{} variants in {:?}", variants.len(), start.elapsed());
    let mut parsed: Option<(*const sukashi::dispatch::Kernel, Parsed)> = None;
    let (mut translate, mut compile) = (0.0, 0.0);
    let only = std::env::args().nth(1);
    for variant in &variants {
        let name = label(variant);
        if only.as_ref().is_some_and(|only| !name.contains(only.as_str())) {
            continue;
        }
        let start = std::time::Instant::now();
        let key: *const _ = variant.kernel;
        if parsed.as_ref().is_none_or(|(of, _)| *of != key) {
            parsed = Some((key, Parsed::new(variant.kernel).unwrap()));
        }
        let spirv = parsed.as_ref().unwrap().1.translate(&variant.constants, &driver.features).unwrap();
        translate += start.elapsed().as_secs_f64();
        let start = std::time::Instant::now();
        let report = driver.compile(variant.kernel, &spirv);
        compile += start.elapsed().as_secs_f64();
        println!("{}", serde_json::to_string(&(name, report)).unwrap());
    }
    eprintln!("translate {translate:.1} compile {compile:.1}");
}
