//! `shorn run`: one prompt, answered in the terminal.

use std::io::{self, Write};
use std::path::PathBuf;

use anyhow::{Result, bail};
use shorn_chat::conversation::{Conversation, Message, Role};
use shorn_chat::model::ChatModel;
use shorn_chat::output::{Delta, End, Finished};
use shorn_checkpoint::{Checkpoint, model_name};
use shorn_engine::{Engine, Event};
use shorn_protocol::{FinishReason, Generate, RequestId, RequestReport};
use shorn_runtime::{LoadOptions, RequestedSampling, SavedSettings, data_directory, in_bytes};

use crate::kv_arguments::KvArguments;
use crate::progress::{loading_bar, moving};

#[derive(clap::Args)]
pub struct Arguments {
    /// The model folder.
    #[arg(value_name = "DIR")]
    directory: PathBuf,
    /// What to ask.
    prompt: String,
    /// Instructions for the model.
    #[arg(long, value_name = "TEXT")]
    system: Option<String>,
    /// Tokens to generate at most; the rest of the context when not given.
    #[arg(long, value_name = "N")]
    max_tokens: Option<u32>,
    /// Softmax temperature; 0 always takes the most likely token.
    #[arg(long, value_name = "T")]
    temperature: Option<f32>,
    /// Makes the answer repeatable.
    #[arg(long, value_name = "N")]
    seed: Option<u64>,
    #[command(flatten)]
    kv: KvArguments,
}

/// Answers, then prints what it cost.
pub fn run(arguments: Arguments) -> Result<()> {
    let chat = ChatModel::from_folder(&arguments.directory)?;
    let bar = loading_bar();
    let checkpoint = Checkpoint::open(&arguments.directory)?;
    let name = model_name(&arguments.directory);
    let saved = SavedSettings::read(&data_directory()?, &name)?;
    let options = LoadOptions {
        kv: arguments.kv.setting(),
        max_concurrent: Some(1),
        prompt_cache_bytes: Some(0),
        ..LoadOptions::default()
    };
    let spec = options.or(&saved.load).resolve(name, &arguments.directory, &checkpoint.config)?;
    let mut engine = Engine::load(spec.settings, &mut moving(&bar))?;
    bar.finish_and_clear();
    engine.describe().notes.iter().for_each(|note| eprintln!("{note}"));

    let messages = arguments.system.map(|system| Message::text(Role::System, system)).into_iter();
    let messages = messages.chain([Message::text(Role::User, arguments.prompt)]).collect();
    let conversation = Conversation { messages, ..Conversation::default() };
    let prompt = chat.prompt(&conversation)?;
    let sampling = RequestedSampling {
        temperature: arguments.temperature,
        seed: arguments.seed,
        max_tokens: arguments.max_tokens,
        ..RequestedSampling::default()
    };
    let resolved = sampling.resolve(&saved, &checkpoint.generation, Vec::new(), None);
    let mut output = chat.output(&prompt, None);
    engine.submit(Generate {
        id: RequestId(0),
        prompt: prompt.tokens,
        max_tokens: resolved.max_tokens,
        sampling: resolved.sampling,
        kv: None,
        ignore_eos: false,
        grammar: None,
    })?;
    let report = loop {
        let mut ended = None;
        for event in engine.step() {
            match event {
                Event::Prefill { .. } => {}
                Event::Token { token, .. } => show(output.push(token).unwrap_or_default())?,
                Event::Finished { error: Some(error), .. } => bail!("{error}"),
                Event::Finished { report, error: None, .. } => ended = Some(report),
            }
        }
        if let Some(report) = ended {
            break report;
        }
    };
    let natural = report.finish == FinishReason::Stop;
    let Finished { deltas, unfinished_call } =
        output.finish(if natural { End::Natural } else { End::CutOff });
    show(deltas)?;
    println!("{}", unfinished_call.unwrap_or_default());
    print_report(&report);
    Ok(())
}

fn show(deltas: Vec<Delta>) -> Result<()> {
    let mut terminal = io::stdout().lock();
    for delta in deltas {
        match delta {
            Delta::Content(text) | Delta::Reasoning(text) => terminal.write_all(text.as_bytes())?,
            Delta::ToolCallStart { name, .. } => write!(terminal, "\n[{name} ")?,
            Delta::ToolCallArguments { json, .. } => terminal.write_all(json.as_bytes())?,
            Delta::ToolCallEnd { .. } => terminal.write_all(b"]\n")?,
        }
    }
    Ok(terminal.flush()?)
}

fn print_report(report: &RequestReport) {
    let rate = |rate: Option<f64>| rate.map_or("-".to_owned(), |rate| format!("{rate:.1} tok/s"));
    eprintln!(
        "\n{} tokens in, {} out; first token after {:.2} s; prefill {}, decode {}; peak {}; KV {}",
        report.prompt_tokens,
        report.generated_tokens,
        report.time_to_first_token().unwrap_or(0.0),
        rate(report.prefill_tokens_per_second()),
        rate(report.decode_tokens_per_second()),
        in_bytes(report.peak_memory),
        report.kv
    );
}
