//! What is said of each cause, and what can be done.

use shorn_runtime::MissCause;

/// One or two sentences.
pub fn of(cause: MissCause) -> &'static str {
    match cause {
        MissCause::OtherModel => "Another model answered the last request; a cache belongs to one model.",
        MissCause::KvChanged => {
            "The KV cache is kept in another form than before (bits, group size or start), so the old one cannot be \
             used."
        }
        MissCause::ModelReloaded => {
            "The model was loaded again since the last request, and caches do not outlive its process. A longer idle \
             time before unloading avoids this."
        }
        MissCause::Evicted => {
            "The prompt begins as before, but its cache was given up for other sessions or other uses of memory. A larger \
             prompt cache keeps more."
        }
        MissCause::StillRunning => {
            "The request that this one goes on from had not ended, so its cache was still in use."
        }
        MissCause::SystemChanged => {
            "The instructions changed, so everything from there on is new to the model. Text that changes with each \
             request, such as a time, belongs at the end of a conversation."
        }
        MissCause::ToolOrder => {
            "The same tools came in another order, and they stand at the front of the prompt."
        }
        MissCause::ToolList => {
            "Tools came or went, and they stand at the front of the prompt. Tools that are found later can be sent with \
             defer_loading."
        }
        MissCause::ToolSchema => {
            "A tool's description or schema changed, or its keys came in another order; tools stand at the front of the \
             prompt."
        }
        MissCause::TemplateSettings => {
            "A setting that the chat template writes into the prompt changed, such as the reasoning effort."
        }
        MissCause::TemplateDate => {
            "The model's chat template writes the date or the time into the prompt, and that has changed."
        }
        MissCause::TemplateRewrites => {
            "The model's chat template writes the earlier part of a conversation in another way once it goes on, for \
             instance the list of tools before the last message."
        }
        MissCause::ReasoningDropped => {
            "The reasoning of an earlier reply is left out now: most chat templates do that once the user has said more. \
             Some keep it with chat_template_kwargs such as preserve_thinking or clear_thinking."
        }
        MissCause::ReasoningChanged => "The reasoning of an earlier reply came back with other words.",
        MissCause::ArgumentOrder => {
            "The arguments of a call that this server does not remember came back in another order."
        }
        MissCause::NumberFormat => {
            "A number in a call that this server does not remember came back written in another way."
        }
        MissCause::ArgumentFormat => {
            "The arguments of a call that this server does not remember came back with other spaces or escapes."
        }
        MissCause::ArgumentsChanged => "The arguments of an earlier call came back with another value.",
        MissCause::WhiteSpace => {
            "Only white space is different from what was sent before; to the model it is another text."
        }
        MissCause::MessageChanged => "The text of an earlier message is another than before.",
        MissCause::MessageInserted => "A message came in between those that were sent before.",
        MissCause::MessageRemoved => "A message that was sent before is gone.",
        MissCause::Compaction => {
            "The client has replaced the history by something shorter. This is how sessions go on that would outgrow the \
             context."
        }
        MissCause::ReplyChanged => "The last reply came back as something else than what was sent.",
        MissCause::ReplyNotKept => {
            "The last reply is not remembered as it was generated (it was cut off, or the chat template does not show where \
             it ends), so its text was read anew."
        }
    }
}
