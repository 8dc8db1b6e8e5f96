//! One core of the appliance: stacks, sessions and gateway, without DPDK.
