//! What a configuration is checked against besides itself.

/// What this machine offers to the process.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Machine {
    cores: Vec<usize>,
}

impl Machine {
    /// A machine with the cores given; an empty list stands for one core, number 0.
    pub fn with_cores(cores: impl IntoIterator<Item = usize>) -> Self {
        let mut cores: Vec<usize> = cores.into_iter().collect();
        cores.sort_unstable();
        cores.dedup();
        if cores.is_empty() {
            cores.push(0);
        }
        Self { cores }
    }

    /// The machine this runs on: the cores the process may be scheduled on.
    pub fn detect() -> Self {
        let ids = core_affinity::get_core_ids().unwrap_or_default();
        Self::with_cores(ids.into_iter().map(|core| core.id))
    }

    pub(super) fn has_core(&self, core: usize) -> bool {
        self.cores.contains(&core)
    }

    /// The default of an engine: interrupts and everything else tend to start on the first.
    pub(super) fn last_core(&self) -> usize {
        self.cores.last().copied().unwrap_or_default()
    }

    pub(super) fn cores_as_text(&self) -> String {
        let cores: Vec<String> = self.cores.iter().map(usize::to_string).collect();
        cores.join(", ")
    }
}
