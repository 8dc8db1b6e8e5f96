//! Handshakes, of either role. The input says which, and then what somebody in the middle does to what the oracle
//! sends: the bytes themselves at first (they are the input's when it says so), bits, cuts, repetitions. Untouched it
//! must complete; touched it may fail, but what completes is a connection over which both understand each other.

use arbitrary::{Result, Unstructured};
use tls::Handshake;

use crate::tls_peers::oracle::Oracle;
use crate::tls_peers::ours::{Ours, assert_they_talk};
use crate::tls_peers::peers;

/// Flights in one direction, and then some.
const TURNS: usize = 6;

pub fn run(input: &[u8]) {
    let mut input = Unstructured::new(input);
    let (ours, oracle) = peers(input.arbitrary().unwrap_or(0));
    // Errors are of the input's end only.
    if input.ratio(1, 4).unwrap_or(false) {
        _ = fed(ours, &mut input);
    } else {
        _ = in_the_middle(ours, oracle, &mut input);
    }
}

/// All that ours hears is the input's.
fn fed(mut ours: Handshake, input: &mut Unstructured<'_>) -> Result<()> {
    while !input.is_empty() {
        let len = usize::from(input.arbitrary::<u8>()?);
        let piece = input.bytes(len.min(input.len()))?;
        match ours.handle(piece) {
            Ok(taken) => assert_eq!(taken, piece.len()),
            Err(error) => {
                assert_eq!(ours.handle(b"more").err(), Some(error), "failure lasts");
                break;
            }
        }
        ours.output().clear();
    }
    assert!(!ours.is_complete(), "nobody has the keys");
    Ok(())
}

fn in_the_middle(
    mut ours: Handshake,
    mut oracle: Oracle,
    input: &mut Unstructured<'_>,
) -> Result<()> {
    let mut touched = false;
    for _ in 0..TURNS {
        // Ours goes through untouched; what the oracle thinks of it shows in what it does next.
        let refused = oracle.receive(&std::mem::take(ours.output())).is_err();
        assert!(touched || !refused, "the oracle refuses what we say");
        let mut flight = oracle.output();
        touched |= touch(&mut flight, input)?;
        let mut rest = flight.as_slice();
        while !rest.is_empty() && !ours.is_complete() {
            let len = if input.arbitrary()? {
                rest.len()
            } else {
                1 + usize::from(input.arbitrary::<u16>()?)
            };
            let (piece, _) = rest.split_at(len.min(rest.len()));
            match ours.handle(piece) {
                Ok(taken) => rest = &rest[taken..],
                Err(error) => {
                    assert!(touched, "{error}");
                    assert_eq!(ours.handle(b"more").err(), Some(error), "failure lasts");
                    return Ok(());
                }
            }
        }
        if ours.is_complete() {
            // What the oracle hears last may be our part of the handshake.
            let last = std::mem::take(ours.output());
            let mut ours = Ours::new(ours);
            if rest.is_empty() {
                oracle.receive(&last).expect("a handshake");
                assert_they_talk(&mut ours, &mut oracle);
            } else {
                assert!(touched, "the oracle sends nothing yet");
            }
            return Ok(());
        }
    }
    assert!(touched, "the handshake does not come to an end");
    Ok(())
}

/// Whether the bytes are others afterwards.
fn touch(flight: &mut Vec<u8>, input: &mut Unstructured<'_>) -> Result<bool> {
    let before = flight.clone();
    for _ in 0..input.int_in_range(0..=3)? {
        if flight.is_empty() {
            break;
        }
        let at = input.choose_index(flight.len())?;
        match input.int_in_range(0..=6)? {
            0 => flight[at] ^= 1 << input.int_in_range(0..=7)?,
            1 => flight[at] = input.arbitrary()?,
            2 => flight.truncate(at),
            3 => {
                let len = usize::from(input.arbitrary::<u8>()?).min(flight.len() - at);
                flight.drain(at..at + len);
            }
            4 => {
                let len = usize::from(input.arbitrary::<u8>()?).min(input.len());
                let inserted = input.bytes(len)?;
                flight.splice(at..at, inserted.iter().copied());
            }
            5 => {
                let end = flight.len().min(at + usize::from(input.arbitrary::<u8>()?));
                let again = flight[at..end].to_vec();
                flight.splice(at..at, again);
            }
            // A record of its own, at the front.
            _ => {
                let kind = input.int_in_range(19..=25)?;
                let len = input.int_in_range(0..=8)?;
                let content = input.bytes(usize::from(len).min(input.len()))?;
                let record = [&[kind, 3, 3, 0, len], content].concat();
                flight.splice(0..0, record);
            }
        }
    }
    Ok(*flight != before)
}
