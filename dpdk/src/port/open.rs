//! Opening a port: configure, set queues up, start.

use super::config::{Granted, PortConfig, RxOffloads, Tso, TxOffloads};
use super::device::Device;
use super::driver::Driver;
use super::{Port, PortError, RxQueue, TxQueue};
use crate::{Eal, Mempool, limits};
use dpdk_sys as sys;
use std::ffi::CStr;
use std::mem::MaybeUninit;
use std::sync::Arc;

/// Ethernet header and frame check sequence, which the MTU does not count.
const FRAME_OVERHEAD: u16 = 14 + 4;

/// IPv4 and TCP headers without options.
const HEADERS: u16 = 20 + 20;

/// Most TCP payload of an IPv4 packet: 65,535 bytes less both headers.
const MAX_TCP_PAYLOAD: u16 = u16::MAX - HEADERS;

impl Port {
    /// Opens a port and starts it. Received frames come from `rx_pools`: one for all
    /// queues, or one each.
    ///
    /// # Errors
    ///
    /// See [`PortError`]; nothing stays open then. After [`PortError::Driver`] the device
    /// must be plugged anew, after the others it can be opened again.
    pub fn open(
        eal: &Eal,
        name: &str,
        config: &PortConfig,
        rx_pools: &[Mempool],
    ) -> Result<(Self, Vec<RxQueue>, Vec<TxQueue>), PortError> {
        if rx_pools.len() != 1 && rx_pools.len() != usize::from(config.rx_queues) {
            return Err(PortError::Pools {
                queues: config.rx_queues,
                pools: rx_pools.len(),
            });
        }
        let mut opening = Opening::begin(eal, name, config, rx_pools)?;
        let granted = opening.configure()?;
        opening.set_up_rx_queues(&granted)?;
        opening.set_up_tx_queues(&granted)?;
        opening.start()?;
        opening.finish(granted)
    }
}

/// A port on its way; dropping it closes the device.
struct Opening<'a> {
    device: Device,
    info: sys::rte_eth_dev_info,
    driver: Driver,
    driver_name: String,
    config: &'a PortConfig,
    rx_pools: &'a [Mempool],
}

impl<'a> Opening<'a> {
    fn begin(
        eal: &Eal,
        name: &str,
        config: &'a PortConfig,
        rx_pools: &'a [Mempool],
    ) -> Result<Self, PortError> {
        let device = Device::take(eal, name, rx_pools)?;
        let info = device.info().map_err(|source| PortError::Driver {
            port: name.to_owned(),
            step: "tell its capabilities",
            source,
        })?;
        for (direction, asked, max) in [
            ("receive", config.rx_queues, info.max_rx_queues),
            ("transmit", config.tx_queues, info.max_tx_queues),
        ] {
            if asked == 0 || asked > max {
                return Err(PortError::Queues {
                    port: name.to_owned(),
                    direction,
                    asked,
                    max,
                });
            }
        }
        // SAFETY: the driver's name is a NUL-terminated string that lives as long as the
        // driver, which an open port keeps.
        let driver_name = unsafe { CStr::from_ptr(info.driver_name) };
        let driver_name = driver_name.to_string_lossy().into_owned();
        let driver = Driver::named(&driver_name);
        Ok(Self {
            device,
            info,
            driver,
            driver_name,
            config,
            rx_pools,
        })
    }

    fn configure(&mut self) -> Result<Granted, PortError> {
        let config = self.config;
        let rx = RxOffloads::from_flags(config.rx.to_flags() & self.info.rx_offload_capa);
        let offered = self.info.tx_offload_capa & !self.driver.distrusted_tx_offloads();
        let tx = TxOffloads::from_flags(config.tx.to_flags() & offered);
        if !rx.scatter {
            for room in self.rx_pools.iter().map(Mempool::room) {
                if config.mtu.saturating_add(FRAME_OVERHEAD) > room {
                    return Err(PortError::MtuBeyondRoom {
                        mtu: config.mtu,
                        room,
                    });
                }
            }
        }
        self.device.begin_configuring();
        // SAFETY: all integers, enumerations with a zero, and pointers that may be null.
        let mut conf: sys::rte_eth_conf = unsafe { MaybeUninit::zeroed().assume_init() };
        conf.rxmode.mtu = u32::from(config.mtu);
        conf.rxmode.offloads = rx.to_flags();
        conf.txmode.offloads = tx.to_flags();
        let hash = u64::from(sys::RTE_ETH_RSS_IP | sys::RTE_ETH_RSS_TCP);
        let hash = hash & self.info.flow_type_rss_offloads;
        if config.rx_queues > 1 && hash != 0 {
            conf.rxmode.mq_mode = sys::rte_eth_rx_mq_mode_RTE_ETH_MQ_RX_RSS;
            conf.rx_adv_conf.rss_conf.rss_hf = hash;
        }
        // SAFETY: the port is stopped; `conf` lives through the call and is copied.
        let code = unsafe {
            sys::rte_eth_dev_configure(
                self.device.id(),
                config.rx_queues,
                config.tx_queues,
                &raw const conf,
            )
        };
        self.device.check(code, "take its configuration")?;

        let mut rx_descriptors = config.rx_descriptors.min(limits::RING_DESCRIPTORS);
        let mut tx_descriptors = config.tx_descriptors.min(limits::RING_DESCRIPTORS);
        // SAFETY: the port is configured; both out pointers are valid for writing.
        let code = unsafe {
            sys::rte_eth_dev_adjust_nb_rx_tx_desc(
                self.device.id(),
                &raw mut rx_descriptors,
                &raw mut tx_descriptors,
            )
        };
        self.device.check(code, "size its rings")?;
        let by_driver = match self.info.tx_desc_lim.nb_seg_max {
            0 => u16::MAX,
            max => max,
        };
        Ok(Granted {
            rx,
            tx,
            tso: tx.tso.then(|| Tso {
                max_segment: config.mtu.saturating_sub(HEADERS),
                max_payload: MAX_TCP_PAYLOAD,
            }),
            max_segments: if tx.multi_segment {
                // One descriptor may go to the device's own header, one to a context.
                by_driver.min(tx_descriptors.saturating_sub(2)).max(1)
            } else {
                1
            },
            rx_descriptors,
            tx_descriptors,
        })
    }

    fn set_up_rx_queues(&self, granted: &Granted) -> Result<(), PortError> {
        let mut conf = self.info.default_rxconf;
        conf.offloads = granted.rx.to_flags();
        for queue in 0..self.config.rx_queues {
            let pool = self
                .rx_pools
                .get(usize::from(queue))
                .or(self.rx_pools.first());
            let Some(pool) = pool else { continue };
            // SAFETY: the port is configured and stopped; `conf` is copied; the pool lives
            // as long as the EAL.
            let code = unsafe {
                sys::rte_eth_rx_queue_setup(
                    self.device.id(),
                    queue,
                    granted.rx_descriptors,
                    self.socket(),
                    &raw const conf,
                    pool.pointer().as_ptr(),
                )
            };
            self.device.check(code, "set a receive queue up")?;
        }
        Ok(())
    }

    fn set_up_tx_queues(&self, granted: &Granted) -> Result<(), PortError> {
        let mut conf = self.info.default_txconf;
        conf.offloads = granted.tx.to_flags();
        if let Some(threshold) = self.driver.tx_free_threshold(granted.tx_descriptors) {
            conf.tx_free_thresh = threshold;
        }
        for queue in 0..self.config.tx_queues {
            // SAFETY: the port is configured and stopped; `conf` is copied.
            let code = unsafe {
                sys::rte_eth_tx_queue_setup(
                    self.device.id(),
                    queue,
                    granted.tx_descriptors,
                    self.socket(),
                    &raw const conf,
                )
            };
            self.device.check(code, "set a transmit queue up")?;
        }
        Ok(())
    }

    fn start(&self) -> Result<(), PortError> {
        // SAFETY: the port is configured and all its queues are set up.
        let code = unsafe { sys::rte_eth_dev_start(self.device.id()) };
        self.device.check(code, "start")?;
        if self.config.promiscuous {
            // Drivers without the notion receive everything anyway, and say so by an error.
            // SAFETY: the port is open.
            unsafe { sys::rte_eth_promiscuous_enable(self.device.id()) };
        }
        Ok(())
    }

    fn finish(self, granted: Granted) -> Result<(Port, Vec<RxQueue>, Vec<TxQueue>), PortError> {
        let mut address = sys::rte_ether_addr { addr_bytes: [0; 6] };
        // SAFETY: the port is open; `address` is valid for writing.
        let code = unsafe { sys::rte_eth_macaddr_get(self.device.id(), &raw mut address) };
        self.device.check(code, "tell its address")?;
        let device = Arc::new(self.device);
        let rx = (0..self.config.rx_queues)
            .map(|queue| RxQueue::new(Arc::clone(&device), queue))
            .collect();
        let tx = (0..self.config.tx_queues)
            .map(|queue| {
                let probe = self
                    .rx_pools
                    .iter()
                    .find_map(Mempool::allocate)
                    .ok_or(PortError::PoolEmpty)?;
                let reclaim = self.driver.reclaim();
                Ok(TxQueue::new(
                    Arc::clone(&device),
                    queue,
                    granted.max_segments,
                    reclaim,
                    probe,
                ))
            })
            .collect::<Result<Vec<_>, PortError>>()?;
        let port = Port {
            device,
            driver: self.driver_name,
            mac: address.addr_bytes,
            granted,
        };
        Ok((port, rx, tx))
    }

    fn socket(&self) -> u32 {
        // SAFETY: the port is open.
        let socket = unsafe { sys::rte_eth_dev_socket_id(self.device.id()) };
        // Virtual devices have none: any (SOCKET_ID_ANY is all ones).
        u32::try_from(socket).unwrap_or(u32::MAX)
    }
}
