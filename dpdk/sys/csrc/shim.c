#include "shim.h"

/* src/mbuf.rs declares rte_mbuf by hand; a DPDK that moves a field, or
 * one built without IO addresses in the mbuf (enable_iova_as_pa=false), must fail here. */
#define AT(field, offset) \
	_Static_assert(offsetof(struct rte_mbuf, field) == (offset), "rte_mbuf." #field)
AT(buf_addr, 0);
AT(buf_iova, 8);
AT(data_off, 16);
AT(refcnt, 18);
AT(nb_segs, 20);
AT(port, 22);
AT(ol_flags, 24);
AT(packet_type, 32);
AT(pkt_len, 36);
AT(data_len, 40);
AT(vlan_tci, 42);
AT(hash, 44);
AT(vlan_tci_outer, 52);
AT(buf_len, 54);
AT(pool, 56);
AT(next, 64);
AT(tx_offload, 72);
AT(shinfo, 80);
AT(priv_size, 88);
AT(timesync, 90);
AT(dynfield1, 92);
_Static_assert(sizeof(struct rte_mbuf) == 128, "sizeof rte_mbuf");
_Static_assert(sizeof(((struct rte_mbuf_ext_shared_info *)0)->refcnt) == 2, "refcnt");

int
shim_errno(void)
{
	return rte_errno;
}

int
shim_link_poll(uint16_t port, uint32_t *speed_mbps, uint8_t *up)
{
	struct rte_eth_link link = { 0 };
	int ret = rte_eth_link_get_nowait(port, &link);

	*speed_mbps = link.link_speed;
	*up = link.link_status == RTE_ETH_LINK_UP;
	return ret;
}

void
shim_prefetch(const struct rte_mbuf *m)
{
	const char *start = rte_pktmbuf_mtod(m, const char *);

	rte_prefetch0(start);
	rte_prefetch0(start + RTE_CACHE_LINE_SIZE);
}

void
shim_set_tx_lengths(struct rte_mbuf *m, uint8_t l2_len, uint16_t l3_len,
	uint8_t l4_len, uint16_t tso_segment)
{
	m->tx_offload = 0;
	m->l2_len = l2_len;
	m->l3_len = l3_len;
	m->l4_len = l4_len;
	m->tso_segsz = tso_segment;
}

uint16_t
shim_virtio_reclaim(uint16_t port, uint16_t queue, struct rte_mbuf *probe)
{
	uint16_t nb_segs = probe->nb_segs;
	uint16_t sent;

	/* Not UINT16_MAX: the vectorised packed path counts slots in 16 bits. */
	probe->nb_segs = INT16_MAX;
	sent = rte_eth_tx_burst(port, queue, &probe, 1);
	if (sent == 0)
		probe->nb_segs = nb_segs;
	return sent;
}
