//! Data of the subject's: windows, losses and probes.

use super::super::namespace::isolated;
use super::compare::{Difference, compare};
use super::segment::{Segment, ack, segment, syn};

#[test]
fn segments_are_as_long_as_the_peer_takes() {
    isolated(|| {
        compare(&[], |talk| {
            talk.accept_with(Segment {
                mss: Some(600),
                ..syn()
            });
            talk.write(1500);
            talk.send(ack(1501));
        });
    });
}

#[test]
fn no_more_than_the_window() {
    isolated(|| {
        compare(&[], |talk| {
            // Half of it is a full segment: Linux sends none that are longer.
            let window = 2920;
            talk.accept_with(Segment { window, ..syn() });
            talk.write(6000);
            talk.send(Segment {
                window,
                ..ack(2921)
            });
            talk.send(Segment {
                window,
                ..ack(5841)
            });
            talk.send(ack(6001));
        });
    });
}

#[test]
fn a_window_that_shrinks() {
    isolated(|| {
        compare(
            &[Difference {
                action: "write 3000",
                ours: &[". 1 len 1460 ack 1"],
                kernel: &[
                    ". 1 len 1460 ack 1",
                    ". 1461 len 1460 ack 1",
                    ". 2921 len 80 ack 1",
                ],
                why: "with numbers as before a smaller window may be an older one, which Linux passes over; RFC 9293 takes it, and so do we",
            }],
            |talk| {
                talk.accept();
                talk.send(Segment {
                    window: 1460,
                    ..ack(1)
                });
                talk.write(3000);
            },
        );
    });
}

#[test]
fn a_closed_window_is_probed() {
    isolated(|| {
        compare(&[], |talk| {
            talk.accept();
            talk.send(Segment {
                window: 0,
                ..ack(1)
            });
            talk.write(100);
            talk.wait(350);
            talk.send(ack(1));
            talk.send(ack(101));
        });
    });
}

#[test]
fn three_duplicates_without_sack() {
    isolated(|| {
        compare(&[], |talk| {
            talk.accept();
            talk.write(5 * 1460);
            talk.send(ack(1));
            talk.send(ack(1));
            talk.send(ack(1));
            talk.send(ack(5 * 1460 + 1));
        });
    });
}

#[test]
fn a_hole_that_blocks_tell_of() {
    isolated(|| {
        compare(&[], |talk| {
            talk.accept_sack();
            talk.write(5 * 1460);
            talk.send(Segment {
                sack: vec![(1461, 7301)],
                ..ack(1)
            });
            talk.send(ack(7301));
        });
    });
}

#[test]
fn a_lost_segment_goes_out_again_after_the_timeout() {
    isolated(|| {
        compare(&[], |talk| {
            talk.accept();
            talk.write(100);
            talk.wait(320);
            talk.send(ack(101));
        });
    });
}

#[test]
fn a_reset_while_data_is_out() {
    isolated(|| {
        compare(&[], |talk| {
            talk.accept();
            talk.write(100);
            talk.send(segment("R.", 1, 101));
            talk.read();
        });
    });
}
