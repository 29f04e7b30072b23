//! Reading JSON bodies.

use axum::body::Bytes;
use axum::extract::{FromRequest, Request};
use axum::http::StatusCode;
use serde::de::DeserializeOwned;

use crate::error::ApiError;

/// The whole body of a request.
pub struct WholeBody(pub Bytes);

impl<S: Send + Sync> FromRequest<S> for WholeBody {
    type Rejection = ApiError;

    async fn from_request(request: Request, state: &S) -> Result<Self, ApiError> {
        let body = Bytes::from_request(request, state).await;
        body.map(Self).map_err(|rejection| match rejection.status() {
            StatusCode::PAYLOAD_TOO_LARGE => ApiError::too_large(crate::MAX_BODY_BYTES),
            _ => ApiError::bad_request(rejection.body_text()),
        })
    }
}

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

/// The fields that a type is read from, as its `Deserialize` asks for them.
#[cfg(test)]
pub fn fields<T: DeserializeOwned>() -> &'static [&'static str] {
    use serde::de::{Deserializer, Visitor, value::Error};
    use serde::forward_to_deserialize_any;

    struct Ask<'a>(&'a mut &'static [&'static str]);

    impl<'de> Deserializer<'de> for Ask<'_> {
        type Error = Error;

        fn deserialize_any<V: Visitor<'de>>(self, _: V) -> Result<V::Value, Error> {
            Err(serde::de::Error::custom("only structs are asked for"))
        }

        fn deserialize_struct<V: Visitor<'de>>(
            self,
            _: &'static str,
            fields: &'static [&'static str],
            visitor: V,
        ) -> Result<V::Value, Error> {
            *self.0 = fields;
            self.deserialize_any(visitor)
        }

        forward_to_deserialize_any! {
            bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option unit unit_struct
            newtype_struct seq tuple tuple_struct map enum identifier ignored_any
        }
    }

    let mut fields: &[&str] = &[];
    let _ = T::deserialize(Ask(&mut fields));
    fields
}
