//! The example is the configuration reference, so it has to be right, and complete.

use gateway::{Anonymous, Squash};
use wirepage::config::cache::ArenaKind;
use wirepage::config::engine::TxMode;
use wirepage::config::export::Coherence;
use wirepage::config::{Config, ConfigError, Machine};
use wirepage::idle::IdleMode;

const EXAMPLE: &str = include_str!("../wirepage.example.toml");

fn parse(text: &str) -> Result<Config, ConfigError> {
    Config::parse(text, "wirepage.toml", &Machine::with_cores([0, 1]))
}

/// The example with its optional keys switched on.
fn complete_example() -> String {
    let is_key = |line: &str| {
        line.strip_prefix('#')
            .is_some_and(|rest| rest.starts_with(char::is_alphabetic))
    };
    let uncommented = EXAMPLE
        .lines()
        .map(|line| if is_key(line) { &line[1..] } else { line });
    uncommented.collect::<Vec<_>>().join("\n")
}

#[test]
fn the_example_is_what_it_says() {
    let config = parse(EXAMPLE).unwrap();
    assert_eq!(config.engine().cores.first(), 1);
    assert_eq!(config.engine().idle, IdleMode::Adaptive);
    assert_eq!(config.engine().tx, TxMode::Attach);
    assert_eq!(config.cache().size.blocks(), 1536);
    assert_eq!(config.cache().arena, ArenaKind::Eal);
    assert_eq!(config.ports().len(), 2);
    assert_eq!(config.port(config.listen().port).name, "client");
    assert_eq!(config.port(config.origin().port).name, "origin");
    assert_eq!(config.origin().mount_port, Some(20048));
    assert_eq!(
        config.exports()[0].security,
        gateway::AcceptedSecurity::CLEAR
    );
    assert_eq!(config.exports()[0].coherence, Coherence::Strict);
    assert_eq!(config.exports()[0].squash, Squash::Nobody);
    let anonymous = Anonymous {
        uid: 1000,
        gid: 100,
    };
    assert_eq!(config.exports()[1].squash, Squash::Everybody(anonymous));
    assert!(config.exports()[0].admits("10.77.1.9".parse().unwrap()));
    assert!(!config.exports()[0].admits("10.77.2.9".parse().unwrap()));
}

#[test]
fn the_example_with_all_its_optional_keys_is_right_too() {
    let complete = complete_example();
    let config = parse(&complete).unwrap();
    assert_eq!(config.eal().memory_mib, 512);
    assert_eq!(
        config.ports()[0].gateway,
        Some("10.77.1.254".parse().unwrap())
    );
    assert_eq!(config.exports()[0].give_up_seconds, Some(60));
    assert!(config.to_string().contains("gives up after 60 s"));
}

/// The parser lists the keys it knows when it meets one that it does not.
#[test]
fn the_example_has_every_key_of_every_table() {
    let complete = complete_example();
    for header in [
        "[eal]",
        "[engine]",
        "[cache]",
        "[[port]]",
        "[listen]",
        "[origin]",
        "[[export]]",
        "[limits]",
        "[tls]",
        "[control]",
    ] {
        let start = complete.find(&format!("\n{header}\n")).expect(header) + header.len() + 2;
        let tables: Vec<&str> = complete
            .split("\n[")
            .filter_map(|table| table.strip_prefix(&header[1..]))
            .collect();
        let unknown = format!("{}surprise = 1\n{}", &complete[..start], &complete[start..]);
        let error = parse(&unknown).unwrap_err().to_string();
        let (_, known) = error
            .split_once("expected ")
            .unwrap_or_else(|| panic!("{error}"));
        let keys: Vec<&str> = known.split('`').skip(1).step_by(2).collect();
        assert!(!keys.is_empty(), "{error}");
        for key in keys {
            assert!(
                tables
                    .iter()
                    .any(|table| table.contains(&format!("\n{key} = "))),
                "{header} {key}"
            );
        }
    }
}

#[test]
fn what_is_left_out_has_its_default() {
    let minimal = r#"
[[port]]
name = "lan"
device = "0000:01:00.0"
address = "10.0.0.1/24"
[listen]
port = "lan"
[origin]
port = "lan"
address = "10.0.0.2"
[[export]]
path = "/"
security = "none"
clients = ["10.0.0.0/24"]
"#;
    let config = parse(minimal).unwrap();
    assert_eq!(config.engine().cores.first(), 1);
    assert_eq!(config.cache().size.mib(), 256);
    // The example says what the defaults are.
    assert_eq!(config.limits(), parse(EXAMPLE).unwrap().limits());
    assert_eq!(config.origin().mount_port, None);
    assert!(config.origin().reserved_source_ports);
    assert!(config.listen().portmap);
    assert_eq!(config.exports()[0].give_up_seconds, None, "as a hard mount");
    assert_eq!(config.exports()[0].squash, Squash::Nobody);
    assert!(config.eal().memory_mib > 256);
    let squashing = minimal.replace("clients", "squash = \"root\"\nclients");
    let nobody = Anonymous {
        uid: 65_534,
        gid: 65_534,
    };
    let squashing = parse(&squashing).unwrap();
    assert_eq!(squashing.exports()[0].squash, Squash::Root(nobody));
    assert!(squashing.to_string().contains("root as 65534:65534"));
    let summary = config.to_string();
    for part in [
        "0000:01:00.0",
        "10.0.0.1",
        "4096 blocks of 64 KiB",
        "portmapper",
        "/ (read and write, in clear",
    ] {
        assert!(summary.contains(part), "{part} in\n{summary}");
    }
}
