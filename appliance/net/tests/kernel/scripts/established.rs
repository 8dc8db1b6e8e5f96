//! What must not harm a connection (RFC 5961, RFC 7323, RFC 9293, 3.10.7.4).

use super::super::namespace::isolated;
use super::compare::{Difference, compare};
use super::segment::{Segment, ack, data, segment};

#[test]
fn a_syn_in_the_window() {
    isolated(|| {
        compare(&[], |talk| {
            talk.accept();
            talk.send(segment("S", 10, 0));
            talk.send(data(1, 5));
            talk.read();
        });
    });
}

#[test]
fn a_reset_with_the_exact_number() {
    isolated(|| {
        compare(&[], |talk| {
            talk.accept();
            talk.send(segment("R", 1, 0));
            talk.read();
        });
    });
}

#[test]
fn a_reset_elsewhere_in_the_window() {
    isolated(|| {
        compare(&[], |talk| {
            talk.accept();
            talk.send(segment("R", 10, 0));
            talk.send(data(1, 5));
            talk.read();
        });
    });
}

#[test]
fn a_reset_outside_the_window() {
    isolated(|| {
        compare(&[], |talk| {
            talk.accept();
            talk.send(segment("R", 200_000, 0));
            talk.send(segment("R", 0, 0));
            talk.send(data(1, 5));
            talk.read();
        });
    });
}

#[test]
fn an_ack_of_what_was_not_sent() {
    isolated(|| {
        compare(&[], |talk| {
            talk.accept();
            talk.send(ack(1000));
        });
    });
}

#[test]
fn an_ack_older_than_any_window() {
    isolated(|| {
        compare(&[], |talk| {
            talk.accept();
            talk.send(ack(u32::MAX - 200_000));
        });
    });
}

#[test]
fn an_empty_segment_outside_the_window() {
    isolated(|| {
        compare(&[], |talk| {
            talk.accept();
            talk.send(segment(".", 200_000, 1));
        });
    });
}

#[test]
fn data_beyond_the_window() {
    isolated(|| {
        compare(&[], |talk| {
            talk.accept();
            talk.send(data(200_000, 10));
            talk.send(data(1, 5));
            talk.read();
        });
    });
}

#[test]
fn a_keepalive_probe() {
    isolated(|| {
        compare(&[], |talk| {
            talk.accept();
            talk.send(segment(".", 0, 1));
        });
    });
}

#[test]
fn a_bad_checksum() {
    isolated(|| {
        compare(&[], |talk| {
            talk.accept();
            talk.send(Segment {
                broken: true,
                ..data(1, 5)
            });
            talk.read();
            talk.send(data(1, 5));
            talk.read();
        });
    });
}

#[test]
fn data_without_ack() {
    isolated(|| {
        compare(&[], |talk| {
            talk.accept();
            talk.send(Segment {
                len: 5,
                ..segment("", 1, 0)
            });
            talk.read();
        });
    });
}

#[test]
fn an_old_timestamp() {
    isolated(|| {
        compare(&[], |talk| {
            talk.accept_timestamps();
            talk.send(data(1, 5));
            talk.send(Segment {
                ticks: Some(-10),
                ..data(6, 5)
            });
            talk.read();
        });
    });
}

#[test]
fn a_missing_timestamp() {
    isolated(|| {
        compare(
            &[
                Difference {
                    action: "send . 1 len 5 ack 1",
                    ours: &[],
                    kernel: &[". 1 ack 6 ts"],
                    why: "RFC 7323, 3.2 wants it dropped; Linux tolerates boxes that strip options",
                },
                Difference {
                    action: "read",
                    ours: &["Heard { bytes: 0, end: None }"],
                    kernel: &["Heard { bytes: 5, end: None }"],
                    why: "the same",
                },
            ],
            |talk| {
                talk.accept_timestamps();
                talk.send_as_is(data(1, 5));
                talk.read();
            },
        );
    });
}

#[test]
fn urgent_data() {
    isolated(|| {
        compare(
            &[Difference {
                action: "read",
                ours: &["Heard { bytes: 5, end: None }"],
                kernel: &["Heard { bytes: 4, end: None }"],
                why: "Linux takes the last byte out of band; urgent data means nothing to RPC, and RFC 6093 advises against it",
            }],
            |talk| {
                talk.accept();
                talk.send(Segment {
                    urgent: true,
                    ..data(1, 5)
                });
                talk.read();
            },
        );
    });
}
