//! The simulator finds every mutant, each within a bounded number of seeds: see MUTANTS.md.
//!
//! `cargo test -p sim --features mutants --test mutants -- --nocapture` prints what it found.

use std::panic;

use mutant::Mutant;
use sim::{Options, Outcome, run};

/// What a hunt came to.
struct Found {
    seed: u64,
    by: String,
}

fn run_seed(seed: u64) -> Result<Outcome, String> {
    panic::catch_unwind(|| run(seed, &Options::draw(seed))).map_err(|panic| {
        let message = panic.downcast_ref::<String>().cloned();
        message.unwrap_or_else(|| panic.downcast_ref::<&str>().unwrap_or(&"?").to_string())
    })
}

/// How a seed fails, if it does.
fn failure_of(seed: u64) -> Option<String> {
    match run_seed(seed) {
        Ok(outcome) => outcome.failure.map(|failure| failure.to_string()),
        Err(panic) => Some(format!("crash: {panic}")),
    }
}

/// The first of so many seeds that finds the mutant, and is clean without it.
fn hunt(mutant: Mutant, seeds: u64) -> Option<Found> {
    let mut met = 0;
    for seed in 0..seeds {
        let switch = mutant::turn_on(mutant);
        let failure = failure_of(seed);
        met += mutant::asked();
        drop(switch);
        if let Some(by) = failure
            && failure_of(seed).is_none()
        {
            return Some(Found { seed, by });
        }
    }
    println!("{mutant}: met {met} times in {seeds} seeds");
    None
}

fn must_be_found(mutant: Mutant, seeds: u64) {
    let found = hunt(mutant, seeds);
    let Some(Found { seed, by }) = found else {
        panic!("{seeds} seeds do not find {mutant}: {}", mutant.what());
    };
    let by = by.lines().next().unwrap_or_default();
    println!("{mutant} ({}): {} seeds: {by}", mutant.breaks(), seed + 1);
}

macro_rules! mutants {
    ($($test:ident: $mutant:ident within $seeds:literal seeds;)+) => {
        const SOUGHT: &[Mutant] = &[$(Mutant::$mutant),+];
        $(
            #[test]
            fn $test() {
                must_be_found(Mutant::$mutant, $seeds);
            }
        )+
    };
}

mutants! {
    free_ignores_wire: FreeIgnoresWire within 60 seeds;
    wire_uncounted: WireUncounted within 20 seeds;
    kept_until_sent: KeptUntilSent within 20 seeds;
    released_when_touched: ReleasedWhenTouched within 20 seeds;
    noop_free: NoopFree within 20 seeds;
    freed_twice: FreedTwice within 20 seeds;
    rewritten_in_place: RewrittenInPlace within 100 seeds;
    sealed_again: SealedAgain within 20 seeds;
    number_reused: NumberReused within 20 seeds;
    verifier_kept: VerifierKept within 20 seeds;
    unstable_is_stable: UnstableIsStable within 20 seeds;
    resent_as_new: ResentAsNew within 100 seeds;
    reply_from_anywhere: ReplyFromAnywhere within 100 seeds;
    stray_reply_settles: StrayReplySettles within 20 seeds;
    count_unchecked: CountUnchecked within 60 seeds;
    short_write_readable: ShortWriteReadable within 20 seeds;
    padding_from_block: PaddingFromBlock within 20 seeds;
    valid_range_ignored: ValidRangeIgnored within 20 seeds;
    pin_bound_ignored: PinBoundIgnored within 60 seeds;
    pins_kept_on_reset: PinsKeptOnReset within 100 seeds;
    evicted_block_reused: EvictedBlockReused within 20 seeds;
    overtaken_fill_published: OvertakenFillPublished within 20 seeds;
    overlapping_writes_together: OverlappingWritesTogether within 60 seeds;
    change_unnoticed: ChangeUnnoticed within 20 seeds;
    foreign_change_unnoticed: ForeignChangeUnnoticed within 100 seeds;
    verdict_ignored: VerdictIgnored within 20 seeds;
    duplicate_executed: DuplicateExecuted within 200 seeds;
    sack_off_by_one: SackOffByOne within 20 seeds;
    tag_unchecked: TagUnchecked within 20 seeds;
    zero_window_ignored: ZeroWindowIgnored within 60 seeds;
    overlap_delivered: OverlapDelivered within 20 seeds;
    truncation_unnoticed: TruncationUnnoticed within 100 seeds;
    verdict_outlives_change: VerdictOutlivesChange within 100 seeds;
    old_key_kept: OldKeyKept within 20 seeds;
    number_kept: NumberKept within 20 seeds;
    answer_unheeded: AnswerUnheeded within 60 seeds;
}

#[test]
fn all_are_sought() {
    for mutant in Mutant::ALL {
        assert!(SOUGHT.contains(mutant), "{mutant}");
    }
}

#[test]
fn every_invariant_is_broken_by_some() {
    for number in 1..=12 {
        let invariant = format!("I{number}");
        let breaks = |mutant: &&Mutant| mutant.breaks() == invariant;
        assert!(SOUGHT.iter().any(|mutant| breaks(&mutant)), "{invariant}");
    }
}
