//! The idle policy as a table: quiet for so long, a timer due in so long, what to do.

use core::time::Duration;

use wirepage::idle::{IdleMode, IdlePolicy, Pause};

const fn us(micros: u64) -> Duration {
    Duration::from_micros(micros)
}

/// An hour in, so that nothing works only near zero.
const START: Duration = Duration::from_secs(3600);

fn after_quiet(mode: IdleMode, quiet: Duration, timer_in: Option<Duration>) -> Pause {
    let mut policy = IdlePolicy::new(mode, Duration::ZERO);
    policy.after_turn(true, START, || None);
    let now = START + quiet;
    policy.after_turn(false, now, || timer_in.map(|timer_in| now + timer_in))
}

#[test]
fn adaptive() {
    let table = [
        (us(0), None, Pause::Spin),
        (us(49), None, Pause::Spin),
        (us(50), None, Pause::Yield),
        (us(149), None, Pause::Yield),
        (us(150), None, Pause::Sleep(us(20))),
        (us(160), None, Pause::Sleep(us(20))),
        (us(400), None, Pause::Sleep(us(50))),
        (us(4_000), None, Pause::Sleep(us(500))),
        (us(8_000), None, Pause::Sleep(us(1_000))),
        (us(999_999), None, Pause::Sleep(us(1_000))),
        (us(1_000_000), None, Pause::Sleep(us(2_000))),
        (us(3_600_000_000), None, Pause::Sleep(us(2_000))),
        // A timer shortens the sleep, and never lengthens it.
        (us(8_000), Some(us(2_000)), Pause::Sleep(us(1_000))),
        (us(8_000), Some(us(1_000)), Pause::Sleep(us(1_000))),
        (us(8_000), Some(us(300)), Pause::Sleep(us(300))),
        (us(8_000), Some(us(20)), Pause::Sleep(us(20))),
        (us(8_000), Some(us(19)), Pause::Yield),
        (us(8_000), Some(us(0)), Pause::Spin),
        (us(60), Some(us(10)), Pause::Yield),
    ];
    for (quiet, timer_in, expected) in table {
        let pause = after_quiet(IdleMode::Adaptive, quiet, timer_in);
        assert_eq!(
            pause, expected,
            "quiet for {quiet:?}, timer in {timer_in:?}"
        );
    }
}

#[test]
fn polling_never_pauses() {
    for quiet in [us(0), us(100), us(8_000), us(3_600_000_000)] {
        assert_eq!(after_quiet(IdleMode::Poll, quiet, None), Pause::Spin);
    }
}

#[test]
fn a_busy_engine_never_sleeps_however_long_its_turns_are() {
    let mut policy = IdlePolicy::new(IdleMode::Adaptive, START);
    for turn in 1..1_000 {
        let now = START + us(5_000) * turn;
        assert_eq!(policy.after_turn(true, now, || None), Pause::Spin);
    }
}

#[test]
fn work_ends_the_quiet_at_once() {
    let mut policy = IdlePolicy::new(IdleMode::Adaptive, START);
    assert_eq!(
        policy.after_turn(false, START + us(8_000), || None),
        Pause::Sleep(us(1_000))
    );
    assert_eq!(
        policy.after_turn(true, START + us(9_000), || None),
        Pause::Spin
    );
    assert_eq!(
        policy.after_turn(false, START + us(9_010), || None),
        Pause::Spin
    );
}

/// A quiet second, as the poll loop would spend it with turns of 5 µs.
#[test]
fn a_quiet_engine_takes_about_a_thousand_turns_a_second() {
    let mut policy = IdlePolicy::new(IdleMode::Adaptive, START);
    let (mut now, mut turns) = (START, 0);
    while now < START + Duration::from_secs(1) {
        turns += 1;
        now += us(5);
        if let Pause::Sleep(sleep) = policy.after_turn(false, now, || None) {
            now += sleep;
        }
    }
    assert!((900..1_200).contains(&turns), "{turns}");
}

#[test]
fn a_clock_that_went_back_does_no_harm() {
    let mut policy = IdlePolicy::new(IdleMode::Adaptive, START);
    assert_eq!(
        policy.after_turn(false, Duration::ZERO, || None),
        Pause::Spin
    );
    assert_eq!(
        policy.after_turn(false, START, || Some(Duration::ZERO)),
        Pause::Spin
    );
}
