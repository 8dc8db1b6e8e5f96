//! Runs a script against both and compares the records.

use super::super::namespace::{finish, spawn_isolated};
use super::kernel::Kernel;
use super::ours::Ours;
use super::talk::{Step, Talk};

/// The kernel's timers run in real time: on a busy machine one may fire that
/// the script did not mean to wait for.
const ATTEMPTS: usize = 3;

/// A step at which the two answer differently, in the order of the script.
pub struct Difference {
    pub action: &'static str,
    pub ours: &'static [&'static str],
    pub kernel: &'static [&'static str],
    /// Why that is so and shall stay so.
    pub why: &'static str,
}

#[derive(Debug)]
struct Found {
    action: String,
    ours: Vec<String>,
    kernel: Vec<String>,
}

/// Fails unless our stack and the kernel answer alike but for what is `known`.
pub fn compare(known: &[Difference], script: fn(&mut Talk)) {
    for difference in known {
        assert!(!difference.why.is_empty());
    }
    let mut ours = Talk::new(Box::new(Ours::new()));
    script(&mut ours);
    let mut found = Vec::new();
    for _ in 0..ATTEMPTS {
        let kernel = finish(spawn_isolated(move || {
            let mut talk = Talk::new(Box::new(Kernel::new()));
            script(&mut talk);
            talk.steps
        }));
        found = differences(&ours.steps, &kernel);
        if is_known(&found, known) {
            return;
        }
    }
    panic!("not the differences that are listed: {found:#?}");
}

fn differences(ours: &[Step], kernel: &[Step]) -> Vec<Found> {
    assert_eq!(ours.len(), kernel.len(), "a script is the same for both");
    ours.iter()
        .zip(kernel)
        .filter(|(ours, kernel)| ours != kernel)
        .map(|(ours, kernel)| Found {
            action: ours.action.clone(),
            ours: ours.answers.clone(),
            kernel: kernel.answers.clone(),
        })
        .collect()
}

fn is_known(found: &[Found], known: &[Difference]) -> bool {
    found.len() == known.len()
        && found.iter().zip(known).all(|(found, known)| {
            found.action == known.action && found.ours == known.ours && found.kernel == known.kernel
        })
}
