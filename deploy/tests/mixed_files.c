/*
 * mixed_files URL CLIENT OPERATIONS CONTROL - one of several clients that work on small files while parts of
 * the lab are restarted.
 *
 * Creates, overwrites, reads, renames and removes files of its own in /mixed below the export of URL, at random
 * (seeded by CLIENT), and compares every byte it reads with what must be there. It does at least OPERATIONS and
 * goes on until the file CONTROL/enough exists. Then it reads every file once more, and leaves in
 * CONTROL/expected what the origin must hold.
 *
 * A call that is repeated after a restart may have been executed before it: CREATE then answers EXIST, and
 * REMOVE and RENAME answer NOENT. As an NFS client may, this one takes that for success, but no more often than
 * something was restarted, which is as many times as CONTROL/restarts has bytes: it has only one call under way
 * at a time.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <nfsc/libnfs.h>

#define FILES 40
#define DIRECTORY "/mixed"
#define NAME_SIZE 64
#define PATH_SIZE 256
#define CONTENT_MAX 10000

/* A file of ours: whether it is there, which of its two names it has, and which content. */
struct file {
	int exists;
	int renamed;
	unsigned version;
};

static struct nfs_context *nfs;
static struct file files[FILES];
static int client;
static const char *control;
static int forgiven;

static void fail(const char *what, const char *path)
{
	fprintf(stderr, "client %d: %s %s: %s\n", client, what, path, nfs_get_error(nfs));
	exit(1);
}

static uint32_t next_random(uint32_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 17;
	*state ^= *state << 5;
	return *state;
}

static void name_of(char name[NAME_SIZE], int number, int renamed)
{
	snprintf(name, NAME_SIZE, "%d-%d%s", client, number, renamed ? "-renamed" : "");
}

static void path_of(char path[PATH_SIZE], int number, int renamed)
{
	char name[NAME_SIZE];

	name_of(name, number, renamed);
	snprintf(path, PATH_SIZE, DIRECTORY "/%s", name);
}

/* The bytes of a version of a file that no other version or file has; their number. */
static int content_of(unsigned char content[CONTENT_MAX], int number)
{
	uint32_t state = (client * FILES + number + 1) * 2654435761u + files[number].version * 40503u;
	int length = next_random(&state) % CONTENT_MAX + 1;

	for (int at = 0; at < length; at++)
		content[at] = next_random(&state);
	return length;
}

static int restarts(void)
{
	char path[PATH_SIZE];
	struct stat found;

	snprintf(path, sizeof(path), "%s/restarts", control);
	return stat(path, &found) == 0 ? found.st_size : 0;
}

/* Whether `result` is the `error` with which a repeated call may be answered after a restart. */
static int is_forgiven(int result, int error)
{
	if (result != -error || forgiven >= restarts())
		return 0;
	forgiven++;
	return 1;
}

static void expect_absent(int number, int renamed)
{
	char path[PATH_SIZE];
	struct nfs_stat_64 found;

	path_of(path, number, renamed);
	if (nfs_stat64(nfs, path, &found) != -ENOENT)
		fail("is not gone:", path);
}

static void write_content(int number, const char *path, struct nfsfh *file)
{
	unsigned char content[CONTENT_MAX];
	int length = content_of(content, number);

	if (nfs_pwrite(nfs, file, 0, length, content) != length)
		fail("write", path);
	if (nfs_close(nfs, file) != 0)
		fail("close", path);
}

static void create(int number)
{
	char path[PATH_SIZE];
	struct nfsfh *file;
	int result;

	files[number] = (struct file){ .exists = 1, .version = files[number].version + 1 };
	path_of(path, number, 0);
	result = nfs_create(nfs, path, O_WRONLY | O_EXCL, 0644, &file);
	if (is_forgiven(result, EEXIST))
		result = nfs_open(nfs, path, O_WRONLY, &file);
	if (result != 0)
		fail("create", path);
	write_content(number, path, file);
}

static void overwrite(int number)
{
	char path[PATH_SIZE];
	struct nfsfh *file;

	files[number].version++;
	path_of(path, number, files[number].renamed);
	if (nfs_open(nfs, path, O_WRONLY | O_TRUNC, &file) != 0)
		fail("open for writing", path);
	write_content(number, path, file);
}

static void read_back(int number)
{
	unsigned char expected[CONTENT_MAX], found[CONTENT_MAX + 1];
	int length = content_of(expected, number), result;
	char path[PATH_SIZE];
	struct nfsfh *file;

	path_of(path, number, files[number].renamed);
	if (nfs_open(nfs, path, O_RDONLY, &file) != 0)
		fail("open", path);
	result = nfs_pread(nfs, file, 0, sizeof(found), found);
	if (result != length) {
		fprintf(stderr, "client %d: %d bytes of %d: ", client, result, length);
		fail("read", path);
	}
	if (memcmp(found, expected, length) != 0)
		fail("wrong content in", path);
	nfs_close(nfs, file);
}

static void rename_one(int number)
{
	int renamed = files[number].renamed, result;
	char from[PATH_SIZE], to[PATH_SIZE];

	path_of(from, number, renamed);
	path_of(to, number, !renamed);
	result = nfs_rename(nfs, from, to);
	files[number].renamed = !renamed;
	if (is_forgiven(result, ENOENT))
		read_back(number);
	else if (result != 0)
		fail("rename", from);
	expect_absent(number, renamed);
}

static void remove_one(int number)
{
	char path[PATH_SIZE];
	int result;

	path_of(path, number, files[number].renamed);
	result = nfs_unlink(nfs, path);
	if (result != 0 && !is_forgiven(result, ENOENT))
		fail("remove", path);
	expect_absent(number, files[number].renamed);
	files[number].exists = 0;
}

static void work_on(int number, unsigned choice)
{
	if (!files[number].exists)
		create(number);
	else if (choice < 3)
		read_back(number);
	else if (choice < 6)
		overwrite(number);
	else if (choice < 8)
		rename_one(number);
	else
		remove_one(number);
}

static int is_enough(void)
{
	char path[PATH_SIZE];
	struct stat found;

	snprintf(path, sizeof(path), "%s/enough", control);
	return stat(path, &found) == 0;
}

/* What the origin must hold of this client's, as a file of this machine. */
static void leave_expected(int number)
{
	unsigned char content[CONTENT_MAX];
	int length = content_of(content, number);
	char name[NAME_SIZE], path[PATH_SIZE];
	FILE *file;

	name_of(name, number, files[number].renamed);
	snprintf(path, sizeof(path), "%s/expected/%s", control, name);
	file = fopen(path, "w");
	if (file == NULL || fwrite(content, 1, length, file) != (size_t)length || fclose(file) != 0) {
		perror(path);
		exit(1);
	}
}

int main(int argc, char **argv)
{
	struct nfs_url *url;
	uint32_t state;
	long operations = 0, least;
	int result;

	if (argc != 5) {
		fprintf(stderr, "usage: mixed_files URL CLIENT OPERATIONS CONTROL\n");
		return 2;
	}
	client = atoi(argv[2]);
	least = atol(argv[3]);
	control = argv[4];
	state = (client + 1) * 2246822519u;
	nfs = nfs_init_context();
	if (nfs == NULL)
		return 1;
	url = nfs_parse_url_dir(nfs, argv[1]);
	if (url == NULL)
		fail("parse", argv[1]);
	if (nfs_mount(nfs, url->server, url->path) != 0)
		fail("mount", argv[1]);
	result = nfs_mkdir(nfs, DIRECTORY);
	if (result != 0 && result != -EEXIST)
		fail("mkdir", DIRECTORY);
	while (operations < least || !is_enough()) {
		uint32_t random = next_random(&state);

		work_on(random % FILES, (random >> 16) % 10);
		operations++;
	}
	for (int number = 0; number < FILES; number++) {
		if (files[number].exists) {
			read_back(number);
			leave_expected(number);
		}
	}
	printf("client %d: %ld operations, %d repeated calls forgiven\n", client, operations, forgiven);
	nfs_destroy_url(url);
	nfs_destroy_context(nfs);
	return 0;
}
