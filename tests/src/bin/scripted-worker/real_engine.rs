//! The shipped worker behind the scripted one: it computes the prompts and the replies of the script, so that what is
//! reported of its prompt cache is what really was in it.

use std::io::BufReader;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use shorn_protocol::{
    FromWorker, Generate, LoadSettings, LoadedModel, RequestReport, ToWorker, read_frame, write_frame,
};

/// A `shorn worker` of its own.
pub struct RealEngine {
    /// What it says of the model.
    pub loaded: LoadedModel,
    to: ChildStdin,
    from: BufReader<ChildStdout>,
    /// Its end is that of its standard input.
    _child: Child,
}

impl RealEngine {
    /// Starts the one beside this executable and waits until it has loaded.
    pub fn start(settings: LoadSettings) -> Self {
        let shorn = std::env::current_exe().unwrap().with_file_name("shorn");
        let mut child =
            Command::new(shorn).arg("worker").stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let mut to = child.stdin.take().unwrap();
        let mut from = BufReader::new(child.stdout.take().unwrap());
        write_frame(&mut to, &ToWorker::Load(settings)).unwrap();
        let loaded = loop {
            match read_frame(&mut from).unwrap() {
                Some(FromWorker::Loaded(loaded)) => break loaded,
                Some(FromWorker::LoadFailed { message }) => panic!("the engine did not load: {message}"),
                Some(_) => {}
                None => panic!("the engine ended while it loaded"),
            }
        };
        Self { loaded, to, from, _child: child }
    }

    /// Computes a prompt in place of the request's own, as that request would, and leaves it in the prompt cache.
    pub fn compute(&mut self, request: &Generate, prompt: Vec<u32>) -> RequestReport {
        let request = Generate { prompt, max_tokens: Some(1), ..request.clone() };
        write_frame(&mut self.to, &ToWorker::Generate(request)).unwrap();
        loop {
            match read_frame(&mut self.from).unwrap() {
                Some(FromWorker::Finished { report, error, .. }) => {
                    assert_eq!(error, None);
                    return report;
                }
                Some(FromWorker::Refused { message, .. }) => panic!("the engine refused: {message}"),
                Some(_) => {}
                None => panic!("the engine ended"),
            }
        }
    }

    /// Passes this wish on.
    pub fn clear_prompt_cache(&mut self) {
        write_frame(&mut self.to, &ToWorker::ClearPromptCache).unwrap();
    }
}
