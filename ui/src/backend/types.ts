// Generated from the Rust types by `cargo xtask types`; `npm test` fails when it is behind them.
// Sizes are bytes, times are seconds unless a name says otherwise, `null` means "not known" or "not chosen".

/**
 * What connecting did to an agent's file.
 */
export type Added = { "kind": "created" } | { "kind": "added", 
/**
 * The file as it was before.
 */
backup: string, } | { "kind": "updated" } | { "kind": "unchanged" };

/**
 * One change that makes a model fit.
 */
export type Advice = { 
/**
 * The change and what it leads to, in words.
 */
words: string, 
/**
 * The KV cache to choose, where that is part of the change.
 */
kv: KvCache | null, 
/**
 * The context length to choose, in tokens, where that is part of the change.
 */
context_length: number | null, };

/**
 * A coding agent that can be connected.
 */
export type Agent = "pi" | "codex" | "claude" | "opencode";

/**
 * What an agent needs for the model that is served now.
 */
export type AgentConfig = { 
/**
 * Whole files with it, to copy.
 */
files: Array<ConfigText>, 
/**
 * What starts the agent with it, in a terminal.
 */
command: string, };

/**
 * How an agent stands to us.
 */
export type AgentConnection = { 
/**
 * The agent.
 */
agent: Agent, 
/**
 * Its name for people.
 */
name: string, 
/**
 * The file that makes it know of us, which need not exist.
 */
path: string | null, 
/**
 * Whether it does.
 */
status: AgentStatus, };

/**
 * Whether an agent knows of us.
 */
export type AgentStatus = { "kind": "not_installed" } | { "kind": "not_connected" } | { "kind": "connected", 
/**
 * The model that it names.
 */
model: string | null, 
/**
 * `false` when the server or the model has changed since.
 */
current: boolean, } | { "kind": "unusable", 
/**
 * Why.
 */
error: BackendError, };

/**
 * What a person chose for the app.
 */
export type AppSettings = { 
/**
 * Where the server listens.
 */
port: number, 
/**
 * What clients must send; no key where `None`.
 */
api_key: string | null, 
/**
 * Listen on the network and not only on this machine.
 */
network: boolean, 
/**
 * Start the server with the app.
 */
start_server: boolean, 
/**
 * Load the model that was loaded last when the app starts.
 */
load_at_start: boolean, 
/**
 * Start the app, hidden, when the person logs in.
 */
launch_at_login: boolean, 
/**
 * Show what the model takes beside the icon.
 */
memory_in_menu_bar: boolean, 
/**
 * Keep the machine awake while a request or a load runs.
 */
keep_awake: boolean, 
/**
 * Bytes that a model may take; what the GPU recommends where `None`.
 */
memory_limit: number | null, 
/**
 * How much is left to other programs.
 */
guard: GuardLevel, 
/**
 * Where models are looked for.
 */
folders: ModelFolders, 
/**
 * How much is written to the log.
 */
log_level: LogLevel, 
/**
 * Whether the first steps were taken or skipped.
 */
first_start_done: boolean, 
/**
 * Models that were loaded, the last one first.
 */
recent: Array<RecentModel>, };

/**
 * Everything there is to show at one moment; each one replaces the last.
 */
export type AppSnapshot = { 
/**
 * Milliseconds since 1970.
 */
taken: number, 
/**
 * What is loaded, the machine's memory, and the last requests.
 */
runtime: Snapshot, 
/**
 * Whether the server answers.
 */
server: ServerState, 
/**
 * What a model may take on this machine now; `None` where the system does not tell.
 */
limit: MemoryLimit | null, 
/**
 * Downloads, in the order of the queue; those that ended stay until they are dismissed.
 */
downloads: Array<Download>, 
/**
 * The eval that runs, or the last one that ran.
 */
eval: EvalProgress | null, 
/**
 * Whether the machine is kept awake because something runs; `None` on a system without such a thing.
 */
keeps_awake: boolean | null, 
/**
 * Whether there is an icon in the menu bar.
 */
tray: boolean, 
/**
 * What went wrong that nobody was there to be told, such as the load at start.
 */
problem: BackendError | null, };

/**
 * A failure. The window decides by `code`; `message` is for people, and names what to do.
 */
export type BackendError = { 
/**
 * What happened and what to do.
 */
message: string, 
/**
 * The setting or option at fault, by its name.
 */
field?: string, } & ({ "code": "bad_option" } | { "code": "bad_setting" } | { "code": "does_not_fit" } | { "code": "load_failed" } | { "code": "load_cancelled" } | { "code": "model_not_found" } | { "code": "model_in_use" } | { "code": "hub" } | { "code": "not_on_hub" } | { "code": "needs_key" } | { "code": "port_taken", 
/**
 * The port.
 */
port: number, 
/**
 * The program, in words.
 */
holder: string, 
/**
 * A port that is free.
 */
free_port: number, } | { "code": "server_failed" } | { "code": "unavailable" } | { "code": "agent_file_unusable" } | { "code": "file" } | { "code": "internal" });

/**
 * Where a memory limit comes from.
 */
export type BindingLimit = "gpu_limit" | "total_minus_reserve" | "available_now" | "chosen";

/**
 * The first difference to the session's last request.
 */
export type CacheMiss = { 
/**
 * Why it is there.
 */
cause: MissCause, 
/**
 * Where it is, counted as the chat template is given messages and tools: `messages[3].content`. `None` where it is
 * not in the conversation.
 */
field: string | null, 
/**
 * The text around the difference as it was; short.
 */
before: string | null, 
/**
 * The text around it as it is now; short.
 */
now: string | null, 
/**
 * Known tokens that were computed once more, or are gone.
 */
lost_tokens: number, 
/**
 * What happened, and what can be done. Holds no text of the conversation.
 */
explanation: string, };

/**
 * How a request's prompt compares with the last one of its session.
 */
export type CacheReuse = { 
/**
 * What the session was recognised by.
 */
recognised_by: SessionMark, 
/**
 * Tokens of the session's last prompt and reply: what could have been reused had nothing changed.
 */
known_tokens: number, 
/**
 * Tokens of the longest beginning that means the same as in the session's last request.
 */
unchanged_tokens: number, 
/**
 * Tokens that were taken from the cache.
 */
cached_tokens: number, 
/**
 * Why fewer tokens were taken than are known; `None` when nothing worth mentioning was lost.
 */
miss: CacheMiss | null, };

/**
 * A piece of a reply.
 */
export type ChatEvent = { "type": "reasoning", 
/**
 * The text.
 */
text: string, } | { "type": "content", 
/**
 * The text.
 */
text: string, } | { "type": "tool_call_start", 
/**
 * Which of its calls.
 */
index: number, 
/**
 * The tool.
 */
name: string, } | { "type": "tool_call_arguments", 
/**
 * Which of its calls.
 */
index: number, 
/**
 * JSON, perhaps not ended yet.
 */
json: string, } | { "type": "finished", 
/**
 * What it cost.
 */
request: CompletedRequest, };

/**
 * A message of the conversation.
 */
export type ChatMessage = { 
/**
 * Who says it.
 */
role: ChatRole, 
/**
 * The text.
 */
content: string, };

/**
 * Who says something.
 */
export type ChatRole = "user" | "assistant";

/**
 * A request that ended, however it ended.
 */
export type CompletedRequest = { 
/**
 * Its id in the API.
 */
id: string, 
/**
 * The model's name.
 */
model: string, 
/**
 * The path that was called.
 */
endpoint: string, 
/**
 * The client's User-Agent.
 */
client: string | null, 
/**
 * Milliseconds since 1970 when it arrived.
 */
arrived: number, 
/**
 * Seconds from arrival to the first token, templates and waiting included.
 */
time_to_first_token: number | null, 
/**
 * What the engine says; `None` when it never got there or died with the request.
 */
report: RequestReport | null, 
/**
 * The KV cache that was used, in words.
 */
kv: string | null, 
/**
 * How much of the prompt the cache held, against the session's last request; `None` for the first of a session.
 */
cache: CacheReuse | null, 
/**
 * Prompt tokens computed per second.
 */
prefill_tokens_per_second: number | null, 
/**
 * Tokens per second after the first.
 */
decode_tokens_per_second: number | null, 
/**
 * The sampling values that were used.
 */
sampling: Sampling, 
/**
 * Where each of them came from.
 */
sampling_origins: { [key in string]: SamplingOrigin }, 
/**
 * How it ended, in the API's words.
 */
finish: string, 
/**
 * What failed, when that is why.
 */
error: string | null, };

/**
 * A whole file, to copy.
 */
export type ConfigText = { 
/**
 * Where it belongs.
 */
path: string, 
/**
 * What is in it.
 */
text: string, };

/**
 * What keeps agent and tests to the task's copy and the model's port.
 */
export type Confinement = "bubblewrap" | "seatbelt" | "none";

/**
 * How fast one request may decode: a range, estimated and not measured.
 */
export type DecodeSpeedEstimate = { 
/**
 * Bytes that one token reads: active weights and cache. Of a sliding layer that is its window, of a recurrent one
 * its state.
 */
bytes_per_token: number, 
/**
 * The slow end, in tokens per second.
 */
slowest: number, 
/**
 * The fast end, in tokens per second.
 */
fastest: number, };

/**
 * A download, in the queue or done.
 */
export type Download = { 
/**
 * The model.
 */
name: RepositoryName, 
/**
 * The commit that is downloaded; `None` until the Hub was asked.
 */
commit: string | null, 
/**
 * Where it stands.
 */
state: DownloadState, 
/**
 * Its files, largest first; empty until the Hub was asked.
 */
files: Array<DownloadFile>, 
/**
 * Bytes in all; `None` until the Hub was asked.
 */
bytes: number | null, 
/**
 * Bytes on this disk.
 */
done: number, 
/**
 * Bytes per second over the last seconds; `None` while nothing arrives.
 */
bytes_per_second: number | null, 
/**
 * Seconds left at that speed.
 */
seconds_left: number | null, 
/**
 * Why nothing arrives at the moment although it is under way, and what is done about it.
 */
retrying: Retrying | null, };

/**
 * One file of a download.
 */
export type DownloadFile = { 
/**
 * Its path in the repository.
 */
path: string, 
/**
 * Its size in bytes.
 */
bytes: number, 
/**
 * Bytes on this disk.
 */
done: number, 
/**
 * Whether it is whole and its hash is right.
 */
verified: boolean, };

/**
 * Why a download ended.
 */
export type DownloadProblem = { 
/**
 * What kind it is.
 */
code: ProblemCode, 
/**
 * What happened and what to do.
 */
message: string, 
/**
 * A page where it can be put right, such as the one where a licence is accepted.
 */
link: string | null, };

/**
 * Where a download stands.
 */
export type DownloadState = { "state": "queued" } | { "state": "preparing" } | { "state": "downloading" } | { "state": "paused" } | { "state": "ready", 
/**
 * Its folder: the snapshot in the Hugging Face cache.
 */
directory: string, } | { "state": "failed", 
/**
 * The problem.
 */
problem: DownloadProblem, };

/**
 * A KV cache as its arrays say it is.
 */
export type EffectiveKv = { 
/**
 * What was asked for.
 */
requested: KvCache, 
/**
 * Tokens in the cache.
 */
tokens: number, 
/**
 * How those are kept.
 */
kind: EffectiveKvKind, 
/**
 * Bytes of the tokens in the cache, over all layers, from shapes and dtypes.
 */
bytes_in_use: number, 
/**
 * Bytes of the buffers, room to grow included.
 */
bytes_allocated: number, 
/**
 * Share of `bytes_in_use` that is quantized, from 0 to 1.
 */
quantized_share: number, };

/**
 * How the keys and values of a cache are kept.
 */
export type EffectiveKvKind = "empty" | { "dense": { 
/**
 * Width of an element.
 */
bits: number, } } | { "quantized": { 
/**
 * Width of a key.
 */
key_bits: number, 
/**
 * Width of a value.
 */
value_bits: number, 
/**
 * Elements that share a scale.
 */
group_size: number, } };

/**
 * What a load would take.
 */
export type Estimate = { 
/**
 * The model's name.
 */
model: string, 
/**
 * The settings, with nothing left open.
 */
settings: LoadSettings, 
/**
 * What they take, against what this machine has.
 */
fit: Fit, 
/**
 * What other widths of the KV cache would take, with the same group size and start.
 */
kv_choices: Array<KvChoice>, };

/**
 * The agent that works on the tasks.
 */
export type EvalAgent = "built_in" | "pi" | "other";

/**
 * The task that is being worked on.
 */
export type EvalCurrentTask = { 
/**
 * Its name.
 */
task: string, 
/**
 * The KV cache.
 */
kv: KvCache, 
/**
 * Milliseconds since 1970 when it began.
 */
started: number, 
/**
 * Replies of the model so far.
 */
turns: number, };

/**
 * How a run ended.
 */
export type EvalEnd = { "kind": "completed" } | { "kind": "cancelled" } | { "kind": "failed", 
/**
 * Why, and what to do.
 */
why: string, };

/**
 * Why a task failed.
 */
export type EvalFailure = "tests" | "tampered" | "time_limit" | "turn_limit" | "agent";

/**
 * Whether a task was done.
 */
export type EvalOutcome = { "kind": "passed" } | { "kind": "failed", 
/**
 * In one word.
 */
reason: EvalFailure, 
/**
 * What there is to say: the end of the tests' output, the file, the error.
 */
detail: string, };

/**
 * How an eval stands, for who watches it.
 */
export type EvalProgress = { 
/**
 * The run as far as it has come.
 */
run: EvalRun, 
/**
 * What is being worked on; `None` before the first task and after the last.
 */
current: EvalCurrentTask | null, };

/**
 * An eval as the page asks for it.
 */
export type EvalRequest = { 
/**
 * Who works.
 */
agent: EvalAgent, 
/**
 * The tasks, by name; all of them when empty.
 */
tasks: Array<string>, 
/**
 * The KV caches, one after the other; the one that the model was loaded with when empty. A `start` of 0 lets short
 * tasks say something about long ones.
 */
kv: Array<KvCache>, };

/**
 * One run over the tasks, for one or several KV caches. While it runs, as far as it has come.
 */
export type EvalRun = { 
/**
 * Tells runs apart, and sorts by time.
 */
id: string, 
/**
 * Milliseconds since 1970 when it began.
 */
started: number, 
/**
 * Seconds that it took.
 */
seconds: number, 
/**
 * The model's name.
 */
model: string, 
/**
 * Who worked.
 */
agent: EvalAgent, 
/**
 * What confined it.
 */
confinement: Confinement, 
/**
 * The sampling temperature; the model's own when `None`.
 */
temperature: number | null, 
/**
 * The tasks of the run, in their order.
 */
tasks: Array<EvalTask>, 
/**
 * What came of it, for each KV cache in turn.
 */
settings: Array<EvalSetting>, 
/**
 * How it ended; `None` while it runs.
 */
end: EvalEnd | null, };

/**
 * What came of the tasks with one KV cache.
 */
export type EvalSetting = { 
/**
 * The KV cache that was asked for.
 */
kv: KvCache, 
/**
 * The tasks that were tried so far, in their order.
 */
tasks: Array<EvalTaskResult>, };

/**
 * Whether evals can run here, and what they would be.
 */
export type EvalSetup = { 
/**
 * The tasks that are part of Shorn.
 */
tasks: Array<EvalTask>, 
/**
 * The agents that are there.
 */
agents: Array<EvalAgent>, 
/**
 * What is missing, and what to do about it; nothing where an eval can run.
 */
missing: Array<string>, };

/**
 * A task, by name and for people.
 */
export type EvalTask = { 
/**
 * The name of its folder.
 */
name: string, 
/**
 * In a few words.
 */
title: string, 
/**
 * What it tells about a model.
 */
checks: string, };

/**
 * What came of one task.
 */
export type EvalTaskResult = { 
/**
 * The name of the task.
 */
task: string, 
/**
 * Whether it was done.
 */
outcome: EvalOutcome, 
/**
 * Seconds that the agent took.
 */
seconds: number, 
/**
 * Tool calls that could be read and then failed: a path that is not there, an edit that does not fit.
 */
failed_calls: number, 
/**
 * Files that were added, changed or deleted beyond those that the task needs.
 */
extra_files: Array<string>, 
/**
 * Replies of the model.
 */
turns: number, 
/**
 * Prompt tokens, over all turns.
 */
prompt_tokens: number, 
/**
 * Of these, tokens that were in the prompt cache.
 */
cached_tokens: number, 
/**
 * Tokens that the model wrote, over all turns.
 */
generated_tokens: number, 
/**
 * Generated tokens per second over all turns, each turn's first token left out; `None` when there was nothing to
 * measure.
 */
decode_tokens_per_second: number | null, 
/**
 * Highest MLX memory during any turn, in bytes; everything that was loaded counts.
 */
peak_memory: number, 
/**
 * Most tokens in the KV cache.
 */
context_tokens: number, 
/**
 * Bytes that those took.
 */
kv_bytes: number, 
/**
 * Replies with something that was meant as a tool call and could not be read as one.
 */
unparsed_calls: number, };

/**
 * Why a reply ended.
 */
export type FinishReason = "stop" | "length" | "cancelled" | "error";

/**
 * Whether a model fits. All sizes in bytes.
 */
export type Fit = { 
/**
 * The weights.
 */
weights: number, 
/**
 * What one token takes in an unquantized KV cache. Layers that do not keep every token are in `kv_fixed` instead.
 */
kv_dense_bytes_per_token: number, 
/**
 * What one token takes once the KV cache is quantized; the same as unquantized where it never is.
 */
kv_quantized_bytes_per_token: number, 
/**
 * Of both, what is in layers that cannot be quantized.
 */
kv_unquantized_bytes_per_token: number, 
/**
 * The KV caches of all counted contexts at their largest, with the room that the engine allocates ahead. Before
 * quantization begins a cache is unquantized, and a short quantized context can be smaller than that.
 */
kv: number, 
/**
 * Of `kv`, what does not grow with the context and is never quantized: the windows of sliding layers once they are
 * full, and the states of recurrent ones.
 */
kv_fixed: number, 
/**
 * The layers that are there twice while one cache grows or is quantized.
 */
kv_rebuild: number, 
/**
 * Activations of one prefill step behind a nearly full context.
 */
prefill_workspace: number, 
/**
 * Freed buffers that MLX keeps for re-use.
 */
buffer_cache: number, 
/**
 * All together: weights, KV caches, MLX's buffers, and the larger of the workspace and the rebuild, which never
 * happen at the same time. Caches kept for later requests are not counted: they are dropped when memory is needed.
 */
total: number, 
/**
 * What may be taken.
 */
limit: number, 
/**
 * Where the limit comes from.
 */
binding: BindingLimit, 
/**
 * Whether the total is within the limit.
 */
verdict: Verdict, 
/**
 * What would make it fit, each computed; empty when it fits.
 */
advice: Array<Advice>, };

/**
 * What it cost to know which tokens may come next.
 */
export type GrammarCost = { 
/**
 * Tokens that were chosen so.
 */
tokens: number, 
/**
 * Seconds in all.
 */
seconds: number, 
/**
 * Seconds for the slowest one.
 */
slowest_seconds: number, };

/**
 * How much of the machine a model must leave to the system and other programs.
 */
export type GuardLevel = "off" | "relaxed" | "balanced" | "strict";

/**
 * Whether a model on the Hub would fit, with the settings that keep the longest context: an unquantized KV cache if
 * that is possible, else the widest that is.
 */
export type HubFit = { 
/**
 * Whether it fits with these settings.
 */
verdict: Verdict, 
/**
 * The KV cache.
 */
kv: KvCache, 
/**
 * The same in words.
 */
kv_summary: string, 
/**
 * The context length in tokens.
 */
context_length: number, 
/**
 * Bytes of weights, KV cache and workspace.
 */
total: number, 
/**
 * What a model may take.
 */
limit: number, 
/**
 * Where the limit comes from.
 */
binding: BindingLimit, 
/**
 * How fast it would decode, by the memory's bandwidth: an estimate. `None` where that is not known.
 */
speed: DecodeSpeedEstimate | null, };

/**
 * A model on the Hub, and what it would be on this machine.
 */
export type HubModel = { 
/**
 * Whether it fits this machine; `None` where its files do not tell.
 */
fit: HubFit | null, 
/**
 * Its folder, where it is on this disk and whole.
 */
directory: string | null, 
/**
 * Its name.
 */
name: RepositoryName, 
/**
 * Downloads in the last thirty days.
 */
downloads: number, 
/**
 * When it was last changed, as the Hub says it (ISO 8601).
 */
updated: string | null, 
/**
 * Whether its licence has to be accepted on the Hub first.
 */
gated: boolean, 
/**
 * The family: `model_type` of its configuration.
 */
family: string | null, 
/**
 * How many parameters it has.
 */
parameters: number | null, 
/**
 * Bits of a quantized weight.
 */
bits: number | null, 
/**
 * Weights that share one scale.
 */
group_size: number | null, 
/**
 * Bytes to download: the files that are needed and no others.
 */
download_bytes: number | null, 
/**
 * Longest context that it was made for, in tokens.
 */
context_length: number | null, 
/**
 * Whether it can be loaded here.
 */
support: Support, };

/**
 * A page of models on the Hub.
 */
export type HubPage = { 
/**
 * The models, in order.
 */
models: Array<HubModel>, 
/**
 * What to ask for the next page with; `None` on the last.
 */
next: string | null, };

/**
 * Width of a quantized key or value.
 */
export type KvBits = 2 | 3 | 4 | 6 | 8;

/**
 * How a KV cache is kept.
 */
export type KvCache = "dense" | { "quantized": KvQuantization };

/**
 * One KV-cache setting of the load dialog on a model.
 */
export type KvChoice = { 
/**
 * The setting.
 */
kv: KvCache, 
/**
 * Bytes that one token takes once the cache is quantized; `None` when the model cannot take the setting.
 */
bytes_per_token: number | null, 
/**
 * Bytes of a full context, as in [`Fit::kv`](super::Fit::kv); `None` when the model cannot take the setting.
 */
bytes: number | null, 
/**
 * Why the model cannot take the setting, and what would do.
 */
refused: string | null, };

/**
 * How many neighbouring elements share one scale and one bias.
 */
export type KvGroupSize = 32 | 64 | 128;

/**
 * Affine quantization of keys and values along the head dimension.
 */
export type KvQuantization = { 
/**
 * Width of keys.
 */
key_bits: KvBits, 
/**
 * Width of values.
 */
value_bits: KvBits, 
/**
 * Elements that share a scale.
 */
group_size: KvGroupSize, 
/**
 * Tokens in the cache from which it is quantized.
 */
start: number, };

/**
 * The newest result for a model with one KV cache.
 */
export type LastEval = { 
/**
 * The run that it is of.
 */
run: string, 
/**
 * Milliseconds since 1970 when that began.
 */
started: number, 
/**
 * Who worked.
 */
agent: EvalAgent, 
/**
 * The KV cache of the run.
 */
kv: KvCache, 
/**
 * Tasks that passed.
 */
passed: number, 
/**
 * Tasks that were tried.
 */
total: number, };

/**
 * What a scan found.
 */
export type Library = { 
/**
 * All models, by name.
 */
models: Array<LibraryModel>, 
/**
 * Folders that are there and cannot be listed, so that models in them are missing above.
 */
unreadable: Array<UnreadableFolder>, };

/**
 * A model folder on this disk.
 */
export type LibraryModel = { 
/**
 * `org/name`, or `name` where there is no organisation.
 */
name: string, 
/**
 * The folder with its files; in the Hugging Face cache the snapshot.
 */
directory: string, 
/**
 * Whose folder it lies in.
 */
origin: LibraryOrigin, 
/**
 * Bytes that its files take on disk. Links into the model folders are followed and each file behind them counts
 * once; parts of an unfinished download count too.
 */
bytes: number, 
/**
 * Whether it can be loaded.
 */
state: LibraryState, };

/**
 * Whose folder a model lies in.
 */
export type LibraryOrigin = "own" | "hugging_face" | "lm_studio" | "embedded";

/**
 * Whether a model can be loaded.
 */
export type LibraryState = { "kind": "ready", 
/**
 * What it is.
 */
summary: ModelSummary, } | { "kind": "incomplete", 
/**
 * What is missing, in words.
 */
missing: string, } | { "kind": "unsupported", 
/**
 * What is in the way and what to do, in words.
 */
why: string, };

/**
 * What can be chosen when a model is loaded; `None` where nothing was.
 */
export type LoadOptions = { 
/**
 * Longest context in tokens; the model's own where nobody chose.
 */
context_length: number | null, 
/**
 * The KV cache; unquantized where nobody chose.
 */
kv: KvCache | null, 
/**
 * Requests that run at the same time; more wait.
 */
max_concurrent: number | null, 
/**
 * Bytes of KV caches kept for later requests; a quarter of what the weights leave where nobody chose.
 */
prompt_cache_bytes: number | null, 
/**
 * Bytes that the model may take in all; what the device recommends where nobody chose.
 */
memory_limit: number | null, 
/**
 * Seconds without a request after which the model is unloaded; never for 0 and where nobody chose.
 */
idle_seconds: number | null, };

/**
 * A load as the dialog asks for it.
 */
export type LoadRequest = { 
/**
 * A folder of the library.
 */
model: string, 
/**
 * Used, and remembered for the model.
 */
settings: SavedSettings, 
/**
 * Load although the estimate says that it does not fit.
 */
anyway: boolean, };

/**
 * A model and how to run it.
 */
export type LoadSettings = { 
/**
 * The model folder.
 */
directory: string, 
/**
 * The KV cache of requests that do not ask for another.
 */
kv: KvCache, 
/**
 * Longest context in tokens, at most the model's own.
 */
context_length: number, 
/**
 * Requests that run at the same time; more wait.
 */
max_concurrent: number, 
/**
 * Bytes of KV caches kept for later requests; `None` for a quarter of what the weights leave.
 */
prompt_cache_bytes: number | null, 
/**
 * Bytes that MLX may hold in all; `None` for what the device recommends.
 */
memory_limit: number | null, };

/**
 * What a loaded model turned out to be.
 */
export type LoadedModel = { 
/**
 * The compute backend: `metal`, `cuda` or `cpu`.
 */
backend: string, 
/**
 * Context length in tokens.
 */
context_length: number, 
/**
 * Bytes of prompt cache that will be kept.
 */
prompt_cache_bytes: number, 
/**
 * Bytes that MLX may hold.
 */
memory_limit: number, 
/**
 * Seconds that loading took.
 */
load_seconds: number, 
/**
 * What a person should know about this load, for instance a dtype that was converted.
 */
notes: Array<string>, 
/**
 * Memory after loading.
 */
memory: MemoryFigures, };

/**
 * How much is written to the log.
 */
export type LogLevel = "error" | "warn" | "info" | "debug";

/**
 * A worker's memory, in bytes, read from MLX and from the live arrays.
 */
export type MemoryFigures = { 
/**
 * The model's weights.
 */
weights: number, 
/**
 * KV caches of running requests: tokens that are in them.
 */
kv_in_use: number, 
/**
 * KV caches of running requests: their buffers, room to grow included.
 */
kv_allocated: number, 
/**
 * KV caches kept for later requests, their buffers.
 */
prompt_cache: number, 
/**
 * Everything MLX holds for arrays that are alive; the figures above are parts of it.
 */
mlx_active: number, 
/**
 * Buffers MLX keeps for re-use.
 */
mlx_cache: number, 
/**
 * Highest `mlx_active` since the model began to load.
 */
mlx_peak: number, };

/**
 * How much memory may be taken, and which of the bounds it is.
 */
export type MemoryLimit = { 
/**
 * Bytes.
 */
bytes: number, 
/**
 * The bound that is the smallest.
 */
binding: BindingLimit, };

/**
 * Why a cache could not be reused as far as it might have been.
 */
export type MissCause = "other_model" | "kv_changed" | "model_reloaded" | "evicted" | "still_running" | "system_changed" | "tool_order" | "tool_list" | "tool_schema" | "template_settings" | "template_date" | "template_rewrites" | "reasoning_dropped" | "reasoning_changed" | "argument_order" | "number_format" | "argument_format" | "arguments_changed" | "white_space" | "message_changed" | "message_inserted" | "message_removed" | "compaction" | "reply_changed" | "reply_not_kept";

/**
 * Where models are looked for.
 */
export type ModelFolders = { 
/**
 * Shorn's own folder.
 */
own: string, 
/**
 * The Hugging Face cache.
 */
hugging_face: string, 
/**
 * LM Studio's folder.
 */
lm_studio: string, };

/**
 * Tells one choice of a model and its settings from another; later choices have higher ids.
 */
export type ModelId = number;

/**
 * Where a model stands.
 */
export type ModelPhase = { "phase": "stopped", 
/**
 * Why, when it was not asked for.
 */
why: string | null, } | { "phase": "loading", 
/**
 * Bytes read.
 */
done: number, 
/**
 * Bytes in all.
 */
total: number, } | { "phase": "ready" } & LoadedModel;

/**
 * What there is to know about a model now.
 */
export type ModelState = { 
/**
 * Which choice of a model this is.
 */
id: ModelId, 
/**
 * Its name in the API.
 */
name: string, 
/**
 * Its folder.
 */
directory: string, 
/**
 * How it is or would be loaded.
 */
settings: LoadSettings, 
/**
 * Seconds that it stays loaded without a request; `None` for ever.
 */
idle_unload_seconds: number | null, 
/**
 * Where it stands.
 */
phase: ModelPhase, 
/**
 * The worker's memory as it last said.
 */
memory: MemoryFigures, 
/**
 * The worker's process.
 */
worker: number | null, 
/**
 * Requests that the worker has.
 */
running: number, };

/**
 * What a model is, from its configuration and tensor headers.
 */
export type ModelSummary = { 
/**
 * `model_type` of its configuration, such as `qwen3_moe`.
 */
family: string, 
/**
 * Number of parameters; a quantized weight counts as the weights it stands for.
 */
parameters: number, 
/**
 * Bytes of all tensors.
 */
weights_bytes: number, 
/**
 * Bits that a parameter takes on average, scales included.
 */
bits_per_weight: number, 
/**
 * How the weights are kept, in words: `4-bit affine in groups of 64`, or `bfloat16, not quantized`.
 */
quantization: string, 
/**
 * Longest context the model was made for, in tokens.
 */
context_length: number, };

/**
 * Whether a port can be had.
 */
export type PortCheck = { 
/**
 * Says so.
 */
free: true, } | { 
/**
 * Says so.
 */
free: false, 
/**
 * The program, in words.
 */
holder: string, 
/**
 * A port that is free.
 */
free_port: number, };

/**
 * How short the machine's memory is, in the system's own words.
 */
export type Pressure = "normal" | "warning" | "critical";

/**
 * Kinds of problems that people do different things about.
 */
export type ProblemCode = "not_found" | "gated" | "unauthorized" | "network" | "hub" | "corrupt" | "disk_full" | "locked" | "file" | "refused";

/**
 * A model that was loaded.
 */
export type RecentModel = { 
/**
 * Its name.
 */
name: string, 
/**
 * Its folder.
 */
directory: string, };

/**
 * A model that is recommended for coding.
 */
export type RecommendedModel = { 
/**
 * The model.
 */
name: RepositoryName, 
/**
 * Memory of the machines that it is meant for, in gigabytes.
 */
memory_gigabytes: number, 
/**
 * Why this one.
 */
reason: string, 
/**
 * Bytes to download.
 */
download_bytes: number, 
/**
 * Longest context that it was made for, in tokens.
 */
context_length: number, 
/**
 * Whether it fits this machine.
 */
fit: HubFit | null, 
/**
 * Whether it is for machines with as much memory as this one.
 */
for_this_machine: boolean, 
/**
 * Its folder, where it is on this disk and whole.
 */
directory: string | null, };

/**
 * What disconnecting did to an agent's file.
 */
export type Removed = "deleted" | "restored" | "cut_out" | "nothing_there";

/**
 * A repository on the Hub, as `org/name`.
 */
export type RepositoryName = string;

/**
 * The last requests, newest first, and the sums over all since the start.
 */
export type RequestLog = Array<{ 
/**
 * Its id in the API.
 */
id: string, 
/**
 * The model's name.
 */
model: string, 
/**
 * The path that was called.
 */
endpoint: string, 
/**
 * The client's User-Agent.
 */
client: string | null, 
/**
 * Milliseconds since 1970 when it arrived.
 */
arrived: number, 
/**
 * Seconds from arrival to the first token, templates and waiting included.
 */
time_to_first_token: number | null, 
/**
 * What the engine says; `None` when it never got there or died with the request.
 */
report: RequestReport | null, 
/**
 * The KV cache that was used, in words.
 */
kv: string | null, 
/**
 * How much of the prompt the cache held, against the session's last request; `None` for the first of a session.
 */
cache: CacheReuse | null, 
/**
 * Prompt tokens computed per second.
 */
prefill_tokens_per_second: number | null, 
/**
 * Tokens per second after the first.
 */
decode_tokens_per_second: number | null, 
/**
 * The sampling values that were used.
 */
sampling: Sampling, 
/**
 * Where each of them came from.
 */
sampling_origins: { [key in string]: SamplingOrigin }, 
/**
 * How it ended, in the API's words.
 */
finish: string, 
/**
 * What failed, when that is why.
 */
error: string | null, }>;

/**
 * What one request cost, however it ended.
 */
export type RequestReport = { 
/**
 * Tokens of the prompt.
 */
prompt_tokens: number, 
/**
 * Of these, tokens whose keys and values were already there.
 */
cached_tokens: number, 
/**
 * Tokens generated, an end token included.
 */
generated_tokens: number, 
/**
 * Seconds spent waiting for a free place.
 */
queue_seconds: number, 
/**
 * Seconds from leaving the queue until the first token was known.
 */
prefill_seconds: number, 
/**
 * Seconds from the first token to the last.
 */
decode_seconds: number, 
/**
 * Of the tokens generated, those whose step was built while the step before it ran. None are while a request with a
 * grammar runs: what may come next is known only once the last token is.
 */
ahead_tokens: number, 
/**
 * What following a grammar cost, if there was one.
 */
grammar: GrammarCost | null, 
/**
 * Highest MLX memory during any step of this request, in bytes; everything that was loaded counts.
 */
peak_memory: number, 
/**
 * The cache as it really was when the request ended.
 */
kv: EffectiveKv, 
/**
 * Why it ended.
 */
finish: FinishReason, };

/**
 * Sampling values of a request or of saved settings; `None` where it says nothing.
 */
export type RequestedSampling = { 
/**
 * See [`Sampling::temperature`].
 */
temperature: number | null, 
/**
 * See [`Sampling::top_p`].
 */
top_p: number | null, 
/**
 * See [`Sampling::top_k`].
 */
top_k: number | null, 
/**
 * See [`Sampling::min_p`].
 */
min_p: number | null, 
/**
 * See [`Sampling::repetition_penalty`].
 */
repetition_penalty: number | null, 
/**
 * See [`Sampling::presence_penalty`].
 */
presence_penalty: number | null, 
/**
 * See [`Sampling::frequency_penalty`].
 */
frequency_penalty: number | null, 
/**
 * See [`Sampling::seed`].
 */
seed: number | null, 
/**
 * Tokens to generate at most.
 */
max_tokens: number | null, };

/**
 * A pause after something went wrong that may be over soon.
 */
export type Retrying = { 
/**
 * What went wrong.
 */
why: string, 
/**
 * Seconds until the next try.
 */
seconds: number, };

/**
 * How the next token is chosen, with every value resolved.
 *
 * Applied in this order: penalties and bias, temperature, top-k, top-p among what is left, min-p.
 */
export type Sampling = { 
/**
 * Softmax temperature; 0 always takes the most likely token.
 */
temperature: number, 
/**
 * Smallest set of most likely tokens whose mass reaches this; 1 for all.
 */
top_p: number, 
/**
 * Number of most likely tokens to choose from; 0 for all.
 */
top_k: number, 
/**
 * Tokens less likely than this share of the most likely one's probability are left out; 0 for none.
 */
min_p: number, 
/**
 * Divides positive and multiplies negative logits of every token of prompt and reply; 1 for none
 * (Keskar et al., 2019).
 */
repetition_penalty: number, 
/**
 * Subtracted from the logits of every token of the reply.
 */
presence_penalty: number, 
/**
 * Subtracted from a token's logit for each time it is in the reply.
 */
frequency_penalty: number, 
/**
 * Added to the logits of these token ids.
 */
logit_bias: Array<[number, number]>, 
/**
 * Makes a run repeatable: the same seed, prompt and settings draw the same numbers.
 */
seed: number, 
/**
 * Whether to return the log-probability of each token, and of how many of the most likely alternatives.
 */
logprobs: number | null, };

/**
 * Who decided a value.
 */
export type SamplingOrigin = "request" | "saved" | "generation_config" | "default";

/**
 * What a person saved for a model: a JSON file named after it in `settings` of the data directory.
 */
export type SavedSettings = { 
/**
 * Sampling values for requests that leave them out.
 */
sampling: RequestedSampling, 
/**
 * How to load it where a load does not say.
 */
load: LoadOptions, };

/**
 * What to look for.
 */
export type Search = { 
/**
 * Words of the name; empty for all models in MLX format.
 */
text: string, 
/**
 * The order.
 */
order: SearchOrder, 
/**
 * Where to go on: [`SearchPage::next`] of the page before.
 */
page?: string, };

/**
 * In which order models are listed.
 */
export type SearchOrder = "trending" | "downloads" | "updated" | "size";

/**
 * Whether the server answers.
 */
export type ServerState = { "state": "stopped" } | { "state": "starting" } | { "state": "running", 
/**
 * Where, on this machine; ends in `/v1`.
 */
base_url: string, 
/**
 * The port.
 */
port: number, 
/**
 * Whether other machines can reach it.
 */
network: boolean, } | { "state": "failed", 
/**
 * Why.
 */
error: BackendError, };

/**
 * By what a request is known to go on from an earlier one.
 */
export type SessionMark = "session_id" | "previous_response" | "same_beginning";

/**
 * Everything there is to show, at one moment. All views read this and nothing else, so they cannot disagree.
 */
export type Snapshot = { 
/**
 * The version of Shorn.
 */
version: string, 
/**
 * The chosen model; `None` until one is chosen.
 */
model: ModelState | null, 
/**
 * Models that requests named and that were loaded for them, last used first.
 */
others: Array<ModelState>, 
/**
 * The machine's memory; `None` where the system does not tell it.
 */
system: SystemMemory | null, 
/**
 * The last requests, newest first.
 */
requests: RequestLog, };

/**
 * Whether a model on the Hub can be loaded.
 */
export type Support = { "kind": "supported" } | { "kind": "unsupported", 
/**
 * Why.
 */
why: string, } | { "kind": "unknown", 
/**
 * Why.
 */
why: string, };

/**
 * Memory of the machine and of our processes, in bytes.
 */
export type SystemMemory = { 
/**
 * What the machine has.
 */
total: number, 
/**
 * What can be used without swapping.
 */
available: number, 
/**
 * What the GPU recommends using at most; `None` without a GPU that shares this memory.
 */
gpu_limit: number | null, 
/**
 * How short memory is for everyone; `None` where the system does not tell.
 */
pressure: Pressure | null, 
/**
 * What the worker processes take; `None` while none runs.
 */
worker_footprint: number | null, 
/**
 * What this process takes.
 */
server_footprint: number | null, };

/**
 * A folder that cannot be listed.
 */
export type UnreadableFolder = { 
/**
 * The folder.
 */
directory: string, 
/**
 * What the system said.
 */
why: string, };

/**
 * Whether a model fits.
 */
export type Verdict = "fits" | "tight" | "too_large";
