//! `shorn worker`: one loaded model for a server, over pipes (see `shorn_protocol`).

mod grammars;

use std::io::{self, BufWriter, StdoutLock};
use std::ops::ControlFlow;
use std::sync::mpsc::{self, Receiver, TryRecvError};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use shorn_engine::{Engine, Event, TokenMask};
use shorn_protocol::{FromWorker, Generate, PROTOCOL_VERSION, ToWorker, read_frame, write_frame};

pub use grammars::Grammars;

/// How often progress and memory are told at most.
const TELL_EVERY: Duration = Duration::from_millis(200);

/// Serves requests until the server closes the pipe.
pub fn work() -> Result<()> {
    let mut server = Server { pipe: BufWriter::new(io::stdout().lock()), told_memory: Instant::now() };
    let inbox = listen();
    server.tell(&FromWorker::Hello { version: PROTOCOL_VERSION })?;
    let Ok(Order::Plain(ToWorker::Load(settings))) = inbox.recv() else {
        bail!("the first message must be `load`")
    };

    let mut told = Instant::now();
    let loaded = Engine::load(settings, &mut |done, total| {
        if told.elapsed() >= TELL_EVERY || done == total {
            told = Instant::now();
            // A server that is gone ends this process through the listener.
            let _ = server.tell(&FromWorker::LoadProgress { done, total });
        }
        ControlFlow::Continue(())
    });
    let mut engine = match loaded {
        Ok(engine) => engine,
        Err(error) => return server.tell(&FromWorker::LoadFailed { message: error.to_string() }),
    };
    server.tell(&FromWorker::Loaded(engine.describe()))?;
    loop {
        for message in messages(&inbox, engine.is_idle())? {
            obey(&mut engine, message, &mut server)?;
        }
        for event in engine.step() {
            server.tell(&from_event(event))?;
        }
        server.tell_memory(&engine)?;
    }
}

/// What the engine's thread is to do.
enum Order {
    /// What the server says.
    Plain(ToWorker),
    /// A request that follows a grammar, and what says which tokens do.
    Masked(Generate, Result<Box<dyn TokenMask>, String>),
}

/// Reads messages on a thread of its own, so that a long step does not keep the server from writing. Grammars become
/// masks here, so that one that takes long does not keep the engine from its steps. The process ends with the pipe: a
/// server that is gone leaves no worker behind.
fn listen() -> Receiver<Order> {
    let (sender, inbox) = mpsc::channel();
    thread::spawn(move || {
        let mut pipe = io::stdin().lock();
        let mut grammars = None;
        loop {
            match read_frame(&mut pipe) {
                Ok(Some(message)) => {
                    if sender.send(order(message, &mut grammars)).is_err() {
                        return;
                    }
                }
                Ok(None) => std::process::exit(0),
                Err(error) => {
                    eprintln!("{error}");
                    std::process::exit(1);
                }
            }
        }
    });
    inbox
}

fn order(message: ToWorker, grammars: &mut Option<Grammars>) -> Order {
    match message {
        ToWorker::Load(settings) => {
            *grammars = Some(Grammars::new(settings.directory.clone()));
            Order::Plain(ToWorker::Load(settings))
        }
        ToWorker::Generate(request) => match (&request.grammar, grammars) {
            (Some(grammar), Some(grammars)) => {
                let mask = grammars.mask(grammar);
                Order::Masked(request, mask)
            }
            _ => Order::Plain(ToWorker::Generate(request)),
        },
        message => Order::Plain(message),
    }
}

/// The messages that have come; waits for one when there is nothing else to do.
fn messages(inbox: &Receiver<Order>, wait: bool) -> Result<Vec<Order>> {
    let mut messages = Vec::new();
    if wait {
        messages.push(inbox.recv().context("the listener ended")?);
    }
    loop {
        match inbox.try_recv() {
            Ok(message) => messages.push(message),
            Err(TryRecvError::Empty) => return Ok(messages),
            Err(TryRecvError::Disconnected) => bail!("the listener ended"),
        }
    }
}

fn obey(engine: &mut Engine, order: Order, server: &mut Server) -> Result<()> {
    let message = match order {
        Order::Plain(message) => message,
        Order::Masked(request, mask) => {
            let id = request.id;
            let submitted =
                mask.and_then(|mask| engine.submit_masked(request, mask).map_err(|error| error.to_string()));
            return submitted.or_else(|message| server.tell(&FromWorker::Refused { id, message }));
        }
    };
    match message {
        ToWorker::Load(_) => bail!("a worker loads one model"),
        ToWorker::Generate(request) => {
            let id = request.id;
            if let Err(error) = engine.submit(request) {
                server.tell(&FromWorker::Refused { id, message: error.to_string() })?;
            }
        }
        ToWorker::Abort(abort) => {
            if let Some(event) = engine.abort(abort) {
                server.tell(&from_event(event))?;
            }
        }
        ToWorker::ClearPromptCache => engine.clear_prompt_cache(),
    }
    Ok(())
}

fn from_event(event: Event) -> FromWorker {
    match event {
        Event::Prefill { id, done, total } => FromWorker::Prefill { id, done, total },
        Event::Token { id, token, logprobs } => FromWorker::Token { id, token, logprobs },
        Event::Finished { id, report, error } => FromWorker::Finished { id, report, error },
    }
}

/// The pipe to the server.
struct Server {
    pipe: BufWriter<StdoutLock<'static>>,
    told_memory: Instant,
}

impl Server {
    fn tell(&mut self, message: &FromWorker) -> Result<()> {
        write_frame(&mut self.pipe, message).context("the server does not listen")
    }

    /// Tells memory now and then, and whenever the engine comes to rest.
    fn tell_memory(&mut self, engine: &Engine) -> Result<()> {
        if engine.is_idle() || self.told_memory.elapsed() >= TELL_EVERY {
            self.told_memory = Instant::now();
            self.tell(&FromWorker::Memory(engine.memory()))?;
        }
        Ok(())
    }
}
