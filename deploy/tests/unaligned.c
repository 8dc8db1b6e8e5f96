/*
 * unaligned URL - writes and reads one file at odd offsets and lengths, across the gateway's blocks, and
 * compares every byte with a copy in memory.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <nfsc/libnfs.h>

#define NAME "/unaligned"
#define SIZE (320 * 1024)

static struct nfs_context *nfs;
static char model[SIZE], buffer[SIZE];

struct span {
	int offset, length;
};

static const struct span writes[] = {
	{ 0, SIZE }, { 1, 65536 }, { 65535, 2 }, { 3, 100000 }, { 131071, 65539 }, { 262143, 1 }, { 777, 7 },
};
static const struct span reads[] = {
	{ 1, 65536 }, { 65535, 2 }, { 65533, 5 }, { 60001, 8000 }, { 3333, 3333 }, { 131070, 131075 }, { 0, SIZE },
};

static void fail(const char *what, struct span span)
{
	fprintf(stderr, "%s at %d, %d bytes: %s\n", what, span.offset, span.length, nfs_get_error(nfs));
	exit(1);
}

static void write_span(struct nfsfh *file, struct span span, int round)
{
	int done = 0;

	for (int i = 0; i < span.length; i++)
		model[span.offset + i] = (char)(span.offset + i * 7 + i / 251 + round);
	while (done < span.length) {
		int n = nfs_pwrite(nfs, file, span.offset + done, span.length - done, model + span.offset + done);
		if (n <= 0)
			fail("write", span);
		done += n;
	}
}

static void read_span(struct nfsfh *file, struct span span)
{
	int done = 0;

	while (done < span.length) {
		int n = nfs_pread(nfs, file, span.offset + done, span.length - done, buffer + done);
		if (n <= 0)
			fail("read", span);
		done += n;
	}
	if (memcmp(buffer, model + span.offset, span.length) != 0)
		fail("wrong bytes", span);
}

int main(int argc, char **argv)
{
	const struct span whole = { 0, SIZE };
	struct nfs_url *url;
	struct nfsfh *file;

	nfs = nfs_init_context();
	if (argc != 2 || nfs == NULL)
		return 2;
	url = nfs_parse_url_dir(nfs, argv[1]);
	if (url == NULL || nfs_mount(nfs, url->server, url->path) != 0 || nfs_creat(nfs, NAME, 0644, &file) != 0)
		fail("create", whole);
	for (size_t w = 0; w < sizeof(writes) / sizeof(*writes); w++) {
		write_span(file, writes[w], (int)w);
		/* Twice: from the origin, then from the cache. */
		for (int twice = 0; twice < 2; twice++)
			for (size_t r = 0; r < sizeof(reads) / sizeof(*reads); r++)
				read_span(file, reads[r]);
	}
	if (nfs_close(nfs, file) != 0 || nfs_unlink(nfs, NAME) != 0)
		fail("remove", whole);
	nfs_destroy_url(url);
	nfs_destroy_context(nfs);
	return 0;
}
