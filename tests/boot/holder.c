/* SPDX-License-Identifier: Apache-2.0 */
/*
 * usage: holder PORT CONNECTIONS
 *
 * An application that holds many connections at once and gives each back what it sends. A line of
 * "?" alone is a question: the answer is one line "held N", and after it the lines of /proc/meminfo
 * and of its own status that tell who has which memory, up to an empty one.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#define EVENTS 256

static unsigned long held;

static void copy_lines(FILE *to, const char *path, const char *const *wanted, size_t n)
{
	FILE *f = fopen(path, "re");
	char line[256];

	while (f != NULL && fgets(line, sizeof(line), f) != NULL)
		for (size_t i = 0; i < n; i++)
			if (strncmp(line, wanted[i], strlen(wanted[i])) == 0)
				(void)fputs(line, to);
	if (f != NULL)
		(void)fclose(f);
}

static void answer(int fd)
{
	static const char *const machine[] = { "MemTotal:",    "MemFree:",    "Slab:",
					       "KernelStack:", "PageTables:", "Percpu:",
					       "AnonPages:" };
	static const char *const own[] = { "VmRSS:" };
	char text[2048];
	FILE *f = fmemopen(text, sizeof(text), "w");
	long n;

	(void)fprintf(f, "held %lu\n", held);
	copy_lines(f, "/proc/meminfo", machine, sizeof(machine) / sizeof(machine[0]));
	copy_lines(f, "/proc/self/status", own, 1);
	(void)fputc('\n', f);
	n = ftell(f);
	(void)fclose(f);
	if (n < 0 || send(fd, text, (size_t)n, MSG_NOSIGNAL) != n)
		printf("holder: %s\n", strerror(errno));
}

/* False: it has ended. */
static bool serve(int fd)
{
	char bytes[4096];
	const ssize_t n = recv(fd, bytes, sizeof(bytes), 0);

	if (n == 2 && memcmp(bytes, "?\n", 2) == 0)
		answer(fd);
	else if (n <= 0 || send(fd, bytes, (size_t)n, MSG_NOSIGNAL) != n)
		return false;
	return true;
}

static void take(int epoll, int listener)
{
	const int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
	struct epoll_event e = { .events = EPOLLIN, .data.fd = fd };

	if (fd < 0 || epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &e) != 0) {
		printf("holder: after %lu: %s\n", held, strerror(errno));
		return;
	}
	held++;
}

static int start(const char *port, const char *most)
{
	const struct sockaddr_in a = { .sin_family = AF_INET,
				       .sin_port = htons((uint16_t)strtoul(port, NULL, 10)),
				       .sin_addr = { htonl(INADDR_LOOPBACK) } };
	const rlim_t files = strtoul(most, NULL, 10) + 32;
	const struct rlimit r = { files, files };
	const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (setrlimit(RLIMIT_NOFILE, &r) != 0 ||
	    bind(fd, (const struct sockaddr *)&a, sizeof(a)) != 0 || listen(fd, 4096) != 0) {
		printf("holder: %s\n", strerror(errno));
		return -1;
	}
	printf("holder: listening at %s\n", port);
	return fd;
}

int main(int argc, char **argv)
{
	struct epoll_event events[EVENTS];
	int listener, epoll;

	setvbuf(stdout, NULL, _IOLBF, 0);
	listener = argc == 3 ? start(argv[1], argv[2]) : -1;
	epoll = epoll_create1(EPOLL_CLOEXEC);
	events[0] = (struct epoll_event){ .events = EPOLLIN, .data.fd = listener };
	if (listener < 0 || epoll < 0 || epoll_ctl(epoll, EPOLL_CTL_ADD, listener, events) != 0)
		return 1;
	for (;;) {
		const int n = epoll_wait(epoll, events, EVENTS, -1);

		for (int i = 0; i < n; i++) {
			const int fd = events[i].data.fd;

			if (fd == listener) {
				take(epoll, listener);
			} else if (!serve(fd)) {
				(void)close(fd);
				held--;
			}
		}
	}
}
