//! Where a model's folder keeps its chat template.

use std::path::Path;

use serde_json::Value;

use super::error::TemplateError;

/// Bytes of a file that holds a template. `tokenizer_config.json` lists every added token, so it can be large.
const LARGEST_FILE: u64 = 64 * 1024 * 1024;

/// The texts found in a model's folder.
pub(super) struct Found {
    /// The template, or the one for conversations without tools.
    pub(super) default: String,
    /// The template for conversations with tools, where there is one of its own.
    pub(super) tool_use: Option<String>,
    /// The special tokens that templates name, such as `bos_token`.
    pub(super) special_tokens: Vec<(String, String)>,
}

/// Looks for `chat_template.jinja`, then `chat_template.json`, then `chat_template` in `tokenizer_config.json`.
pub(super) fn find(folder: &Path) -> Result<Found, TemplateError> {
    let config_path = folder.join("tokenizer_config.json");
    let config = read_json(&config_path)?.unwrap_or(Value::Null);
    let special_tokens = special_tokens(&config);
    if let Some(default) = read(&folder.join("chat_template.jinja"))? {
        return Ok(Found { default, tool_use: None, special_tokens });
    }
    let json_path = folder.join("chat_template.json");
    let json = read_json(&json_path)?.unwrap_or(Value::Null);
    for (path, holder) in [(&json_path, json), (&config_path, config)] {
        if let Some(template) = holder.get("chat_template") {
            let (default, tool_use) = by_name(template).map_err(|problem| TemplateError::Malformed {
                path: path.clone(),
                problem: format!("`chat_template` {problem}"),
            })?;
            return Ok(Found { default, tool_use, special_tokens });
        }
    }
    Err(TemplateError::Missing { folder: folder.to_owned() })
}

/// One template, or a list of named ones of which `default` and `tool_use` count.
fn by_name(template: &Value) -> Result<(String, Option<String>), &'static str> {
    if let Some(text) = template.as_str() {
        return Ok((text.to_owned(), None));
    }
    let list = template.as_array().ok_or("is neither a text nor a list of named templates")?;
    let named = |wanted: &str| {
        let entry = list.iter().find(|entry| entry.get("name").and_then(Value::as_str) == Some(wanted));
        entry.and_then(|entry| entry.get("template")).and_then(Value::as_str).map(str::to_owned)
    };
    let tool_use = named("tool_use");
    let default = named("default").or_else(|| tool_use.clone());
    Ok((default.ok_or("lists no template named `default` or `tool_use`")?, tool_use))
}

/// Every `..._token` of the configuration, which may be a text or an object with `content`.
fn special_tokens(config: &Value) -> Vec<(String, String)> {
    let fields = config.as_object().into_iter().flatten().filter(|(name, _)| name.ends_with("_token"));
    let token = |value: &Value| value.as_str().or_else(|| value.get("content")?.as_str()).map(str::to_owned);
    fields.filter_map(|(name, value)| Some((name.clone(), token(value)?))).collect()
}

fn read_json(path: &Path) -> Result<Option<Value>, TemplateError> {
    let malformed = |error: serde_json::Error| TemplateError::Malformed {
        path: path.to_owned(),
        problem: format!("not valid JSON: {error}"),
    };
    read(path)?.map(|text| serde_json::from_str(&text).map_err(malformed)).transpose()
}

/// A file's text; `None` if there is no such file.
fn read(path: &Path) -> Result<Option<String>, TemplateError> {
    let unreadable = |source| TemplateError::Unreadable { path: path.to_owned(), source };
    let malformed = |problem: String| TemplateError::Malformed { path: path.to_owned(), problem };
    match std::fs::metadata(path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(unreadable(error)),
        Ok(file) if file.len() > LARGEST_FILE => {
            return Err(malformed(format!("{} bytes, expected at most {LARGEST_FILE}", file.len())));
        }
        Ok(_) => {}
    }
    let bytes = std::fs::read(path).map_err(unreadable)?;
    String::from_utf8(bytes).map(Some).map_err(|_| malformed("not UTF-8 text".into()))
}
