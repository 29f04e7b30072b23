use super::*;

fn model(paths: &[&str]) -> RemoteModel {
    let file = |path: &&str| RemoteFile {
        path: RemotePath::new(path).unwrap(),
        bytes: 1,
        digest: Digest::GitSha1("0".repeat(40)),
    };
    RemoteModel {
        name: "org/name".parse().unwrap(),
        commit: "0".repeat(40),
        gated: false,
        files: paths.iter().map(file).collect(),
    }
}

fn needed(model: &RemoteModel) -> Vec<&str> {
    model.needed_files().iter().map(|file| file.path.as_str()).collect()
}

#[test]
fn a_path_that_leads_elsewhere_is_refused() {
    let hostile = [
        "",
        "/etc/passwd",
        "../up",
        "a/../b",
        "a/./b",
        "a//b",
        "a/",
        "C:\\x",
        "a\\b",
        "C:x",
        "a\0b",
        "a\nb",
        "..",
        "nul",
        "CON.json",
        "sub/com1.txt",
        "LPT9",
    ];
    for path in hostile {
        assert!(RemotePath::new(path).is_err(), "{path:?}");
    }
    assert!(RemotePath::new(&"a".repeat(231)).is_err());
}

#[test]
fn usual_paths_are_taken() {
    for path in
        ["config.json", "a b/ü.json", ".gitattributes", "...", "community.txt", "com10.txt", "a/b/c.jinja"]
    {
        assert_eq!(RemotePath::new(path).unwrap().as_str(), path);
    }
}

#[test]
fn what_a_model_is_loaded_from_is_needed_and_nothing_else() {
    let wanted = [
        "LICENSE",
        "additional_chat_templates/tools.jinja",
        "chat_template.jinja",
        "config.json",
        "merges.txt",
        "model-00001-of-00002.safetensors",
        "model-00002-of-00002.safetensors",
        "model.safetensors.index.json",
        "tokenizer.json",
        "tokenizer.model",
        "tokenizer_config.json",
    ];
    let others = [
        ".gitattributes",
        "README.md",
        "consolidated.safetensors",
        "figure.png",
        "model.gguf",
        "onnx/config.json",
        "original/consolidated.00.pth",
        "original/template.jinja",
        "pytorch_model.bin",
        "train.py",
    ];
    let all: Vec<&str> = wanted.iter().chain(&others).copied().collect();
    assert_eq!(needed(&model(&all)), wanted);
}

#[test]
fn weights_of_another_name_are_needed_where_there_are_no_usual_ones() {
    assert_eq!(needed(&model(&["weights.00.safetensors"])), ["weights.00.safetensors"]);
}

#[test]
fn two_names_that_are_one_on_a_mac_are_refused() {
    let sibling =
        |name: &str| format!(r#"{{"rfilename": "{name}", "size": 1, "blobId": "{}"}}"#, "a".repeat(40));
    let text = format!(
        r#"{{"sha": "{}", "siblings": [{}, {}]}}"#,
        "b".repeat(40),
        sibling("config.json"),
        sibling("Config.json")
    );
    let info: Info = serde_json::from_str(&text).unwrap();
    let refused = info.into_model(&"org/name".parse().unwrap(), "host").unwrap_err();
    assert!(matches!(refused, HubError::Refused(_)), "{refused}");
}
