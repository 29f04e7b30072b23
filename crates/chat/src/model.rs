//! Template, tokenizer and output parser of one model, tied together.

use std::path::Path;

use crate::conversation::{Conversation, Tool, ToolChoice};
use crate::output::{
    Delta, End, Finished, GrammarRefusal, OutputParser, Reasoning, Reply, ReplyForm, Rules, ToolFormat,
};
use crate::replies::{Cut, Replies, ReplyPlace};
use crate::stop::StopStrings;
use crate::template::{ChatTemplate, TemplateError};
use crate::tokenizer::{Detokenizer, Tokenizer, TokenizerError};

/// Why a model's text side could not be loaded, or a prompt not be made.
#[derive(Debug, thiserror::Error)]
pub enum ChatError {
    /// The chat template.
    #[error(transparent)]
    Template(#[from] TemplateError),
    /// The tokenizer.
    #[error(transparent)]
    Tokenizer(#[from] TokenizerError),
}

/// The text side of a model: what turns conversations into token ids, and token ids into deltas.
#[derive(Debug)]
pub struct ChatModel {
    template: ChatTemplate,
    tokenizer: Tokenizer,
    tool_format: ToolFormat,
    replies: Replies,
}

/// A conversation ready for the engine, with what is needed to read the answer.
#[derive(Clone, Debug)]
pub struct Prompt {
    /// Its token ids. Replies that are remembered stand in it as they were generated.
    pub tokens: Vec<u32>,
    /// The place of the last message that is such a reply.
    pub last_reply: Option<usize>,
    /// The first message that is one and yet does not stand in it as it was generated.
    pub cut: Option<Cut>,
    /// Where the answer will stand, for [`ChatModel::remember`]; `None` if it cannot be remembered.
    pub place: Option<ReplyPlace>,
    /// How the answer begins.
    pub reasoning: Reasoning,
    /// The tools that calls are read for.
    pub tools: Vec<Tool>,
    /// Whether one of them has to be called.
    pub tool_choice: ToolChoice,
}

impl ChatModel {
    /// Loads the chat template and the tokenizer of the model in `folder`.
    ///
    /// # Errors
    /// If either is missing or unusable.
    pub fn from_folder(folder: &Path) -> Result<Self, ChatError> {
        let template = ChatTemplate::from_folder(folder)?;
        let tokenizer = Tokenizer::from_folder(folder)?;
        let tool_format = ToolFormat::detect_with_tokens(&template, &tokenizer);
        Ok(Self { template, tokenizer, tool_format, replies: Replies::default() })
    }

    /// The same, with calls read in this format instead of the one that template and vocabulary tell.
    pub fn with_tool_format(self, tool_format: ToolFormat) -> Self {
        Self { tool_format, ..self }
    }

    /// The model's chat template.
    pub fn template(&self) -> &ChatTemplate {
        &self.template
    }

    /// The model's tokenizer.
    pub fn tokenizer(&self) -> &Tokenizer {
        &self.tokenizer
    }

    /// How the model writes tool calls. With [`ToolFormat::None`] it can be given tools, but no call will be found.
    pub fn tool_format(&self) -> ToolFormat {
        self.tool_format
    }

    /// The prompt for a conversation, up to where the assistant's turn begins.
    ///
    /// # Errors
    /// If the template refuses the conversation or the tokenizer cannot represent it.
    pub fn prompt(&self, conversation: &Conversation) -> Result<Prompt, ChatError> {
        let continued = self.replies.prompt(conversation, &self.template, &self.tokenizer)?;
        Ok(Prompt {
            reasoning: Reasoning::after_prompt(self.tool_format, &self.template, &continued.text),
            tokens: continued.tokens,
            last_reply: continued.last_reply,
            cut: continued.cut,
            place: continued.place,
            tools: conversation.offered_tools().to_vec(),
            tool_choice: conversation.tool_choice.clone(),
        })
    }

    /// Remembers a reply that was sent whole, so that the next prompt of its conversation goes on from the very tokens.
    /// `generated` are those that came after the tokens of `prompt`, without an end token; `reply` is what they said.
    pub fn remember(&self, place: ReplyPlace, prompt: &[u32], generated: &[u32], reply: Reply) {
        self.replies.remember(place, prompt, generated, reply, &self.tokenizer);
    }

    /// The grammar that the answer to a prompt has to follow, with at most one call unless it may hold several; `None`
    /// where the model is free.
    ///
    /// # Errors
    /// Names what the request asks for that cannot be guaranteed.
    pub fn grammar(
        &self,
        prompt: &Prompt,
        form: &ReplyForm,
        parallel_tool_calls: bool,
    ) -> Result<Option<String>, GrammarRefusal> {
        let rules = Rules {
            format: self.tool_format,
            template: self.template.source(),
            tokenizer: &self.tokenizer,
            reasoning: prompt.reasoning,
            tools: &prompt.tools,
            choice: &prompt.tool_choice,
            parallel: parallel_tool_calls,
        };
        rules.grammar(form)
    }

    /// Reads the answer to a prompt, which `stop` strings may end.
    pub fn output(&self, prompt: &Prompt, stop: impl IntoIterator<Item = String>) -> OutputStream {
        let marks = self.tool_format.marks(!prompt.tools.is_empty());
        OutputStream {
            detokenizer: Detokenizer::new(&self.tokenizer).keeping_tokens(marks),
            stop: StopStrings::new(stop),
            parser: OutputParser::new(self.tool_format, prompt.reasoning, &prompt.tools),
        }
    }
}

/// One answer: token ids in, deltas out.
#[derive(Debug)]
pub struct OutputStream {
    detokenizer: Detokenizer,
    stop: StopStrings,
    parser: OutputParser,
}

impl OutputStream {
    /// What the next token makes certain. Nothing after a stop string.
    ///
    /// # Errors
    /// If the id is outside the vocabulary. The stream can go on.
    pub fn push(&mut self, id: u32) -> Result<Vec<Delta>, TokenizerError> {
        let text = self.detokenizer.push(id)?;
        Ok(self.parser.push(&self.stop.push(text)))
    }

    /// The stop string that ended the answer. From then on generating is of no use.
    pub fn stopped_by(&self) -> Option<&str> {
        self.stop.stopped_by()
    }

    /// Ends the answer. One that a stop string ended counts as cut off, whatever `end` says.
    pub fn finish(mut self, end: End) -> Finished {
        let text = self.stop.push(self.detokenizer.finish());
        let mut deltas = self.parser.push(&text);
        let end = if self.stop.stopped_by().is_some() { End::CutOff } else { end };
        deltas.extend(self.parser.push(&self.stop.finish()));
        let mut finished = self.parser.finish(end);
        deltas.append(&mut finished.deltas);
        Finished { deltas, ..finished }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::conversation::{Message, Role, ToolChoice};
    use crate::output::Reply;

    /// A ChatML template of our own that teaches the Qwen3-Coder format and opens the reasoning when asked to.
    const TEMPLATE: &str = "\
{%- for message in messages %}<|im_start|>{{ message.role }}
{{ message.content }}<|im_end|>
{% endfor %}
{%- for tool in tools or [] %}Tool: {{ tool | tojson }}
Write <tool_call>\\n<function=NAME>\\n<parameter=KEY>
{% endfor %}
{%- if add_generation_prompt %}<|im_start|>assistant
{% if think %}<think>
{% endif %}{# </think> #}{% endif %}";

    fn model() -> (tempfile::TempDir, ChatModel) {
        let folder = tempfile::tempdir().unwrap();
        let tokenizer = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/tokenizer.json");
        std::fs::copy(tokenizer, folder.path().join("tokenizer.json")).unwrap();
        std::fs::write(folder.path().join("chat_template.jinja"), TEMPLATE).unwrap();
        let model = ChatModel::from_folder(folder.path()).unwrap();
        (folder, model)
    }

    fn conversation() -> Conversation {
        let properties = json!({"path": {"type": "string"}, "content": {"type": "string"}});
        let function = json!({"name": "write", "parameters": {"type": "object", "properties": properties}});
        Conversation {
            messages: vec![Message::text(Role::User, "Write ü.")],
            tools: vec![Tool::from_json(json!({"type": "function", "function": function})).unwrap()],
            ..Conversation::default()
        }
    }

    /// What a model that writes `text` replies.
    fn reply(conversation: &Conversation, text: &str, stop: &[&str], end: End) -> Reply {
        let (_folder, model) = model();
        let prompt = model.prompt(conversation).unwrap();
        let mut stream = model.output(&prompt, stop.iter().map(ToString::to_string));
        let mut reply = Reply::default();
        for id in model.tokenizer().encode(text).unwrap() {
            reply.extend(stream.push(id).unwrap());
        }
        reply.finish(stream.finish(end));
        reply
    }

    const CALL: &str = "<tool_call>\n<function=write>\n<parameter=path>\nü.txt\n</parameter>\n<parameter=content>\n\
                        \ta\n</parameter>\n</function>\n</tool_call>";

    #[test]
    fn the_prompt_is_rendered_and_tokenized() {
        let (_folder, model) = model();
        let prompt = model.prompt(&conversation()).unwrap();
        let text = model.tokenizer().decode(&prompt.tokens, false);
        assert!(text.starts_with("<|im_start|>user\nWrite ü.<|im_end|>\n"), "{text}");
        assert_eq!(prompt.tokens[0], model.tokenizer().token_to_id("<|im_start|>").unwrap());
    }

    #[test]
    fn tokens_become_text_and_calls() {
        let reply = reply(&conversation(), &format!("I write 日本.\n\n{CALL}<|im_end|>"), &[], End::Natural);
        assert_eq!(reply.content, "I write 日本.");
        assert_eq!(reply.tool_calls[0].arguments, r#"{"path":"ü.txt","content":"\ta"}"#);
    }

    #[test]
    fn a_stop_string_ends_the_answer_before_it() {
        let reply = reply(&conversation(), "One.\nSTOP two", &["STOP"], End::Natural);
        assert_eq!(reply.content, "One.\n");
    }

    #[test]
    fn a_stop_string_inside_a_call_leaves_it_unfinished() {
        let reply = reply(&conversation(), CALL, &["</parameter>\n</function>"], End::Natural);
        assert_eq!(reply.tool_calls, []);
        assert!(reply.content.starts_with("<tool_call>") && reply.content.ends_with("\ta\n"), "{reply:?}");
    }

    #[test]
    fn a_call_cut_off_is_text() {
        let reply = reply(&conversation(), &CALL[..CALL.len() - 30], &[], End::CutOff);
        assert_eq!((reply.content.as_str(), reply.tool_calls.len()), (&CALL[..CALL.len() - 30], 0));
    }

    #[test]
    fn reasoning_that_the_prompt_opens_is_split_off() {
        let mut conversation = conversation();
        conversation.template_kwargs.insert("think".into(), json!(true));
        let reply = reply(&conversation, "Hm.\n</think>\n\nYes.", &[], End::Natural);
        assert_eq!((reply.reasoning.as_str(), reply.content.as_str()), ("Hm.", "Yes."));
    }

    #[test]
    fn with_tool_choice_none_nothing_is_a_call() {
        let conversation = Conversation { tool_choice: ToolChoice::None, ..conversation() };
        assert_eq!(reply(&conversation, CALL, &[], End::Natural).content, CALL);
    }

    #[test]
    fn models_are_shared_and_streams_are_sent_between_threads() {
        fn shared<T: Send + Sync>() {}
        fn sent<T: Send>() {}
        shared::<ChatModel>();
        sent::<OutputStream>();
    }

    #[test]
    fn a_folder_without_a_tokenizer_says_what_is_missing() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("chat_template.jinja"), TEMPLATE).unwrap();
        let error = ChatModel::from_folder(folder.path()).unwrap_err().to_string();
        assert!(error.contains("tokenizer.json"), "{error}");
    }
}
