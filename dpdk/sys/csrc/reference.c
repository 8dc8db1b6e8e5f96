#include <stdlib.h>

#include "shim.h"

static void
release(void *address, void *opaque)
{
	(void)address;
	__atomic_fetch_sub((uint32_t *)opaque, 1, __ATOMIC_RELEASE);
}

/* A header mbuf with one external mbuf behind it. */
static struct rte_mbuf *
build(struct rte_mempool *direct, struct rte_mempool *external, const void *header,
	uint16_t header_len, const struct shim_reference_piece *piece)
{
	struct rte_mbuf *head = rte_pktmbuf_alloc(direct);
	struct rte_mbuf *m = rte_pktmbuf_alloc(external);
	struct rte_mbuf_ext_shared_info *shared;

	if (head == NULL || m == NULL)
		abort();
	memcpy(rte_pktmbuf_mtod(head, void *), header, header_len);
	head->data_len = header_len;
	shared = rte_mbuf_to_priv(m);
	shared->free_cb = release;
	shared->fcb_opaque = piece->references;
	rte_mbuf_ext_refcnt_set(shared, 1);
	__atomic_fetch_add(piece->references, 1, __ATOMIC_RELAXED);
	rte_pktmbuf_attach_extbuf(m, piece->address, piece->iova, piece->len, shared);
	m->data_off = 0;
	m->data_len = piece->len;
	head->next = m;
	head->nb_segs = 2;
	head->pkt_len = (uint32_t)header_len + piece->len;
	return head;
}

void
shim_reference_attach(struct rte_mempool *direct, struct rte_mempool *external,
	const void *header, uint16_t header_len, struct shim_reference *loop, uint32_t frames)
{
	while (frames-- > 0) {
		struct rte_mbuf **slot = &loop->outstanding[loop->oldest];
		const struct shim_reference_piece *piece = &loop->pieces[loop->next];

		if (++loop->next == loop->nb_pieces)
			loop->next = 0;
		if (++loop->oldest == loop->nb_outstanding)
			loop->oldest = 0;
		rte_pktmbuf_free(*slot);
		*slot = build(direct, external, header, header_len, piece);
	}
}
