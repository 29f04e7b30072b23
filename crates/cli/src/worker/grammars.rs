//! Grammars of requests, as masks over the model's tokens.

use std::path::{Path, PathBuf};

use shorn_chat::tokenizer::Tokenizer;
use shorn_checkpoint::Checkpoint;
use shorn_engine::TokenMask;
use shorn_grammar::{Matcher, Vocabulary};

/// What turns grammars into masks for one model.
pub struct Grammars {
    directory: PathBuf,
    /// Made for the first grammar: most models never see one.
    vocabulary: Option<Vocabulary>,
}

impl Grammars {
    /// For the model in a folder.
    pub fn new(directory: PathBuf) -> Self {
        Self { directory, vocabulary: None }
    }

    /// The mask of a reply that has to follow this grammar.
    ///
    /// # Errors
    /// When the model's files or the grammar cannot be used.
    pub fn mask(&mut self, grammar: &str) -> Result<Box<dyn TokenMask>, String> {
        let vocabulary = match &mut self.vocabulary {
            Some(vocabulary) => vocabulary,
            none => none.insert(read_vocabulary(&self.directory)?),
        };
        let matcher = vocabulary.matcher(grammar).map_err(|error| error.to_string())?;
        Ok(Box::new(Following { matcher, failed: None }))
    }
}

fn read_vocabulary(directory: &Path) -> Result<Vocabulary, String> {
    let checkpoint = Checkpoint::open(directory).map_err(|error| error.to_string())?;
    let tokenizer = Tokenizer::from_folder(directory).map_err(|error| error.to_string())?;
    let tokens = tokenizer.tokens(checkpoint.config.vocab_size());
    let tokens = tokens.ok_or("this model's tokenizer does not say which bytes its tokens stand for")?;
    Vocabulary::new(tokens, &checkpoint.eos_token_ids).map_err(|error| error.to_string())
}

/// One reply in its grammar.
struct Following {
    matcher: Matcher,
    /// Why the last token could not be followed; told when the next mask is asked for.
    failed: Option<String>,
}

impl TokenMask for Following {
    fn allowed(&mut self) -> Result<&[u32], String> {
        match self.failed.take() {
            Some(problem) => Err(problem),
            None => self.matcher.allowed().map_err(|error| error.to_string()),
        }
    }

    fn accept(&mut self, token: u32) -> bool {
        match self.matcher.accept(token) {
            Ok(()) => self.matcher.is_over(),
            Err(error) => {
                self.failed = Some(error.to_string());
                false
            }
        }
    }
}
