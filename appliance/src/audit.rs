//! The audit log: what was decided about the security of each connection (RFC 9289, 7.3).

use core::fmt;

use engine::{Audit, Outcome};

/// One line of the log. Names that peers choose are escaped where they are read or here, so that nobody
/// forges a line.
pub struct AuditLine<'a>(pub &'a Audit);

impl fmt::Display for AuditLine<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Audit {
            remote,
            is_origin,
            outcome,
        } = self.0;
        let side = if *is_origin { "origin" } else { "client" };
        write!(f, "audit: {side} {remote}: ")?;
        match outcome {
            Outcome::Clear => f.write_str("in clear"),
            Outcome::Established {
                established,
                direct,
            } => {
                let mode = match (&established.peer, is_origin, direct) {
                    (Some(_), false, false) => "mtls",
                    (Some(_), false, true) => "direct mtls",
                    (_, _, false) => "tls",
                    (_, _, true) => "direct tls",
                };
                write!(
                    f,
                    "{mode}, suite {:?}, resumed {}",
                    established.suite, established.resumed
                )?;
                if let Some(name) = &established.server_name {
                    write!(f, ", asked for {name:?}")?;
                }
                match &established.peer {
                    Some(peer) => write!(f, ", certificate {peer}"),
                    None => f.write_str(", no certificate"),
                }
            }
            Outcome::Failed(reason) => write!(f, "refused: {reason:?}"),
            Outcome::TimedOut => f.write_str("refused: the handshake took too long"),
            Outcome::ClearAfterProbe => {
                f.write_str("refused: other than a handshake followed the probe")
            }
            Outcome::TrustLost(Some(peer)) => {
                write!(f, "ended: not trusted any more: certificate {peer}")
            }
            Outcome::TrustLost(None) => f.write_str("ended: not trusted any more: no certificate"),
        }
    }
}

#[cfg(test)]
mod tests {
    use tls::CipherSuite;

    use super::*;

    fn line(is_origin: bool, outcome: Outcome) -> String {
        let remote = "10.0.0.9:801".parse().expect("an address");
        let audit = Audit {
            remote,
            is_origin,
            outcome,
        };
        AuditLine(&audit).to_string()
    }

    #[test]
    fn a_session_is_told_with_its_mode_suite_and_name() {
        let outcome = Outcome::Established {
            established: tls::Established {
                peer: None,
                sunrpc: false,
                suite: CipherSuite::Aes256Gcm,
                resumed: true,
                server_name: Some("nfs.example".to_owned()),
            },
            direct: true,
        };
        assert_eq!(
            line(false, outcome),
            "audit: client 10.0.0.9:801: direct tls, suite Aes256Gcm, resumed true, asked for \"nfs.example\", \
             no certificate"
        );
    }

    #[test]
    fn what_peers_say_cannot_begin_a_line_of_its_own() {
        let outcome = Outcome::Failed("a\naudit: client 10.0.0.1:1: mtls".to_owned());
        assert_eq!(
            line(true, outcome),
            "audit: origin 10.0.0.9:801: refused: \"a\\naudit: client 10.0.0.1:1: mtls\""
        );
    }
}
