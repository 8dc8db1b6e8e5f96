//! Certificates, keys and lists from files: what is refused with which words, and what happens when they change.

mod certificates;

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

use certificates::Authority;
use engine::Policy;
use gateway::Squash;
use rcgen::{CertificateRevocationListParams, KeyIdMethod, SerialNumber, date_time_ymd};
use wirepage::config::{Config, Machine};
use wirepage::trust;
use wirepage::trust::reload::Reloader;

/// Valid longer than this software.
const FAR: i32 = 2100;

/// 2100-01-01T00:00:00Z.
const FAR_AS_SECONDS: u64 = 4_102_444_800;

/// A directory with everything that TLS on both sides needs, all of it right.
struct World {
    directory: tempfile::TempDir,
    authority: Authority,
}

impl World {
    fn new() -> Self {
        let world = Self {
            directory: tempfile::tempdir().unwrap(),
            authority: Authority::new("CA"),
        };
        world.authority.write(&world.path("ca.pem"));
        world.authority.write(&world.path("origin-ca.pem"));
        for list in ["crl.pem", "origin-crl.pem"] {
            world.write_revocation_list(FAR, list);
        }
        world.issue("server", "server.test", FAR);
        world.issue("client", "client.test", FAR);
        world
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// Writes `NAME.pem` and `NAME-key.pem`.
    fn issue(&self, name: &str, host: &str, until: i32) {
        let (certificate, key) = (format!("{name}.pem"), format!("{name}-key.pem"));
        self.authority
            .issue(host, until, &self.path(&certificate), &self.path(&key));
    }

    fn copy(&self, from: &str, to: &str) {
        fs::copy(self.path(from), self.path(to)).unwrap();
    }

    /// Writes a revocation list without entries, whose successor is due when the year `next` begins.
    fn write_revocation_list(&self, next: i32, name: &str) {
        let list = CertificateRevocationListParams {
            this_update: date_time_ymd(2020, 1, 1),
            next_update: date_time_ymd(next, 1, 1),
            crl_number: SerialNumber::from(1_u64),
            issuing_distribution_point: None,
            revoked_certs: Vec::new(),
            key_identifier_method: KeyIdMethod::Sha256,
        };
        let list = list.signed_by(&self.authority.issuer).unwrap();
        fs::write(self.path(name), list.pem().unwrap()).unwrap();
    }

    fn text(&self) -> String {
        let directory = self.directory.path().display();
        format!(
            r#"
[[port]]
name = "lan"
device = "0000:01:00.0"
address = "10.0.0.1/24"
[listen]
port = "lan"
[origin]
port = "lan"
address = "10.0.0.2"
security = "mtls"
ca = "{directory}/origin-ca.pem"
crl = "{directory}/origin-crl.pem"
certificate = "{directory}/client.pem"
key = "{directory}/client-key.pem"
[[export]]
path = "/"
security = "mtls"
clients = ["10.0.0.0/24"]
[tls]
certificate = "{directory}/server.pem"
key = "{directory}/server-key.pem"
client_ca = "{directory}/ca.pem"
crl = "{directory}/crl.pem"
"#
        )
    }

    fn config(&self) -> Config {
        Config::parse(&self.text(), "w.toml", &Machine::detect()).unwrap()
    }

    /// What runs with the configuration in a file.
    fn start(&self) -> (Reloader, Policy) {
        fs::write(self.path("w.toml"), self.text()).unwrap();
        Reloader::start(&self.path("w.toml"), &self.config(), None).unwrap()
    }

    /// The configuration with something in it replaced.
    fn edit(&self, from: &str, to: &str) {
        let text = self.text();
        assert!(text.contains(from), "{from}");
        fs::write(self.path("w.toml"), text.replace(from, to)).unwrap();
    }

    /// What is wrong, with the directory left out.
    fn error(&self) -> String {
        let error = trust::load(&self.config(), None).unwrap_err().to_string();
        error.replace(&format!("{}/", self.directory.path().display()), "")
    }
}

#[test]
fn what_is_right_is_taken() {
    let world = World::new();
    let trust = trust::load(&world.config(), None).unwrap();
    assert!(trust.server.is_some() && trust.origin.is_some());
    assert_eq!(trust.origin.as_ref().unwrap().name.to_string(), "10.0.0.2");
    assert_eq!(trust::expires_at(&trust), FAR_AS_SECONDS);
}

#[test]
fn the_first_certificate_to_expire_counts() {
    let world = World::new();
    world.issue("client", "client.test", FAR - 1);
    let trust = trust::load(&world.config(), None).unwrap();
    assert_eq!(trust::expires_at(&trust), FAR_AS_SECONDS - 365 * 86_400);
}

/// Each case spoils one file; the message begins with its name and says what to do.
#[test]
fn every_file_that_is_wrong_is_named_with_the_remedy() {
    type Spoil = fn(&World);
    let cases: [(Spoil, &str, &str); 13] = [
        (
            |w| fs::remove_file(w.path("server.pem")).unwrap(),
            "server.pem: cannot read it",
            "No such file",
        ),
        (
            |w| fs::write(w.path("server.pem"), "x").unwrap(),
            "server.pem ([tls])",
            "give a PEM file",
        ),
        (
            |w| fs::write(w.path("server-key.pem"), "x").unwrap(),
            "server-key.pem ([tls])",
            "give a PEM file",
        ),
        (
            |w| w.issue("server", "server.test", 2021),
            "server.pem ([tls])",
            "renew it",
        ),
        (
            |w| w.issue("server", "*.test", FAR),
            "server.pem ([tls])",
            "names the host",
        ),
        (
            |w| w.copy("client-key.pem", "server-key.pem"),
            "server-key.pem ([tls])",
            "give the key it was issued for",
        ),
        (
            |w| {
                let mode = Permissions::from_mode(0o644);
                fs::set_permissions(w.path("server-key.pem"), mode).unwrap();
            },
            "server-key.pem: everybody",
            "chmod 600",
        ),
        (
            |w| fs::write(w.path("ca.pem"), "").unwrap(),
            "ca.pem ([tls])",
            "give a PEM file",
        ),
        (
            |w| w.write_revocation_list(2021, "crl.pem"),
            "crl.pem ([tls])",
            "fetch the current one",
        ),
        (
            |w| fs::write(w.path("origin-ca.pem"), "").unwrap(),
            "origin-ca.pem ([origin])",
            "give a PEM file",
        ),
        (
            |w| w.write_revocation_list(2021, "origin-crl.pem"),
            "origin-crl.pem ([origin])",
            "fetch the current one",
        ),
        (
            |w| w.issue("client", "client.test", 2021),
            "client.pem ([origin])",
            "renew it",
        ),
        (
            |w| w.copy("server-key.pem", "client-key.pem"),
            "client-key.pem ([origin])",
            "give the key it was issued for",
        ),
    ];
    for (spoil, begin, remedy) in cases {
        let world = World::new();
        spoil(&world);
        let error = world.error();
        assert!(error.starts_with(begin), "{begin} in {error}");
        assert!(error.contains(remedy), "{remedy} in {error}");
    }
}

#[test]
fn a_key_for_the_group_is_right() {
    let world = World::new();
    let mode = Permissions::from_mode(0o640);
    fs::set_permissions(world.path("server-key.pem"), mode).unwrap();
    assert!(trust::load(&world.config(), None).is_ok());
}

#[test]
fn files_are_read_again_when_they_have_changed_and_settled() {
    let world = World::new();
    let (mut reloader, first) = world.start();
    assert_eq!(trust::expires_at(&first.trust), FAR_AS_SECONDS);
    assert_eq!((first.trust.admission.len(), first.exports.len()), (1, 1));
    assert!(reloader.poll(false).is_none());

    world.issue("server", "server.test", FAR - 1);
    assert!(reloader.poll(false).is_none(), "it may still be changing");
    let policy = reloader.poll(false).expect("it has settled").unwrap();
    assert_eq!(
        trust::expires_at(&policy.trust),
        FAR_AS_SECONDS - 365 * 86_400
    );
    assert!(reloader.poll(false).is_none(), "once is enough");
}

/// What is wrong is said once, and what is right afterwards is taken.
#[test]
fn a_wrong_file_is_refused_until_it_is_mended() {
    let world = World::new();
    let (mut reloader, _) = world.start();
    for spoil in [
        (|w| fs::remove_file(w.path("crl.pem")).unwrap()) as fn(&World),
        |w| fs::write(w.path("crl.pem"), "x").unwrap(),
    ] {
        spoil(&world);
        assert!(reloader.poll(false).is_none());
        assert!(reloader.poll(false).expect("read").is_err());
        assert!(reloader.poll(false).is_none(), "said once");
    }
    world.write_revocation_list(FAR, "crl.pem");
    assert!(reloader.poll(false).is_none());
    assert!(reloader.poll(false).expect("read").is_ok());
}

#[test]
fn files_are_read_at_once_when_somebody_asks() {
    let world = World::new();
    let (mut reloader, _) = world.start();
    assert!(reloader.poll(true).expect("asked").is_ok());
    world.issue("server", "server.test", FAR - 1);
    let policy = reloader.poll(true).expect("asked").unwrap();
    assert_eq!(
        trust::expires_at(&policy.trust),
        FAR_AS_SECONDS - 365 * 86_400
    );
    assert!(reloader.poll(false).is_none());
}

/// The next policy, when what has changed has settled.
fn settled(reloader: &mut Reloader) -> Result<Policy, String> {
    assert!(reloader.poll(false).is_none(), "it may still be changing");
    let policy = reloader.poll(false).expect("it has settled");
    policy.map_err(|error| error.to_string())
}

#[test]
fn rules_are_read_again_when_the_configuration_changes() {
    let world = World::new();
    let (mut reloader, first) = world.start();
    assert!(!first.exports[0].read_only);
    world.edit(
        "clients = [\"10.0.0.0/24\"]",
        "clients = [\"10.1.0.0/16\"]\nread_only = true\nsquash = \"root\"\n\
         certificates = [{ san = \"a.test\" }]",
    );
    let policy = settled(&mut reloader).unwrap();
    let rules = &policy.exports[0];
    assert!(rules.read_only && rules.allows("10.1.2.3".parse().unwrap()));
    assert!(matches!(rules.squash, Squash::Root(_)));
    assert!(!rules.allows("10.0.0.3".parse().unwrap()));
    assert_eq!(policy.trust.admission[0].rules.len(), 1);
    // Other names of files are looked at as well.
    world.issue("other", "server.test", FAR - 1);
    world.edit("/server", "/other");
    let policy = settled(&mut reloader).unwrap();
    assert_eq!(
        trust::expires_at(&policy.trust),
        FAR_AS_SECONDS - 365 * 86_400
    );
    assert!(!policy.exports[0].read_only);
    world.issue("other", "server.test", FAR - 2);
    let policy = settled(&mut reloader).unwrap();
    assert_eq!(
        trust::expires_at(&policy.trust),
        FAR_AS_SECONDS - 2 * 365 * 86_400
    );
    assert!(reloader.poll(false).is_none(), "once is enough");
}

/// Exports keep their places, as the engine wants.
#[test]
fn exports_come_behind_and_go_in_place() {
    let world = World::new();
    let (mut reloader, _) = world.start();
    let paths = |policy: &Policy| {
        let exports = policy.exports.iter();
        let in_use = |export: &gateway::Export| !export.allow.is_empty();
        assert_eq!(policy.trust.admission.len(), policy.exports.len());
        exports
            .map(|export| (export.path.clone(), in_use(export)))
            .collect::<Vec<_>>()
    };
    let is = |expected: &[(&str, bool)], policy: &Policy| {
        let expected: Vec<_> = expected
            .iter()
            .map(|(path, used)| ((*path).to_owned(), *used))
            .collect();
        assert_eq!(paths(policy), expected);
    };
    let of =
        |path: &str| format!("path = \"{path}\"\nsecurity = \"mtls\"\nclients = [\"10.0.0.0/24\"]");
    world.edit(&of("/"), &format!("{}\n[[export]]\n{}", of("/b"), of("/a")));
    is(
        &[("/", false), ("/b", true), ("/a", true)],
        &settled(&mut reloader).unwrap(),
    );
    world.edit(&of("/"), &of("/a"));
    is(
        &[("/", false), ("/b", false), ("/a", true)],
        &settled(&mut reloader).unwrap(),
    );
    world.edit(&of("/"), &of("/"));
    is(
        &[("/", true), ("/b", false), ("/a", false)],
        &settled(&mut reloader).unwrap(),
    );
}

/// What is wrong changes nothing; certificates are renewed all the same.
#[test]
fn a_wrong_configuration_is_refused_until_it_is_mended() {
    let world = World::new();
    let (mut reloader, _) = world.start();
    world.edit(
        "security = \"mtls\"\nclients",
        "security = \"mtsl\"\nclients",
    );
    let error = settled(&mut reloader).unwrap_err();
    assert!(
        error.contains("w.toml:") && error.contains("mtsl"),
        "{error}"
    );
    assert!(reloader.poll(false).is_none(), "said once");
    assert!(reloader.poll(true).expect("asked").is_err());
    world.issue("server", "server.test", FAR - 1);
    let policy = settled(&mut reloader).unwrap();
    assert_eq!(
        trust::expires_at(&policy.trust),
        FAR_AS_SECONDS - 365 * 86_400
    );

    // A right configuration with a file that is wrong: when that is mended, both are taken.
    world.edit(
        "clients = [\"10.0.0.0/24\"]",
        "read_only = true\nclients = [\"10.0.0.0/24\"]",
    );
    fs::write(world.path("crl.pem"), "x").unwrap();
    assert!(settled(&mut reloader).is_err());
    world.write_revocation_list(FAR, "crl.pem");
    assert!(settled(&mut reloader).unwrap().exports[0].read_only);
}

#[test]
fn what_takes_a_restart_stays_and_is_named() {
    let world = World::new();
    let text = world.text();
    let parse = |text: &str| Config::parse(text, "w.toml", &Machine::detect()).unwrap();
    let config = parse(&text);
    for (from, to, named) in [
        ("device = \"0000:01", "device = \"0000:02", "[[port]]"),
        ("[listen]", "[listen]\nnfs_port = 20049", "[listen]"),
        (
            "[listen]",
            "[cache]\nsize_mib = 512\n[listen]",
            "[eal] [cache]",
        ),
        (
            "[listen]",
            "[engine]\nidle = \"poll\"\n[listen]",
            "[engine]",
        ),
        (
            "[listen]",
            "[limits]\nconnections = 100\n[listen]",
            "[limits]",
        ),
        (
            "[listen]",
            "[control]\nsocket = \"/run/w\"\n[listen]",
            "[control]",
        ),
        ("10.0.0.2", "10.0.0.3", "[origin]"),
        (
            "security = \"mtls\"\nca",
            "security = \"direct\"\nca",
            "[origin]",
        ),
        (
            "[tls]",
            "[tls]\nrecord_memory_mib = 65",
            "[eal] [tls] record_memory_mib",
        ),
        ("[tls]", "[tls]\nkey_log = \"/run/keys\"", "[tls] key_log"),
    ] {
        let (adopted, waiting) = config.adopt(parse(&text.replace(from, to)));
        assert_eq!(waiting.join(" "), named);
        assert_eq!(adopted, config, "{named}");
    }
    // What may change does.
    for (from, to) in [
        ("[tls]", "[tls]\ntickets = false\nrekey = \"update\""),
        ("origin-ca", "ca"),
        ("crl = \"", "name = \"nfs.example\"\ncrl = \""),
        (
            "security = \"mtls\"\nclients",
            "security = \"tls\"\nclients",
        ),
        (
            "security = \"mtls\"\nclients",
            "security = \"none\"\nclients",
        ),
    ] {
        let new = parse(&text.replacen(from, to, 1));
        let (adopted, waiting) = config.adopt(new.clone());
        assert_eq!(waiting, Vec::<&str>::new());
        assert_ne!(adopted, config);
        assert_eq!(adopted, new);
    }
}

#[test]
fn tls_does_not_come_without_memory_for_it() {
    let world = World::new();
    let clear = world.text().replace(
        "security = \"mtls\"\nclients",
        "security = \"none\"\nclients",
    );
    let (start, origin) = clear.split_once("security = \"mtls\"").unwrap();
    let clear = format!("{start}{}", &origin[origin.find("[[export]]").unwrap()..]);
    let file = world.path("w.toml");
    fs::write(&file, &clear).unwrap();
    let config = Config::parse(&clear, "w.toml", &Machine::detect()).unwrap();
    let (mut reloader, _) = Reloader::start(&file, &config, None).unwrap();
    fs::write(
        &file,
        clear.replace("security = \"none\"", "security = \"tls\""),
    )
    .unwrap();
    let error = settled(&mut reloader).unwrap_err();
    assert!(error.contains("restart"), "{error}");
}

#[test]
fn a_key_log_is_for_its_owner_alone() {
    let world = World::new();
    let path = world.path("keys.log");
    trust::open_key_log(&path).unwrap();
    let mode = fs::metadata(&path).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let error = trust::open_key_log(world.directory.path()).unwrap_err();
    assert!(error.to_string().contains("[tls] key_log"), "{error}");
}
