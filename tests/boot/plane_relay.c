/* SPDX-License-Identifier: Apache-2.0 */
/*
 * In the place of dataplane, for tests of init: hands every datagram of the pair (runtime/plane.h)
 * to whoever calls vsock port 9001, behind its length (4 bytes, little endian), and every one that
 * the caller gives to init. So a test decides what dataplane says. A length of 0 is the relay's
 * own end. Where the measured config has the argument or variable "relay=ready" it says READY by
 * itself, "relay=alone" and it listens to nobody. First it says on the console what it was given.
 */
#include "runtime/plane.h"

#include <dirent.h>
#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define PAIR 3
#define CONFIG 4
#define VSOCK 40

struct address { /* sockaddr_vm */
	uint16_t family, reserved;
	uint32_t port, cid;
	uint8_t flags, zero[3];
};

static char config[65536];

static bool config_has(const char *word)
{
	return memmem(config, sizeof(config), word, strlen(word)) != NULL;
}

/* There is no /proc here. */
static void say_capabilities(void)
{
	struct {
		uint32_t version;
		int pid;
	} header = { .version = 0x20080522 /* _LINUX_CAPABILITY_VERSION_3 */ };
	struct {
		uint32_t effective, permitted, inheritable;
	} v[2] = { 0 };

	(void)syscall(SYS_capget, &header, v);
	dprintf(2, "relay: capabilities effective %x%08x permitted %x%08x\n", v[1].effective,
		v[0].effective, v[1].permitted, v[0].permitted);
}

static void say_given(char **argv)
{
	unsigned entries = 0;
	struct rlimit r;
	DIR *d = opendir("/");
	struct dirent *e;

	(void)getrlimit(RLIMIT_NOFILE, &r);
	dprintf(2, "relay: pid %d ids %u %u %u %u groups %d files %llu %llu\n", getpid(), getuid(),
		geteuid(), getgid(), getegid(), getgroups(0, NULL), (unsigned long long)r.rlim_cur,
		(unsigned long long)r.rlim_max);
	dprintf(2, "relay: no_new_privs %d memory %s environment %s\n",
		prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0), argv[1],
		environ[0] == NULL ? "none" : "some");
	say_capabilities();
	for (int cap = 0; cap < 41; cap++)
		if (prctl(PR_CAPBSET_READ, cap, 0, 0, 0) != 0)
			dprintf(2, "relay: may get capability %d\n", cap);
	while (d != NULL && (e = readdir(d)) != NULL)
		entries += strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0;
	dprintf(2, "relay: root %s %u entries, mkdir %s\n", d != NULL ? "with" : strerror(errno),
		entries, mkdir("/x", 0700) == 0 ? "ok" : strerror(errno));
	for (int fd = 0; fd < 1024; fd++) {
		struct stat st;

		if ((d == NULL || fd != dirfd(d)) && fstat(fd, &st) == 0)
			dprintf(2, "relay: descriptor %d type %o\n", fd, st.st_mode & S_IFMT);
	}
	dprintf(2, "relay: config %zd bytes, write %s\n", pread(CONFIG, config, sizeof(config), 0),
		pwrite(CONFIG, "x", 1, 0) == 1 ? "ok" : strerror(errno));
}

static int listen_at(uint32_t port)
{
	const struct address a = { .family = VSOCK, .port = port, .cid = UINT32_MAX };
	const int fd = socket(VSOCK, SOCK_STREAM, 0);

	if (fd < 0 || bind(fd, (const struct sockaddr *)&a, sizeof(a)) < 0 || listen(fd, 1) < 0) {
		dprintf(2, "dataplane: relay: %s\n", strerror(errno));
		exit(1);
	}
	return fd;
}

static bool read_all(int fd, void *p, size_t n)
{
	for (size_t at = 0; at < n;) {
		const ssize_t got = read(fd, (char *)p + at, n - at);

		if (got <= 0)
			return false;
		at += (size_t)got;
	}
	return true;
}

static bool from_init(int caller)
{
	static struct {
		uint32_t n;
		char bytes[sizeof(struct rt_plane_head) + RT_PLANE_MAX_TEXT];
	} m;
	const ssize_t n = recv(PAIR, m.bytes, sizeof(m.bytes), 0);

	if (n <= 0)
		exit(2);
	m.n = (uint32_t)n;
	return write(caller, &m, sizeof(m.n) + (size_t)n) == (ssize_t)(sizeof(m.n) + (size_t)n);
}

static bool to_init(int caller)
{
	static char bytes[200000];
	uint32_t n;

	if (!read_all(caller, &n, sizeof(n)))
		return false;
	if (n == 0)
		exit(3);
	if (n > sizeof(bytes) || !read_all(caller, bytes, n))
		return false;
	return send(PAIR, bytes, n, 0) == (ssize_t)n;
}

static void serve(int caller)
{
	struct pollfd p[2] = { { .fd = PAIR, .events = POLLIN },
			       { .fd = caller, .events = POLLIN } };

	for (;;) {
		if (poll(p, 2, -1) < 0)
			exit(4);
		if (p[1].revents != 0 && !to_init(caller))
			break;
		if (p[0].revents != 0 && !from_init(caller))
			break;
	}
	(void)close(caller);
}

int main(int argc, char **argv)
{
	const struct rt_plane_head ready = { .type = RT_PLANE_READY };
	int listener;

	if (argc != 2)
		return 5;
	say_given(argv);
	listener = listen_at(9001);
	if (config_has("relay=ready") && send(PAIR, &ready, sizeof(ready), 0) < 0)
		return 6;
	if (config_has("relay=alone"))
		(void)pause();
	for (;;)
		serve(accept(listener, NULL, NULL));
}
