//! Opening, and segments for no connection.

use super::super::namespace::isolated;
use super::compare::{Difference, compare};
use super::segment::{Segment, ack, segment, syn};

#[test]
fn a_syn_with_all_options() {
    isolated(|| {
        compare(&[], |talk| {
            talk.accept_with(Segment {
                scale: Some(7),
                sack_permitted: true,
                ticks: Some(0),
                ..syn()
            });
        });
    });
}

#[test]
fn a_syn_without_options() {
    isolated(|| {
        compare(&[], |talk| {
            talk.accept_with(segment("S", 0, 0));
        });
    });
}

#[test]
fn a_repeated_syn() {
    isolated(|| {
        compare(&[], |talk| {
            talk.listen();
            talk.send(syn());
            talk.send(syn());
        });
    });
}

#[test]
fn an_unacceptable_ack_of_our_syn() {
    isolated(|| {
        compare(&[], |talk| {
            talk.listen();
            talk.send(syn());
            talk.send(ack(2));
            talk.send(ack(0));
            talk.send(ack(1));
            talk.read();
        });
    });
}

#[test]
fn a_reset_of_a_half_open_connection() {
    isolated(|| {
        compare(&[], |talk| {
            talk.listen();
            talk.send(syn());
            talk.send(segment("R", 1, 0));
            talk.send(ack(1));
            talk.read();
        });
    });
}

#[test]
fn segments_for_a_closed_port() {
    isolated(|| {
        compare(&[], |talk| {
            talk.send(syn());
            talk.send(ack(77));
            talk.send(segment("F.", 9, 88));
            talk.send(Segment {
                len: 10,
                ..segment("S", 0, 0)
            });
            talk.send(segment("F", 5, 0));
            talk.send(segment("R", 5, 0));
            talk.send(segment("R.", 5, 5));
        });
    });
}

#[test]
fn segments_for_a_listening_port_that_are_no_syn() {
    isolated(|| {
        compare(&[], |talk| {
            talk.listen();
            talk.send(ack(77));
            talk.send(segment("S.", 0, 77));
            talk.send(segment("", 5, 0));
            talk.send(segment("F", 5, 0));
            talk.send(segment("R.", 5, 5));
        });
    });
}

#[test]
fn connecting() {
    isolated(|| {
        compare(&[], |talk| {
            talk.connect();
            talk.send(Segment {
                flags: "S.",
                ack: 1,
                ..syn()
            });
            talk.read();
        });
    });
}

#[test]
fn connecting_and_an_answer_to_another_syn() {
    isolated(|| {
        compare(
            &[Difference {
                action: "wait 50 ms",
                ours: &[],
                kernel: &["S 0 mss 1460 scale sackOK ts"],
                why: "Linux does not wait for its time-out; we do, as RFC 9293 has it",
            }],
            |talk| {
                talk.connect();
                talk.send(Segment {
                    flags: "S.",
                    ack: 2,
                    ..syn()
                });
                talk.wait(50);
                talk.send(segment("R.", 1, 2));
                talk.send(ack(1));
                talk.read();
            },
        );
    });
}

#[test]
fn connecting_and_a_refusal() {
    isolated(|| {
        compare(&[], |talk| {
            talk.connect();
            talk.send(segment("R.", 0, 1));
            talk.read();
        });
    });
}

#[test]
fn opening_simultaneously() {
    isolated(|| {
        compare(
            &[Difference {
                action: "send S 0",
                ours: &["S. 0 ack 1 mss 1460"],
                kernel: &["S. 0 ack 1 mss 1460 scale sackOK ts"],
                why: "Linux repeats its SYN; RFC 7323 allows options in answer to a SYN only if it had them",
            }],
            |talk| {
                talk.connect();
                talk.send(syn());
                talk.send(ack(1));
                talk.read();
            },
        );
    });
}
