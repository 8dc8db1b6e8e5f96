/*
 * An NFS mount that outlives restarts of its server, as a kernel's hard mount does.
 *
 * libnfs before 5.0.3 (Debian 12 has 4.0.0) reconnects by itself, but takes the first bytes on the new connection
 * for the rest of the reply that the old one broke off in, and so one file's bytes for another's. So it is told not
 * to: a call that fails for a lost connection is made again after a new mount.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <nfsc/libnfs.h>

/* For this long a server may be away. */
#define MOUNTS_MAX 1200
#define MOUNT_INTERVAL_US 100000

static struct nfs_context *nfs;

static int mount_once(const char *text)
{
	struct nfs_url *url;
	int result = -EINVAL;

	nfs = nfs_init_context();
	url = nfs == NULL ? NULL : nfs_parse_url_dir(nfs, text);
	if (url != NULL) {
		nfs_set_autoreconnect(nfs, 0);
		result = nfs_mount(nfs, url->server, url->path);
		/* Mounting turns it on again. */
		nfs_set_autoreconnect(nfs, 0);
		nfs_destroy_url(url);
	}
	return result;
}

static void mount_hard(const char *url)
{
	for (int attempt = 0; attempt < MOUNTS_MAX; attempt++) {
		if (nfs != NULL)
			nfs_destroy_context(nfs);
		if (mount_once(url) == 0)
			return;
		usleep(MOUNT_INTERVAL_US);
	}
	fprintf(stderr, "mount %s: %s\n", url, nfs == NULL ? "out of memory" : nfs_get_error(nfs));
	exit(1);
}

/* Whether a call failed because its connection did; then mounts anew, and the call is to be made again. */
static int is_lost(int result, const char *url)
{
	if (result != -EIO && result != -EFAULT && result != -EINTR)
		return 0;
	mount_hard(url);
	return 1;
}
