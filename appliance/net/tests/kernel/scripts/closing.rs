//! FINs of either side, in every order (RFC 9293, 3.6).

use super::super::namespace::isolated;
use super::compare::{Difference, compare};
use super::segment::{Segment, ack, data, segment};

#[test]
fn the_peer_closes_first() {
    isolated(|| {
        compare(&[], |talk| {
            talk.accept();
            talk.send_fin(1, 1);
            talk.read();
            talk.shut_down();
            talk.send(segment(".", 2, 2));
        });
    });
}

#[test]
fn the_subject_closes_first() {
    isolated(|| {
        compare(&[], |talk| {
            talk.accept();
            talk.shut_down();
            talk.send(ack(2));
            talk.send_fin(1, 2);
            talk.read();
            talk.send_fin(1, 2);
        });
    });
}

#[test]
fn a_fin_that_acknowledges_ours() {
    isolated(|| {
        compare(&[], |talk| {
            talk.accept();
            talk.shut_down();
            talk.send_fin(1, 2);
            talk.read();
        });
    });
}

#[test]
fn both_close_at_once() {
    isolated(|| {
        compare(&[], |talk| {
            talk.accept();
            talk.shut_down();
            talk.send_fin(1, 1);
            talk.send(segment(".", 2, 2));
            talk.read();
        });
    });
}

#[test]
fn data_after_the_subject_has_closed_its_half() {
    isolated(|| {
        compare(&[], |talk| {
            talk.accept();
            talk.shut_down();
            talk.send(ack(2));
            talk.send(Segment {
                ack: 2,
                ..data(1, 100)
            });
            talk.read();
            talk.send_fin(101, 2);
            talk.read();
        });
    });
}

#[test]
fn data_after_the_peer_has_closed_its_half() {
    isolated(|| {
        compare(&[], |talk| {
            talk.accept();
            talk.send_fin(1, 1);
            talk.write(100);
            talk.send(segment(".", 2, 101));
            talk.shut_down();
            talk.send(segment(".", 2, 102));
        });
    });
}

#[test]
fn data_beyond_a_fin() {
    isolated(|| {
        compare(
            &[Difference {
                action: "send . 2 len 100 ack 1",
                ours: &[". 1 ack 2"],
                kernel: &[],
                why: "RFC 9293 says ignore; to us it may be a repetition of which the acknowledgement was lost",
            }],
            |talk| {
                talk.accept();
                talk.send_fin(1, 1);
                talk.send(data(2, 100));
                talk.read();
            },
        );
    });
}

#[test]
fn a_fin_ahead_of_a_gap() {
    isolated(|| {
        compare(&[], |talk| {
            talk.accept();
            talk.send_fin(101, 1);
            talk.read();
            talk.send(data(1, 100));
            talk.read();
        });
    });
}

#[test]
fn a_fin_with_data_and_its_repetition() {
    isolated(|| {
        compare(&[], |talk| {
            talk.accept();
            let fin = Segment {
                flags: "F.",
                ..data(1, 100)
            };
            talk.send(fin.clone());
            talk.send(fin);
            talk.read();
        });
    });
}

#[test]
fn a_reset_in_time_wait() {
    isolated(|| {
        compare(
            &[Difference {
                action: "send F. 1 ack 2",
                ours: &[". 2 ack 2"],
                kernel: &["R 2"],
                why: "Linux ends TIME_WAIT (net.ipv4.tcp_rfc1337 = 0); we heed RFC 1337 and RFC 9293's note on it",
            }],
            |talk| {
                talk.accept();
                talk.shut_down();
                talk.send_fin(1, 2);
                talk.send(segment("R", 2, 0));
                talk.send_fin(1, 2);
            },
        );
    });
}

#[test]
fn a_later_syn_ends_time_wait() {
    isolated(|| {
        compare(&[], |talk| {
            talk.accept();
            talk.shut_down();
            talk.send_fin(1, 2);
            talk.send(Segment {
                mss: Some(1460),
                ..segment("S", 100_000, 0)
            });
            talk.send(segment(".", 100_001, 1));
        });
    });
}
