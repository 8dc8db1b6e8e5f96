//! MOUNT's list of who mounted what: a courtesy that nothing relies on (RFC 1813, appendix I).

use std::collections::VecDeque;
use std::net::Ipv4Addr;

/// The latest mounts, bounded.
#[derive(Debug)]
pub(crate) struct MountList {
    mounts: VecDeque<(Ipv4Addr, String)>,
    bound: usize,
}

impl MountList {
    pub(crate) fn new(bound: usize) -> Self {
        Self {
            mounts: VecDeque::new(),
            bound,
        }
    }

    pub(crate) fn add(&mut self, client: Ipv4Addr, path: &str) {
        self.remove(client, path);
        if self.mounts.len() >= self.bound {
            self.mounts.pop_front();
        }
        if self.bound > 0 {
            self.mounts.push_back((client, path.to_owned()));
        }
    }

    pub(crate) fn remove(&mut self, client: Ipv4Addr, path: &str) {
        self.mounts
            .retain(|(other, mounted)| *other != client || mounted != path);
    }

    pub(crate) fn remove_all(&mut self, client: Ipv4Addr) {
        self.mounts.retain(|(other, _)| *other != client);
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &(Ipv4Addr, String)> {
        self.mounts.iter()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_goes_when_the_list_is_full() {
        let mut mounts = MountList::new(2);
        let client = Ipv4Addr::LOCALHOST;
        for path in ["/a", "/b", "/a", "/c"] {
            mounts.add(client, path);
        }
        let paths: Vec<&str> = mounts.iter().map(|(_, path)| path.as_str()).collect();
        assert_eq!(paths, ["/a", "/c"]);
        mounts.remove(client, "/a");
        mounts.remove_all(Ipv4Addr::BROADCAST);
        assert_eq!(mounts.iter().count(), 1);
        mounts.remove_all(client);
        assert_eq!(mounts.iter().count(), 0);
    }
}
