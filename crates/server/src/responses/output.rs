//! The model's output as items, and as the events that tell of them while it grows.

use shorn_chat::output::Delta;
use uuid::Uuid;

use super::items::{Item, ItemEvent, ItemEventBody, Part, Status};
use super::raw_input::RawInput;
use super::tools::{Known, Tools};

/// Items that grow delta by delta.
#[derive(Debug)]
pub struct Output {
    tools: Tools,
    ended: Vec<Item>,
    open: Option<Open>,
}

/// The item that grows.
#[derive(Debug)]
struct Open {
    id: String,
    kind: Kind,
}

#[derive(Debug)]
enum Kind {
    /// Reasoning, or a message.
    Text {
        reasoning: bool,
        text: String,
    },
    Function {
        call: Call,
        arguments: String,
    },
    Custom {
        call: Call,
        input: RawInput,
    },
}

#[derive(Debug)]
struct Call {
    id: String,
    name: String,
    namespace: Option<String>,
}

impl Output {
    /// No items yet; `tools` says what the model's calls stand for.
    pub fn new(tools: Tools) -> Self {
        Self { tools, ended: Vec::new(), open: None }
    }

    /// The items that have ended.
    pub fn items(&self) -> &[Item] {
        &self.ended
    }

    /// Takes more of the model's output.
    pub fn push(&mut self, delta: Delta) -> Vec<ItemEvent> {
        match delta {
            Delta::Reasoning(text) => self.text(true, text),
            Delta::Content(text) => self.text(false, text),
            Delta::ToolCallStart { name, .. } => {
                let Known { custom, name, namespace } = self.tools.called(&name);
                let call = Call { id: new_id("call_"), name, namespace };
                self.begin(match custom {
                    true => Kind::Custom { call, input: RawInput::default() },
                    false => Kind::Function { call, arguments: String::new() },
                })
            }
            Delta::ToolCallArguments { json, .. } => self.arguments(&json),
            Delta::ToolCallEnd { .. } => self.end(Status::Completed),
        }
    }

    /// Ends the item that is open. A call that is cut off ends without a word: there are clients that execute whatever
    /// call is done, and half of one must not be.
    pub fn end(&mut self, status: Status) -> Vec<ItemEvent> {
        let Some(mut open) = self.open.take() else { return Vec::new() };
        let events = match open.kind {
            Kind::Function { .. } | Kind::Custom { .. } if status != Status::Completed => Vec::new(),
            _ => {
                let mut events = open.content_done();
                let item = open.item(status);
                events.push(("response.output_item.done", ItemEventBody::Item { item }));
                events
            }
        };
        let index = self.ended.len();
        self.ended.push(open.item(status));
        at(index, events)
    }

    /// More of reasoning or of a message, begun if it is not what is open.
    fn text(&mut self, reasoning: bool, delta: String) -> Vec<ItemEvent> {
        let is_open =
            |open: &Open| matches!(open.kind, Kind::Text { reasoning: open, .. } if open == reasoning);
        let mut events = match self.open.as_ref().is_some_and(is_open) {
            true => Vec::new(),
            false => self.begin(Kind::Text { reasoning, text: String::new() }),
        };
        if let Some(Open { id, kind: Kind::Text { text, .. } }) = &mut self.open {
            text.push_str(&delta);
            let name = if reasoning { "response.reasoning_text.delta" } else { "response.output_text.delta" };
            let logprobs = (!reasoning).then_some([]);
            let body = ItemEventBody::TextDelta { item_id: id.clone(), content_index: 0, delta, logprobs };
            events.extend(at(self.ended.len(), vec![(name, body)]));
        }
        events
    }

    fn arguments(&mut self, json: &str) -> Vec<ItemEvent> {
        let index = self.ended.len();
        let Some(open) = &mut self.open else { return Vec::new() };
        let (name, delta) = match &mut open.kind {
            Kind::Function { arguments, .. } => {
                arguments.push_str(json);
                ("response.function_call_arguments.delta", json.to_owned())
            }
            Kind::Custom { input, .. } => ("response.custom_tool_call_input.delta", input.push(json)),
            Kind::Text { .. } => return Vec::new(),
        };
        if delta.is_empty() {
            return Vec::new();
        }
        at(index, vec![(name, ItemEventBody::CallDelta { item_id: open.id.clone(), delta })])
    }

    fn begin(&mut self, kind: Kind) -> Vec<ItemEvent> {
        let mut events = self.end(Status::Completed);
        let id = new_id(match kind {
            Kind::Text { reasoning: true, .. } => "rs_",
            Kind::Text { reasoning: false, .. } => "msg_",
            Kind::Function { .. } => "fc_",
            Kind::Custom { .. } => "ctc_",
        });
        let open = Open { id, kind };
        let mut begun = vec![("response.output_item.added", ItemEventBody::Item { item: open.begun() })];
        if let Some(part) = open.kind.part() {
            begun.push(("response.content_part.added", open.part(part)));
        }
        events.extend(at(self.ended.len(), begun));
        self.open = Some(open);
        events
    }
}

impl Open {
    /// The item before it has any content.
    fn begun(&self) -> Item {
        let mut item = self.item(Status::InProgress);
        if let Item::Reasoning { content, .. } | Item::Message { content, .. } = &mut item {
            content.clear();
        }
        item
    }

    /// The item as it is now.
    fn item(&self, status: Status) -> Item {
        let id = self.id.clone();
        let content = self.kind.part().into_iter().collect();
        match &self.kind {
            Kind::Text { reasoning: true, .. } => {
                Item::Reasoning { id, status, summary: [], content, encrypted_content: None }
            }
            Kind::Text { reasoning: false, .. } => Item::Message { id, status, role: "assistant", content },
            Kind::Function { call, arguments } => Item::FunctionCall {
                id,
                status,
                call_id: call.id.clone(),
                name: call.name.clone(),
                namespace: call.namespace.clone(),
                arguments: arguments.clone(),
            },
            Kind::Custom { call, input } => Item::CustomToolCall {
                id,
                status,
                call_id: call.id.clone(),
                name: call.name.clone(),
                namespace: call.namespace.clone(),
                input: input.text().to_owned(),
            },
        }
    }

    /// The events that say that an item's content is all there.
    fn content_done(&mut self) -> Vec<(&'static str, ItemEventBody)> {
        let item_id = self.id.clone();
        let mut events = Vec::new();
        match &mut self.kind {
            Kind::Text { reasoning, text } => {
                let name =
                    if *reasoning { "response.reasoning_text.done" } else { "response.output_text.done" };
                let logprobs = (!*reasoning).then_some([]);
                let text = text.clone();
                events.push((name, ItemEventBody::Text { item_id, content_index: 0, text, logprobs }));
            }
            Kind::Function { call, arguments } => {
                let (name, arguments) = (call.name.clone(), arguments.clone());
                let body = ItemEventBody::Arguments { item_id, name, arguments };
                events.push(("response.function_call_arguments.done", body));
            }
            Kind::Custom { input, .. } => {
                let delta = input.finish();
                if !delta.is_empty() {
                    let body = ItemEventBody::CallDelta { item_id: item_id.clone(), delta };
                    events.push(("response.custom_tool_call_input.delta", body));
                }
                let body = ItemEventBody::Input { item_id, input: input.text().to_owned() };
                events.push(("response.custom_tool_call_input.done", body));
            }
        }
        if let Some(part) = self.kind.part() {
            events.push(("response.content_part.done", self.part(part)));
        }
        events
    }

    fn part(&self, part: Part) -> ItemEventBody {
        ItemEventBody::Part { item_id: self.id.clone(), content_index: 0, part }
    }
}

impl Kind {
    fn part(&self) -> Option<Part> {
        match self {
            Self::Text { reasoning: true, text } => Some(Part::ReasoningText { text: text.clone() }),
            Self::Text { reasoning: false, text } => {
                Some(Part::OutputText { text: text.clone(), annotations: [], logprobs: [] })
            }
            Self::Function { .. } | Self::Custom { .. } => None,
        }
    }
}

fn at(output_index: usize, events: Vec<(&'static str, ItemEventBody)>) -> Vec<ItemEvent> {
    events.into_iter().map(|(name, body)| ItemEvent { name, output_index, body }).collect()
}

fn new_id(prefix: &str) -> String {
    format!("{prefix}{}", Uuid::new_v4().simple())
}

#[cfg(test)]
mod tests;
