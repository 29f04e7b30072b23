use super::*;

fn waiting() -> Waiting {
    let file = |path: &str, digest| RemoteFile { path: RemotePath::new(path).unwrap(), bytes: 9, digest };
    let plan = Plan::of(
        "a".repeat(40),
        [
            file("model.safetensors", Digest::Sha256("b".repeat(64))),
            file("config.json", Digest::GitSha1("c".repeat(40))),
        ],
    );
    plan.blobs[0].set_done(4);
    plan.blobs[1].set_verified(true);
    Waiting { name: "org/name".parse().unwrap(), paused: true, plan: Some(Arc::new(plan)) }
}

#[test]
fn what_is_written_is_read() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("data/queue.json");
    let second = Waiting { name: "org/second".parse().unwrap(), paused: false, plan: None };
    let written = text([waiting(), second]);
    write(&path, &written).unwrap();
    let read = read(&path);
    assert_eq!(read.len(), 2);
    assert_eq!(read[0].plan.as_ref().unwrap().files(), waiting().plan.unwrap().files());
    assert_eq!(text(read), written);
}

#[test]
fn a_queue_that_was_never_written_is_empty() {
    assert!(read(Path::new("/nowhere/queue.json")).is_empty());
}

#[test]
fn names_that_lead_out_of_the_cache_make_a_queue_unusable() {
    let written = text([waiting()]);
    for (good, bad) in [
        ("config.json", "../config.json"),
        (&*"a".repeat(40), "../../../../etc"),
        (&*"b".repeat(64), "/etc/passwd"),
        (&*"c".repeat(40), "c"),
        ("org/name", "../name"),
    ] {
        assert!(parse(written.replace(good, bad).as_bytes()).is_err(), "{bad}");
    }
    assert!(parse(written.as_bytes()).is_ok());
}
