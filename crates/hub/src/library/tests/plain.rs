use serde_json::json;

use super::*;

#[test]
fn lm_studios_models_are_listed_by_publisher_and_name() {
    let disk = Disk::new();
    let directory = disk.folders.lm_studio.join("mlx-community/tiny-mxfp4");
    write_fixture(&directory, "qwen3-mxfp4");
    let model = disk.only();
    assert_eq!((model.name.as_str(), model.origin), ("mlx-community/tiny-mxfp4", Origin::LmStudio));
    assert_eq!((&model.directory, model.bytes), (&directory, fixture_bytes("qwen3-mxfp4")));
    assert_eq!(assert_ready(&model).quantization, "4-bit mxfp4 in groups of 32");
}

#[test]
fn own_models_may_lie_with_or_without_an_organisation() {
    let disk = Disk::new();
    write_fixture(&disk.folders.own.join("zebra"), "qwen3-bfloat16");
    write_fixture(&disk.folders.own.join("org/Ant"), "qwen3-yarn-8bit");
    let names: Vec<String> = disk.scan().models.into_iter().map(|model| model.name).collect();
    assert_eq!(names, ["org/Ant", "zebra"]);
    assert_eq!(assert_ready(&disk.model("zebra")).quantization, "bfloat16, not quantized");
}

#[test]
fn the_same_model_in_two_places_is_listed_twice() {
    let disk = Disk::new();
    write_fixture(&disk.folders.lm_studio.join("org/model"), "qwen3-bfloat16");
    disk.repository("org/model").add_fixture("aaa", "qwen3-bfloat16");
    let origins: Vec<Origin> = disk.scan().models.into_iter().map(|model| model.origin).collect();
    assert_eq!(origins, [Origin::HuggingFace, Origin::LmStudio]);
}

#[test]
fn gguf_models_are_listed_as_what_they_are() {
    let disk = Disk::new();
    let directory = disk.folders.lm_studio.join("org/model-GGUF");
    fs::create_dir_all(&directory).unwrap();
    fs::write(directory.join("model-Q4_K_M.gguf"), b"GGUF").unwrap();
    assert!(unsupported(&disk.only()).contains("GGUF"));
}

#[test]
fn a_part_file_makes_a_model_incomplete() {
    let disk = Disk::new();
    let directory = disk.folders.lm_studio.join("org/model");
    write_fixture(&directory, "qwen3-bfloat16");
    fs::write(directory.join("downloading_model-00002.safetensors.part"), b"x").unwrap();
    assert_eq!(missing(&disk.only()), "the rest of 1 file");
}

#[test]
fn weights_that_were_cut_short_are_incomplete_with_their_bytes() {
    let disk = Disk::new();
    let directory = disk.folders.own.join("model");
    write_fixture(&directory, "qwen3-bfloat16");
    let weights = directory.join("model.safetensors");
    let whole = fs::metadata(&weights).unwrap().len();
    fs::File::options().write(true).open(&weights).unwrap().set_len(whole - 10).unwrap();
    let expected = format!("the rest of model.safetensors: it has {} of {whole} bytes", whole - 10);
    assert_eq!(missing(&disk.only()), expected);
}

#[test]
fn weights_that_are_wrong_and_not_short_are_unsupported() {
    let disk = Disk::new();
    let directory = disk.folders.own.join("model");
    write_fixture(&directory, "qwen3-bfloat16");
    let header = r#"{"a":{"dtype":"F99","shape":[1],"data_offsets":[0,4]}}"#;
    let file = [&(header.len() as u64).to_le_bytes(), header.as_bytes(), &[0; 4]].concat();
    fs::write(directory.join("model.safetensors"), file).unwrap();
    assert!(unsupported(&disk.only()).contains("tensor `a`"));
}

#[test]
fn a_model_without_its_tokenizer_is_incomplete() {
    let disk = Disk::new();
    let directory = disk.folders.own.join("model");
    write_fixture(&directory, "qwen3-bfloat16");
    fs::remove_file(directory.join("tokenizer.json")).unwrap();
    assert_eq!(missing(&disk.only()), "tokenizer.json");
}

#[test]
fn links_between_the_model_folders_are_followed() {
    let disk = Disk::new();
    let repository = disk.repository("org/model");
    repository.add_fixture("aaa", "qwen3-bfloat16");
    fs::create_dir(disk.folders.lm_studio.join("org")).unwrap();
    symlink(repository.snapshot_directory("aaa"), disk.folders.lm_studio.join("org/linked")).unwrap();
    assert_ready(&disk.model("org/linked"));
}

#[test]
fn a_publisher_that_is_a_link_out_of_the_model_folders_is_not_looked_into() {
    let disk = Disk::new();
    write_fixture(&disk.outside().join("model"), "qwen3-bfloat16");
    symlink(disk.outside(), disk.folders.lm_studio.join("org")).unwrap();
    let model = disk.only();
    assert_eq!((model.name.as_str(), model.bytes), ("org", 0));
    assert!(unsupported(&model).contains("link out of the model folders"));
}

#[test]
fn a_circle_of_links_ends() {
    let disk = Disk::new();
    let directory = disk.folders.own.join("model");
    write_fixture(&directory, "qwen3-bfloat16");
    symlink(&directory, directory.join("itself")).unwrap();
    symlink("b.json", directory.join("a.json")).unwrap();
    symlink("a.json", directory.join("b.json")).unwrap();
    assert_eq!(missing(&disk.only()), "2 files, a.json first");
}

#[test]
fn the_cache_as_lm_studios_folder_is_listed_once() {
    let mut disk = Disk::new();
    disk.repository("org/model").add_fixture("aaa", "qwen3-bfloat16");
    disk.folders.lm_studio.clone_from(&disk.folders.hugging_face);
    assert_eq!(disk.only().origin, Origin::HuggingFace);
}

#[test]
fn folders_that_do_not_exist_hold_no_models() {
    let disk = Disk::new();
    let nowhere = disk.home.path().join("nowhere");
    let folders = Folders {
        own: nowhere.clone(),
        hugging_face: nowhere.clone(),
        lm_studio: nowhere.clone(),
        embedded: None,
    };
    assert_eq!(scan(&folders), Library::default());
}

#[test]
fn a_folder_that_cannot_be_listed_is_named() {
    let mut disk = Disk::new();
    let file = disk.home.path().join("a-file");
    fs::write(&file, "").unwrap();
    disk.folders.own.clone_from(&file);
    let library = disk.scan();
    assert_eq!(library.unreadable.len(), 1);
    assert_eq!(library.unreadable[0].directory, file);
}

#[test]
fn the_window_gets_states_and_origins_in_snake_case() {
    let disk = Disk::new();
    let directory = disk.folders.lm_studio.join("org/model");
    write_fixture(&directory, "qwen3-bfloat16");
    fs::remove_file(directory.join("tokenizer.json")).unwrap();
    let bytes = disk.only().bytes;
    let expected = json!({
        "name": "org/model",
        "directory": directory,
        "origin": "lm_studio",
        "bytes": bytes,
        "state": {"kind": "incomplete", "missing": "tokenizer.json"}
    });
    assert_eq!(serde_json::to_value(disk.only()).unwrap(), expected);
}
