//! The machine that is measured on, and what else it does.

use core_affinity::CoreId;
use dpdk::tsc;

/// What a figure has to be read with.
#[derive(Clone, Debug)]
pub struct Machine {
    /// As the processor calls itself.
    pub cpu: String,
    /// The kernel's load averages.
    pub load: String,
    /// Ticks of the time stamp counter in a second.
    pub tsc_hz: u64,
    /// Cycles of the core for each tick, from a chain of multiplications: how much faster
    /// than its nominal speed the core ran.
    pub core_per_tsc: f64,
}

impl Machine {
    /// Looks at it now. The EAL must have been started.
    pub fn look() -> Self {
        Self {
            cpu: cpu_name(),
            load: std::fs::read_to_string("/proc/loadavg")
                .unwrap_or_default()
                .trim()
                .to_owned(),
            tsc_hz: tsc::hz(),
            core_per_tsc: core_per_tsc(),
        }
    }
}

/// The last of the cores that this process may run on: interrupts tend to go to the first.
pub fn last_core() -> u16 {
    let known = core_affinity::get_core_ids().unwrap_or_default();
    let last = known.iter().map(|core| core.id).max();
    last.and_then(|core| u16::try_from(core).ok()).unwrap_or(0)
}

/// Binds the calling thread to a core; whether there is such a core.
pub fn pin(core: usize) -> bool {
    let known = core_affinity::get_core_ids().unwrap_or_default();
    known.contains(&CoreId { id: core }) && core_affinity::set_for_current(CoreId { id: core })
}

/// A core other than `core`, if the machine has one. Asks which are allowed, so it must
/// be called before the EAL binds the thread to one.
pub fn another_core(core: usize) -> Option<usize> {
    let known = core_affinity::get_core_ids()?;
    known.into_iter().map(|it| it.id).find(|&id| id != core)
}

fn cpu_name() -> String {
    let text = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let field = |name: &str| {
        let line = text.lines().find(|line| line.starts_with(name))?;
        line.split_once(':')
            .map(|(_, value)| value.trim().to_owned())
    };
    let number = |name| field(name).unwrap_or_default();
    let name = number("model name");
    format!(
        "{name} (family {}, model {})",
        number("cpu family"),
        number("model\t")
    )
}

fn core_per_tsc() -> f64 {
    const STEPS: u64 = 50_000;
    /// Of a multiplication and an exclusive or that wait for each other.
    const CYCLES_PER_STEP: u64 = 4;
    let once = || {
        let mut value = std::hint::black_box(1_u64);
        let start = tsc::fenced();
        for _ in 0..STEPS {
            value = value.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ 0x55;
        }
        std::hint::black_box(value);
        (tsc::fenced() - start) as f64
    };
    let best = (0..50).map(|_| once()).fold(f64::MAX, f64::min);
    (STEPS * CYCLES_PER_STEP) as f64 / best
}
