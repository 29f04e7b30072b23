use std::fs;

use proptest::prelude::*;

use super::*;

/// A file of two tensors: `a`, 2 x 3 of F32, and `b`, 4 of U8.
fn small_file() -> Vec<u8> {
    let header = r#"{"__metadata__":{"format":"mlx"},"a":{"dtype":"F32","shape":[2,3],"data_offsets":[0,24]},"b":{"dtype":"U8","shape":[4],"data_offsets":[24,28]}}"#;
    with_header(header, &[7; 28])
}

fn with_header(header: &str, data: &[u8]) -> Vec<u8> {
    let mut file = (header.len() as u64).to_le_bytes().to_vec();
    file.extend_from_slice(header.as_bytes());
    file.extend_from_slice(data);
    file
}

fn read(file: &[u8]) -> Result<Tensors, CheckpointError> {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("model.safetensors"), file).unwrap();
    Tensors::read(folder.path())
}

fn refusal(file: &[u8]) -> String {
    read(file).unwrap_err().to_string()
}

#[test]
fn a_whole_file_gives_shapes_and_places() {
    let tensors = read(&small_file()).unwrap();
    let entry = tensors.get("a").unwrap();
    assert_eq!((entry.dtype, entry.shape.as_slice(), entry.bytes), (Dtype::F32, &[2, 3][..], 24));
    assert_eq!(entry.offset, entry.file.data_start);
    assert_eq!(tensors.bytes(), 28);
}

#[test]
fn a_file_cut_short_is_refused_by_name() {
    let file = small_file();
    let message = refusal(&file[..file.len() - 1]);
    assert!(message.contains("model.safetensors") && message.contains("`b`"), "{message}");
}

#[test]
fn bytes_after_the_last_tensor_are_refused() {
    let mut file = small_file();
    file.push(0);
    assert!(refusal(&file).contains("its tensors end at byte"));
}

#[test]
fn a_header_longer_than_the_file_is_refused() {
    let mut file = small_file();
    file[..8].copy_from_slice(&u64::MAX.to_le_bytes());
    assert!(refusal(&file).contains("header claims"));
}

#[test]
fn a_shape_that_disagrees_with_its_bytes_names_the_tensor() {
    let header = r#"{"a":{"dtype":"F32","shape":[2,4],"data_offsets":[0,24]}}"#;
    let message = refusal(&with_header(header, &[0; 24]));
    assert!(message.contains("tensor `a`") && message.contains("needs 32 bytes"), "{message}");
}

#[test]
fn a_shape_that_overflows_is_refused() {
    let header = r#"{"a":{"dtype":"F32","shape":[2147483647,2147483647,2147483647],"data_offsets":[0,24]}}"#;
    assert!(refusal(&with_header(header, &[0; 24])).contains("overflows"));
}

#[test]
fn overlapping_tensors_are_refused() {
    let header = r#"{"a":{"dtype":"U8","shape":[3],"data_offsets":[0,3]},"b":{"dtype":"U8","shape":[3],"data_offsets":[1,4]}}"#;
    assert!(refusal(&with_header(header, &[0; 4])).contains("the tensor before it ends"));
}

#[test]
fn an_unknown_dtype_names_the_tensor() {
    let header = r#"{"a":{"dtype":"F99","shape":[1],"data_offsets":[0,4]}}"#;
    assert!(refusal(&with_header(header, &[0; 4])).contains("tensor `a`"));
}

#[test]
fn a_shard_that_the_index_lists_but_the_folder_lacks_is_named() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(
        folder.path().join("model.safetensors.index.json"),
        r#"{"weight_map":{"a":"model-00001-of-00002.safetensors"}}"#,
    )
    .unwrap();
    let message = Tensors::read(folder.path()).unwrap_err().to_string();
    assert!(message.contains("model-00001-of-00002.safetensors") && message.contains("incomplete"));
}

#[test]
fn an_index_cannot_point_out_of_the_folder() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(
        folder.path().join("model.safetensors.index.json"),
        r#"{"weight_map":{"a":"../other/model.safetensors"}}"#,
    )
    .unwrap();
    let message = Tensors::read(folder.path()).unwrap_err().to_string();
    assert!(message.contains("weight_map.a"), "{message}");
}

proptest! {
    #[test]
    fn any_damage_is_an_error_or_a_file_whose_tensors_fit(position in 0usize..200, bit in 0u8..8) {
        let mut file = small_file();
        let position = position % file.len();
        file[position] ^= 1 << bit;
        if let Ok(tensors) = read(&file) {
            let held: u64 = tensors.bytes();
            prop_assert!(held <= file.len() as u64);
        }
    }
}
