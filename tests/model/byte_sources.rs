//! A model from sources whose bytes arrive later is the model of the files, and nobody asks for much at once.

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use sukashi::model::UnloadedModel;
use sukashi::weights::{ByteSource, FolderContents, ModelFiles, Reading};
use sukashi::{Device, Model, Session};

use crate::common::{embedded, golden_folder, load};
use crate::gguf_models::convert;

/// More than a part of a matrix, and than a part of a header.
const MOST_AT_ONCE: usize = 9 << 20;

/// Bytes that are there at the second poll of each read.
#[derive(Debug, Clone)]
struct Late {
    bytes: Arc<Vec<u8>>,
    most_at_once: Arc<AtomicUsize>,
    /// Reads from here on fail.
    broken_from: u64,
    sha256: Option<String>,
}

impl Late {
    fn new(bytes: Vec<u8>) -> Self {
        Self { bytes: Arc::new(bytes), most_at_once: Arc::default(), broken_from: u64::MAX, sha256: None }
    }
}

impl ByteSource for Late {
    fn len(&self) -> u64 {
        self.bytes.len() as u64
    }

    fn sha256(&self) -> Option<String> {
        self.sha256.clone()
    }

    fn read_at<'a>(&'a self, offset: u64, buffer: &'a mut [u8]) -> Reading<'a> {
        Box::pin(async move {
            let mut waited = false;
            std::future::poll_fn(|context| {
                if std::mem::replace(&mut waited, true) {
                    return std::task::Poll::Ready(());
                }
                context.waker().wake_by_ref();
                std::task::Poll::Pending
            })
            .await;
            if offset >= self.broken_from {
                return Err(io::Error::other("the connection ended"));
            }
            self.most_at_once.fetch_max(buffer.len(), Ordering::Relaxed);
            let part = self.bytes.get(offset as usize..offset as usize + buffer.len());
            buffer.copy_from_slice(part.ok_or(io::ErrorKind::UnexpectedEof)?);
            Ok(())
        })
    }
}

fn folder(weights: Late) -> FolderContents {
    let read = |name: &str| std::fs::read(Path::new("assets/soseki-mini").join(name)).unwrap();
    FolderContents {
        config: read("config.json"),
        tokenizer: Some(read("tokenizer.json")),
        tokenizer_config: None,
        weights: Box::new(weights),
    }
}

fn soseki_mini() -> Late {
    Late::new(std::fs::read("assets/soseki-mini/model.safetensors").unwrap())
}

fn logits(model: &Model) -> Vec<u32> {
    let mut session = Session::with_max_seq_len(model, 8).unwrap();
    let logits = pollster::block_on(session.prefill(&[5, 9, 2])).unwrap();
    logits.iter().map(|logit| logit.to_bits()).collect()
}

async fn arrived(files: ModelFiles) -> Model {
    UnloadedModel::read(files).unwrap().load_arriving(&Device::Cpu, &mut |_, _| {}).await.unwrap()
}

#[test]
fn weights_that_arrive_later_are_those_of_the_file() {
    let source = soseki_mini();
    let model = pollster::block_on(async {
        arrived(ModelFiles::from_sources("soseki-mini", folder(source.clone())).await.unwrap()).await
    });
    assert_eq!(logits(&model), logits(&embedded(&Device::Cpu)));
    assert_eq!(model.encode("吾輩は").unwrap().len(), 3);
    assert_eq!(model.info().unwrap().weights_sha256, "", "not hashed, and not of something else");
    let source = Late { sha256: Some("1ab2".into()), ..source };
    let files = pollster::block_on(ModelFiles::from_sources("soseki-mini", folder(source.clone()))).unwrap();
    assert_eq!(files.weights.sha256().unwrap(), "1ab2");
    assert!(source.most_at_once.load(Ordering::Relaxed) <= MOST_AT_ONCE);
}

#[test]
fn gguf_files_that_arrive_later_are_those_of_the_file() {
    for (name, architecture) in [("gpt2-tiny", "gpt2"), ("llama-tiny", "llama"), ("gemma3-tiny", "gemma3")] {
        let bytes = convert(&golden_folder(name), architecture).bytes();
        let temporary = tempfile::tempdir().unwrap();
        let path = temporary.path().join("model.gguf");
        std::fs::write(&path, &bytes).unwrap();
        let model = pollster::block_on(async {
            arrived(ModelFiles::gguf_from_source("model.gguf", Box::new(Late::new(bytes))).await.unwrap())
                .await
        });
        assert_eq!(logits(&model), logits(&load(&Device::Cpu, &path)), "{name}");
    }
}

#[test]
fn what_does_not_arrive_is_an_error() {
    let files = |source: Late| pollster::block_on(ModelFiles::from_sources("mini", folder(source)));
    let error = files(Late { broken_from: 0, ..soseki_mini() }).unwrap_err();
    assert!(error.to_string().starts_with("cannot read mini/model.safetensors"), "{error}");

    let error = files(Late::new(vec![0; 7])).unwrap_err();
    assert!(error.to_string().contains("not a safetensors file"), "{error}");

    let late = files(Late { broken_from: 1 << 20, ..soseki_mini() }).unwrap();
    let mut ignore = |_, _| {};
    let load = UnloadedModel::read(late).unwrap().load_arriving(&Device::Cpu, &mut ignore);
    let error = load_error(pollster::block_on(load));
    assert!(error.starts_with("cannot read mini/model.safetensors"), "{error}");

    // Without waiting, bytes that are not there are an error, too.
    let load = UnloadedModel::read(files(soseki_mini()).unwrap()).unwrap().load(&Device::Cpu, &mut |_, _| {});
    assert!(load_error(load).starts_with("the bytes of a source have not arrived yet"));
}

fn load_error(loaded: sukashi::Result<Model>) -> String {
    loaded.map(|_| ()).unwrap_err().to_string()
}
