//! How much of a prompt the KV cache held, against what it could have held, and why it held less.

use std::fmt;

use serde::Serialize;
use ts_rs::TS;

/// How a request's prompt compares with the last one of its session.
#[derive(Debug, Clone, PartialEq, Serialize, TS)]
pub struct CacheReuse {
    /// What the session was recognised by.
    pub recognised_by: SessionMark,
    /// Tokens of the session's last prompt and reply: what could have been reused had nothing changed.
    pub known_tokens: u32,
    /// Tokens of the longest beginning that means the same as in the session's last request.
    pub unchanged_tokens: u32,
    /// Tokens that were taken from the cache.
    pub cached_tokens: u32,
    /// Why fewer tokens were taken than are known; `None` when nothing worth mentioning was lost.
    pub miss: Option<CacheMiss>,
}

impl CacheReuse {
    /// Tokens from the cache over tokens of the longest beginning whose meaning is unchanged: 1 when everything was
    /// reused that could be.
    pub fn share(&self) -> f64 {
        if self.unchanged_tokens == 0 {
            return 1.0;
        }
        (f64::from(self.cached_tokens) / f64::from(self.unchanged_tokens)).min(1.0)
    }
}

/// By what a request is known to go on from an earlier one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, TS)]
#[serde(rename_all = "snake_case")]
pub enum SessionMark {
    /// An id that the client sends with each request of a session: a header, `prompt_cache_key`, `metadata.user_id`.
    SessionId,
    /// `previous_response_id`.
    PreviousResponse,
    /// It begins as an earlier conversation does.
    SameBeginning,
}

/// The first difference to the session's last request.
#[derive(Debug, Clone, PartialEq, Serialize, TS)]
pub struct CacheMiss {
    /// Why it is there.
    pub cause: MissCause,
    /// Where it is, counted as the chat template is given messages and tools: `messages[3].content`. `None` where it is
    /// not in the conversation.
    pub field: Option<String>,
    /// The text around the difference as it was; short.
    pub before: Option<String>,
    /// The text around it as it is now; short.
    pub now: Option<String>,
    /// Known tokens that were computed once more, or are gone.
    pub lost_tokens: u32,
    /// What happened, and what can be done. Holds no text of the conversation.
    pub explanation: String,
}

/// Why a cache could not be reused as far as it might have been.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, TS)]
#[serde(rename_all = "snake_case")]
pub enum MissCause {
    /// Another model answers.
    OtherModel,
    /// The KV cache is kept in another form.
    KvChanged,
    /// The model was loaded again, or its worker died.
    ModelReloaded,
    /// The cache is not there any more: its memory went to others.
    Evicted,
    /// The request that made it has not ended.
    StillRunning,
    /// The instructions at the front changed.
    SystemChanged,
    /// The same tools came in another order.
    ToolOrder,
    /// Tools came or went.
    ToolList,
    /// A tool's description or schema changed.
    ToolSchema,
    /// A variable of the template changed, such as the reasoning effort.
    TemplateSettings,
    /// The template writes the time of day or the date.
    TemplateDate,
    /// The template writes earlier messages in another way once there are later ones.
    TemplateRewrites,
    /// Reasoning that was part of an earlier reply is left out.
    ReasoningDropped,
    /// Reasoning of an earlier reply came back changed.
    ReasoningChanged,
    /// The same arguments of a call came in another order.
    ArgumentOrder,
    /// A number in a call's arguments is written in another way.
    NumberFormat,
    /// A call's arguments are the same value in another spelling: spaces or escapes.
    ArgumentFormat,
    /// A call's arguments have another value.
    ArgumentsChanged,
    /// Only white space is different.
    WhiteSpace,
    /// A message's text changed.
    MessageChanged,
    /// A message came in between.
    MessageInserted,
    /// A message is gone.
    MessageRemoved,
    /// The client replaced the history by something shorter.
    Compaction,
    /// The last reply came back as something else than what was sent.
    ReplyChanged,
    /// The last reply was cut off or is not remembered, so its text was tokenized anew.
    ReplyNotKept,
}

impl MissCause {
    /// As in the API.
    pub fn name(self) -> &'static str {
        match self {
            Self::OtherModel => "other_model",
            Self::KvChanged => "kv_changed",
            Self::ModelReloaded => "model_reloaded",
            Self::Evicted => "evicted",
            Self::StillRunning => "still_running",
            Self::SystemChanged => "system_changed",
            Self::ToolOrder => "tool_order",
            Self::ToolList => "tool_list",
            Self::ToolSchema => "tool_schema",
            Self::TemplateSettings => "template_settings",
            Self::TemplateDate => "template_date",
            Self::TemplateRewrites => "template_rewrites",
            Self::ReasoningDropped => "reasoning_dropped",
            Self::ReasoningChanged => "reasoning_changed",
            Self::ArgumentOrder => "argument_order",
            Self::NumberFormat => "number_format",
            Self::ArgumentFormat => "argument_format",
            Self::ArgumentsChanged => "arguments_changed",
            Self::WhiteSpace => "white_space",
            Self::MessageChanged => "message_changed",
            Self::MessageInserted => "message_inserted",
            Self::MessageRemoved => "message_removed",
            Self::Compaction => "compaction",
            Self::ReplyChanged => "reply_changed",
            Self::ReplyNotKept => "reply_not_kept",
        }
    }
}

impl fmt::Display for CacheMiss {
    /// For the log: `system_changed at messages[0].content, 1200 tokens lost`. Holds no text of the conversation.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.cause.name())?;
        if let Some(field) = &self.field {
            write!(f, " at {field}")?;
        }
        write!(f, ", {} tokens lost", self.lost_tokens)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_log_tells_where_and_why_but_not_what_was_said() {
        let miss = CacheMiss {
            cause: MissCause::SystemChanged,
            field: Some("messages[0].content".to_owned()),
            before: Some("secret one".to_owned()),
            now: Some("secret two".to_owned()),
            lost_tokens: 1200,
            explanation: String::new(),
        };
        assert_eq!(miss.to_string(), "system_changed at messages[0].content, 1200 tokens lost");
    }

    #[test]
    fn a_cause_has_the_name_that_the_api_gives_it() {
        for cause in [MissCause::OtherModel, MissCause::WhiteSpace, MissCause::ReplyNotKept] {
            assert_eq!(serde_json::to_value(cause).unwrap(), cause.name());
        }
    }
}
