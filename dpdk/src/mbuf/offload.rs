//! What the device does for a frame: checksums and segmentation.

use super::{Mbuf, MbufError, NOT_DIRECT};

/// What the device found out about a checksum of a received frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RxChecksum {
    /// It did not look: verify in software.
    Unknown,
    /// It is right.
    Good,
    /// It is wrong.
    Bad,
    /// It is not filled in, but the bytes are known to be right: they never crossed a
    /// wire (virtio).
    None,
}

const IP_MASK: u64 = dpdk_sys::RTE_MBUF_F_RX_IP_CKSUM_MASK as u64;
const IP_GOOD: u64 = dpdk_sys::RTE_MBUF_F_RX_IP_CKSUM_GOOD as u64;
const IP_BAD: u64 = dpdk_sys::RTE_MBUF_F_RX_IP_CKSUM_BAD as u64;
const IP_NONE: u64 = dpdk_sys::RTE_MBUF_F_RX_IP_CKSUM_NONE as u64;
const L4_MASK: u64 = dpdk_sys::RTE_MBUF_F_RX_L4_CKSUM_MASK as u64;
const L4_GOOD: u64 = dpdk_sys::RTE_MBUF_F_RX_L4_CKSUM_GOOD as u64;
const L4_BAD: u64 = dpdk_sys::RTE_MBUF_F_RX_L4_CKSUM_BAD as u64;
const L4_NONE: u64 = dpdk_sys::RTE_MBUF_F_RX_L4_CKSUM_NONE as u64;

/// What the device shall do for an IPv4 TCP frame, and where its headers are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TxOffload {
    /// Bytes of the Ethernet header, at least 14.
    pub l2_len: u8,
    /// Bytes of the IPv4 header, at least 20.
    pub l3_len: u16,
    /// Bytes of the TCP header, at least 20.
    pub l4_len: u8,
    /// Fill in the IPv4 header checksum.
    pub ip_checksum: bool,
    /// Fill in the TCP checksum.
    pub tcp_checksum: bool,
    /// Cut the frame into segments of this much payload; implies `tcp_checksum`.
    pub tso_segment: Option<u16>,
}

impl Mbuf {
    /// Says what the device shall do; [`TxQueue::prepare`](crate::TxQueue::prepare) then
    /// fills in what it needs for that, such as the pseudo header's sum.
    ///
    /// # Errors
    ///
    /// [`MbufError::Headers`] unless all three headers lie in the first segment and that
    /// segment is not lent: preparing writes into them.
    pub fn set_tx_offload(&mut self, offload: &TxOffload) -> Result<(), MbufError> {
        let headers =
            u32::from(offload.l2_len) + u32::from(offload.l3_len) + u32::from(offload.l4_len);
        let head = self.head();
        let fits = offload.l2_len >= 14
            && offload.l3_len >= 20
            && offload.l4_len >= 20
            // The widths of the bit fields that carry them.
            && offload.l2_len < 1 << 7
            && offload.l3_len < 1 << 9
            && headers <= u32::from(head.data_len)
            && head.ol_flags & NOT_DIRECT == 0
            && offload.tso_segment != Some(0);
        if !fits {
            return Err(MbufError::Headers);
        }
        let tcp = offload.tcp_checksum || offload.tso_segment.is_some();
        let mut flags = 0;
        if offload.ip_checksum || tcp {
            flags |= dpdk_sys::RTE_MBUF_F_TX_IPV4;
        }
        if offload.ip_checksum {
            flags |= dpdk_sys::RTE_MBUF_F_TX_IP_CKSUM;
        }
        if tcp {
            flags |= dpdk_sys::RTE_MBUF_F_TX_TCP_CKSUM;
        }
        if offload.tso_segment.is_some() {
            flags |= dpdk_sys::RTE_MBUF_F_TX_TCP_SEG;
        }
        let head = self.head_mut();
        head.ol_flags = (head.ol_flags & NOT_DIRECT) | flags;
        // SAFETY: `self` owns the mbuf, borrowed exclusively here.
        unsafe {
            dpdk_sys::shim_set_tx_lengths(
                self.0.as_ptr(),
                offload.l2_len,
                offload.l3_len,
                offload.l4_len,
                offload.tso_segment.unwrap_or(0),
            );
        }
        Ok(())
    }

    /// What the device says of a received frame's IPv4 header checksum.
    pub fn ip_checksum(&self) -> RxChecksum {
        match self.head().ol_flags & IP_MASK {
            IP_GOOD => RxChecksum::Good,
            IP_BAD => RxChecksum::Bad,
            IP_NONE => RxChecksum::None,
            _ => RxChecksum::Unknown,
        }
    }

    /// What the device says of a received frame's TCP or UDP checksum.
    pub fn l4_checksum(&self) -> RxChecksum {
        match self.head().ol_flags & L4_MASK {
            L4_GOOD => RxChecksum::Good,
            L4_BAD => RxChecksum::Bad,
            L4_NONE => RxChecksum::None,
            _ => RxChecksum::Unknown,
        }
    }
}
