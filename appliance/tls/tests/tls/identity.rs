//! Names in certificates and patterns over them.

use core::net::IpAddr;
use tls::{SanPattern, ServerName, SubjectAltName};

fn pattern(text: &str) -> SanPattern {
    text.parse().expect("a pattern")
}

fn dns(name: &str) -> SubjectAltName {
    SubjectAltName::Dns(name.to_owned())
}

fn ip(address: &str) -> SubjectAltName {
    SubjectAltName::Ip(address.parse::<IpAddr>().expect("an address"))
}

#[test]
fn a_name_matches_itself_only() {
    let render = pattern("Render1.Example.com");
    assert!(render.matches(&dns("render1.example.com")));
    for other in [
        "render2.example.com",
        "x.render1.example.com",
        "example.com",
        "render1.example.co",
    ] {
        assert!(!render.matches(&dns(other)), "{other}");
    }
    assert!(!pattern("192.0.2.1").matches(&dns("192.0.2.1")));
}

#[test]
fn a_wildcard_means_one_label() {
    let farm = pattern("*.farm.example.com");
    assert!(farm.matches(&dns("a.farm.example.com")));
    for other in [
        "farm.example.com",
        "a.b.farm.example.com",
        ".farm.example.com",
        "afarm.example.com",
    ] {
        assert!(!farm.matches(&dns(other)), "{other}");
    }
}

#[test]
fn a_wildcard_in_a_certificate_matches_nothing() {
    for text in [
        "*.farm.example.com",
        "farm.example.com",
        "a.farm.example.com",
    ] {
        assert!(!pattern(text).matches(&dns("*.farm.example.com")), "{text}");
    }
}

#[test]
fn addresses_match_by_network() {
    assert!(pattern("192.0.2.7").matches(&ip("192.0.2.7")));
    assert!(!pattern("192.0.2.7").matches(&ip("192.0.2.8")));
    assert!(pattern("192.0.2.0/24").matches(&ip("192.0.2.255")));
    assert!(pattern("192.0.2.77/24").matches(&ip("192.0.2.255")));
    assert!(!pattern("192.0.2.0/24").matches(&ip("192.0.3.0")));
    assert!(pattern("0.0.0.0/0").matches(&ip("255.255.255.255")));
    assert!(!pattern("0.0.0.0/0").matches(&ip("2001:db8::1")));
    assert!(pattern("::/0").matches(&ip("2001:db8::1")));
    assert!(pattern("2001:db8::/32").matches(&ip("2001:db8:ffff::1")));
    assert!(!pattern("2001:db8::/32").matches(&ip("2001:db9::1")));
    assert!(!pattern("::ffff:192.0.2.7/128").matches(&ip("192.0.2.7")));
}

#[test]
fn what_is_no_pattern_is_refused_with_a_remedy() {
    let bad = [
        "",
        "*",
        "*.",
        "a.*.example.com",
        "*a.example.com",
        "a..b",
        ".a",
        "a.",
        "a b",
        "192.0.2.0/33",
        "192.0.2.0/",
        "192.0.2.0/-1",
        "::/129",
        "host/24",
        "näs.example.com",
    ];
    for text in bad {
        let error = text.parse::<SanPattern>().expect_err(text);
        assert!(error.to_string().contains("give a DNS name"), "{error}");
    }
    let long = "a".repeat(64);
    assert!(long.parse::<SanPattern>().is_err());
}

#[test]
fn patterns_print_as_they_are_written() {
    for text in [
        "a.example.com",
        "*.example.com",
        "192.0.2.0/24",
        "2001:db8::/32",
    ] {
        assert_eq!(pattern(text).to_string(), text);
    }
}

#[test]
fn a_server_is_named_by_dns_or_by_address() {
    for text in ["nas.example.com", "192.0.2.1", "2001:db8::1"] {
        assert_eq!(
            text.parse::<ServerName>().expect("a name").to_string(),
            text
        );
    }
    for text in ["", "*.example.com", "a b", "nas:2049"] {
        assert!(text.parse::<ServerName>().is_err(), "{text}");
    }
    let address: IpAddr = "192.0.2.1".parse().expect("an address");
    assert_eq!(ServerName::from(address).to_string(), "192.0.2.1");
}

#[test]
fn the_audit_line_cannot_be_forged_by_a_name() {
    use crate::oracle::{self, Oracle};
    use crate::pki::World;
    let mut world = World::new();
    world.client = world
        .authority
        .issue_named(9, "evil\nserial 1 issuer \"root\"");
    let mut client = Oracle::client(oracle::mutual_client_config(&world));
    let server = crate::ours::accept(world.mutual_settings());
    let server = crate::ours::shake(server, &mut client).expect("a session");
    let line = server.established.peer.expect("the client").to_string();
    assert!(line.starts_with("serial 09 issuer \"CN=Test CA"), "{line}");
    assert!(!line.contains('\n'), "{line}");
}
