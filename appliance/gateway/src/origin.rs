//! Calling the origin: sending, and keeping connections open.

use core::time::Duration;

use mutant::Mutant;
use nfs::rpc::{self, AuthSys, Credential};
use nfs::xdr::{Overflow, Writer};
use nfs::{mount, portmap};

use crate::action::Action;
use crate::gateway::Gateway;
use crate::limits::{SERVICE_IDLE, SMALL_BUFFERS_RESERVED};
use crate::links::{LinkKind, LinkState};
use crate::message::{Message, Payload, SpareQueues};
use crate::reply::write_record;
use crate::upstream::{LinkIndex, Purpose, Upstream};

/// A procedure of a program at the origin.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Target {
    pub(crate) program: u32,
    pub(crate) version: u32,
    pub(crate) procedure: u32,
}

impl Gateway {
    /// Makes a call of our own; `false` if there is no buffer for it now.
    pub(crate) fn call_origin(
        &mut self,
        link: LinkIndex,
        purpose: Purpose,
        target: Target,
        credential: &Credential,
        arguments: impl FnOnce(&mut Writer<'_>) -> Result<(), Overflow>,
    ) -> bool {
        if self.pool.small_available() <= SMALL_BUFFERS_RESERVED {
            return false;
        }
        let Some(mut buffer) = self.pool.small() else {
            return false;
        };
        let xid = self.upstream.xid();
        let written = write_record(&mut buffer, |writer| {
            let Target {
                program,
                version,
                procedure,
            } = target;
            rpc::encode_call(writer, xid, program, version, procedure, credential)?;
            arguments(writer)
        });
        if written.is_err() {
            // Cannot happen: a small buffer holds any call head.
            return false;
        }
        let mut message = SpareQueues::message(&self.queues);
        message.push(Payload::Meta(buffer.freeze()));
        self.send_to_origin(link, purpose, message, xid);
        true
    }

    /// Sends a call, now or as soon as the connection is open.
    pub(crate) fn send_to_origin(
        &mut self,
        link: LinkIndex,
        purpose: Purpose,
        mut message: Message,
        xid: u32,
    ) {
        message.set_record(xid);
        self.counters.origin_calls += 1;
        let copy = message.share();
        self.upstream.enter(xid, link, purpose, message, self.now);
        let Some(state) = self.links.get_mut(link) else {
            return;
        };
        state.outstanding += 1;
        match state.state {
            LinkState::Open(origin) => {
                if mutant::is_on(Mutant::KeptUntilSent)
                    && let Some(call) = self.upstream.get_mut(xid)
                {
                    call.message.forget_data();
                }
                self.actions.push_back(Action::SendToOrigin {
                    origin,
                    message: copy,
                });
            }
            LinkState::Closed => self.open_link(link),
            LinkState::WaitUntil(_)
            | LinkState::Opening(_)
            | LinkState::Probing(..)
            | LinkState::Securing(_)
            | LinkState::Retiring(_) => {}
        }
    }

    /// A call is settled: its reply has come, or is not waited for any more.
    pub(crate) fn settle_upstream(&mut self, xid: u32) -> Option<Upstream> {
        let call = self.upstream.settle(xid)?;
        self.replying_to = call.sequence;
        let now = self.now;
        if let Some(link) = self.links.get_mut(call.link) {
            link.outstanding = link.outstanding.saturating_sub(1);
            link.last_used = now;
            link.settled = (call.sequence, now);
            let (first, left) = link.retiring;
            if call.sequence < first {
                link.retiring = (first, left.saturating_sub(1));
            }
        }
        Some(call)
    }

    /// The credential of our own calls: user 0, who may mount and look at roots.
    pub(crate) fn own_credential(&self) -> Credential {
        let name = self.config.origin.machine_name.as_bytes();
        AuthSys::new(name, 0, 0, &[])
            .and_then(|auth| Credential::from_auth_sys(&auth))
            .unwrap_or_else(Credential::none)
    }

    /// Opens what is due, closes what is idle.
    pub(crate) fn tend_links(&mut self) {
        let now = self.now;
        for index in self.links.indices() {
            let Some(link) = self.links.get(index) else {
                break;
            };
            match link.state {
                LinkState::WaitUntil(at) if at <= now => self.open_link(index),
                LinkState::Closed if link.outstanding > 0 => self.open_link(index),
                LinkState::Open(origin)
                    if idle_at(link.kind, link.outstanding, link.last_used)
                        .is_some_and(|at| at <= now) =>
                {
                    if let Some(link) = self.links.get_mut(index) {
                        link.reset_reader();
                        link.state = LinkState::Closed;
                    }
                    self.actions.push_back(Action::CloseOrigin { origin });
                }
                LinkState::Retiring(origin) if link.retiring.1 == 0 => {
                    if let Some(link) = self.links.get_mut(index) {
                        link.reset_reader();
                        link.state = LinkState::WaitUntil(now);
                    }
                    self.actions.push_back(Action::CloseOrigin { origin });
                    self.open_link(index);
                }
                LinkState::Probing(origin, until) if until <= now => {
                    self.counters.origin_tls_refused += 1;
                    self.give_up_connection(origin);
                }
                _ => {}
            }
        }
    }

    /// When [`Gateway::tend_links`] has something to do.
    pub(crate) fn links_timeout(&self) -> Option<Duration> {
        self.links
            .iter()
            .filter_map(|(_, link)| match link.state {
                LinkState::WaitUntil(at) => Some(at),
                LinkState::Open(_) => idle_at(link.kind, link.outstanding, link.last_used),
                LinkState::Probing(_, until) => Some(until),
                LinkState::Retiring(_) if link.retiring.1 == 0 => Some(Duration::ZERO),
                LinkState::Closed
                | LinkState::Opening(_)
                | LinkState::Securing(_)
                | LinkState::Retiring(_) => None,
            })
            .min()
    }

    pub(crate) fn open_link(&mut self, index: LinkIndex) {
        let Some(link) = self.links.get(index) else {
            return;
        };
        let port = match link.kind {
            LinkKind::Nfs => self.config.origin.nfs_port,
            LinkKind::Portmap => portmap::PORT,
            LinkKind::Mount => match self.links.mount_port {
                Some(port) => port,
                None => {
                    if let Some(link) = self.links.get_mut(index) {
                        link.state = LinkState::Closed;
                    }
                    self.ask_mount_port();
                    return;
                }
            },
        };
        let origin = self.links.new_origin();
        if let Some(link) = self.links.get_mut(index) {
            link.state = LinkState::Opening(origin);
        }
        self.actions.push_back(Action::OpenOrigin { origin, port });
    }

    /// Asks the origin's portmap where MOUNT is, unless that is under way.
    fn ask_mount_port(&mut self) {
        let portmap = self.links.portmap();
        if self
            .links
            .get(portmap)
            .is_none_or(|link| link.outstanding > 0)
        {
            return;
        }
        let target = Target {
            program: portmap::PROGRAM,
            version: portmap::VERSION,
            procedure: portmap::Procedure::Getport as u32,
        };
        let asked = portmap::Mapping {
            program: mount::PROGRAM,
            version: mount::VERSION,
            protocol: portmap::PROTOCOL_TCP,
            port: 0,
        };
        let sent = self.call_origin(
            portmap,
            Purpose::MountPort,
            target,
            &Credential::none(),
            |writer| asked.encode(writer),
        );
        let (mount, now) = (self.links.mount(), self.now);
        if !sent && let Some(link) = self.links.get_mut(mount) {
            link.lost(now);
        }
    }

    /// Portmap has answered; `None` if it knows no MOUNT.
    pub(crate) fn learn_mount_port(&mut self, port: Option<u16>) {
        self.links.mount_port = port;
        let (mount, now) = (self.links.mount(), self.now);
        let Some(link) = self.links.get_mut(mount) else {
            return;
        };
        if port.is_none() {
            // Asked again when the time has come.
            link.lost(now);
        } else if link.state == LinkState::Closed && link.outstanding > 0 {
            self.open_link(mount);
        }
    }
}

/// When a connection that is not kept open is idle for long enough.
fn idle_at(kind: LinkKind, outstanding: usize, last_used: Duration) -> Option<Duration> {
    (kind != LinkKind::Nfs && outstanding == 0).then(|| last_used + SERVICE_IDLE)
}
