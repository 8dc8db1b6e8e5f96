//! An NFS server in memory: what Wirepage's origin is in these tests.

use std::collections::BTreeMap;

use super::xdr::{In, Out};

pub const ROOT: u64 = 1;
/// Another file system, which no export lies in.
pub const FOREIGN_ROOT: u64 = 900;
pub const FSID: u64 = 77;

/// Longest file.
const SIZE_MAX: u64 = 1 << 24;

#[derive(Clone, Debug, Default)]
pub struct Node {
    pub data: Vec<u8>,
    pub children: BTreeMap<Vec<u8>, u64>,
    pub is_directory: bool,
    pub parent: u64,
    pub time: u32,
    pub mode: u32,
    pub fsid: u64,
}

/// A call as the origin sees it.
#[derive(Clone, Debug)]
pub struct Call {
    pub xid: u32,
    pub program: u32,
    pub procedure: u32,
    pub uid: u32,
    pub args: Vec<u8>,
    pub bytes: Vec<u8>,
}

impl Call {
    pub fn parse(bytes: &[u8]) -> Self {
        let mut input = In(bytes);
        let xid = input.u32();
        assert_eq!(
            (input.u32(), input.u32()),
            (0, 2),
            "a call of RPC version 2"
        );
        let (program, _version, procedure) = (input.u32(), input.u32(), input.u32());
        let flavor = input.u32();
        let mut credential = In(input.opaque());
        let uid = if flavor == 1 {
            credential.u32();
            credential.opaque();
            credential.u32()
        } else {
            u32::MAX
        };
        input.u32();
        input.opaque();
        Self {
            xid,
            program,
            procedure,
            uid,
            args: input.0.to_vec(),
            bytes: bytes.to_vec(),
        }
    }

    pub fn is_nfs(&self, procedure: u32) -> bool {
        (self.program, self.procedure) == (100_003, procedure)
    }
}

#[derive(Debug)]
pub struct Origin {
    pub nodes: BTreeMap<u64, Node>,
    pub clock: u32,
    next: u64,
    /// Everything happens within one tick of the clock.
    pub clock_stands_still: bool,
    /// Whether replies carry pre-operation attributes.
    pub gives_before: bool,
    /// Whether replies that need not carry attributes do.
    pub gives_after: bool,
    /// Whether ACCESS and READ refuse this user.
    pub denied_uid: Option<u32>,
    /// Whether nobody may mount anything.
    pub refuses_mounts: bool,
    /// Longest READ answered.
    pub read_max: usize,
    /// Added to the count in WRITE replies.
    pub write_count_excess: i64,
    pub write_verifier: u64,
}

pub fn handle(id: u64) -> Vec<u8> {
    [b"hdl:".as_slice(), &id.to_be_bytes(), b"...."].concat()
}

fn id_of(handle: &[u8]) -> u64 {
    handle
        .get(4..12)
        .map_or(0, |id| u64::from_be_bytes(id.try_into().unwrap()))
}

impl Origin {
    pub fn new() -> Self {
        let mut origin = Self {
            nodes: BTreeMap::new(),
            clock: 100,
            next: 2,
            clock_stands_still: false,
            gives_before: true,
            gives_after: true,
            denied_uid: None,
            refuses_mounts: false,
            read_max: 1 << 20,
            write_count_excess: 0,
            write_verifier: 0x1122_3344_5566_7788,
        };
        for (id, fsid) in [(ROOT, FSID), (FOREIGN_ROOT, FSID + 1)] {
            let directory = Node {
                is_directory: true,
                parent: id + 50_000,
                mode: 0o755,
                fsid,
                time: 100,
                ..Node::default()
            };
            origin.nodes.insert(id, directory);
        }
        origin
    }

    pub fn tick(&mut self) -> u32 {
        self.clock += u32::from(!self.clock_stands_still);
        self.clock
    }

    pub fn add_file(&mut self, parent: u64, name: &str, data: &[u8]) -> u64 {
        let id = self.next;
        self.next += 1;
        let node = Node {
            data: data.to_vec(),
            parent,
            time: self.tick(),
            mode: 0o644,
            fsid: self.nodes[&parent].fsid,
            ..Node::default()
        };
        self.nodes.insert(id, node);
        let directory = self.nodes.get_mut(&parent).unwrap();
        directory.children.insert(name.into(), id);
        id
    }

    /// Somebody else changes the file.
    pub fn change(&mut self, id: u64, change: impl FnOnce(&mut Vec<u8>)) {
        let time = self.tick();
        let node = self.nodes.get_mut(&id).unwrap();
        change(&mut node.data);
        node.time = time;
    }

    pub fn attributes(&self, id: u64) -> Vec<u8> {
        let node = &self.nodes[&id];
        let size = node.data.len() as u64;
        let mut out = Out::new()
            .u32(if node.is_directory { 2 } else { 1 })
            .u32(node.mode)
            .u32(1)
            .u32(0)
            .u32(0)
            .u64(size)
            .u64(size)
            .u64(0)
            .u64(node.fsid)
            .u64(id);
        for _ in 0..3 {
            out = out.u32(node.time).u32(0);
        }
        out.0
    }

    fn post_op(&self, id: u64) -> Vec<u8> {
        match self.nodes.get(&id) {
            Some(_) if self.gives_after => Out::new().u32(1).raw(&self.attributes(id)).0,
            _ => Out::new().u32(0).0,
        }
    }

    fn before(&self, id: u64) -> Vec<u8> {
        match self.nodes.get(&id) {
            Some(node) if self.gives_before => {
                Out::new()
                    .u32(1)
                    .u64(node.data.len() as u64)
                    .u32(node.time)
                    .u32(0)
                    .u32(node.time)
                    .u32(0)
                    .0
            }
            _ => Out::new().u32(0).0,
        }
    }

    /// Executes a call and gives the whole reply.
    pub fn execute(&mut self, call: &Call) -> Vec<u8> {
        let results = match (call.program, call.procedure) {
            (100_000, 3) => Out::new().u32(20_048).0,
            (100_005, 1) => self.mnt(call),
            (100_003, procedure) => self.nfs(procedure, call),
            (100_227, 1) => (0..7).fold(Out::new(), |out, _| out.u32(0)).0,
            // SETACL and GETXATTRDIR are not supported.
            (100_227, 2 | 3) => Out::new().u32(10_004).u32(0).0,
            other => panic!("the origin has no {other:?}"),
        };
        Out::new()
            .u32(call.xid)
            .u32(1)
            .u32(0)
            .u32(0)
            .u32(0)
            .u32(0)
            .raw(&results)
            .0
    }

    fn mnt(&self, call: &Call) -> Vec<u8> {
        match In(&call.args).opaque() {
            _ if self.refuses_mounts => Out::new().u32(13).0,
            b"/export" => Out::new().u32(0).opaque(&handle(ROOT)).u32(1).u32(1).0,
            b"/other" => {
                Out::new()
                    .u32(0)
                    .opaque(&handle(FOREIGN_ROOT))
                    .u32(1)
                    .u32(1)
                    .0
            }
            _ => Out::new().u32(2).0,
        }
    }

    fn nfs(&mut self, procedure: u32, call: &Call) -> Vec<u8> {
        let mut args = In(&call.args);
        let id = id_of(args.opaque());
        if !self.nodes.contains_key(&id) {
            let absent = match procedure {
                1 => 0,
                2 | 7..=13 | 21 => 2,
                14 => 4,
                15 => 3,
                _ => 1,
            };
            return (0..absent).fold(Out::new().u32(70), |out, _| out.u32(0)).0;
        }
        match procedure {
            1 => Out::new().u32(0).raw(&self.attributes(id)).0,
            2 => self.setattr(id, &mut args),
            3 => self.lookup(id, args.opaque()),
            4 => {
                let asked = args.u32();
                let granted = if self.denied_uid == Some(call.uid) {
                    0
                } else {
                    asked
                };
                Out::new().u32(0).raw(&self.post_op(id)).u32(granted).0
            }
            6 => self.read(id, call.uid, &mut args),
            7 => self.write(id, &mut args),
            8..=11 => self.create(id, &mut args),
            12 | 13 => self.remove(id, args.opaque()),
            14 => self.rename(id, &mut args),
            15 => self.link(id, &mut args),
            16 => self.readdir(id),
            17 => self.readdirplus(id),
            19 => {
                let mut out = Out::new().u32(0).raw(&self.post_op(id));
                for size in [8 << 20, 8 << 20, 512, 8 << 20, 8 << 20, 512, 8 << 20] {
                    out = out.u32(size);
                }
                out.u64(1 << 60).u32(0).u32(1).u32(0x1b).0
            }
            21 => {
                Out::new()
                    .u32(0)
                    .raw(&self.before(id))
                    .raw(&self.post_op(id))
                    .u64(self.write_verifier)
                    .0
            }
            // READLINK of what is no link.
            5 => Out::new().u32(22).raw(&self.post_op(id)).0,
            18 => {
                let out = Out::new().u32(0).raw(&self.post_op(id));
                (0..6).fold(out, |out, _| out.u64(1 << 30)).u32(0).0
            }
            20 => {
                let out = Out::new().u32(0).raw(&self.post_op(id));
                out.u32(1000).u32(255).u32(1).u32(0).u32(0).u32(1).0
            }
            other => panic!("the origin has no NFS procedure {other}"),
        }
    }

    /// The failure of a procedure that would make a file longer than any may be.
    fn too_big(&self, id: u64) -> Vec<u8> {
        Out::new().u32(27).u32(0).raw(&self.post_op(id)).0
    }

    fn setattr(&mut self, id: u64, args: &mut In<'_>) -> Vec<u8> {
        let before = self.before(id);
        let time = self.tick();
        let node = self.nodes.get_mut(&id).unwrap();
        node.time = time;
        if args.u32() == 1 {
            node.mode = args.u32();
        }
        for _ in 0..2 {
            if args.u32() == 1 {
                args.u32();
            }
        }
        if args.u32() == 1 {
            let size = args.u64();
            if size > SIZE_MAX {
                return self.too_big(id);
            }
            node.data.resize(size as usize, 0);
        }
        Out::new().u32(0).raw(&before).raw(&self.post_op(id)).0
    }

    fn lookup(&self, id: u64, name: &[u8]) -> Vec<u8> {
        let found = match name {
            b".." => Some(self.nodes[&id].parent),
            b"." => Some(id),
            name => self.nodes[&id].children.get(name).copied(),
        };
        match found {
            Some(found) => {
                Out::new()
                    .u32(0)
                    .opaque(&handle(found))
                    .raw(&self.post_op(found))
                    .raw(&self.post_op(id))
                    .0
            }
            None => Out::new().u32(2).raw(&self.post_op(id)).0,
        }
    }

    fn read(&self, id: u64, uid: u32, args: &mut In<'_>) -> Vec<u8> {
        if self.denied_uid == Some(uid) {
            return Out::new().u32(13).raw(&self.post_op(id)).0;
        }
        let data = &self.nodes[&id].data;
        let offset = (args.u64() as usize).min(data.len());
        let count = (args.u32() as usize).min(self.read_max);
        let end = (offset + count).min(data.len());
        Out::new()
            .u32(0)
            .raw(&self.post_op(id))
            .u32((end - offset) as u32)
            .u32(u32::from(end == data.len()))
            .opaque(&data[offset..end])
            .0
    }

    fn write(&mut self, id: u64, args: &mut In<'_>) -> Vec<u8> {
        let before = self.before(id);
        let (offset, count, stable) = (args.u64() as usize, args.u32(), args.u32());
        let bytes = args.opaque();
        assert_eq!(bytes.len(), count as usize);
        if offset as u64 > SIZE_MAX {
            return self.too_big(id);
        }
        let short = self.write_count_excess.min(0).unsigned_abs() as usize;
        let written = bytes.len().saturating_sub(short);
        self.change(id, |data| {
            if data.len() < offset + written {
                data.resize(offset + written, 0);
            }
            data[offset..offset + written].copy_from_slice(&bytes[..written]);
        });
        let excess = self.write_count_excess.max(0) as u32;
        Out::new()
            .u32(0)
            .raw(&before)
            .raw(&self.post_op(id))
            .u32(written as u32 + excess)
            .u32(stable)
            .u64(self.write_verifier)
            .0
    }

    fn create(&mut self, id: u64, args: &mut In<'_>) -> Vec<u8> {
        let name = String::from_utf8_lossy(args.opaque()).into_owned();
        let existing = self.nodes[&id].children.get(name.as_bytes()).copied();
        // UNCHECKED: what exists is as good as new.
        let file = existing.unwrap_or_else(|| self.add_file(id, &name, b""));
        Out::new()
            .u32(0)
            .u32(1)
            .opaque(&handle(file))
            .raw(&self.post_op(file))
            .u32(0)
            .raw(&self.post_op(id))
            .0
    }

    fn remove(&mut self, id: u64, name: &[u8]) -> Vec<u8> {
        let directory = self.nodes.get_mut(&id).unwrap();
        let removed = directory.children.remove(name);
        if let Some(file) = removed {
            self.nodes.remove(&file);
        }
        let status = if removed.is_some() { 0 } else { 2 };
        Out::new().u32(status).u32(0).raw(&self.post_op(id)).0
    }

    fn rename(&mut self, id: u64, args: &mut In<'_>) -> Vec<u8> {
        let from = args.opaque().to_vec();
        let to_directory = id_of(args.opaque());
        let to = args.opaque().to_vec();
        let file = self.nodes.get_mut(&id).unwrap().children.remove(&from);
        if let Some(file) = file {
            let target = self.nodes.get_mut(&to_directory).unwrap();
            target.children.insert(to, file);
        }
        Out::new().u32(0).u32(0).u32(0).u32(0).u32(0).0
    }

    fn link(&mut self, id: u64, args: &mut In<'_>) -> Vec<u8> {
        let directory = id_of(args.opaque());
        let name = args.opaque().to_vec();
        let target = self.nodes.get_mut(&directory).unwrap();
        // As any server: a name that exists is in the way.
        let status = match target.children.entry(name) {
            std::collections::btree_map::Entry::Occupied(_) => 17,
            std::collections::btree_map::Entry::Vacant(place) => {
                place.insert(id);
                0
            }
        };
        Out::new()
            .u32(status)
            .raw(&self.post_op(id))
            .u32(0)
            .u32(0)
            .0
    }

    fn entries(&self, id: u64) -> Vec<(Vec<u8>, u64)> {
        let node = &self.nodes[&id];
        let own = [(b".".to_vec(), id), (b"..".to_vec(), node.parent)];
        let children = node.children.iter().map(|(name, id)| (name.clone(), *id));
        own.into_iter().chain(children).collect()
    }

    /// Lists everything, whatever room there is for it.
    fn readdir(&self, id: u64) -> Vec<u8> {
        let mut out = Out::new().u32(0).raw(&self.post_op(id)).u64(5);
        for (cookie, (name, entry)) in self.entries(id).into_iter().enumerate() {
            out = out.u32(1).u64(entry).opaque(&name).u64(cookie as u64 + 1);
        }
        out.u32(0).u32(1).0
    }

    /// As [`Origin::readdir`].
    fn readdirplus(&self, id: u64) -> Vec<u8> {
        let mut out = Out::new().u32(0).raw(&self.post_op(id)).u64(5);
        for (cookie, (name, entry)) in self.entries(id).into_iter().enumerate() {
            out = out
                .u32(1)
                .u64(entry)
                .opaque(&name)
                .u64(cookie as u64 + 1)
                .raw(&self.post_op(entry))
                .u32(1)
                .opaque(&handle(entry));
        }
        out.u32(0).u32(1).0
    }
}
