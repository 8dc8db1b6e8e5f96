#include <errno.h>
#include <string.h>

#include "shim.h"

/* The segments that the parts need; negative beyond SHIM_FRAME_MAX_SEGMENTS. */
static int
count_segments(const struct shim_part *parts, uint16_t nb_parts, uint32_t room_each,
	unsigned int *nb_direct, unsigned int *nb_external)
{
	uint64_t direct = 0, external = 0;
	uint32_t room = 0;

	for (uint16_t i = 0; i < nb_parts; i++) {
		uint32_t len = parts[i].len;

		if (parts[i].release != NULL) {
			external++;
			room = 0;
			continue;
		}
		if (len > room) {
			uint64_t more = (len - room + (uint64_t)room_each - 1) / room_each;

			direct += more;
			room = (uint32_t)(more * room_each + room - len);
		} else {
			room -= len;
		}
	}
	if (direct + external > SHIM_FRAME_MAX_SEGMENTS)
		return -E2BIG;
	*nb_direct = (unsigned int)direct;
	*nb_external = (unsigned int)external;
	return 0;
}

/* The shared info lives in the mbuf's own private area: one attach, one counter,
 * so DPDK's count is never contended and never above one. */
static void
attach(struct rte_mbuf *m, const struct shim_part *part)
{
	struct rte_mbuf_ext_shared_info *shared = rte_mbuf_to_priv(m);

	shared->free_cb = part->release;
	shared->fcb_opaque = part->opaque;
	rte_mbuf_ext_refcnt_set(shared, 1);
	rte_pktmbuf_attach_extbuf(m, part->address, part->iova, (uint16_t)part->len, shared);
	m->data_off = 0;
	m->data_len = (uint16_t)part->len;
}

struct rte_mbuf *
shim_attach(struct rte_mempool *external, const struct shim_part *part)
{
	struct rte_mbuf *m = rte_pktmbuf_alloc(external);

	if (m != NULL) {
		attach(m, part);
		m->pkt_len = part->len;
	}
	return m;
}

/* What nearly every frame with data is: headers that fit one mbuf, and one loan. */
static struct rte_mbuf *
header_and_loan(struct rte_mempool *direct, struct rte_mempool *external,
	const struct shim_part *header, const struct shim_part *loan)
{
	struct rte_mbuf *head = rte_pktmbuf_alloc(direct);
	struct rte_mbuf *m;

	if (head == NULL)
		return NULL;
	m = rte_pktmbuf_alloc(external);
	if (m == NULL) {
		rte_pktmbuf_free(head);
		return NULL;
	}
	memcpy(rte_pktmbuf_mtod(head, void *), header->address, header->len);
	head->data_len = (uint16_t)header->len;
	attach(m, loan);
	head->next = m;
	head->nb_segs = 2;
	head->pkt_len = header->len + loan->len;
	return head;
}

int
shim_frame(struct rte_mempool *direct, struct rte_mempool *external,
	const struct shim_part *parts, uint16_t nb_parts, struct rte_mbuf **frame)
{
	struct rte_mbuf *direct_mbufs[SHIM_FRAME_MAX_SEGMENTS];
	struct rte_mbuf *external_mbufs[SHIM_FRAME_MAX_SEGMENTS];
	struct rte_mbuf **next_direct = direct_mbufs, **next_external = external_mbufs;
	struct rte_mbuf *head = NULL, *last = NULL;
	uint32_t room_each = rte_pktmbuf_data_room_size(direct) - RTE_PKTMBUF_HEADROOM;
	uint32_t room = 0, total = 0;
	unsigned int nb_direct, nb_external;
	int ret;

	if (nb_parts == 2 && parts[0].release == NULL && parts[1].release != NULL &&
	    parts[0].len <= room_each) {
		*frame = header_and_loan(direct, external, &parts[0], &parts[1]);
		return *frame == NULL ? -ENOMEM : 0;
	}
	ret = count_segments(parts, nb_parts, room_each, &nb_direct, &nb_external);
	if (ret != 0)
		return ret;
	if (nb_direct + nb_external == 0)
		return -EINVAL;
	if (nb_direct != 0 && rte_pktmbuf_alloc_bulk(direct, direct_mbufs, nb_direct) != 0)
		return -ENOMEM;
	if (nb_external != 0 &&
	    rte_pktmbuf_alloc_bulk(external, external_mbufs, nb_external) != 0) {
		if (nb_direct != 0)
			rte_pktmbuf_free_bulk(direct_mbufs, nb_direct);
		return -ENOMEM;
	}

	for (uint16_t i = 0; i < nb_parts; i++) {
		const struct shim_part *part = &parts[i];
		const char *bytes = part->address;
		uint32_t left = part->len;

		if (part->release != NULL) {
			struct rte_mbuf *m = *next_external++;

			attach(m, part);
			if (last == NULL)
				head = m;
			else
				last->next = m;
			last = m;
			room = 0;
			total += part->len;
			continue;
		}
		while (left != 0) {
			uint32_t take;

			if (room == 0) {
				struct rte_mbuf *m = *next_direct++;

				if (last == NULL)
					head = m;
				else
					last->next = m;
				last = m;
				room = room_each;
			}
			take = left < room ? left : room;
			memcpy(rte_pktmbuf_mtod_offset(last, char *, last->data_len), bytes, take);
			last->data_len = (uint16_t)(last->data_len + take);
			bytes += take;
			left -= take;
			room -= take;
			total += take;
		}
	}
	head->nb_segs = (uint16_t)(nb_direct + nb_external);
	head->pkt_len = total;
	*frame = head;
	return 0;
}
