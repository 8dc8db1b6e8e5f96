/*
 * hard_copy up|down URL NAME LOCAL - copies LOCAL to the file NAME in the directory of URL, or back, through a hard
 * mount: whatever is lost with a connection is asked for or sent again.
 */
#include <fcntl.h>
#include <string.h>

#include "hard_mount.h"

#define CHUNK (1 << 20)

static const char *url, *name;
static struct nfsfh *file;
static char chunk[CHUNK];

static void fail(const char *what)
{
	fprintf(stderr, "%s %s: %s\n", what, name, nfs_get_error(nfs));
	exit(1);
}

static void open_file(int flags)
{
	int result;

	do
		result = nfs_open(nfs, name, flags, &file);
	while (is_lost(result, url));
	if (result != 0)
		fail("open");
}

/* The next bytes at `offset`, after a lost connection from the file opened anew; 0 at its end. */
static int read_chunk(uint64_t offset)
{
	int result;

	while (is_lost(result = nfs_pread(nfs, file, offset, CHUNK, chunk), url))
		open_file(O_RDONLY);
	if (result < 0)
		fail("read");
	return result;
}

static void write_chunk(uint64_t offset, int length)
{
	int result;

	while (is_lost(result = nfs_pwrite(nfs, file, offset, length, chunk), url))
		open_file(O_WRONLY);
	if (result != length)
		fail("write");
}

static void create_file(void)
{
	int result;

	do
		result = nfs_creat(nfs, name, 0644, &file);
	while (is_lost(result, url));
	if (result != 0)
		fail("create");
}

static void close_file(int flags)
{
	int result;

	while (is_lost(result = nfs_close(nfs, file), url))
		open_file(flags);
	if (result != 0)
		fail("close");
}

int main(int argc, char **argv)
{
	uint64_t offset = 0;
	int length, up, local;

	if (argc != 5) {
		fprintf(stderr, "usage: hard_copy up|down URL NAME LOCAL\n");
		return 2;
	}
	up = strcmp(argv[1], "up") == 0;
	url = argv[2];
	name = argv[3];
	local = open(argv[4], up ? O_RDONLY : O_WRONLY | O_CREAT | O_TRUNC, 0644);
	if (local < 0) {
		perror(argv[4]);
		return 1;
	}
	mount_hard(url);
	if (up)
		create_file();
	else
		open_file(O_RDONLY);
	while ((length = up ? read(local, chunk, CHUNK) : read_chunk(offset)) > 0) {
		if (up) {
			write_chunk(offset, length);
		} else if (write(local, chunk, length) != length) {
			perror(argv[4]);
			return 1;
		}
		offset += length;
	}
	close_file(up ? O_WRONLY : O_RDONLY);
	if (length < 0 || close(local) != 0) {
		perror(argv[4]);
		return 1;
	}
	nfs_destroy_context(nfs);
	return 0;
}
