//! An origin that does not answer, or not yet: who waits how long, and what is sent again when.
#![allow(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::indexing_slicing,
    reason = "tests may panic"
)]

mod lab;

use std::time::Duration;

use gateway::Limits;
use gateway::limits::ANSWER_PATIENCE;
use lab::xdr::{Out, record};
use lab::{BLOCK, Lab, READ, Setup, WRITE, pattern, read_args, write_args};

const GETATTR: u32 = 1;
const ACCESS: u32 = 4;

const JUKEBOX: u32 = 10_008;

const SECOND: Duration = Duration::from_secs(1);

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

fn getattr_args(file: &[u8]) -> Vec<u8> {
    Out::new().opaque(file).0
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
    lab.wait(ANSWER_PATIENCE - SECOND);
    assert_eq!(lab.nfs_links(), [old], "it is given time");
    lab.wait(ANSWER_PATIENCE / 4);
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
        lab.wait(ANSWER_PATIENCE - 10 * SECOND);
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
    lab.wait(2 * ANSWER_PATIENCE);
    assert_ne!(lab.pending[0].link, first);
    lab.hold = |_| false;
    lab.run();
    assert_eq!(lab.answer(1, xid).expect("answered").status(), 0);
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
    // Half of all for the first client, half of what is left for the second.
    assert_eq!(lab.pending.len(), 30);
    assert_eq!(lab.gateway.stats().origin_calls_in_flight, 30);
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
