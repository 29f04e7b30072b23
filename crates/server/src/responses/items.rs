//! The items of a response and the events that tell of them, as they go over the wire.

use serde::Serialize;

/// One item of a response's output.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Item {
    /// What the model thought.
    Reasoning {
        /// `rs_...`
        id: String,
        /// How far it is.
        status: Status,
        /// Always empty: the reasoning itself is in `content`.
        summary: [(); 0],
        /// One part once there is text.
        content: Vec<Part>,
        /// Always `null`: nothing is kept from the client, so nothing needs to travel encrypted.
        encrypted_content: Option<String>,
    },
    /// What the model said.
    Message {
        /// `msg_...`
        id: String,
        /// How far it is.
        status: Status,
        /// `assistant`.
        role: &'static str,
        /// One part once there is text.
        content: Vec<Part>,
    },
    /// A call of a function.
    FunctionCall {
        /// `fc_...`
        id: String,
        /// How far it is. Only one that is completed may be executed.
        status: Status,
        /// `call_...`, which the result refers to.
        call_id: String,
        /// The function's name within its namespace.
        name: String,
        /// Its namespace.
        #[serde(skip_serializing_if = "Option::is_none")]
        namespace: Option<String>,
        /// JSON text.
        arguments: String,
    },
    /// A call of a custom tool.
    CustomToolCall {
        /// `ctc_...`
        id: String,
        /// How far it is. Only one that is completed may be executed.
        status: Status,
        /// `call_...`, which the result refers to.
        call_id: String,
        /// The tool's name within its namespace.
        name: String,
        /// Its namespace.
        #[serde(skip_serializing_if = "Option::is_none")]
        namespace: Option<String>,
        /// The raw text.
        input: String,
    },
}

/// How far an item or a response is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// There is more to come.
    InProgress,
    /// It is whole.
    Completed,
    /// It was cut off.
    Incomplete,
    /// It broke; of responses only.
    Failed,
}

/// A part of a message or of reasoning.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Part {
    /// Text for the user.
    OutputText {
        /// The text.
        text: String,
        /// Always empty: there is nothing to cite.
        annotations: [(); 0],
        /// Always empty: only the chat route gives them.
        logprobs: [(); 0],
    },
    /// The model's own words.
    ReasoningText {
        /// The text.
        text: String,
    },
}

/// What an event says of an item, without the event's number.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ItemEvent {
    /// The event's name.
    #[serde(rename = "type")]
    pub name: &'static str,
    /// Counts the items of the response from 0.
    pub output_index: usize,
    /// What it says.
    #[serde(flatten)]
    pub body: ItemEventBody,
}

/// What is particular to each kind of event.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(untagged)]
pub enum ItemEventBody {
    /// `output_item.added` and `.done`
    Item {
        /// The item as it is now.
        item: Item,
    },
    /// `content_part.added` and `.done`
    Part {
        /// Whose part.
        item_id: String,
        /// Always 0: there is one part.
        content_index: usize,
        /// The part as it is now.
        part: Part,
    },
    /// `output_text.delta` and `reasoning_text.delta`
    TextDelta {
        /// Whose text.
        item_id: String,
        /// Always 0.
        content_index: usize,
        /// What is added.
        delta: String,
        /// Of output text only, and empty.
        #[serde(skip_serializing_if = "Option::is_none")]
        logprobs: Option<[(); 0]>,
    },
    /// `output_text.done` and `reasoning_text.done`
    Text {
        /// Whose text.
        item_id: String,
        /// Always 0.
        content_index: usize,
        /// All of it.
        text: String,
        /// Of output text only, and empty.
        #[serde(skip_serializing_if = "Option::is_none")]
        logprobs: Option<[(); 0]>,
    },
    /// `function_call_arguments.delta` and `custom_tool_call_input.delta`
    CallDelta {
        /// Whose arguments or input.
        item_id: String,
        /// What is added.
        delta: String,
    },
    /// `function_call_arguments.done`
    Arguments {
        /// Whose arguments.
        item_id: String,
        /// The function's name.
        name: String,
        /// All of them.
        arguments: String,
    },
    /// `custom_tool_call_input.done`
    Input {
        /// Whose input.
        item_id: String,
        /// All of it.
        input: String,
    },
}
