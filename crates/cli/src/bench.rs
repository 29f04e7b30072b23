//! `shorn bench`: prefill, decode and memory of a model on this machine, through the path that requests take.

use std::io;
use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::{Result, bail};
use comfy_table::Table;
use comfy_table::presets::NOTHING;
use serde::Serialize;
use serde_json::Value;
use shorn_checkpoint::Checkpoint;
use shorn_engine::{Engine, Event};
use shorn_protocol::{Generate, LoadSettings, RequestId, RequestReport, Sampling};

use crate::kv_arguments::KvArguments;
use crate::progress::{loading_bar, moving};
use crate::worker::Grammars;

#[derive(clap::Args)]
pub struct Arguments {
    /// The model folder.
    #[arg(value_name = "DIR")]
    directory: PathBuf,
    /// Prompt tokens to prefill.
    #[arg(long, value_name = "N", default_value_t = 512)]
    prompt: u32,
    /// Tokens to generate.
    #[arg(long, value_name = "N", default_value_t = 128)]
    generate: u32,
    /// Tokens in the cache before the prompt; filled with noise, not computed.
    #[arg(long, value_name = "N", default_value_t = 0)]
    depth: u32,
    /// Requests at the same time.
    #[arg(long, value_name = "N", default_value_t = 1)]
    concurrent: u32,
    /// How often to measure; medians are shown.
    #[arg(long, value_name = "N", default_value_t = 3)]
    runs: u32,
    /// A JSON Schema that the replies have to follow; they are drawn at random then, and may end early.
    #[arg(long, value_name = "FILE")]
    schema: Option<PathBuf>,
    /// Print JSON instead of a table.
    #[arg(long)]
    json: bool,
    /// Measure once for each line on standard input and print each run as a line of JSON: for taking turns with another
    /// program.
    #[arg(long, conflicts_with_all = ["runs", "json"])]
    paced: bool,
    #[command(flatten)]
    kv: KvArguments,
}

/// One measurement.
#[derive(Debug, Clone, Serialize)]
struct Run {
    /// Seconds from the start to the first token of the slowest request.
    prefill_seconds: f64,
    prefill_tokens_per_second: f64,
    /// Milliseconds between tokens, each.
    step_milliseconds: Vec<f64>,
    /// Tokens per second over all requests.
    decode_tokens_per_second: f64,
    /// Milliseconds the host takes to build a decode step.
    build_milliseconds: Vec<f64>,
    /// Highest MLX memory during prefill and during decode, in bytes, weights left out.
    prefill_peak_above_weights: u64,
    decode_peak_above_weights: u64,
    /// Memory alive between decode steps, weights left out.
    live_above_weights: u64,
    /// Seconds until a grammar of the schema could be followed.
    grammar_seconds: Option<f64>,
    report: RequestReport,
}

/// Everything that was measured.
#[derive(Debug, Serialize)]
struct Measurement {
    directory: PathBuf,
    backend: String,
    load_seconds: f64,
    weights_bytes: u64,
    prompt: u32,
    generate: u32,
    depth: u32,
    concurrent: u32,
    kv: String,
    runs: Vec<Run>,
}

/// Measures and prints.
pub fn bench(arguments: &Arguments) -> Result<()> {
    if arguments.prompt < 2 || arguments.generate < 2 || arguments.runs == 0 || arguments.concurrent == 0 {
        bail!("--prompt and --generate must be at least 2, --runs and --concurrent at least 1");
    }
    let checkpoint = Checkpoint::open(&arguments.directory)?;
    let needed = arguments.depth + arguments.prompt + arguments.generate;
    let context_length = checkpoint.config.context_length();
    if needed >= context_length {
        bail!("depth, prompt and reply make {needed} tokens, the model's context is {context_length}");
    }
    let bar = loading_bar();
    let mut engine = Engine::load(
        LoadSettings {
            directory: arguments.directory.clone(),
            kv: arguments.kv.setting().unwrap_or_default(),
            context_length,
            max_concurrent: arguments.concurrent,
            prompt_cache_bytes: Some(u64::MAX / 2),
            memory_limit: None,
        },
        &mut moving(&bar),
    )?;
    bar.finish_and_clear();
    let vocab_size = checkpoint.config.vocab_size();
    let mut follow =
        arguments.schema.as_deref().map(|schema| Follow::new(schema, &arguments.directory)).transpose()?;
    // The first run compiles kernels and fills MLX's buffer cache; it is not kept.
    measure(&mut engine, arguments, vocab_size, &mut follow)?;
    if arguments.paced {
        for line in io::stdin().lines() {
            line?;
            println!(
                "{}",
                serde_json::to_string(&measure(&mut engine, arguments, vocab_size, &mut follow)?)?
            );
        }
        return Ok(());
    }
    let runs = (0..arguments.runs)
        .map(|_| measure(&mut engine, arguments, vocab_size, &mut follow))
        .collect::<Result<Vec<Run>>>()?;
    let loaded = engine.describe();
    let measurement = Measurement {
        directory: arguments.directory.clone(),
        backend: loaded.backend,
        load_seconds: loaded.load_seconds,
        weights_bytes: engine.memory().weights,
        prompt: arguments.prompt,
        generate: arguments.generate,
        depth: arguments.depth,
        concurrent: arguments.concurrent,
        kv: arguments.kv.setting().unwrap_or_default().to_string(),
        runs,
    };
    if arguments.json {
        println!("{}", serde_json::to_string_pretty(&measurement)?);
    } else {
        println!("{}", table(&measurement));
    }
    Ok(())
}

/// What replies have to follow.
struct Follow {
    grammar: String,
    grammars: Grammars,
}

impl Follow {
    fn new(schema: &Path, directory: &Path) -> Result<Self> {
        let schema: Value = serde_json::from_slice(&std::fs::read(schema)?)?;
        shorn_grammar::check_schema(&schema)?;
        let grammar = format!("start: {}", shorn_grammar::inline(&schema, false));
        Ok(Self { grammar, grammars: Grammars::new(directory.to_owned()) })
    }
}

fn measure(
    engine: &mut Engine,
    arguments: &Arguments,
    vocab_size: u32,
    follow: &mut Option<Follow>,
) -> Result<Run> {
    engine.clear_prompt_cache();
    let weights = engine.memory().weights;
    let length = (arguments.depth + arguments.prompt) as usize;
    for index in 0..arguments.concurrent {
        let prompt = some_tokens(index, length, vocab_size);
        if arguments.depth > 0 {
            engine.cache_noise(&prompt[..arguments.depth as usize])?;
        }
    }
    let temperature = if follow.is_some() { 1.0 } else { 0.0 };
    let mut watch = Watch::default();
    for index in 0..arguments.concurrent {
        let request = Generate {
            id: RequestId(u64::from(index)),
            prompt: some_tokens(index, length, vocab_size),
            max_tokens: Some(arguments.generate),
            sampling: Sampling { temperature, seed: u64::from(index), ..Sampling::default() },
            kv: None,
            ignore_eos: true,
            grammar: follow.as_ref().map(|follow| follow.grammar.clone()),
        };
        let Some(Follow { grammar, grammars }) = follow else {
            engine.submit(request)?;
            continue;
        };
        let begun = Instant::now();
        let mask = grammars.mask(grammar).map_err(anyhow::Error::msg)?;
        watch.grammar_seconds = Some(begun.elapsed().as_secs_f64());
        engine.submit_masked(request, mask)?;
    }
    let begun = Instant::now();
    while !engine.is_idle() {
        let events = engine.step();
        watch.look(engine, &events, begun, arguments.concurrent);
    }
    watch.conclude(arguments, weights)
}

/// What is noted from step to step.
#[derive(Default)]
struct Watch {
    /// Seconds at which every request had its n-th token.
    steps: Vec<f64>,
    tokens_in_step: u32,
    first_tokens: u32,
    build_milliseconds: Vec<f64>,
    prefill_peak: u64,
    decode_peak: u64,
    live: u64,
    grammar_seconds: Option<f64>,
    report: Option<RequestReport>,
    error: Option<String>,
}

impl Watch {
    fn look(&mut self, engine: &Engine, events: &[Event], begun: Instant, concurrent: u32) {
        let peak = engine.last_peak();
        let decoding = self.first_tokens >= concurrent;
        if decoding {
            self.decode_peak = self.decode_peak.max(peak)
        } else {
            self.prefill_peak = self.prefill_peak.max(peak)
        }
        for event in events {
            match event {
                Event::Prefill { .. } => {}
                Event::Token { .. } => {
                    self.first_tokens += 1;
                    self.tokens_in_step += 1;
                }
                Event::Finished { report, error, .. } => {
                    self.report = Some(report.clone());
                    self.error = self.error.take().or_else(|| error.as_ref().map(ToString::to_string));
                }
            }
        }
        if self.first_tokens >= concurrent && self.tokens_in_step > 0 {
            self.tokens_in_step = 0;
            self.steps.push(begun.elapsed().as_secs_f64());
        }
        if decoding && !engine.is_idle() {
            self.build_milliseconds.push(engine.last_build().as_secs_f64() * 1e3);
            self.live = self.live.max(engine.memory().mlx_active);
        }
    }

    fn conclude(self, arguments: &Arguments, weights: u64) -> Result<Run> {
        if let Some(error) = self.error {
            bail!("{error}");
        }
        let (Some(report), Some(&first), Some(&last)) = (self.report, self.steps.first(), self.steps.last())
        else {
            bail!("no token was generated");
        };
        let decoded = f64::from(arguments.concurrent) * (self.steps.len() - 1) as f64;
        Ok(Run {
            prefill_seconds: first,
            prefill_tokens_per_second: f64::from(arguments.prompt * arguments.concurrent) / first,
            step_milliseconds: self.steps.windows(2).map(|pair| (pair[1] - pair[0]) * 1e3).collect(),
            decode_tokens_per_second: decoded / (last - first),
            build_milliseconds: self.build_milliseconds,
            prefill_peak_above_weights: self.prefill_peak.saturating_sub(weights),
            decode_peak_above_weights: self.decode_peak.saturating_sub(weights),
            live_above_weights: self.live.saturating_sub(weights),
            grammar_seconds: self.grammar_seconds,
            report,
        })
    }
}

/// Repeatable token ids, different for each request.
fn some_tokens(request: u32, length: usize, vocab_size: u32) -> Vec<u32> {
    let mut state = u64::from(request) + 1;
    let mut next = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as u32 % vocab_size
    };
    (0..length).map(|_| next()).collect()
}

fn table(measurement: &Measurement) -> Table {
    let median = |values: Vec<f64>| {
        let mut values = values;
        values.sort_by(f64::total_cmp);
        values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
    };
    let over_runs = |value: &dyn Fn(&Run) -> f64| median(measurement.runs.iter().map(value).collect());
    let steps = |run: &Run| median(run.step_milliseconds.clone());
    let builds = |run: &Run| median(run.build_milliseconds.clone());
    let mut table = Table::new();
    table.load_style(NOTHING);
    table.set_header([
        format!("{} ({})", measurement.directory.display(), measurement.backend),
        "median".to_owned(),
    ]);
    let last = measurement.runs.last();
    let rows = [
        (
            format!("prefill, {} tokens at depth {}", measurement.prompt, measurement.depth),
            format!("{:.1} tok/s", over_runs(&|run| run.prefill_tokens_per_second)),
        ),
        ("first token".to_owned(), format!("{:.3} s", over_runs(&|run| run.prefill_seconds))),
        (
            format!("decode, {} at a time", measurement.concurrent),
            format!("{:.2} tok/s", over_runs(&|run| run.decode_tokens_per_second)),
        ),
        ("one step".to_owned(), format!("{:.3} ms", over_runs(&steps))),
        ("of which building it".to_owned(), format!("{:.3} ms", over_runs(&builds))),
        ("weights".to_owned(), format!("{:.1} MB", measurement.weights_bytes as f64 / 1e6)),
        (
            "peak above weights, prefill".to_owned(),
            format!("{:.1} MB", over_runs(&|run| run.prefill_peak_above_weights as f64 / 1e6)),
        ),
        (
            "peak above weights, decode".to_owned(),
            format!("{:.1} MB", over_runs(&|run| run.decode_peak_above_weights as f64 / 1e6)),
        ),
        ("KV cache".to_owned(), last.map_or(String::new(), |run| run.report.kv.to_string())),
        ("loading".to_owned(), format!("{:.2} s", measurement.load_seconds)),
    ];
    let grammar = last.and_then(|run| run.report.grammar);
    let grammar = grammar.map(|cost| {
        let [mean, slowest] = [cost.mean_seconds(), cost.slowest_seconds].map(|seconds| seconds * 1e6);
        ("following the schema".to_owned(), format!("{mean:.0} µs a token, slowest {slowest:.0} µs"))
    });
    for (what, figure) in rows.into_iter().chain(grammar) {
        table.add_row([what, figure]);
    }
    table
}
