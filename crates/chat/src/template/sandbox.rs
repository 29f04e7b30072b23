//! The Jinja engine, set up as transformers sets up Jinja2, and under limits: a template is a program from the
//! internet.

use minijinja::syntax::SyntaxConfig;
use minijinja::value::{Kwargs, ValueKind};
use minijinja::{AutoEscape, Environment, Error, ErrorKind, Output, State, Value};
use minijinja_contrib::globals::{cycler, joiner};
use minijinja_contrib::pycompat::unknown_method_callback;

use super::error::TemplateError;
use super::python::{self, JsonStyle};
use super::text_methods::text_method;

/// Work one rendering may do: a unit is one instruction or 64 bytes of text made. 500 messages of an agent, 1.6 MB
/// in all, took real templates 0.15 to 0.42 million; an endless template uses all of it up in well under a second.
const FUEL: u64 = 1_000_000;

/// Levels of macros and blocks.
const RECURSION: usize = 200;

/// Bytes of template. The largest known ones have 20 KB.
const LARGEST_TEMPLATE: usize = 256 * 1024;

/// Stack for the thread that compiles and renders, in bytes. The engine follows nested values and expressions by
/// recursion: the fuel pays for values 0.67 million deep, at up to 450 bytes a level, and a template has room for
/// 0.26 million operators. Memory is used only as deep as it goes.
const STACK: usize = 512 * 1024 * 1024;

/// Compiles templates by name into one engine.
pub(super) fn compile(templates: Vec<(&'static str, String)>) -> Result<Environment<'static>, TemplateError> {
    for (_, source) in &templates {
        if source.len() > LARGEST_TEMPLATE {
            let limit = format!("it is {} bytes long and the limit is {LARGEST_TEMPLATE}", source.len());
            return Err(TemplateError::OverLimit { limit });
        }
    }
    with_deep_stack(move || {
        let mut engine = engine();
        for (name, source) in templates {
            engine
                .add_template_owned(name, plain_generation_blocks(&source))
                .map_err(|error| TemplateError::Syntax { problem: error.to_string() })?;
        }
        Ok(engine)
    })
}

/// Renders one of the engine's templates.
pub(super) fn render(engine: &Environment<'_>, name: &str, context: Value) -> Result<String, TemplateError> {
    with_deep_stack(|| {
        engine.get_template(name).and_then(|template| template.render(context)).map_err(explain)
    })
}

/// Runs `work` on a thread of its own with a stack that no template can exhaust.
fn with_deep_stack<T: Send>(
    work: impl FnOnce() -> Result<T, TemplateError> + Send,
) -> Result<T, TemplateError> {
    std::thread::scope(|scope| {
        let thread = std::thread::Builder::new().name("chat-template".into()).stack_size(STACK);
        let failed = |problem: &str| TemplateError::Failed { problem: problem.to_owned() };
        thread
            .spawn_scoped(scope, work)
            .map_err(|error| failed(&format!("no thread to render on: {error}")))?
            .join()
            .unwrap_or_else(|_| Err(failed("the template engine panicked")))
    })
}

fn engine() -> Environment<'static> {
    let mut engine = Environment::new();
    let syntax = SyntaxConfig::builder().trim_blocks(true).lstrip_blocks(true).build();
    engine.set_syntax(syntax.expect("the default delimiters are valid"));
    engine.set_auto_escape_callback(|_| AutoEscape::None);
    engine.set_fuel(Some(FUEL));
    engine.set_recursion_limit(RECURSION);
    engine.set_formatter(print);
    engine.set_unknown_method_callback(method);
    engine.add_filter("tojson", tojson);
    engine.add_filter("string", |state: &State<'_, '_>, value: &Value| python::str(state, value));
    engine.add_filter("join", join);
    engine.add_test("sequence", |value: &Value| {
        matches!(value.kind(), ValueKind::Seq | ValueKind::String | ValueKind::Map)
    });
    let built_in = Value::from_function(minijinja::tests::is_iterable);
    engine.add_test("iterable", move |state: &mut State<'_, '_>, value: &Value| {
        Ok(!value.is_none() && built_in.call(state, std::slice::from_ref(value))?.is_true())
    });
    engine.add_function("cycler", cycler);
    engine.add_function("joiner", joiner);
    engine.add_function("raise_exception", raise_exception);
    engine.add_function("strftime_now", strftime_now);
    // Both print whole values without a bound, and no template needs them.
    engine.remove_filter("pprint");
    engine.remove_global("debug");
    engine
}

/// `{% generation %}` marks what the model wrote, for training. It opens a scope and prints its body; so does
/// `{% with %}`.
fn plain_generation_blocks(source: &str) -> String {
    let mut out = String::with_capacity(source.len());
    let mut rest = source;
    while let Some(at) = rest.find("{%") {
        let (before, tag) = rest.split_at(at + 2);
        out.push_str(before);
        let body = tag.trim_start_matches(['-', '+']);
        let word = body.trim_start();
        let (name, plain) = match word.strip_prefix("endgeneration") {
            Some(_) => ("endgeneration", "endwith"),
            None => ("generation", "with"),
        };
        let closes = |after: &str| after.trim_start_matches([' ', '\t', '\n', '-', '+']).starts_with("%}");
        rest = match word.strip_prefix(name) {
            Some(after) if closes(after) => {
                out.push_str(&tag[..tag.len() - word.len()]);
                out.push_str(plain);
                after
            }
            _ => tag,
        };
    }
    out + rest
}

fn print(out: &mut Output<'_>, state: &mut State<'_, '_>, value: &Value) -> Result<(), Error> {
    match value.as_str() {
        Some(text) => out.write_str(text),
        None if python::is_container(value) => out.write_str(&python::str(state, value)?),
        None => out.write_fmt(format_args!("{value}")),
    }
    .map_err(Error::from)
}

fn tojson(
    state: &State<'_, '_>,
    value: &Value,
    ensure_ascii: Option<bool>,
    options: Kwargs,
) -> Result<String, Error> {
    let indent = match options.get::<Option<Value>>("indent")? {
        Some(text) if text.as_str().is_some() => text.as_str().map(str::to_owned),
        Some(width) if width.kind() == ValueKind::Number => {
            Some(" ".repeat(width.as_usize().unwrap_or(0).min(64)))
        }
        _ => None,
    };
    let separators = options.get::<Option<Vec<String>>>("separators")?;
    let style = JsonStyle {
        ensure_ascii: options.get::<Option<bool>>("ensure_ascii")?.or(ensure_ascii).unwrap_or(false),
        indent,
        separators: separators.and_then(|pair| <[String; 2]>::try_from(pair).ok()).map(Into::into),
        sort_keys: options.get::<Option<bool>>("sort_keys")?.unwrap_or(false),
    };
    options.assert_all_used()?;
    python::json_dumps(state, value, &style)
}

fn join(
    state: &State<'_, '_>,
    items: &Value,
    separator: Option<&str>,
    options: Kwargs,
) -> Result<String, Error> {
    let separator = match separator {
        Some(separator) => separator,
        None => options.get::<Option<&str>>("d")?.unwrap_or_default(),
    };
    let attribute = options.get::<Option<&str>>("attribute")?;
    options.assert_all_used()?;
    let attribute_of = |item: Value| match attribute {
        Some(path) => path.split('.').try_fold(item, |item, name| item.get_attr(name)),
        None => Ok(item),
    };
    join_all(state, items.try_iter()?.map(attribute_of), separator)
}

/// The built-in `join` does not count the bytes of the items, so a long list of one long text escapes its fuel.
fn join_all(
    state: &State<'_, '_>,
    items: impl Iterator<Item = Result<Value, Error>>,
    separator: &str,
) -> Result<String, Error> {
    let mut out = String::new();
    for (index, item) in items.enumerate() {
        let text = python::str(state, &item?)?;
        state.consume_fuel(1 + (separator.len() + text.len()) as u64 / 64)?;
        if index > 0 {
            out.push_str(separator);
        }
        out.push_str(&text);
    }
    Ok(out)
}

/// The Python methods that templates call. Those whose result can be far larger than what goes in are ours: the
/// others' results are charged by the engine once they exist.
fn method(state: &mut State<'_, '_>, value: &Value, name: &str, args: &[Value]) -> Result<Value, Error> {
    if value.kind() == ValueKind::String {
        match (name, args) {
            ("join", [items]) => {
                let separator = value.as_str().unwrap_or_default();
                return join_all(state, items.try_iter()?.map(Ok), separator).map(Value::from);
            }
            ("replace", [from, to, count @ ..]) => {
                let mut all = vec![value.clone(), from.clone(), to.clone()];
                // A negative count means every occurrence, which the filter says by leaving it out.
                all.extend(
                    count.iter().filter(|count| count.as_i64().is_some_and(|count| count >= 0)).cloned(),
                );
                return state.apply_filter("replace", &all);
            }
            ("format", _) => state.consume_fuel(padding(value) / 64)?,
            _ => {}
        }
        if let Some(found) = text_method(value.as_str().unwrap_or_default(), name, args) {
            return Ok(found);
        }
    }
    unknown_method_callback(state, value, name, args)
}

/// At most how many bytes the widths in a format text ask for.
fn padding(format: &Value) -> u64 {
    let text = format.as_str().unwrap_or_default();
    let numbers = text.split(|character: char| !character.is_ascii_digit()).filter(|run| !run.is_empty());
    numbers.map(|run| run.parse().unwrap_or(u64::MAX)).fold(0, u64::saturating_add)
}

fn raise_exception(state: &State<'_, '_>, message: &Value) -> Result<Value, Error> {
    let message = python::str(state, message)?.chars().take(2000).collect();
    Err(Error::from(ErrorKind::InvalidOperation).with_source(Refusal(message)))
}

/// The local time now, by Python's format codes. jiff knows those that templates use.
fn strftime_now(format: &str) -> Result<String, Error> {
    jiff::fmt::strtime::format(format, &jiff::Zoned::now()).map_err(|error| {
        Error::new(ErrorKind::InvalidOperation, format!("strftime_now({format:?}): {error}"))
    })
}

/// A template's own words on why it will not render.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
struct Refusal(String);

fn explain(error: Error) -> TemplateError {
    let mut cause: Option<&(dyn std::error::Error + 'static)> = Some(&error);
    while let Some(current) = cause {
        if let Some(Refusal(message)) = current.downcast_ref() {
            return TemplateError::Refused { message: message.clone() };
        }
        cause = current.source();
    }
    match error.kind() {
        ErrorKind::OutOfFuel => {
            TemplateError::OverLimit { limit: format!("it did more than {FUEL} units of work") }
        }
        _ if error.detail().is_some_and(|detail| detail.contains("recursion limit")) => {
            TemplateError::OverLimit { limit: format!("it recursed more than {RECURSION} levels deep") }
        }
        _ => TemplateError::Failed { problem: error.to_string() },
    }
}
