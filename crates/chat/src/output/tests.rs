//! Every text in these tests is parsed whole, a character at a time, in pieces of several sizes and cut around every
//! character that means something; all must give the same, and every byte must be accounted for.

mod any_text;
mod cut_off;
mod deepseek;
mod detect;
mod dsml;
mod every_format;
mod gemma;
mod glm;
mod harmony;
mod hermes;
mod lfm2;
mod llama;
mod marks;
mod minimax;
mod mistral;
mod partition;
mod prose;
mod qwen_xml;
mod reasoning;
mod setup;
mod tricky_values;
mod value_types;
pub(in crate::output) mod written;

use serde_json::Value;

use super::*;
use setup::{Outcome, Setup, hermes, of, pieces, qwen, tool, tools};
use written::xml_call;
