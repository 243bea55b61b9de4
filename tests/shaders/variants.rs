//! The sets of constants with which shaders are compiled.

use naga::back::PipelineConstants;
use naga::{Module, TypeInner};
use sukashi::format::Format;
use sukashi::kernels::{Epilogue, GemvShape};

fn is_matrix_of_16(ty: &TypeInner) -> bool {
    matches!(ty, TypeInner::CooperativeMatrix { rows: naga::CooperativeSize::Sixteen, .. })
}

/// Every set of constants that the wrappers may choose.
pub fn variants(module: &Module) -> Vec<PipelineConstants> {
    let has = |name: &str| module.overrides.iter().any(|(_, o)| o.name.as_deref() == Some(name));
    let formats: Vec<Option<f64>> = if has("FORMAT") {
        Format::ALL.map(|format| Some(f64::from(format.code()))).to_vec()
    } else {
        vec![None]
    };
    let shapes: Vec<Option<GemvShape>> =
        if has("ROWS_PER_THREAD") { GemvShape::ALL.map(Some).to_vec() } else { vec![None] };
    let mut variants = Vec::new();
    if module.entry_points[0].name == "gemm_matrix" {
        // Subgroups of 8, 32 and 64 lanes, unless a tile of matrices is larger.
        let matrices_of_16 = module.types.iter().any(|(_, ty)| is_matrix_of_16(&ty.inner));
        let sizes = [32.0, 128.0, 256.0].into_iter().filter(|&size| !matrices_of_16 || size > 32.0);
        for (format, size) in
            formats.iter().flatten().flat_map(|format| sizes.clone().map(move |size| (format, size)))
        {
            variants.push(PipelineConstants::from_iter([
                ("FORMAT".into(), *format),
                ("WORKGROUP_SIZE".into(), size),
            ]));
        }
        return variants;
    }
    for format in &formats {
        for shape in &shapes {
            let mut constants = PipelineConstants::default();
            if let Some(format) = format {
                constants.insert("FORMAT".into(), *format);
            }
            if let Some(shape) = shape {
                constants.insert("WORKGROUP_SIZE".into(), f64::from(shape.workgroup_size));
                if has("THREADS_PER_ROW") {
                    constants.insert("THREADS_PER_ROW".into(), f64::from(shape.threads_per_row));
                }
                constants.insert("ROWS_PER_THREAD".into(), f64::from(shape.rows_per_thread));
            }
            if has("ALIGNMENT") {
                // The tiles of attention, for heads of 64, 100 and 5 channels.
                for (rows, alignment) in [(1.0, 32.0), (2.0, 4.0), (4.0, 32.0), (8.0, 1.0)] {
                    let mut constants = constants.clone();
                    constants.insert("ROWS".into(), rows);
                    constants.insert("ALIGNMENT".into(), alignment);
                    variants.push(constants);
                }
            }
            variants.push(constants);
        }
    }
    if has("EPILOGUE") {
        // The norms and epilogues of a product, with one format for each way of reading x.
        let norms: &[u32] = if has("NORM") { &[0, 1, 2] } else { &[0] };
        for shape in GemvShape::ALL {
            for (norm, epilogue) in
                norms.iter().flat_map(|norm| Epilogue::ALL.map(|epilogue| (norm, epilogue)))
            {
                let mut constants = PipelineConstants::default();
                constants.insert("FORMAT".into(), f64::from(Format::Q4K.code()));
                constants.insert("WORKGROUP_SIZE".into(), f64::from(shape.workgroup_size));
                constants.insert("ROWS_PER_THREAD".into(), 2.0);
                constants.insert("EPILOGUE".into(), f64::from(epilogue.code()));
                if has("THREADS_PER_ROW") {
                    constants.insert("THREADS_PER_ROW".into(), f64::from(shape.threads_per_row));
                }
                if has("NORM") {
                    constants.insert("NORM".into(), f64::from(*norm));
                }
                variants.push(constants);
            }
        }
    }
    variants
}
