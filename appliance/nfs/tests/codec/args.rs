//! Arguments of all procedures as the oracle encodes them.

use crate::generate::Random;
use crate::oracle::{self, packed};
use crate::segmentation::check;
use nfs::nfs3::args::{
    AccessArgs, Args, CommitArgs, CreateArgs, CreateHow, LinkArgs, MkdirArgs, MknodArgs,
    MknodObject, ReadArgs, ReaddirArgs, ReaddirplusArgs, RenameArgs, SetattrArgs, SymlinkArgs,
    WriteHead,
};
use nfs::nfs3::{CookieVerifier, FileType, Procedure};
use nfs::xdr::{Bytes, Reader, XdrError, padding};
use nfs3_types::nfs3 as wire;
use nfs3_types::xdr_codec::{Opaque, Pack, Void};
use proptest::prelude::*;

const MAX_WRITE: u32 = 1 << 20;

fn check_args(oracle: &impl Pack, expected: Args<'_>, random: &mut Random) {
    check_args_before(oracle, 0, expected, random);
}

/// The decoder gives `expected` and leaves the last `unread` bytes.
fn check_args_before(oracle: &impl Pack, unread: usize, expected: Args<'_>, random: &mut Random) {
    let wire = packed(oracle);
    check(&wire, wire.len() - unread, random, |reader| {
        assert_eq!(
            Args::decode(expected.procedure(), reader, MAX_WRITE)?,
            expected
        );
        Ok(())
    });
}

/// Encodes random arguments with the oracle and checks what is decoded of them.
fn round(procedure: Procedure, random: &mut Random) {
    match procedure {
        Procedure::Null => check_args(&Void, Args::Null, random),
        Procedure::Getattr
        | Procedure::Readlink
        | Procedure::Fsstat
        | Procedure::Fsinfo
        | Procedure::Pathconf => handle_alone(procedure, random),
        Procedure::Lookup | Procedure::Remove | Procedure::Rmdir => entry_alone(procedure, random),
        Procedure::Setattr => setattr(random),
        Procedure::Access | Procedure::Read | Procedure::Commit => range_of_file(procedure, random),
        Procedure::Write => write(random),
        Procedure::Create => create(random),
        Procedure::Mkdir | Procedure::Symlink => directory_or_link(procedure, random),
        Procedure::Mknod => mknod(random),
        Procedure::Rename | Procedure::Link => second_name(procedure, random),
        Procedure::Readdir | Procedure::Readdirplus => listing(procedure, random),
    }
}

fn handle_alone(procedure: Procedure, random: &mut Random) {
    let oracle = random.handle();
    let handle = oracle::handle(&oracle);
    let expected = match procedure {
        Procedure::Getattr => Args::Getattr(handle),
        Procedure::Readlink => Args::Readlink(handle),
        Procedure::Fsstat => Args::Fsstat(handle),
        Procedure::Fsinfo => Args::Fsinfo(handle),
        _ => Args::Pathconf(handle),
    };
    assert_eq!(
        (expected.handle(), expected.second_handle()),
        (Some(handle), None)
    );
    assert_eq!(expected.names(), [None, None]);
    check_args(&oracle, expected, random);
}

fn entry_alone(procedure: Procedure, random: &mut Random) {
    let oracle = random.entry();
    let entry = oracle::entry(&oracle);
    let expected = match procedure {
        Procedure::Lookup => Args::Lookup(entry),
        Procedure::Remove => Args::Remove(entry),
        _ => Args::Rmdir(entry),
    };
    assert_eq!(
        (expected.handle(), expected.second_handle()),
        (Some(entry.directory), None)
    );
    assert_eq!(expected.names(), [Some(entry.name), None]);
    check_args(&oracle, expected, random);
}

fn setattr(random: &mut Random) {
    let oracle = wire::SETATTR3args {
        object: random.handle(),
        new_attributes: random.set_attributes(),
        guard: random.optional_time(),
    };
    let expected = Args::Setattr(SetattrArgs {
        object: oracle::handle(&oracle.object),
        attributes: oracle::set_attributes(&oracle.new_attributes),
        guard: oracle::option(&oracle.guard, oracle::time),
    });
    check_args(&oracle, expected, random);
}

fn range_of_file(procedure: Procedure, random: &mut Random) {
    let file = random.handle();
    let handle = oracle::handle(&file);
    let (offset, count) = (random.u64(), random.u32());
    match procedure {
        Procedure::Access => {
            let oracle = wire::ACCESS3args {
                object: file,
                access: count,
            };
            let expected = Args::Access(AccessArgs {
                object: handle,
                access: count,
            });
            check_args(&oracle, expected, random);
        }
        Procedure::Read => {
            let oracle = wire::READ3args {
                file,
                offset,
                count,
            };
            check_args(
                &oracle,
                Args::Read(ReadArgs {
                    file: handle,
                    offset,
                    count,
                }),
                random,
            );
        }
        _ => {
            let oracle = wire::COMMIT3args {
                file,
                offset,
                count,
            };
            check_args(
                &oracle,
                Args::Commit(CommitArgs {
                    file: handle,
                    offset,
                    count,
                }),
                random,
            );
        }
    }
}

fn write(random: &mut Random) {
    let data = random.bytes(3000);
    let count = u32::try_from(data.len()).expect("fits");
    let unread = data.len() + padding(data.len());
    let stable = random.stable();
    let oracle = wire::WRITE3args {
        file: random.handle(),
        offset: random.u64(),
        count,
        stable,
        data: Opaque::owned(data),
    };
    let expected = Args::Write(WriteHead {
        file: oracle::handle(&oracle.file),
        offset: oracle.offset,
        count,
        stable: oracle::stable(stable),
    });
    check_args_before(&oracle, unread, expected, random);
}

fn create(random: &mut Random) {
    let oracle = wire::CREATE3args {
        where_: random.entry(),
        how: random.create_how(),
    };
    let how = match &oracle.how {
        wire::createhow3::UNCHECKED(set) => CreateHow::Unchecked(oracle::set_attributes(set)),
        wire::createhow3::GUARDED(set) => CreateHow::Guarded(oracle::set_attributes(set)),
        wire::createhow3::EXCLUSIVE(verifier) => CreateHow::Exclusive(verifier.0),
    };
    let expected = Args::Create(CreateArgs {
        place: oracle::entry(&oracle.where_),
        how,
    });
    check_args(&oracle, expected, random);
}

fn directory_or_link(procedure: Procedure, random: &mut Random) {
    let (where_, attributes) = (random.entry(), random.set_attributes());
    if procedure == Procedure::Mkdir {
        let oracle = wire::MKDIR3args { where_, attributes };
        let expected = Args::Mkdir(MkdirArgs {
            place: oracle::entry(&oracle.where_),
            attributes: oracle::set_attributes(&oracle.attributes),
        });
        check_args(&oracle, expected, random);
    } else {
        let symlink_data = wire::nfspath3::from(random.bytes(4096));
        let symlink = wire::symlinkdata3 {
            symlink_attributes: attributes,
            symlink_data,
        };
        let oracle = wire::SYMLINK3args { where_, symlink };
        let expected = Args::Symlink(SymlinkArgs {
            place: oracle::entry(&oracle.where_),
            attributes: oracle::set_attributes(&oracle.symlink.symlink_attributes),
            target: Bytes::contiguous(oracle.symlink.symlink_data.as_ref()),
        });
        check_args(&oracle, expected, random);
    }
}

fn mknod(random: &mut Random) {
    let where_ = random.entry();
    let set = random.set_attributes();
    let attributes = oracle::set_attributes(&set);
    let spec = random.device();
    let number = oracle::device(&spec);
    let device = wire::devicedata3 {
        dev_attributes: set.clone(),
        spec,
    };
    let (what, object) = match random.below(4) {
        0 => {
            let file_type = FileType::CharacterDevice;
            let object = MknodObject::Device {
                file_type,
                attributes,
                number,
            };
            (wire::mknoddata3::NF3CHR(device), object)
        }
        1 => {
            let file_type = FileType::BlockDevice;
            let object = MknodObject::Device {
                file_type,
                attributes,
                number,
            };
            (wire::mknoddata3::NF3BLK(device), object)
        }
        2 => {
            let file_type = FileType::Socket;
            (
                wire::mknoddata3::NF3SOCK(set),
                MknodObject::Special {
                    file_type,
                    attributes,
                },
            )
        }
        _ => {
            let file_type = FileType::Fifo;
            (
                wire::mknoddata3::NF3FIFO(set),
                MknodObject::Special {
                    file_type,
                    attributes,
                },
            )
        }
    };
    let oracle = wire::MKNOD3args { where_, what };
    let expected = Args::Mknod(MknodArgs {
        place: oracle::entry(&oracle.where_),
        object,
    });
    check_args(&oracle, expected, random);
}

fn second_name(procedure: Procedure, random: &mut Random) {
    let to = random.entry();
    if procedure == Procedure::Rename {
        let oracle = wire::RENAME3args {
            from: random.entry(),
            to,
        };
        let (from, to) = (oracle::entry(&oracle.from), oracle::entry(&oracle.to));
        let expected = Args::Rename(RenameArgs { from, to });
        assert_eq!(expected.handle(), Some(from.directory));
        assert_eq!(expected.second_handle(), Some(to.directory));
        assert_eq!(expected.names(), [Some(from.name), Some(to.name)]);
        check_args(&oracle, expected, random);
    } else {
        let oracle = wire::LINK3args {
            file: random.handle(),
            link: to,
        };
        let (file, link) = (oracle::handle(&oracle.file), oracle::entry(&oracle.link));
        let expected = Args::Link(LinkArgs { file, link });
        assert_eq!(expected.handle(), Some(file));
        assert_eq!(expected.second_handle(), Some(link.directory));
        assert_eq!(expected.names(), [Some(link.name), None]);
        check_args(&oracle, expected, random);
    }
}

fn listing(procedure: Procedure, random: &mut Random) {
    let dir = random.handle();
    let directory = oracle::handle(&dir);
    let (cookie, cookieverf) = (random.u64(), random.cookie_verifier());
    let verifier = CookieVerifier(cookieverf.0);
    let (dircount, count) = (random.u32(), random.u32());
    if procedure == Procedure::Readdir {
        let oracle = wire::READDIR3args {
            dir,
            cookie,
            cookieverf,
            count,
        };
        let expected = Args::Readdir(ReaddirArgs {
            directory,
            cookie,
            verifier,
            count,
        });
        check_args(&oracle, expected, random);
    } else {
        let oracle = wire::READDIRPLUS3args {
            dir,
            cookie,
            cookieverf,
            dircount,
            maxcount: count,
        };
        let expected = Args::Readdirplus(ReaddirplusArgs {
            directory,
            cookie,
            verifier,
            directory_count: dircount,
            max_count: count,
        });
        check_args(&oracle, expected, random);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]

    #[test]
    fn arguments_of_all_procedures_equal_the_oracles(seed: u64) {
        let mut random = Random(seed);
        for procedure in Procedure::ALL {
            round(procedure, &mut random);
        }
    }
}

#[test]
fn mknod_of_a_type_that_it_does_not_create_is_well_formed() {
    let mut random = Random(1);
    let oracle = random.entry();
    for (number, file_type) in [
        (1, FileType::Regular),
        (2, FileType::Directory),
        (5, FileType::SymbolicLink),
    ] {
        let mut wire = packed(&oracle);
        wire.extend(u32::to_be_bytes(number));
        let expected = MknodArgs {
            place: oracle::entry(&oracle),
            object: MknodObject::Other(file_type),
        };
        check(&wire, wire.len(), &mut random, |reader| {
            assert_eq!(nfs::nfs3::args::mknod(reader)?, expected);
            Ok(())
        });
    }
}

/// A WRITE of `count` bytes whose data says it has `data_len`, without the data.
fn write_head(count: u32, stable: u32, data_len: u32) -> Vec<u8> {
    [4, 7, 0, 0, count, stable, data_len]
        .iter()
        .flat_map(|word: &u32| word.to_be_bytes())
        .collect()
}

#[test]
fn write_head_judges_count_and_stability() {
    let decode = |wire: &[u8], max| {
        nfs::nfs3::args::write_head(&mut Reader::contiguous(wire), max).map(|head| head.count)
    };
    assert_eq!(decode(&write_head(100, 2, 100), 100), Ok(100));
    assert_eq!(
        decode(&write_head(101, 2, 101), 100),
        Err(XdrError::TooLong)
    );
    assert_eq!(
        decode(&write_head(u32::MAX, 0, u32::MAX), 100),
        Err(XdrError::TooLong)
    );
    assert_eq!(decode(&write_head(100, 2, 99), 100), Err(XdrError::Invalid));
    assert_eq!(
        decode(&write_head(100, 3, 100), 100),
        Err(XdrError::Invalid)
    );
}

#[test]
fn offsets_are_unsigned_and_may_lie_at_the_very_end() {
    for offset in [1 << 63, (1 << 63) - 1, u64::MAX] {
        let file = nfs3_types::nfs3::nfs_fh3::default();
        let wire = packed(&wire::READ3args {
            file,
            offset,
            count: u32::MAX,
        });
        let args = nfs::nfs3::args::read(&mut Reader::contiguous(&wire)).expect("well-formed");
        assert_eq!((args.offset, args.count), (offset, u32::MAX));
    }
}
