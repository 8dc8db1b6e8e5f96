/*
 * small_files URL STEP COUNT - works on many small files in one NFS mount.
 *
 * Steps, in the order they build on each other: create, list, read, rename, list-renamed, remove.
 * The files lie in /small-files below the export of URL.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <nfsc/libnfs.h>

#define DIRECTORY "/small-files"
#define PATH_SIZE 64

static struct nfs_context *nfs;

static void fail(const char *what, const char *path)
{
	fprintf(stderr, "%s %s: %s\n", what, path, nfs_get_error(nfs));
	exit(1);
}

static void path_of(char path[PATH_SIZE], const char *prefix, int number)
{
	snprintf(path, PATH_SIZE, DIRECTORY "/%s-%d", prefix, number);
}

static int content_of(char content[PATH_SIZE], int number)
{
	return snprintf(content, PATH_SIZE, "content of small file %d", number);
}

static void create(int number)
{
	char path[PATH_SIZE], content[PATH_SIZE];
	int length = content_of(content, number);
	struct nfsfh *file;

	path_of(path, "file", number);
	if (nfs_creat(nfs, path, 0644, &file) != 0)
		fail("create", path);
	if (nfs_write(nfs, file, length, content) != length)
		fail("write", path);
	if (nfs_close(nfs, file) != 0)
		fail("close", path);
}

static void read_back(int number)
{
	char path[PATH_SIZE], expected[PATH_SIZE], found[PATH_SIZE];
	int length = content_of(expected, number);
	struct nfsfh *file;

	path_of(path, "file", number);
	if (nfs_open(nfs, path, O_RDONLY, &file) != 0)
		fail("open", path);
	if (nfs_read(nfs, file, sizeof(found), found) != length)
		fail("read", path);
	if (memcmp(found, expected, length) != 0)
		fail("wrong content in", path);
	nfs_close(nfs, file);
}

static void rename_one(int number)
{
	char from[PATH_SIZE], to[PATH_SIZE];

	path_of(from, "file", number);
	path_of(to, "renamed", number);
	if (nfs_rename(nfs, from, to) != 0)
		fail("rename", from);
}

static void remove_one(int number)
{
	char path[PATH_SIZE];

	path_of(path, "renamed", number);
	if (nfs_unlink(nfs, path) != 0)
		fail("remove", path);
}

/* Every name PREFIX-0 to PREFIX-(count-1) is listed exactly once, and nothing else is. */
static void list(const char *prefix, int count)
{
	char *seen = calloc(count, 1);
	size_t prefix_length = strlen(prefix);
	int found = 0;
	struct nfsdir *directory;
	struct nfsdirent *entry;

	if (nfs_opendir(nfs, DIRECTORY, &directory) != 0)
		fail("list", DIRECTORY);
	while ((entry = nfs_readdir(nfs, directory)) != NULL) {
		int number;

		if (strcmp(entry->name, ".") == 0 || strcmp(entry->name, "..") == 0)
			continue;
		if (strncmp(entry->name, prefix, prefix_length) != 0 || entry->name[prefix_length] != '-')
			fail("unexpected name", entry->name);
		number = atoi(entry->name + prefix_length + 1);
		if (number < 0 || number >= count || seen[number]++ != 0)
			fail("name out of range or listed twice", entry->name);
		found++;
	}
	nfs_closedir(nfs, directory);
	free(seen);
	if (found != count) {
		fprintf(stderr, "%d of %d names listed\n", found, count);
		exit(1);
	}
}

static void for_each(void (*step)(int), int count)
{
	for (int number = 0; number < count; number++)
		step(number);
}

static void run(const char *step, int count)
{
	if (strcmp(step, "create") == 0) {
		if (nfs_mkdir(nfs, DIRECTORY) != 0)
			fail("mkdir", DIRECTORY);
		for_each(create, count);
	} else if (strcmp(step, "list") == 0) {
		list("file", count);
	} else if (strcmp(step, "read") == 0) {
		for_each(read_back, count);
	} else if (strcmp(step, "rename") == 0) {
		for_each(rename_one, count);
	} else if (strcmp(step, "list-renamed") == 0) {
		list("renamed", count);
	} else if (strcmp(step, "remove") == 0) {
		for_each(remove_one, count);
		if (nfs_rmdir(nfs, DIRECTORY) != 0)
			fail("rmdir", DIRECTORY);
	} else {
		fprintf(stderr, "unknown step %s\n", step);
		exit(2);
	}
}

int main(int argc, char **argv)
{
	struct nfs_url *url;

	if (argc != 4) {
		fprintf(stderr, "usage: small_files URL STEP COUNT\n");
		return 2;
	}
	nfs = nfs_init_context();
	if (nfs == NULL)
		return 1;
	url = nfs_parse_url_dir(nfs, argv[1]);
	if (url == NULL)
		fail("parse", argv[1]);
	if (nfs_mount(nfs, url->server, url->path) != 0)
		fail("mount", argv[1]);
	run(argv[2], atoi(argv[3]));
	printf("%s: %s files\n", argv[2], argv[3]);
	nfs_destroy_url(url);
	nfs_destroy_context(nfs);
	return 0;
}
