//! Licence texts: which licence one is, what in it is somebody's notice, and when two are the same.

use std::fs;
use std::path::Path;

use anyhow::Result;

/// A licence text taken apart.
pub struct Text {
    /// The copyright notices above it, on one line.
    pub notices: String,
    /// The rest.
    pub body: String,
    /// Equal for texts that differ in spaces and capitals only.
    pub key: String,
}

/// How the body of each licence begins, and words that must follow.
const MARKS: &[(&str, &str, &str)] = &[
    ("MIT", "permission is hereby granted, free of charge", ""),
    ("BSD-3-Clause", "redistribution and use in source and binary forms", "neither the name"),
    ("BSD-2-Clause", "redistribution and use in source and binary forms", ""),
    ("ISC", "permission to use, copy, modify, and", ""),
    ("Zlib", "this software is provided 'as-is'", ""),
    ("Unicode-3.0", "notice to user: carefully read", ""),
    ("Apache-2.0", "apache license version 2.0", "end of terms and conditions"),
    ("MPL-2.0", "mozilla public license version 2.0", ""),
    ("LAPACK", "redistribution and use in source and binary forms", "no reassurances"),
    ("GCC", "these libraries are part of gcc", ""),
];

/// Licences whose text is the same for all, so that no notice stands above it.
const COMMON: &[&str] = &["Apache-2.0", "MPL-2.0"];

impl Text {
    /// The text of `licence` among `files`.
    pub fn find(licence: &str, files: &[String]) -> Option<Self> {
        let (_, start, follows) = MARKS.iter().find(|(name, ..)| *name == licence)?;
        files.iter().find_map(|file| {
            let (head, body) = divide(file, start)?;
            let body = match licence {
                // What follows is how to apply it.
                "Apache-2.0" => body.split("END OF TERMS AND CONDITIONS").next()?,
                _ => body,
            };
            let notices = if COMMON.contains(&licence) { String::new() } else { notices(head) };
            let body = trimmed(body);
            key(file).contains(follows).then(|| Self { notices, key: key_of(licence, &body), body })
        })
    }
}

/// The licence whose text is among `files`.
pub fn licence_of(files: &[String]) -> Option<&'static str> {
    MARKS.iter().map(|(licence, ..)| *licence).find(|licence| Text::find(licence, files).is_some())
}

/// What a text of `licence` is compared by. Copies of a common text differ in an address or a bracket at most.
pub fn key_of(licence: &str, body: &str) -> String {
    if COMMON.contains(&licence) { String::new() } else { key(body) }
}

/// Lower case, one space between words, nothing else but letters, digits and punctuation that matters.
fn key(text: &str) -> String {
    let plain = text.to_lowercase().replace(['"', '“', '”', '`', '*'], "").replace(['‘', '’'], "'");
    plain.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Cuts before the line in which the words of `start` begin; they may go on over the next lines.
fn divide<'a>(text: &'a str, start: &str) -> Option<(&'a str, &'a str)> {
    let mut offset = 0;
    for line in text.split_inclusive('\n') {
        let first = key(line);
        let is_start =
            first.split(' ').next().is_some_and(|word| !word.is_empty() && start.starts_with(word));
        if is_start && key(&text[offset..]).starts_with(start) {
            return Some(text.split_at(offset));
        }
        offset += line.len();
    }
    None
}

/// All lines above the text but titles.
fn notices(head: &str) -> String {
    let is_title = |line: &str| {
        let line = line.to_lowercase();
        !line.contains("copyright ") && (line.contains("licen") || line.contains("permission notice"))
    };
    let plain = |line: &str| {
        line.trim_matches(|mark: char| mark.is_whitespace() || "#/*=-".contains(mark)).to_owned()
    };
    let lines = head.lines().map(plain).filter(|line| !line.is_empty() && !is_title(line));
    lines.collect::<Vec<_>>().join(" ").replace('<', "&lt;")
}

/// Without the spaces that every line begins or ends with, and without empty lines around it.
fn trimmed(text: &str) -> String {
    let lines: Vec<&str> = text.lines().map(str::trim_end).collect();
    let inner = |line: &&&str| !line.is_empty();
    let margin =
        lines.iter().filter(inner).map(|line| line.len() - line.trim_start().len()).min().unwrap_or(0);
    let lines: Vec<&str> = lines.iter().map(|line| line.get(margin..).unwrap_or("")).collect();
    lines.join("\n").trim_matches('\n').to_owned()
}

/// Whether a file is a notice that Apache's licence wants to be passed on.
pub fn is_notice(file: &str) -> bool {
    file.starts_with(NOTICE)
}

/// Marks the content of a file called NOTICE.
const NOTICE: &str = "NOTICE\n\n";

/// What stands in for a notice that a component lacks.
pub fn notice_of_authors(licence: &str, name: &str, authors: &[String]) -> String {
    if COMMON.contains(&licence) {
        return String::new();
    }
    let authors = match authors.is_empty() {
        true => format!("the authors of {}", name.split(' ').next().unwrap_or(name)),
        false => authors.join(", "),
    };
    format!("Copyright (c) {authors}").replace('<', "&lt;")
}

/// The licence files and notices in a package's folder, in the order of their names.
pub fn files_in(folder: &Path) -> Result<Vec<String>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().to_lowercase();
        let is_licence =
            ["license", "licence", "copying", "unlicense"].iter().any(|word| name.starts_with(word));
        if !path.is_file() || !(is_licence || name.starts_with("notice")) {
            continue;
        }
        let text = String::from_utf8_lossy(&fs::read(&path)?).replace("\r\n", "\n");
        found.push((name.clone(), if is_licence { text } else { format!("{NOTICE}{text}") }));
    }
    found.sort();
    Ok(found.into_iter().map(|(_, text)| text).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIT: &str = "The MIT License (MIT)\n\nCopyright (c) 2020 Ada\nCopyright (c) 2021 Bob\n\n\
        Permission is hereby granted, free of\ncharge, to anyone.\n";

    #[test]
    fn notices_are_told_from_titles_and_from_the_text() {
        let text = Text::find("MIT", &[MIT.to_owned()]).unwrap();
        assert_eq!(text.notices, "Copyright (c) 2020 Ada Copyright (c) 2021 Bob");
        assert_eq!(text.body, "Permission is hereby granted, free of\ncharge, to anyone.");
    }

    #[test]
    fn texts_that_differ_in_lines_and_capitals_are_one() {
        let wide = "PERMISSION is hereby granted, free of charge, to  anyone.";
        let one = Text::find("MIT", &[MIT.to_owned()]).unwrap();
        assert_eq!(Text::find("MIT", &[wide.to_owned()]).unwrap().key, one.key);
    }

    #[test]
    fn a_text_of_another_licence_is_not_taken() {
        assert!(Text::find("Apache-2.0", &[MIT.to_owned()]).is_none());
        assert_eq!(licence_of(&[MIT.to_owned()]), Some("MIT"));
    }
}
