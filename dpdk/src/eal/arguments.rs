//! What the EAL is asked for, and how that reads as its command line.

use super::{EalError, Vdev};

/// What the EAL is started with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EalConfig {
    /// Name of the program, for logs.
    pub program: String,
    /// CPUs that the thread which starts the EAL may run on. That thread is bound to
    /// them; threads it starts afterwards inherit the binding unless bound elsewhere.
    pub cpus: Vec<u16>,
    /// MiB reserved at the start. Wanted whenever devices are plugged later: memory
    /// that grows after a virtio-user device has started is unknown to its backend.
    pub memory_mib: Option<u32>,
    /// What the memory is made of.
    pub pages: Pages,
    /// PCI addresses that may be probed (`0000:3b:00.0`). None are if it is empty:
    /// the EAL would otherwise take whatever NIC it finds.
    pub pci: Vec<String>,
    /// Virtual devices to make at the start.
    pub vdevs: Vec<Vdev>,
    /// What devices see as addresses.
    pub iova: Iova,
    /// Keeps the runtime files of several processes apart. Used with hugepages that are
    /// not `in_memory`, where every process but one on a machine needs it.
    pub file_prefix: Option<String>,
    /// Least important message that the EAL and its drivers write to standard error.
    pub log_level: LogLevel,
}

/// Memory that the EAL takes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Pages {
    /// Hugepages.
    Huge {
        /// Without any file: nothing is left behind, and no secondary process can attach.
        in_memory: bool,
        /// One file for each kind of memory instead of one a page. virtio-user needs
        /// it: its backend takes at most 8 files.
        single_file_segments: bool,
    },
    /// Ordinary pages, for machines without hugepages. Real NICs need hugepages, or an
    /// IOMMU.
    Ordinary,
}

/// Addresses that devices see.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Iova {
    /// As the devices and the machine demand.
    Auto,
    /// Physical addresses: needs root.
    Physical,
    /// The process's own virtual addresses: needs an IOMMU, or virtual devices only.
    Virtual,
}

/// Importance of messages, from least talkative.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogLevel {
    /// Errors only.
    Error = 4,
    /// And warnings.
    Warning = 5,
    /// And what is unusual but right; the EAL's own default.
    Notice = 6,
    /// And progress.
    Info = 7,
    /// Everything.
    Debug = 8,
}

impl Default for EalConfig {
    /// Anonymous hugepages in one file, no device, on CPU 0.
    fn default() -> Self {
        Self {
            program: "wirepage".to_owned(),
            cpus: vec![0],
            memory_mib: None,
            pages: Pages::Huge {
                in_memory: true,
                single_file_segments: true,
            },
            pci: Vec::new(),
            vdevs: Vec::new(),
            iova: Iova::Auto,
            file_prefix: None,
            log_level: LogLevel::Warning,
        }
    }
}

impl EalConfig {
    /// The EAL's command line, program name first.
    ///
    /// # Errors
    ///
    /// [`EalError::NoCpu`] and [`EalError::NoMemorySize`] when the EAL would guess.
    pub fn arguments(&self) -> Result<Vec<String>, EalError> {
        if self.cpus.is_empty() {
            return Err(EalError::NoCpu);
        }
        let cpus: Vec<String> = self.cpus.iter().map(u16::to_string).collect();
        let mut arguments = vec![self.program.clone()];
        // One EAL core, bound to all the CPUs given: our own threads register themselves.
        arguments.push(format!("--lcores=0@({})", cpus.join(",")));
        arguments.push("--no-telemetry".to_owned());
        arguments.push(format!("--log-level={}", self.log_level as u8));
        if let Some(mib) = self.memory_mib {
            arguments.push(format!("-m{mib}"));
        }
        match self.pages {
            Pages::Huge {
                in_memory,
                single_file_segments,
            } => {
                if in_memory {
                    arguments.push("--in-memory".to_owned());
                }
                if single_file_segments {
                    arguments.push("--single-file-segments".to_owned());
                }
            }
            Pages::Ordinary => {
                if self.memory_mib.is_none() {
                    return Err(EalError::NoMemorySize);
                }
                arguments.push("--no-huge".to_owned());
                // No runtime files, and so nothing left behind or in another's way.
                arguments.push("--no-shconf".to_owned());
            }
        }
        if self.pci.is_empty() {
            arguments.push("--no-pci".to_owned());
        }
        arguments.extend(self.pci.iter().map(|address| format!("--allow={address}")));
        arguments.extend(
            self.vdevs
                .iter()
                .map(|vdev| format!("--vdev={}", vdev.to_eal())),
        );
        match self.iova {
            Iova::Auto => {}
            Iova::Physical => arguments.push("--iova-mode=pa".to_owned()),
            Iova::Virtual => arguments.push("--iova-mode=va".to_owned()),
        }
        // The EAL refuses a prefix where there is no file to put it on.
        let files = matches!(
            self.pages,
            Pages::Huge {
                in_memory: false,
                ..
            }
        );
        if let Some(prefix) = self.file_prefix.as_ref().filter(|_| files) {
            arguments.push(format!("--file-prefix={prefix}"));
        }
        Ok(arguments)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn has(config: &EalConfig, argument: &str) -> bool {
        config
            .arguments()
            .expect("valid")
            .iter()
            .any(|a| a == argument)
    }

    #[test]
    fn the_default_takes_no_device() {
        assert_eq!(
            EalConfig::default().arguments().expect("valid"),
            [
                "wirepage",
                "--lcores=0@(0)",
                "--no-telemetry",
                "--log-level=5",
                "--in-memory",
                "--single-file-segments",
                "--no-pci"
            ]
        );
    }

    #[test]
    fn an_allow_list_replaces_no_pci() {
        let config = EalConfig {
            pci: vec!["0000:3b:00.0".to_owned(), "0000:3b:00.1".to_owned()],
            ..EalConfig::default()
        };
        assert!(has(&config, "--allow=0000:3b:00.0"));
        assert!(has(&config, "--allow=0000:3b:00.1"));
        assert!(!has(&config, "--no-pci"));
    }

    #[test]
    fn ordinary_pages_exclude_the_hugepage_options() {
        let config = EalConfig {
            pages: Pages::Ordinary,
            memory_mib: Some(128),
            file_prefix: Some("one".to_owned()),
            ..EalConfig::default()
        };
        assert!(has(&config, "--no-huge"));
        assert!(has(&config, "-m128"));
        assert!(has(&config, "--no-shconf"));
        assert!(!has(&config, "--file-prefix=one"));
        // The EAL refuses --no-huge together with --in-memory.
        assert!(!has(&config, "--in-memory"));
        assert!(!has(&config, "--single-file-segments"));
    }

    #[test]
    fn ordinary_pages_need_a_size() {
        let config = EalConfig {
            pages: Pages::Ordinary,
            ..EalConfig::default()
        };
        assert!(matches!(config.arguments(), Err(EalError::NoMemorySize)));
    }

    #[test]
    fn a_prefix_is_for_runs_with_files_only() {
        let prefixed = EalConfig {
            file_prefix: Some("one".to_owned()),
            ..EalConfig::default()
        };
        assert!(!has(&prefixed, "--file-prefix=one"));
        let pages = Pages::Huge {
            in_memory: false,
            single_file_segments: false,
        };
        let files = EalConfig { pages, ..prefixed };
        assert!(has(&files, "--file-prefix=one"));
        assert!(!has(&files, "--single-file-segments"));
    }

    #[test]
    fn cpus_addresses_and_levels_are_spelled_out() {
        let config = EalConfig {
            cpus: vec![2, 5],
            iova: Iova::Physical,
            log_level: LogLevel::Debug,
            ..EalConfig::default()
        };
        assert!(has(&config, "--lcores=0@(2,5)"));
        assert!(has(&config, "--iova-mode=pa"));
        assert!(has(&config, "--log-level=8"));
        assert!(has(
            &EalConfig {
                iova: Iova::Virtual,
                ..config
            },
            "--iova-mode=va"
        ));
    }

    #[test]
    fn no_cpu_is_an_error() {
        let config = EalConfig {
            cpus: Vec::new(),
            ..EalConfig::default()
        };
        assert!(matches!(config.arguments(), Err(EalError::NoCpu)));
    }

    #[test]
    fn vdevs_are_built_and_parsed_alike() {
        let built = Vdev::new("net_virtio_user0")
            .argument("path", "/run/s")
            .argument("queues", 2);
        assert_eq!(Vdev::parse("net_virtio_user0,path=/run/s,queues=2"), built);
        let config = EalConfig {
            vdevs: vec![built],
            ..EalConfig::default()
        };
        assert!(has(&config, "--vdev=net_virtio_user0,path=/run/s,queues=2"));
        assert!(Vdev::parse("net_null0").to_eal() == "net_null0");
    }
}
