//! Every rule of the configuration: the place, the message and the remedy it gives.
//!
//! Each case replaces one piece of a right configuration, or adds a line after one. The snapshots hold the
//! whole list of errors that come out of it.

use wirepage::config::{Config, Machine};

const RIGHT: &str = r#"[eal]
memory_mib = 512
iova = "auto"

[engine]
cores = [1]
idle = "adaptive"
tx = "attach"

[cache]
size_mib = 96
block_kib = 64
arena = "eal"

[[port]]
name = "client"
device = "net_virtio_user0,path=/run/c.sock"
address = "10.77.1.1/24"

[[port]]
name = "origin"
device = "0000:01:00.0"
address = "10.77.2.1/24"

[listen]
port = "client"
nfs_port = 2049

[origin]
port = "origin"
address = "10.77.2.2"

[[export]]
path = "/export"
security = "none"
clients = ["10.77.1.0/24"]

[control]
socket = "/run/wirepage/control.sock"
"#;

/// What `wirepage check` would print for the right configuration with `from` replaced by `to`.
fn errors(from: &str, to: &str) -> Vec<String> {
    assert_eq!(
        RIGHT.matches(from).count(),
        1,
        "{from:?} must be there once"
    );
    errors_of(&RIGHT.replacen(from, to, 1))
}

fn errors_of(text: &str) -> Vec<String> {
    match Config::parse(text, "w.toml", &Machine::with_cores([0, 1, 2])) {
        Ok(_) => Vec::new(),
        Err(error) => error.to_string().lines().map(str::to_owned).collect(),
    }
}

/// Holds all cases with their errors against the snapshot `name`.
fn check(name: &str, cases: &[(&str, &str)]) {
    let mut report = String::new();
    for (from, to) in cases {
        let errors = errors(from, to);
        let errors = if errors.is_empty() {
            String::from("(right)")
        } else {
            errors.join("\n    ")
        };
        report += &format!("{from:?} -> {to:?}\n    {errors}\n");
    }
    assert_snapshot(name, &report);
}

fn assert_snapshot(name: &str, report: &str) {
    let mut settings = insta::Settings::clone_current();
    settings.set_omit_expression(true);
    settings.bind(|| insta::assert_snapshot!(name, report));
}

#[test]
fn the_base_of_all_cases_is_right() {
    assert_eq!(errors_of(RIGHT), [""; 0]);
}

#[test]
fn syntax_and_unknown_keys() {
    check(
        "syntax_and_unknown_keys",
        &[
            ("cores = [1]", "cores = [1"),
            ("idle =", "idel ="),
            ("[listen]", "[lisen]"),
            ("size_mib = 96", "size_mib = \"96\""),
            ("nfs_port = 2049", "portmap = 1"),
        ],
    );
}

#[test]
fn tables_and_keys_that_are_missing() {
    check(
        "tables_and_keys_that_are_missing",
        &[
            ("name = \"client\"\n", ""),
            ("device = \"0000:01:00.0\"\n", ""),
            ("address = \"10.77.1.1/24\"\n", ""),
            ("[listen]\nport = \"client\"\n", "[listen]\n"),
            ("[origin]\nport = \"origin\"\n", "[origin]\n"),
            ("address = \"10.77.2.2\"\n", ""),
            ("path = \"/export\"\n", ""),
            ("clients = [\"10.77.1.0/24\"]\n", ""),
            ("[listen]\nport = \"client\"\nnfs_port = 2049\n", ""),
            ("[origin]\nport = \"origin\"\naddress = \"10.77.2.2\"\n", ""),
            (
                "[[export]]\npath = \"/export\"\nsecurity = \"none\"\nclients = [\"10.77.1.0/24\"]\n",
                "",
            ),
        ],
    );
}

#[test]
fn nothing_at_all() {
    assert_snapshot("nothing_at_all", &errors_of("").join("\n"));
}

#[test]
fn eal() {
    check(
        "eal",
        &[
            ("memory_mib = 512", "memory_mib = 0"),
            ("memory_mib = 512", "memory_mib = 100"),
            ("memory_mib = 512", "memory_mib = 1048577"),
            ("iova = \"auto\"", "iova = \"physical\""),
            ("iova = \"auto\"", "iova = \"pa\"\nhugepages = false"),
            ("iova = \"auto\"", "file_prefix = \"a b\""),
            ("iova = \"auto\"", "file_prefix = \"\""),
            ("iova = \"auto\"", "log_level = \"loud\""),
        ],
    );
}

#[test]
fn engine() {
    check(
        "engine",
        &[
            ("cores = [1]", "cores = []"),
            ("cores = [1]", "cores = [3]"),
            ("cores = [1]", "cores = [-1]"),
            ("cores = [1]", "cores = [1, 2]"),
            ("cores = [1]", "cores = [1, 1]"),
            ("idle = \"adaptive\"", "idle = \"never\""),
            ("tx = \"attach\"", "tx = \"zero-copy\""),
        ],
    );
}

#[test]
fn cache() {
    check(
        "cache",
        &[
            ("size_mib = 96", "size_mib = 0"),
            ("size_mib = 96", "size_mib = 3"),
            ("size_mib = 96", "size_mib = 480"),
            ("size_mib = 96", "size_mib = 9223372036854775807"),
            ("block_kib = 64", "block_kib = 96"),
            ("block_kib = 64", "block_kib = 2"),
            ("block_kib = 64", "block_kib = 2048"),
            ("arena = \"eal\"", "arena = \"heap\""),
            ("arena = \"eal\"", "arena = \"hugepages\""),
        ],
    );
}

#[test]
fn limits() {
    check(
        "limits",
        &[
            ("[listen]", "[limits]\nconnections = 15\n[listen]"),
            ("[listen]", "[limits]\nduplicates = 1000\n[listen]"),
            (
                "[listen]",
                "[limits]\nclient_idle_seconds = 86401\n[listen]",
            ),
            ("[listen]", "[limits]\ncall_silence_seconds = 4\n[listen]"),
            ("[listen]", "[limits]\ncall_time_seconds = -1\n[listen]"),
            (
                "[listen]",
                "[limits]\nreply_stall_seconds = \"60\"\n[listen]",
            ),
        ],
    );
}

#[test]
fn port() {
    check(
        "port",
        &[
            ("name = \"client\"", "name = \"the client\""),
            ("name = \"client\"", "name = \"origin\""),
            ("\"net_virtio_user0,path=/run/c.sock\"", "\"01:00.0\""),
            ("address = \"10.77.1.1/24\"", "address = \"10.77.2.1/16\""),
            ("address = \"10.77.1.1/24\"", "address = \"10.77.1.1\""),
            ("address = \"10.77.1.1/24\"", "address = \"10.77.1.1/33\""),
            ("address = \"10.77.1.1/24\"", "address = \"10.77.1.1/32\""),
            ("address = \"10.77.1.1/24\"", "address = \"10.77.1.0/24\""),
            ("address = \"10.77.1.1/24\"", "address = \"10.77.1.255/24\""),
            ("address = \"10.77.1.1/24\"", "address = \"224.0.0.1/24\""),
            ("address = \"10.77.1.1/24\"", "address = \"127.0.0.1/8\""),
            (
                "address = \"10.77.1.1/24\"",
                "address = \"10.77.1.1/24\"\ngateway = \"10.77.1\"",
            ),
            (
                "address = \"10.77.1.1/24\"",
                "address = \"10.77.1.1/24\"\ngateway = \"10.77.2.1\"",
            ),
            (
                "address = \"10.77.1.1/24\"",
                "address = \"10.77.1.1/24\"\ngateway = \"10.77.1.1\"",
            ),
            (
                "address = \"10.77.1.1/24\"",
                "address = \"10.77.1.1/24\"\ngateway = \"10.77.1.255\"",
            ),
            (
                "address = \"10.77.1.1/24\"",
                "address = \"10.77.1.1/24\"\nmtu = 575",
            ),
            (
                "address = \"10.77.1.1/24\"",
                "address = \"10.77.1.1/24\"\nmtu = 9217",
            ),
            (
                "address = \"10.77.1.1/24\"",
                "address = \"10.77.1.1/24\"\nqueues = 2",
            ),
            (
                "address = \"10.77.1.1/24\"",
                "address = \"10.77.1.1/24\"\nqueues = 0",
            ),
            (
                "address = \"10.77.1.1/24\"",
                "address = \"10.77.1.1/24\"\nrx_descriptors = 300",
            ),
            (
                "address = \"10.77.1.1/24\"",
                "address = \"10.77.1.1/24\"\ntx_descriptors = 65536",
            ),
        ],
    );
}

#[test]
fn device() {
    let device = "\"0000:01:00.0\"";
    check(
        "device",
        &[
            (device, "\"net_virtio_user1,path=/run/c.sock\""),
            (device, "\"\""),
            (device, "\"eth0\""),
            (device, "\"net_\""),
            (device, "\"0000:01:00.8\""),
            (device, "\"net_tap0, iface=x\""),
            (device, "\"net_tap0,iface\""),
            (device, "\"net_tap0,=x\""),
            (device, "\"net_tap0,iface=a,iface=b\""),
            (device, "\"net_virtio_user1,server=1\""),
            (device, "\"net_virtio_user0,path=/run/other.sock\""),
        ],
    );
}

#[test]
fn listen() {
    check(
        "listen",
        &[
            ("port = \"client\"", "port = \"cleint\""),
            ("nfs_port = 2049", "nfs_port = 65536"),
            ("nfs_port = 2049", "nfs_port = 111"),
            ("nfs_port = 2049", "mount_port = 0"),
            ("nfs_port = 2049", "mount_port = 2049"),
            ("nfs_port = 2049", "nfs_port = 111\nportmap = false"),
        ],
    );
}

#[test]
fn origin() {
    check(
        "origin",
        &[
            ("port = \"origin\"", "port = \"orgin\""),
            ("address = \"10.77.2.2\"", "address = \"nfs.example\""),
            ("address = \"10.77.2.2\"", "address = \"10.77.2.1\""),
            ("address = \"10.77.2.2\"", "address = \"10.77.1.1\""),
            ("address = \"10.77.2.2\"", "address = \"10.77.2.255\""),
            ("address = \"10.77.2.2\"", "address = \"10.77.3.2\""),
            ("address = \"10.77.2.2\"", "address = \"255.255.255.255\""),
            (
                "address = \"10.77.2.2\"",
                "address = \"10.77.2.2\"\nconnections = 17",
            ),
            (
                "address = \"10.77.2.2\"",
                "address = \"10.77.2.2\"\nmount_port = 0",
            ),
            // Through a gateway it is reachable, and both tables may name one port.
            (
                "address = \"10.77.2.1/24\"",
                "address = \"10.77.2.1/24\"\ngateway = \"10.77.2.254\"",
            ),
            ("port = \"client\"", "port = \"origin\""),
        ],
    );
}

#[test]
fn export() {
    let clients = "clients = [\"10.77.1.0/24\"]";
    check(
        "export",
        &[
            ("path = \"/export\"", "path = \"export\""),
            ("path = \"/export\"", "path = \"/export/\""),
            ("path = \"/export\"", "path = \"/a//b\""),
            ("path = \"/export\"", "path = \"/a/../b\""),
            ("path = \"/export\"", "path = \"/a\\u0000b\""),
            (
                clients,
                "clients = [\"10.77.1.0/24\"]\ncoherence = \"bounded\"",
            ),
            (clients, "clients = [\"10.77.1.0/24\"]\ncoherence = \"lax\""),
            (clients, "clients = [\"10.77.1.0/24\"]\nsquash = \"nobody\""),
            (clients, "clients = [\"10.77.1.0/24\"]\nanon_gid = 100"),
            (
                clients,
                "clients = [\"10.77.1.0/24\"]\nsquash = \"all\"\nanon_uid = 0\nanon_gid = 4294967295",
            ),
            (clients, "clients = [\"10.77.1.0/24\"]\ngive_up_seconds = 0"),
            (
                clients,
                "clients = [\"10.77.1.0/24\"]\ngive_up_seconds = 86401",
            ),
            (clients, "clients = []"),
            (
                clients,
                "clients = [\"10.77.1.5/24\", \"10.77.1.5\", \"*\", \"0.0.0.0/00\"]",
            ),
            (
                clients,
                "clients = [\"10.77.1.0/24\"]\n[[export]]\npath = \"/export\"\nsecurity = \"none\"\nclients = [\"0.0.0.0/0\"]",
            ),
            (
                clients,
                "clients = [\"10.77.1.0/24\"]\n[[export]]\npath = \"/export/sub\"\nsecurity = \"none\"\nclients = [\"0.0.0.0/0\"]",
            ),
        ],
    );
}

#[test]
fn security_of_exports() {
    let security = "security = \"none\"\n";
    check(
        "security_of_exports",
        &[
            (security, ""),
            (security, "security = \"plain\"\n"),
            (security, "security = [\"none\", \"plain\"]\n"),
            (security, "security = []\n"),
            (security, "security = true\n"),
            (security, "security = [\"none\", \"tls\"]\n"),
            (security, "security = \"direct\"\n"),
            (
                security,
                "security = \"none\"\ncertificates = [{ san = \"a.example\" }]\n",
            ),
        ],
    );
    // With a certificate, the same and more.
    let with_tls = |security: &str, tls: &str| {
        let text = RIGHT.replace("security = \"none\"", security);
        let found = errors_of(&format!("{text}{SERVER}{tls}"));
        format!("{security:?} with {tls:?}\n    {}\n", found.join("\n    "))
    };
    let ca = "client_ca = \"/etc/w/ca.pem\"\n";
    let report: String = [
        ("", ""),
        ("security = [\"none\", \"tls\", \"direct\"]", ""),
        ("security = \"mtls\"", ""),
        ("security = \"mtls\"", ca),
        ("security = \"mtls\"\ncertificates = []", ca),
        ("security = [\"tls\", \"mtls\"]\ncertificates = [{ san = \"a.example\" }]", ca),
        ("security = \"mtls\"\ncertificates = [{ san = \"a.*\", uids = [] }]", ca),
        (
            "security = \"mtls\"\ncertificates = [{ san = \"10.0.0.0/8\", uids = [\"7\", \"9-8\", \"+1\", \"-\", \"4294967296\"] }]",
            ca,
        ),
        ("security = \"mtls\"\ncertificates = [{ uids = [\"1\"] }]", ca),
        ("security = \"mtls\"\ncertificates = [{ san = \"a.example\" }, { san = \"*.b.example\", uids = [\"0-4294967295\"] }]", ca),
    ]
    .iter()
    .map(|(security, tls)| with_tls(security, tls))
    .collect();
    assert_snapshot("security_of_exports_with_tls", &report);
}

#[test]
fn security_of_the_listener() {
    let listen = "nfs_port = 2049\n";
    let with = |keys: &str| format!("{listen}{keys}\n");
    let cases = [
        "security = \"none\"\nmount_security = \"none\"",
        "security = \"plain\"",
        "security = []",
        "security = \"tls\"",
        "security = [\"none\", \"mtls\"]",
        "mount_security = \"direct\"",
    ]
    .map(with);
    let cases: Vec<_> = cases.iter().map(|to| (listen, to.as_str())).collect();
    check("security_of_the_listener", &cases);
    // With a certificate of ours.
    let report: String = [
        ("tls", "security = \"tls\""),
        ("none", "security = \"tls\""),
        ("tls", "security = \"none\""),
        ("tls", "security = \"mtls\""),
        (
            "tls",
            "security = [\"direct\", \"none\"]\nmount_security = \"tls\"",
        ),
        ("none", "mount_security = \"mtls\""),
    ]
    .iter()
    .map(|(export, keys)| {
        let text = RIGHT.replace("\"none\"", &format!("\"{export}\""));
        let text = text.replace(listen, &with(keys));
        let found = errors_of(&format!("{text}{SERVER}"));
        format!(
            "{keys:?} for an export with {export:?}\n    {}\n",
            found.join("\n    ")
        )
    })
    .collect();
    assert_snapshot("security_of_the_listener_with_tls", &report);
}

#[test]
fn who_must_show_a_certificate() {
    for (listen, export, demanded) in [
        ("", "\"mtls\"", true),
        ("", "[\"none\", \"mtls\"]", true),
        ("", "[\"tls\", \"mtls\"]", false),
        ("security = \"mtls\"", "\"tls\"", true),
        // In clear there is nothing to show it in, and MOUNT over TLS does not ask for it.
        ("mount_security = \"tls\"", "\"none\"", false),
        (
            "security = \"none\"\nmount_security = \"tls\"",
            "\"none\"",
            false,
        ),
    ] {
        let text = RIGHT.replace("\"none\"", export);
        let text = text.replace("nfs_port = 2049\n", &format!("nfs_port = 2049\n{listen}\n"));
        let text = format!("{text}{SERVER}client_ca = \"/etc/w/ca.pem\"\n");
        let machine = Machine::with_cores([0, 1, 2]);
        let config = Config::parse(&text, "w.toml", &machine).expect("right");
        assert_eq!(
            config.demands_certificate(),
            demanded,
            "{listen:?}, {export}"
        );
    }
}

const SERVER: &str = "\n[tls]\ncertificate = \"/etc/w/cert.pem\"\nkey = \"/etc/w/key.pem\"\n";

#[test]
fn tls() {
    let control = "[control]\n";
    let with = |keys: &str| format!("[tls]\n{keys}\n[control]\n");
    let cases = [
        "",
        "certificate = \"/etc/w/cert.pem\"",
        "key = \"/etc/w/key.pem\"",
        "certificate = \"cert.pem\"\nkey = \"/etc/w/\"",
        "crl = \"/etc/w/crl.pem\"",
        "alpn = \"maybe\"\nrekey = \"never\"",
        "rekey_after = 63",
        "rekey_after = 8388609",
        "rekey_after = 64\ntickets = false",
        "record_memory_mib = 3",
        "key_log = \"keys\"",
        "tickets = 1",
    ]
    .map(with);
    let cases: Vec<_> = cases.iter().map(|to| (control, to.as_str())).collect();
    check("tls", &cases);
}

/// Records take memory as soon as anybody is spoken to in TLS.
#[test]
fn memory_for_records() {
    let text = RIGHT.replace("memory_mib = 512", "memory_mib = 280");
    assert_eq!(errors_of(&text), [""; 0]);
    let text = format!(
        "{}{SERVER}record_memory_mib = 128\n",
        text.replace("\"none\"", "\"tls\"")
    );
    let found = errors_of(&text);
    assert!(
        found.len() == 1 && found[0].contains("372 MiB are needed"),
        "{found:?}"
    );
}

#[test]
fn tls_toward_the_origin() {
    let address = "address = \"10.77.2.2\"";
    let with = |keys: &str| format!("{address}\n{keys}");
    let own = "certificate = \"/etc/w/c.pem\"\nkey = \"/etc/w/k.pem\"";
    let cases = [
        "security = \"none\"".to_owned(),
        "security = \"plain\"".to_owned(),
        "ca = \"/etc/w/ca.pem\"".to_owned(),
        "security = \"none\"\nmount_security = \"same\"".to_owned(),
        "security = \"tls\"".to_owned(),
        "security = \"tls\"\nca = \"/etc/w/ca.pem\"".to_owned(),
        format!("security = \"tls\"\nca = \"/etc/w/ca.pem\"\n{own}"),
        "security = \"mtls\"\nca = \"/etc/w/ca.pem\"".to_owned(),
        format!("security = \"mtls\"\nca = \"/etc/w/ca.pem\"\n{own}\nname = \"nfs.example\""),
        format!("security = \"direct\"\nca = \"/etc/w/ca.pem\"\n{own}"),
        "security = \"direct\"\nca = \"/etc/w/ca.pem\"\nkey = \"/etc/w/k.pem\"".to_owned(),
        "security = \"direct\"\nca = \"ca.pem\"\nname = \"a b\"\nrekey = \"x\"\nalpn = \"x\"\nmount_security = \"x\"".to_owned(),
    ]
    .map(|keys| with(&keys));
    let cases: Vec<_> = cases.iter().map(|to| (address, to.as_str())).collect();
    check("tls_toward_the_origin", &cases);
}

#[test]
fn control() {
    let socket = "\"/run/wirepage/control.sock\"";
    check(
        "control",
        &[
            (socket, "\"control.sock\""),
            (socket, "\"/run/\""),
            (socket, "\"/run/a\\u0000b\""),
        ],
    );
    let longest = format!("\"/{}\"", "x".repeat(106));
    assert_eq!(errors(socket, &longest), [""; 0]);
    let too_long = format!("\"/{}\"", "x".repeat(107));
    let found = errors(socket, &too_long);
    assert!(
        found.len() == 1 && found[0].contains("at most 107 bytes"),
        "{found:?}"
    );
}

/// Too many tables are refused as such, and not one by one.
#[test]
fn bounds_on_the_number_of_tables() {
    let third = "[[port]]\nname = \"third\"\ndevice = \"net_tap0\"\naddress = \"10.1.0.1/24\"\n";
    assert_eq!(
        errors_of(&format!("{RIGHT}{third}")),
        ["w.toml:40:1: 3 [[port]] tables: this version handles at most 2"]
    );
    let export = |index| {
        format!(
            "[[export]]\npath = \"/{index}\"\nsecurity = \"none\"\nclients = [\"10.0.0.0/8\"]\n"
        )
    };
    let with_exports = |count| format!("{RIGHT}{}", (0..count).map(export).collect::<String>());
    assert_eq!(errors_of(&with_exports(63)), [""; 0]);
    assert_eq!(
        errors_of(&with_exports(64)),
        ["w.toml:292:1: 65 [[export]] tables: this version handles at most 64"]
    );
}

#[test]
fn all_findings_come_at_once_in_the_order_of_the_file() {
    let text = RIGHT
        .replace("cores = [1]", "cores = [9]")
        .replace("block_kib = 64", "block_kib = 65")
        .replace("10.77.2.2", "10.99.0.1")
        .replace("security = \"none\"", "security = \"plain\"")
        .replace("\"/run/wirepage/control.sock\"", "\"control.sock\"");
    assert_snapshot(
        "all_findings_come_at_once_in_the_order_of_the_file",
        &errors_of(&text).join("\n"),
    );
}
