//! Downloads that end early, and later ones that resume them.

use crate::{SOSEKI, Setup, same_file};

const WEIGHTS: &str = "model.safetensors";

fn weights_len(setup: &Setup) -> usize {
    setup.hub.state().files[WEIGHTS].len()
}

#[test]
fn cut_connections_are_followed_by_others_that_bring_the_rest() {
    let setup = Setup::new(&[SOSEKI]);
    let size = weights_len(&setup);
    setup.hub.state().cut_after = Some(size / 4);
    let path = setup.fetch("a/b").unwrap();
    same_file(&path.join(WEIGHTS), SOSEKI);
    assert_eq!(setup.hub.take_bytes(), size, "no byte is sent twice");
    let parts =
        setup.hub.take_requests().iter().filter(|request| request.headers.contains_key("range")).count();
    assert!(parts >= 3, "{parts}");
}

#[test]
fn the_next_run_asks_for_the_rest() {
    let setup = Setup::new(&[SOSEKI]);
    let (size, sent) = (weights_len(&setup), 100_000);
    // The program ends after that many bytes, as if it had been killed. Then the storage server fails for good.
    let (blob, incomplete) = setup.blob(WEIGHTS);
    std::fs::create_dir_all(blob.parent().unwrap()).unwrap();
    std::fs::write(&incomplete, &setup.hub.state().files[WEIGHTS][..sent]).unwrap();
    setup.hub.state().statuses = vec![503; 20];
    let error = setup.fails("a/b", &[WEIGHTS, "503", "internal error"]);
    assert_eq!(error.exit_code(), 1);
    assert!(!blob.exists());
    assert_eq!(incomplete.metadata().unwrap().len(), sent as u64);
    assert!(!setup.repo().join("refs/main").exists(), "the snapshot is not whole");
    assert_eq!(setup.hub.take_bytes(), 0);

    setup.hub.state().statuses.clear();
    setup.hub.take_requests();
    let path = setup.fetch("a/b").unwrap();
    same_file(&path.join(WEIGHTS), SOSEKI);
    assert_eq!(setup.hub.take_bytes(), size - sent);
    let requests = setup.hub.take_requests();
    let ranges = Vec::from_iter(requests.iter().filter_map(|request| request.headers.get("range")));
    // One request goes to the hub, and one to the storage server.
    assert_eq!(ranges, [&format!("bytes={sent}-"); 2]);
    assert!(!incomplete.exists());
}

#[test]
fn connections_that_bring_nothing_end_it_and_what_came_stays() {
    let setup = Setup::new(&[SOSEKI]);
    setup.hub.state().cut_after = Some(0);
    setup.fails("a/b", &[WEIGHTS, "found 0 bytes"]);
    setup.hub.state().cut_after = Some(60_000);
    setup.hub.state().ignores_ranges = true;
    let error = setup.fails("a/b", &[WEIGHTS, "60000 bytes", "expected 6575936", "next download resumes"]);
    assert_eq!(error.exit_code(), 1);
    let (blob, incomplete) = setup.blob(WEIGHTS);
    assert!(!blob.exists());
    assert_eq!(incomplete.metadata().unwrap().len(), 60_000);
}

#[test]
fn a_server_without_ranges_sends_all_again() {
    let setup = Setup::new(&[SOSEKI]);
    let (blob, incomplete) = setup.blob(WEIGHTS);
    std::fs::create_dir_all(blob.parent().unwrap()).unwrap();
    std::fs::write(&incomplete, &setup.hub.state().files[WEIGHTS][..1000]).unwrap();
    setup.hub.state().ignores_ranges = true;
    let path = setup.fetch("a/b").unwrap();
    same_file(&path.join(WEIGHTS), SOSEKI);
    assert_eq!(setup.hub.take_bytes(), weights_len(&setup));
}

#[test]
fn leftovers_that_are_no_start_of_the_file_are_replaced() {
    for len in [1000, 1 << 20, 20 << 20] {
        let setup = Setup::new(&[SOSEKI]);
        let size = weights_len(&setup);
        let (blob, incomplete) = setup.blob(WEIGHTS);
        std::fs::create_dir_all(blob.parent().unwrap()).unwrap();
        std::fs::write(&incomplete, vec![7; len.min(size + 1)]).unwrap();
        let path = setup.fetch("a/b").unwrap();
        same_file(&path.join(WEIGHTS), SOSEKI);
    }
}

#[test]
fn all_bytes_of_an_earlier_run_need_no_connection() {
    let setup = Setup::new(&[SOSEKI]);
    let (blob, incomplete) = setup.blob(WEIGHTS);
    std::fs::create_dir_all(blob.parent().unwrap()).unwrap();
    std::fs::write(&incomplete, &setup.hub.state().files[WEIGHTS]).unwrap();
    let path = setup.fetch("a/b").unwrap();
    same_file(&path.join(WEIGHTS), SOSEKI);
    assert_eq!(setup.hub.take_bytes(), 0);
    assert!(!incomplete.exists());
}

#[test]
fn a_server_that_is_busy_is_asked_again() {
    let setup = Setup::new(&[SOSEKI]);
    setup.hub.state().statuses = vec![503, 429];
    let path = setup.fetch("a/b").unwrap();
    same_file(&path.join(WEIGHTS), SOSEKI);
}
