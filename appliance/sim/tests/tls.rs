//! That what the options promise of TLS does take place: a run in which nobody updates a key proves nothing of that.

use sim::{Options, TlsCounts, run};

/// Many connections, protected on both sides.
const BOTH_SIDES: &str =
    "clients=3 operations=60 parallel=4 reconnects=4 killed_replies=30 client_tls=1 origin_tls=2";

/// What a clean run with these options besides has met.
fn counts(options: &str) -> TlsCounts {
    let options: Options = format!("{BOTH_SIDES} {options}").parse().expect("options");
    let outcome = run(1, &options);
    assert_eq!(outcome.failure, None);
    outcome.tls
}

#[test]
fn without_the_options_nothing_of_it_happens() {
    assert_eq!(counts(""), TlsCounts::default());
}

#[test]
fn keys_are_updated_by_both_sides() {
    let counts = counts("rekey=8 peer_key_updates=30");
    assert!(counts.key_updates > 20, "{counts}");
    assert!(counts.peer_key_updates > 10, "{counts}");
    assert_eq!(counts.connections_retired, 0);
}

#[test]
fn worn_out_keys_end_connections() {
    let counts = counts("rekey=8 rekey_reconnects=1");
    assert!(counts.connections_retired > 20, "{counts}");
    assert_eq!(counts.key_updates, 0);
}

#[test]
fn sessions_are_resumed_on_both_sides() {
    let counts = counts("tickets=1");
    assert!(counts.resumed_by_clients > 2, "{counts}");
    assert!(counts.resumed_at_origin > 2, "{counts}");
}

#[test]
fn resumption_survives_that_everybody_forgets_now_and_then() {
    let counts = counts("tickets=1 crashes=2 origin_restarts=2 vanishings=2 loss=30 forgeries=1");
    assert!(counts.resumed_by_clients > 0, "{counts}");
    assert!(counts.resumed_at_origin > 0, "{counts}");
}

#[test]
fn runs_with_all_of_it_can_be_repeated() {
    let options = format!("{BOTH_SIDES} rekey=8 peer_key_updates=30 tickets=1 crashes=2");
    let options: Options = options.parse().expect("options");
    assert_eq!(run(7, &options), run(7, &options));
}
