//! The codecs against independent implementations (`nfs3_types`, `onc-rpc`), truncated and
//! hostile bytes, and every fragmentation of a record.

mod args;
mod encoders;
mod failures;
mod generate;
mod hostile;
mod mount;
mod names;
mod nfsacl;
mod oracle;
mod portmap;
mod record;
mod results;
mod rpc;
mod segmentation;
mod source;
mod xdr;
