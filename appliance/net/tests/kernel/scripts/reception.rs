//! Acknowledging data, in order and not (RFC 5681, 4.2; RFC 2018; RFC 2883).

use super::super::namespace::isolated;
use super::compare::{Difference, compare};
use super::segment::data;

#[test]
fn data_in_order() {
    isolated(|| {
        compare(&[], |talk| {
            talk.accept();
            talk.send(data(1, 1460));
            talk.send(data(1461, 1460));
            talk.send(data(2921, 10));
            talk.read();
        });
    });
}

#[test]
fn data_ahead_of_a_gap_without_sack() {
    isolated(|| {
        compare(&[], |talk| {
            talk.accept();
            talk.send(data(101, 100));
            talk.send(data(201, 100));
            talk.read();
            talk.send(data(1, 100));
            talk.read();
        });
    });
}

#[test]
fn the_block_that_changed_last_comes_first() {
    isolated(|| {
        compare(&[], |talk| {
            talk.accept_sack();
            for start in [101, 301, 501, 701, 901] {
                talk.send(data(start, 100));
            }
            talk.send(data(401, 100));
            talk.send(data(1, 100));
        });
    });
}

#[test]
fn gaps_are_filled_one_by_one() {
    isolated(|| {
        compare(&[], |talk| {
            talk.accept_sack();
            talk.send(data(101, 100));
            talk.send(data(301, 100));
            talk.send(data(1, 100));
            talk.send(data(201, 100));
            talk.read();
        });
    });
}

#[test]
fn a_repetition_of_what_was_acknowledged() {
    isolated(|| {
        compare(&[], |talk| {
            talk.accept_sack();
            talk.send(data(1, 100));
            talk.send(data(1, 100));
            talk.send(data(51, 100));
            talk.read();
        });
    });
}

#[test]
fn a_repetition_of_what_lies_ahead_of_a_gap() {
    isolated(|| {
        compare(
            &[
                Difference {
                    action: "send . 101 len 100 ack 1",
                    ours: &[". 1 ack 1 sack 101:201"],
                    kernel: &[". 1 ack 1 sack 101:201 sack 101:201"],
                    why: "D-SACK is optional (RFC 2883); we report only what lies below the acknowledgement",
                },
                Difference {
                    action: "send . 151 len 100 ack 1",
                    ours: &[". 1 ack 1 sack 101:251"],
                    kernel: &[". 1 ack 1 sack 151:201 sack 101:251"],
                    why: "the same",
                },
            ],
            |talk| {
                talk.accept_sack();
                talk.send(data(101, 100));
                talk.send(data(101, 100));
                talk.send(data(151, 100));
                talk.read();
            },
        );
    });
}

#[test]
fn an_overlap_at_the_front() {
    isolated(|| {
        compare(&[], |talk| {
            talk.accept();
            talk.send(data(1, 100));
            talk.send(data(51, 100));
            talk.read();
        });
    });
}
