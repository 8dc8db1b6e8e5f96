/* What bindgen cannot express (thread locals, bit fields, macros) and what should
 * cost one call a frame instead of one a segment. */
#ifndef DPDK_SHIM_H
#define DPDK_SHIM_H

#include <rte_config.h>
#include <rte_version.h>
#include <rte_eal.h>
#include <rte_errno.h>
#include <rte_lcore.h>
#include <rte_cycles.h>
#include <rte_memory.h>
#include <rte_memzone.h>
#include <rte_mempool.h>
#include <rte_mbuf.h>
#include <rte_ethdev.h>
#include <rte_dev.h>
#include <rte_prefetch.h>

/* Most segments of one frame: a 64 KiB TSO frame of 1 KiB pieces and its headers. */
#define SHIM_FRAME_MAX_SEGMENTS 80

/* One stretch of a frame. With release NULL the bytes are copied into direct mbufs;
 * otherwise they are attached, and release(address, opaque) runs once when the
 * external mbuf is freed. */
struct shim_part {
	void *address;
	uint64_t iova;
	rte_mbuf_extbuf_free_callback_t release;
	void *opaque;
	uint32_t len;
};

int shim_errno(void);

/* Copies of the link's bit fields. Returns 0 or a negative errno. */
int shim_link_poll(uint16_t port, uint32_t *speed_mbps, uint8_t *up);

/* Has the first bytes of a frame, as many as its headers are long, brought near. */
void shim_prefetch(const struct rte_mbuf *m);

/* Writes the offload lengths of a frame, which are bit fields of one word. */
void shim_set_tx_lengths(struct rte_mbuf *m, uint8_t l2_len, uint16_t l3_len,
	uint8_t l4_len, uint16_t tso_segment);

/* Makes a virtio transmit queue free everything the device has finished with, by
 * offering a frame of more segments than any ring has; probe is refused and stays
 * the caller's. Returns the number accepted, which is 0. */
uint16_t shim_virtio_reclaim(uint16_t port, uint16_t queue, struct rte_mbuf *probe);

/* One external mbuf with part attached, or NULL if the pool is empty. */
struct rte_mbuf *shim_attach(struct rte_mempool *external, const struct shim_part *part);

/* Builds one chained frame of the parts in order. Returns 0; -ENOMEM if a pool is
 * short; -E2BIG beyond SHIM_FRAME_MAX_SEGMENTS. On error nothing was attached. */
int shim_frame(struct rte_mempool *direct, struct rte_mempool *external,
	const struct shim_part *parts, uint16_t nb_parts, struct rte_mbuf **frame);

#ifdef SHIM_REFERENCE
/* What shim_reference_attach attaches. */
struct shim_reference_piece {
	void *address;
	uint64_t iova;
	uint32_t *references;
	uint16_t len;
};

/* Where the loop is: pieces and frames out, both in rings. */
struct shim_reference {
	const struct shim_reference_piece *pieces;
	struct rte_mbuf **outstanding;
	uint32_t nb_pieces;
	uint32_t nb_outstanding;
	uint32_t next;
	uint32_t oldest;
};

/* The same work as building frames of a header and one loan and freeing the oldest,
 * with nothing between it and DPDK: what the rest is measured against. */
void shim_reference_attach(struct rte_mempool *direct, struct rte_mempool *external,
	const void *header, uint16_t header_len, struct shim_reference *loop, uint32_t frames);
#endif

#endif
