use std::path::{Path, PathBuf};

use proptest::prelude::*;
use serde_json::Value;

use super::*;

fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures")
}

fn tokenizer() -> Tokenizer {
    Tokenizer::from_folder(&fixtures()).unwrap()
}

/// What the Python package `tokenizers` 0.23.3 makes of the same tokenizer.json (make_tokenizer.py).
fn reference() -> Value {
    let text = std::fs::read_to_string(fixtures().join("tokenizer_reference.json")).unwrap();
    serde_json::from_str(&text).unwrap()
}

fn ids(value: &Value) -> Vec<u32> {
    value.as_array().unwrap().iter().map(|id| id.as_u64().unwrap() as u32).collect()
}

fn stream(mut detokenizer: Detokenizer, ids: &[u32]) -> String {
    let mut text = String::new();
    for id in ids {
        text.push_str(detokenizer.push(*id).unwrap());
    }
    text + detokenizer.finish()
}

/// The fixture with another decoder, in which a token's text depends on its neighbours.
fn with_decoder(decoder: Value) -> Tokenizer {
    with_field("decoder", decoder)
}

fn with_field(name: &str, value: Value) -> Tokenizer {
    let folder = tempfile::tempdir().unwrap();
    let text = std::fs::read_to_string(fixtures().join("tokenizer.json")).unwrap();
    let mut json: Value = serde_json::from_str(&text).unwrap();
    json[name] = value;
    std::fs::write(folder.path().join("tokenizer.json"), json.to_string()).unwrap();
    Tokenizer::from_folder(folder.path()).unwrap()
}

#[test]
fn encoding_equals_the_python_package() {
    for case in reference()["encode"].as_array().unwrap() {
        let text = case["text"].as_str().unwrap();
        assert_eq!(tokenizer().encode(text).unwrap(), ids(&case["ids"]), "{text:?}");
    }
}

#[test]
fn the_special_tokens_of_the_tokenizer_itself_are_put_in_only_when_asked_for() {
    let single = serde_json::json!([
        {"SpecialToken": {"id": "<|endoftext|>", "type_id": 0}}, {"Sequence": {"id": "A", "type_id": 0}}]);
    let special = serde_json::json!({"<|endoftext|>": {"id": "<|endoftext|>", "ids": [647],
        "tokens": ["<|endoftext|>"]}});
    let processor = serde_json::json!({"type": "TemplateProcessing", "single": single, "pair": single,
        "special_tokens": special});
    let begins_texts = with_field("post_processor", processor);
    let plain = begins_texts.encode("Hello").unwrap();
    assert_eq!(plain, tokenizer().encode("Hello").unwrap());
    assert_eq!(
        begins_texts.encode_with_special_tokens("Hello").unwrap(),
        [&[647], plain.as_slice()].concat()
    );
    assert_eq!(tokenizer().encode_with_special_tokens("Hello").unwrap(), plain);
}

#[test]
fn decoding_equals_the_python_package() {
    for case in reference()["decode"].as_array().unwrap() {
        let ids = ids(&case["ids"]);
        assert_eq!(tokenizer().decode(&ids, true), case["text"].as_str().unwrap());
        assert_eq!(tokenizer().decode(&ids, false), case["with_special"].as_str().unwrap());
    }
}

#[test]
fn streaming_equals_decoding_at_once() {
    for case in reference()["decode"].as_array().unwrap() {
        let ids = ids(&case["ids"]);
        let tokenizer = tokenizer();
        assert_eq!(stream(Detokenizer::new(&tokenizer), &ids), case["text"].as_str().unwrap());
        let keeping = Detokenizer::new(&tokenizer).keeping_special_tokens();
        assert_eq!(stream(keeping, &ids), case["with_special"].as_str().unwrap());
    }
}

#[test]
fn a_character_split_over_tokens_comes_whole() {
    let tokenizer = tokenizer();
    let ids = tokenizer.encode("\u{1F9D1}").unwrap();
    assert!(ids.len() > 1, "the fixture must not know this character");
    let mut detokenizer = Detokenizer::new(&tokenizer);
    let pieces: Vec<String> = ids.iter().map(|id| detokenizer.push(*id).unwrap().to_owned()).collect();
    assert_eq!(pieces.last().unwrap(), "\u{1F9D1}");
    assert!(pieces[..pieces.len() - 1].iter().all(String::is_empty));
}

#[test]
fn a_character_cut_off_becomes_a_replacement_character() {
    let tokenizer = tokenizer();
    let ids = tokenizer.encode("\u{1F9D1}").unwrap();
    assert_eq!(stream(Detokenizer::new(&tokenizer), &ids[..ids.len() - 1]), "\u{FFFD}");
}

#[test]
fn an_id_outside_the_vocabulary_is_an_error_and_the_stream_goes_on() {
    let tokenizer = tokenizer();
    let mut detokenizer = Detokenizer::new(&tokenizer);
    let error = detokenizer.push(151_935).unwrap_err().to_string();
    assert_eq!(
        error,
        "token id 151935 is not in the tokenizer's vocabulary of 656; it adds nothing to the text"
    );
    let id = tokenizer.encode("the").unwrap()[0];
    assert!(!detokenizer.push(id).unwrap().is_empty());
}

#[test]
fn special_tokens_are_known_and_markers_are_not_special() {
    let tokenizer = tokenizer();
    let id = |token: &str| tokenizer.token_to_id(token).unwrap();
    assert!(tokenizer.is_special(id("<|im_end|>")));
    assert!(!tokenizer.is_special(id("<tool_call>")));
    assert_eq!(tokenizer.id_to_token(id("</think>")).unwrap(), "</think>");
    assert_eq!(tokenizer.vocab_size(), 656);
}

#[test]
fn a_windowed_decoder_streams_what_it_decodes_at_once() {
    // As SentencePiece tokenizers are written: a mark for the space, byte tokens, the first space stripped.
    let tokenizer = with_decoder(serde_json::json!({"type": "Sequence", "decoders": [
        {"type": "Replace", "pattern": {"String": "\u{120}"}, "content": " "},
        {"type": "ByteFallback"},
        {"type": "Fuse"},
        {"type": "Strip", "content": " ", "start": 1, "stop": 0},
    ]}));
    let ids = tokenizer.encode(" the agent reads a file and runs the tests").unwrap();
    let whole = tokenizer.decode(&ids, true);
    assert_eq!(whole, "the agent reads a file and runs the tests");
    assert_eq!(stream(Detokenizer::new(&tokenizer), &ids), whole);
}

#[test]
fn a_missing_file_says_which() {
    let error = Tokenizer::from_folder(Path::new("nowhere")).unwrap_err().to_string();
    assert!(error.contains("tokenizer.json") && error.contains("nowhere"), "{error}");
}

#[test]
fn a_broken_file_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("tokenizer.json"), "{\"version\": 1").unwrap();
    let error = Tokenizer::from_folder(folder.path()).unwrap_err();
    assert!(matches!(error, TokenizerError::Malformed { .. }), "{error}");
}

#[test]
fn the_byte_alphabet_has_every_byte_once() {
    let mut bytes: Vec<u8> = (0..0x200).filter_map(char::from_u32).filter_map(detokenizer::byte_of).collect();
    bytes.sort_unstable();
    assert_eq!(bytes, (0..=255).collect::<Vec<u8>>());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_ids_stream_to_what_they_decode_to(ids in prop::collection::vec(0u32..656, 0..200)) {
        let tokenizer = tokenizer();
        prop_assert_eq!(stream(Detokenizer::new(&tokenizer), &ids), tokenizer.decode(&ids, true));
    }

    #[test]
    fn normalized_text_comes_back(text in "[ -~\\n\\téüß日本🚀]{0,60}") {
        let tokenizer = tokenizer();
        let ids = tokenizer.encode(&text).unwrap();
        prop_assert_eq!(stream(Detokenizer::new(&tokenizer).keeping_special_tokens(), &ids), text);
    }
}
