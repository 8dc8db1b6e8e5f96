//! Sans-IO XDR, ONC RPC, record marking, portmap, MOUNT and NFSv3 codecs.
