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
#include <fcntl.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>

#include "hard_mount.h"

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

static struct file files[FILES];
static int client;
static const char *url, *control;
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
	int result;

	path_of(path, number, renamed);
	do
		result = nfs_stat64(nfs, path, &found);
	while (is_lost(result, url));
	if (result != -ENOENT)
		fail("is not gone:", path);
}

static int try_to_write(int number, const char *path)
{
	unsigned char content[CONTENT_MAX];
	int length = content_of(content, number), result;
	struct nfsfh *file;

	result = nfs_open(nfs, path, O_WRONLY | O_TRUNC, &file);
	if (result != 0)
		return result;
	result = nfs_pwrite(nfs, file, 0, length, content);
	if (result < 0)
		return result;
	if (result != length)
		fail("short write to", path);
	return nfs_close(nfs, file);
}

static void write_content(int number)
{
	char path[PATH_SIZE];
	int result;

	path_of(path, number, files[number].renamed);
	do
		result = try_to_write(number, path);
	while (is_lost(result, url));
	if (result != 0)
		fail("write", path);
}

static int try_to_create(const char *path)
{
	struct nfsfh *file;
	int result = nfs_create(nfs, path, O_WRONLY | O_EXCL, 0644, &file);

	return result == 0 ? nfs_close(nfs, file) : result;
}

static void create(int number)
{
	char path[PATH_SIZE];
	int result;

	files[number] = (struct file){ .exists = 1, .version = files[number].version + 1 };
	path_of(path, number, 0);
	do
		result = try_to_create(path);
	while (is_lost(result, url));
	if (result != 0 && !is_forgiven(result, EEXIST))
		fail("create", path);
	write_content(number);
}

static void overwrite(int number)
{
	files[number].version++;
	write_content(number);
}

/* The number of bytes read, `size` at most, or an error. */
static int try_to_read(const char *path, unsigned char *found, int size)
{
	struct nfsfh *file;
	int result = nfs_open(nfs, path, O_RDONLY, &file);

	if (result != 0)
		return result;
	result = nfs_pread(nfs, file, 0, size, found);
	if (result >= 0)
		nfs_close(nfs, file);
	return result;
}

static void read_back(int number)
{
	unsigned char expected[CONTENT_MAX], found[CONTENT_MAX + 1];
	int length = content_of(expected, number), result;
	char path[PATH_SIZE];

	path_of(path, number, files[number].renamed);
	do
		result = try_to_read(path, found, sizeof(found));
	while (is_lost(result, url));
	if (result != length) {
		fprintf(stderr, "client %d: %d bytes of %d: ", client, result, length);
		fail("read", path);
	}
	if (memcmp(found, expected, length) != 0)
		fail("wrong content in", path);
}

static void rename_one(int number)
{
	int renamed = files[number].renamed, result;
	char from[PATH_SIZE], to[PATH_SIZE];

	path_of(from, number, renamed);
	path_of(to, number, !renamed);
	do
		result = nfs_rename(nfs, from, to);
	while (is_lost(result, url));
	if (result != 0 && !is_forgiven(result, ENOENT))
		fail("rename", from);
	files[number].renamed = !renamed;
	read_back(number);
	expect_absent(number, renamed);
}

static void remove_one(int number)
{
	char path[PATH_SIZE];
	int result;

	path_of(path, number, files[number].renamed);
	do
		result = nfs_unlink(nfs, path);
	while (is_lost(result, url));
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
	uint32_t state;
	long operations = 0, least;
	int result;

	if (argc != 5) {
		fprintf(stderr, "usage: mixed_files URL CLIENT OPERATIONS CONTROL\n");
		return 2;
	}
	url = argv[1];
	client = atoi(argv[2]);
	least = atol(argv[3]);
	control = argv[4];
	state = (client + 1) * 2246822519u;
	mount_hard(url);
	do
		result = nfs_mkdir(nfs, DIRECTORY);
	while (is_lost(result, url));
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
	nfs_destroy_context(nfs);
	return 0;
}
