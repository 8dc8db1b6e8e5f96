/*
 * hold.so, for LD_PRELOAD into a program that copies: it stops itself (SIGSTOP) once, a moment after the second large
 * read or write of a local file, which is in the middle of a call for the next piece. So a test can do something during
 * the copy, however fast that is, and then send SIGCONT.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#define LARGE (64 << 10)
#define MOMENT_US 1000

/* Another thread, because a handler would interrupt the program's system calls; a stop does not. */
static void *stop(void *unused)
{
	usleep(MOMENT_US);
	kill(getpid(), SIGSTOP);
	return unused;
}

static void hold(int fd, size_t length)
{
	static int pieces;
	struct stat file;
	pthread_t thread;

	if (length < LARGE || fstat(fd, &file) != 0 || !S_ISREG(file.st_mode) || ++pieces != 2)
		return;
	/* Nobody is left to let it go on once the test is over. */
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (pthread_create(&thread, NULL, stop, NULL) != 0) {
		perror("hold");
		exit(1);
	}
	pthread_detach(thread);
}

ssize_t read(int fd, void *bytes, size_t length)
{
	ssize_t (*next)(int, void *, size_t) = dlsym(RTLD_NEXT, "read");

	hold(fd, length);
	return next(fd, bytes, length);
}

ssize_t write(int fd, const void *bytes, size_t length)
{
	ssize_t (*next)(int, const void *, size_t) = dlsym(RTLD_NEXT, "write");

	hold(fd, length);
	return next(fd, bytes, length);
}
