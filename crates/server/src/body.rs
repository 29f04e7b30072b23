//! Reading JSON bodies.

use serde::de::DeserializeOwned;

use crate::error::ApiError;

/// Parses a body; `what` says what it should be, as in "a chat request".
///
/// # Errors
/// 400, naming the field.
pub fn parse<T: DeserializeOwned>(body: &[u8], what: &str) -> Result<T, ApiError> {
    let mut json = serde_json::Deserializer::from_slice(body);
    let parsed = serde_path_to_error::deserialize(&mut json).map_err(|error| {
        let (path, problem) = (error.path().to_string(), error.inner().to_string());
        match path.as_str() {
            "." | "?" => ApiError::bad_request(format!("the body is not {what}: {problem}")),
            _ => ApiError::bad_parameter(&path, format!("{path}: {problem}")),
        }
    })?;
    json.end().map_err(|error| ApiError::bad_request(format!("the body is not one JSON value: {error}")))?;
    Ok(parsed)
}
