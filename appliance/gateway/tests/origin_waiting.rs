//! An origin that does not answer, or not yet: who waits how long, and what is sent again when.
#![allow(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::indexing_slicing,
    reason = "tests may panic"
)]

mod lab;

use std::time::Duration;

use gateway::limits::ANSWER_PATIENCE;
use gateway::{ClientId, Limits};
use lab::origin::{FOREIGN_ROOT, ROOT};
use lab::xdr::{In, Out, record};
use lab::{BLOCK, Lab, READ, Setup, WRITE, pattern, read_args, write_args};

const GETATTR: u32 = 1;
const SETATTR: u32 = 2;
const ACCESS: u32 = 4;
const CREATE: u32 = 8;

const IO: u32 = 5;
const JUKEBOX: u32 = 10_008;

const SECOND: Duration = Duration::from_secs(1);
/// How long calls wait where they do not wait for ever.
const GIVE_UP: Duration = Duration::from_secs(24);

/// One connection to the origin, and a file that both clients may read from the cache.
fn start(setup: Setup) -> (Lab, Vec<u8>) {
    let mut lab = Setup {
        connections: 1,
        ..setup
    }
    .start();
    lab.add_file("f", &pattern(4 * BLOCK, 1));
    let file = lab.lookup(1, "f");
    lab.read(1, &file, 0, 1);
    (lab, file)
}

fn impatient() -> Setup {
    let mut exports = vec![lab::export("/export"), lab::export("/other")];
    exports[0].give_up = Some(GIVE_UP);
    Setup {
        exports,
        ..Setup::default()
    }
}

fn getattr_args(file: &[u8]) -> Vec<u8> {
    Out::new().opaque(file).0
}

/// Lets time pass as it does, second by second.
fn wait(lab: &mut Lab, time: Duration) {
    let end = lab.now + time;
    while lab.now < end {
        lab.tick(SECOND);
    }
}

#[test]
fn a_client_waits_for_ever_for_an_origin_that_is_away() {
    let (mut lab, file) = start(Setup::default());
    lab.origin_is_up = false;
    let link = lab.nfs_links()[0];
    lab.break_link(link);
    let read = lab.send(1, READ, &read_args(&file, BLOCK as u64, 100));
    let write = lab.send(2, WRITE, &write_args(&file, 0, b"data"));
    for _ in 0..24 * 360 {
        lab.tick(10 * SECOND);
    }
    assert!(lab.answer(1, read).is_none());
    assert!(lab.answer(2, write).is_none());
    lab.origin_is_up = true;
    lab.tick(10 * SECOND);
    assert_eq!(
        lab.answer(1, read).expect("answered").read().data.len(),
        100
    );
    assert_eq!(lab.answer(2, write).expect("answered").write().count, 4);
    lab.assert_at_rest();
}

#[test]
fn a_call_without_an_answer_is_sent_again_on_another_connection() {
    let (mut lab, file) = start(Setup::default());
    lab.hold = |_| true;
    let xid = lab.send(1, WRITE, &write_args(&file, 0, b"data"));
    lab.run();
    let old = lab.pending[0].link;
    let bytes = lab.pending[0].call.bytes.clone();
    wait(&mut lab, ANSWER_PATIENCE - SECOND);
    assert_eq!(lab.nfs_links(), [old], "it is given time");
    wait(&mut lab, ANSWER_PATIENCE / 4);
    assert_eq!(lab.pending.len(), 1);
    assert_ne!(lab.pending[0].link, old);
    assert_eq!(lab.pending[0].call.bytes, bytes, "as it was");
    assert_eq!(lab.gateway.stats().origin_silences, 1);
    lab.hold = |_| false;
    lab.run();
    assert_eq!(lab.answer(1, xid).expect("answered").write().count, 4);
    lab.assert_at_rest();
}

#[test]
fn an_origin_that_takes_minutes_is_let_finish() {
    let (mut lab, file) = start(Setup::default());
    lab.hold = |call| call.is_nfs(GETATTR);
    let slow = lab.send(1, GETATTR, &getattr_args(&file));
    lab.run();
    let mut began = (lab.pending[0].link, lab.now);
    // It begins anew on every connection, and needs five minutes each time. Others are served.
    while lab.answer(1, slow).is_none() {
        assert!(
            lab.now < Duration::from_secs(3600),
            "it is never let finish"
        );
        lab.tick(SECOND);
        lab.read(2, &file, 0, 10);
        let Some(pending) = lab.pending.front() else {
            continue;
        };
        if pending.link != began.0 {
            began = (pending.link, lab.now);
        } else if lab.now >= began.1 + 300 * SECOND {
            let reply = lab.execute(0);
            lab.deliver(&reply);
            break;
        }
    }
    assert_eq!(
        lab.gateway.stats().origin_silences,
        3,
        "after 1, 2 and 4 minutes"
    );
    lab.assert_at_rest();
}

#[test]
fn a_call_behind_many_others_is_given_time() {
    let (mut lab, file) = start(Setup::default());
    lab.hold = |_| true;
    let calls: Vec<u32> = (0..10)
        .map(|_| lab.send(1, GETATTR, &getattr_args(&file)))
        .collect();
    for xid in calls {
        wait(&mut lab, ANSWER_PATIENCE - 10 * SECOND);
        let reply = lab.execute(0);
        lab.deliver(&reply);
        assert!(lab.answer(1, xid).is_some());
    }
    assert_eq!(lab.gateway.stats().origin_silences, 0);
    lab.assert_at_rest();
}

#[test]
fn a_silent_mount_service_is_asked_again() {
    let (mut lab, _) = start(Setup::default());
    lab.hold = |_| true;
    let path = Out::new().opaque(b"/export").0;
    let (xid, call) = lab.call_bytes(100_005, 3, 1, 0, &path);
    lab.offer(1, &record(&call));
    let first = lab.pending[0].link;
    wait(&mut lab, 2 * ANSWER_PATIENCE);
    assert_ne!(lab.pending[0].link, first);
    lab.hold = |_| false;
    lab.run();
    assert_eq!(lab.answer(1, xid).expect("answered").status(), 0);
    lab.assert_at_rest();
}

#[test]
fn whatever_a_call_waits_for_it_is_given_up() {
    let (mut lab, file) = start(impatient());
    lab.hold = |_| true;
    let data = pattern(100, 2);
    let calls = [
        ("its answer", lab.send(1, GETATTR, &getattr_args(&file))),
        (
            "a block",
            lab.send(1, READ, &read_args(&file, BLOCK as u64, 9)),
        ),
        (
            "the same",
            lab.send(1, READ, &read_args(&file, BLOCK as u64, 9)),
        ),
        (
            "a verdict",
            lab.send_as(1, 7, READ, &read_args(&file, 2 * BLOCK as u64, 9)),
        ),
        (
            "its answer",
            lab.send(1, WRITE, &write_args(&file, 0, &data)),
        ),
        ("a WRITE", lab.send(1, WRITE, &write_args(&file, 50, &data))),
    ];
    wait(&mut lab, GIVE_UP - SECOND);
    for (what, xid) in calls {
        assert!(lab.answer(1, xid).is_none(), "{what}");
    }
    wait(&mut lab, GIVE_UP / 8 + SECOND);
    for (what, xid) in calls {
        assert_eq!(lab.answer(1, xid).expect(what).status(), IO, "{what}");
    }
    assert_eq!(lab.gateway.stats().calls_given_up, 6);
    assert!(lab.pinned() >= BLOCK, "what is on the wire stays");
    let reads = lab.gateway.stats().origin_reads;
    // The answers come after all, and nobody is told.
    lab.hold = |_| false;
    lab.run();
    assert_eq!(
        lab.gateway.stats().origin_reads,
        reads,
        "nothing more is asked for"
    );
    assert!(lab.received[&1].is_empty());
    lab.assert_at_rest();
    let origin = lab.origin.nodes[&2].data.clone();
    assert!(origin[..100] == data, "the first WRITE came through");
    assert!(
        origin[100..] == pattern(4 * BLOCK, 1)[100..],
        "the second was not sent"
    );
    assert!(lab.read_all(1, &file, 1 << 20) == origin);
    assert_eq!(
        lab.write(1, &file, 50, &data).count,
        100,
        "nothing is in the way"
    );
}

#[test]
fn another_exports_calls_wait_on() {
    let (mut lab, file) = start(impatient());
    let path = Out::new().opaque(b"/other").0;
    let (xid, call) = lab.call_bytes(100_005, 3, 1, 0, &path);
    lab.offer(1, &record(&call));
    lab.run();
    let mounted = lab.answer(1, xid).expect("answered");
    assert_eq!(In(&mounted.0[4..]).opaque(), lab::file_handle(FOREIGN_ROOT));
    let unknown = lab.add_file("unknown", b"data");
    lab.hold = |_| true;
    let patient = [FOREIGN_ROOT, unknown]
        .map(|id| lab.send(1, GETATTR, &getattr_args(&lab::file_handle(id))));
    let given_up = lab.send(1, GETATTR, &getattr_args(&file));
    wait(&mut lab, 10 * GIVE_UP);
    for xid in patient {
        // The second could be of either export.
        assert!(lab.answer(1, xid).is_none());
    }
    assert_eq!(lab.answer(1, given_up).expect("answered").status(), IO);
    lab.hold = |_| false;
    lab.run();
    for xid in patient {
        assert_eq!(lab.answer(1, xid).expect("answered").status(), 0);
    }
    lab.assert_at_rest();
}

#[test]
fn where_every_export_gives_up_calls_of_unknown_exports_do_too() {
    let mut exports = vec![lab::export("/export")];
    exports[0].give_up = Some(GIVE_UP);
    let (mut lab, _) = start(Setup {
        exports,
        ..Setup::default()
    });
    lab.hold = |_| true;
    let unknown = lab.send(1, GETATTR, &getattr_args(&lab::file_handle(4)));
    let path = Out::new().opaque(b"/export").0;
    let (mount, call) = lab.call_bytes(100_005, 3, 1, 0, &path);
    lab.offer(1, &record(&call));
    wait(&mut lab, 2 * GIVE_UP);
    assert_eq!(lab.answer(1, unknown).expect("answered").status(), IO);
    assert_eq!(lab.answer(1, mount).expect("answered").status(), IO);
    lab.hold = |_| false;
    lab.run();
    lab.assert_at_rest();
}

#[test]
fn what_was_given_up_is_not_sent_when_the_origin_is_back() {
    let (mut lab, file) = start(impatient());
    lab.is_black_hole = true;
    let link = lab.nfs_links()[0];
    lab.break_link(link);
    let sent = lab.sent.len();
    let write = lab.send(1, WRITE, &write_args(&file, 0, b"data"));
    let create = Out::new()
        .opaque(&lab::file_handle(ROOT))
        .opaque(b"new")
        .u32(0)
        .raw(&[0; 24]);
    let create = lab.send(1, CREATE, &create.0);
    wait(&mut lab, 2 * GIVE_UP);
    assert_eq!(lab.answer(1, write).expect("answered").status(), IO);
    assert_eq!(lab.answer(1, create).expect("answered").status(), IO);
    // The attempt of then succeeds after all.
    lab.is_black_hole = false;
    assert_eq!(lab.unanswered.len(), 1);
    for (origin, port) in std::mem::take(&mut lab.unanswered) {
        lab.links.insert(origin, port);
        lab.gateway.origin_opened(origin, lab.now);
    }
    lab.run();
    assert_eq!(lab.sent.len(), sent);
    lab.assert_at_rest();
    assert!(lab.read_all(1, &file, 1 << 20) == pattern(4 * BLOCK, 1));
}

#[test]
fn of_a_write_given_up_on_a_lost_connection_nothing_is_believed() {
    let (mut lab, file) = start(impatient());
    lab.hold = |call| call.is_nfs(WRITE);
    let write = lab.send(1, WRITE, &write_args(&file, 0, &pattern(BLOCK, 9)));
    wait(&mut lab, 2 * GIVE_UP);
    assert_eq!(lab.answer(1, write).expect("answered").status(), IO);
    assert_eq!(lab.pinned(), BLOCK);
    // The origin has done it, and its answer is lost.
    let reply = lab.execute(0);
    lab.break_link(reply.link);
    assert_eq!(lab.pinned(), 0);
    lab.tick(10 * SECOND);
    assert!(lab.pending.is_empty(), "not sent again");
    assert!(lab.read_all(1, &file, 1 << 20) == lab.origin.nodes[&2].data);
    lab.assert_at_rest();
}

#[test]
fn of_a_truncation_given_up_on_a_lost_connection_nothing_is_believed() {
    let (mut lab, file) = start(impatient());
    lab.hold = |call| call.is_nfs(SETATTR);
    let args = Out::new()
        .opaque(&file)
        .raw(&[0; 12])
        .u32(1)
        .u64(5)
        .raw(&[0; 12]);
    let truncate = lab.send(1, SETATTR, &args.0);
    lab.run();
    // It is read again while that is under way.
    assert_eq!(lab.read_all(2, &file, 1 << 20).len(), 4 * BLOCK);
    wait(&mut lab, 2 * GIVE_UP);
    assert_eq!(lab.answer(1, truncate).expect("answered").status(), IO);
    let reply = lab.execute(0);
    lab.break_link(reply.link);
    lab.tick(10 * SECOND);
    assert_eq!(lab.read_all(2, &file, 1 << 20), lab.origin.nodes[&2].data);
    lab.assert_at_rest();
}

#[test]
fn a_write_given_up_does_not_overtake_the_next() {
    let (mut lab, file) = start(impatient());
    lab.hold = |call| call.is_nfs(WRITE);
    let old = lab.send(1, WRITE, &write_args(&file, 0, &pattern(BLOCK, 8)));
    wait(&mut lab, GIVE_UP + GIVE_UP / 8);
    assert_eq!(lab.answer(1, old).expect("answered").status(), IO);
    let new = lab.send(1, WRITE, &write_args(&file, 0, &pattern(BLOCK, 9)));
    lab.run();
    assert_eq!(lab.pending_of(WRITE).len(), 1, "it waits for the old one");
    lab.hold = |_| false;
    lab.run();
    assert_eq!(
        lab.answer(1, new).expect("answered").write().count,
        BLOCK as u32
    );
    assert!(lab.origin.nodes[&2].data[..BLOCK] == pattern(BLOCK, 9));
    assert!(lab.read(2, &file, 0, BLOCK as u32).data == pattern(BLOCK, 9));
    lab.assert_at_rest();
}

#[test]
fn who_asks_again_for_what_was_given_up_is_told_the_same() {
    let (mut lab, file) = start(impatient());
    lab.hold = |call| call.is_nfs(WRITE);
    let (xid, call) = lab.call_bytes(100_003, 3, WRITE, 0, &write_args(&file, 0, b"data"));
    lab.offer(1, &record(&call));
    wait(&mut lab, GIVE_UP + GIVE_UP / 8);
    let first = lab.answer(1, xid).expect("answered");
    lab.offer(1, &record(&call));
    assert_eq!(lab.answer(1, xid), Some(first));
    assert_eq!(lab.pending_of(WRITE).len(), 1, "it is not sent again");
    lab.hold = |_| false;
    lab.run();
    lab.assert_at_rest();
}

#[test]
fn who_gives_up_does_not_get_past_the_bounds() {
    let limits = Limits {
        calls_per_client: 8,
        pinned_per_client: Some(4 * BLOCK),
        ..Limits::default()
    };
    let (mut lab, file) = start(Setup {
        limits,
        ..impatient()
    });
    lab.hold = |_| true;
    let write = |number: usize| write_args(&file, (number * BLOCK) as u64, &pattern(BLOCK, 3));
    let first: Vec<u32> = (0..4)
        .map(|number| lab.send(1, WRITE, &write(number)))
        .collect();
    wait(&mut lab, GIVE_UP + GIVE_UP / 8);
    for xid in first {
        assert_eq!(lab.answer(1, xid).expect("answered").status(), IO);
    }
    assert_eq!(lab.gateway.stats().charged_bytes, 4 * BLOCK);
    let (next, call) = lab.call_bytes(100_003, 3, WRITE, 0, &write(5));
    let call = record(&call);
    let left = lab.offer(1, &call);
    assert!(left > 0, "the rest stays in the client's socket");
    assert_eq!(lab.pinned(), 4 * BLOCK);
    lab.hold = |_| false;
    lab.run();
    assert_eq!(lab.offer(1, &call[call.len() - left..]), 0);
    lab.run();
    assert_eq!(
        lab.answer(1, next).expect("answered").write().count,
        BLOCK as u32
    );
    lab.assert_at_rest();
}

#[test]
fn a_client_that_sends_no_more_goes_once_its_calls_are_given_up() {
    let (mut lab, file) = start(impatient());
    lab.hold = |_| true;
    lab.send(1, GETATTR, &getattr_args(&file));
    lab.gateway.client_finished(ClientId(1), lab.now);
    lab.act();
    assert!(lab.closed.is_empty(), "it is owed a reply");
    wait(&mut lab, GIVE_UP + GIVE_UP / 8);
    assert_eq!(lab.closed, [ClientId(1)]);
    lab.gateway.client_closed(ClientId(1), lab.now);
    lab.hold = |_| false;
    lab.run();
    lab.assert_at_rest();
}

#[test]
fn an_origin_that_answers_nothing_is_asked_no_more_than_the_bounds_allow() {
    let limits = Limits {
        calls: 40,
        calls_per_client: 30,
        ..Limits::default()
    };
    let (mut lab, file) = start(Setup {
        limits,
        ..Setup::default()
    });
    lab.hold = |_| true;
    let mut waiting = Vec::new();
    let mut streams = [(1, Vec::new()), (2, Vec::new())];
    for (client, stream) in &mut streams {
        for _ in 0..100 {
            let (xid, call) = lab.call_bytes(100_003, 3, GETATTR, 0, &getattr_args(&file));
            waiting.push((*client, xid));
            stream.extend(record(&call));
        }
        let left = lab.offer(*client, stream);
        assert!(left > 0, "the rest stays in the client's socket");
        stream.drain(..stream.len() - left);
    }
    assert_eq!(lab.pending.len(), 40);
    assert_eq!(lab.gateway.stats().origin_calls_in_flight, 40);
    lab.hold = |_| false;
    for _ in 0..20 {
        lab.run();
        for (client, stream) in &mut streams {
            let left = lab.offer(*client, stream);
            stream.drain(..stream.len() - left);
        }
    }
    lab.run();
    for (client, xid) in waiting {
        assert_eq!(lab.answer(client, xid).expect("answered").status(), 0);
    }
    lab.assert_at_rest();
}

/// The reply to `call` that says "later".
fn jukebox(xid: u32, absent: u32) -> Vec<u8> {
    let header = Out::new().u32(xid).u32(1).u32(0).u32(0).u32(0).u32(0);
    (0..absent).fold(header.u32(JUKEBOX), |out, _| out.u32(0)).0
}

#[test]
fn who_is_to_come_back_later_is_told_so() {
    let (mut lab, file) = start(Setup::default());
    lab.hold = |_| true;
    // A READ of ours for two clients: the one it was sent for is told, the other asks for itself.
    let first = lab.send(1, READ, &read_args(&file, BLOCK as u64, 9));
    let second = lab.send(2, READ, &read_args(&file, BLOCK as u64, 9));
    lab.run();
    assert_eq!(lab.pending_of(READ).len(), 1);
    let asked = lab.pending.remove(lab.pending_of(READ)[0]).unwrap();
    let later = jukebox(asked.call.xid, 1);
    lab.deliver_bytes(asked.link, &record(&later))
        .expect("good");
    assert_eq!(lab.answer(1, first).expect("answered").status(), JUKEBOX);
    assert_eq!(lab.pending_of(READ).len(), 1, "asked anew");
    lab.hold = |_| false;
    lab.run();
    assert_eq!(
        lab.answer(2, second).expect("answered").read().data.len(),
        9
    );

    // An ACCESS of ours: the READ goes to the origin itself, whose answer counts.
    lab.hold = |_| true;
    let third = lab.send_as(1, 7, READ, &read_args(&file, 0, 9));
    lab.run();
    let asked = lab.pending.remove(lab.pending_of(ACCESS)[0]).unwrap();
    let later = jukebox(asked.call.xid, 1);
    lab.deliver_bytes(asked.link, &record(&later))
        .expect("good");
    lab.hold = |_| false;
    lab.run();
    assert_eq!(lab.answer(1, third).expect("answered").read().data.len(), 9);

    // A GETATTR of ours: the call it is for is told.
    let unknown = lab.add_file("unknown", b"data");
    lab.hold = |_| true;
    let fourth = lab.send(1, READ, &read_args(&lab::file_handle(unknown), 0, 9));
    lab.run();
    let asked = lab.pending.remove(lab.pending_of(GETATTR)[0]).unwrap();
    let later = jukebox(asked.call.xid, 0);
    lab.deliver_bytes(asked.link, &record(&later))
        .expect("good");
    assert_eq!(lab.answer(1, fourth).expect("answered").status(), JUKEBOX);
    lab.hold = |_| false;
    lab.run();
    lab.assert_at_rest();
}
