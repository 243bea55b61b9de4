//! A server in the process of the tests.

use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::thread::JoinHandle;
use std::time::Duration;

use serde_json::{Value, json};
use sukashi::serve::{Config, EngineSettings, Guard, serve};
use sukashi::text::DateTime;
use sukashi::{Device, Model, Result};
use tokio::sync::oneshot;

use crate::client::{Answer, Reading, send};

/// A server, which stops when it is dropped.
pub struct Server {
    pub address: SocketAddr,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<Result<()>>>,
}

pub fn config() -> Config {
    Config {
        engine: EngineSettings { max_texts: 4, max_seq_len: 128, kv_bytes: 1 << 30, max_queue: 64 },
        model_id: None,
        timeout: Duration::from_secs(600),
        grace: Duration::from_secs(60),
        guard: Guard::new(&[], &[], &[]),
        origins: Vec::new(),
        now: || DateTime::constant(2026, 11, 30, 12, 0, 0, 0),
    }
}

impl Server {
    /// Serves soseki-mini on the CPU, and waits until it is loaded.
    pub fn new(config: Config) -> Self {
        Self::of(config, || Model::embedded(&Device::Cpu))
    }

    /// Serves another model.
    pub fn of(config: Config, load: impl FnOnce() -> Result<Model> + Send + 'static) -> Self {
        let server = Self::loading(config, load);
        while server.get("/health").status != 200 {
            std::thread::sleep(Duration::from_millis(20));
        }
        server
    }

    /// Serves a model that may not be loaded yet.
    pub fn loading(config: Config, load: impl FnOnce() -> Result<Model> + Send + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let (stop, stopped) = oneshot::channel();
        let run = move || {
            let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
            runtime.unwrap().block_on(serve(listener, config, load, async {
                // A server that is dropped stops, too.
                let _ = stopped.await;
            }))
        };
        Self { address, stop: Some(stop), thread: Some(std::thread::spawn(run)) }
    }

    pub fn get(&self, path: &str) -> Answer {
        send(self.address, "GET", path, &[], b"").finish()
    }

    pub fn post(&self, path: &str, body: &Value) -> Answer {
        self.begin(path, body).finish()
    }

    /// Sends a request and reads the head of the answer.
    pub fn begin(&self, path: &str, body: &Value) -> Reading {
        send(self.address, "POST", path, &[], body.to_string().as_bytes())
    }

    /// Completes a text.
    pub fn complete(&self, body: &Value) -> Value {
        self.post("/v1/completions", body).ok()
    }

    /// A number of `/metrics`.
    pub fn metric(&self, name: &str) -> f64 {
        let text = self.get("/metrics").text().to_owned();
        let line = text.lines().find_map(|line| line.strip_prefix(&format!("sukashi_{name} ")));
        line.unwrap_or_else(|| panic!("no {name} in {text}")).parse().unwrap()
    }

    /// Waits until a number of `/metrics` is `value`.
    pub fn wait_for(&self, name: &str, value: f64) {
        while self.metric(name) != value {
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Tells the server to stop.
    pub fn stop(&mut self) {
        if let Some(stop) = self.stop.take() {
            let _ = stop.send(());
        }
    }

    /// Waits until the server has stopped.
    pub fn join(&mut self) -> Result<()> {
        self.thread.take().unwrap().join().unwrap()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop();
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
            && !std::thread::panicking()
        {
            panic!("the server panicked");
        }
    }
}

/// A request that gives the same text each time.
pub fn request(prompt: &str, max_tokens: usize) -> Value {
    json!({"prompt": prompt, "max_tokens": max_tokens, "seed": 7})
}

/// Makes a chat model from soseki-mini. A turn is its text and a full stop.
pub fn chat_model() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let assets = Path::new(env!("CARGO_MANIFEST_DIR")).join("assets/soseki-mini");
    for name in ["model.safetensors", "config.json", "tokenizer.json"] {
        std::fs::copy(assets.join(name), folder.path().join(name)).unwrap();
    }
    let template = "{% for m in messages %}{% if m.role == 'poet' %}{{ raise_exception('詩人は困る') }}{% endif %}\
        {{ '「' if m.role == 'user' else '『' }}{{ m.content }}。{% endfor %}{% if short %}で{% endif %}";
    let config = json!({"chat_template": template});
    std::fs::write(folder.path().join("tokenizer_config.json"), config.to_string()).unwrap();
    folder
}

/// Serves the chat model in `folder`.
pub fn chat_server(folder: &tempfile::TempDir) -> Server {
    let path = folder.path().to_owned();
    Server::of(config(), move || Model::load(&Device::Cpu, &path))
}
