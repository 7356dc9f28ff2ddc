/* SPDX-License-Identifier: Apache-2.0 */
/*
 * usage: relay UNIX-SOCKET PORT
 *
 * The floor of a proxy: takes connections on a unix socket, connects each to 127.0.0.1:PORT, and
 * moves bytes between the two with splice() through a pipe of 64 KiB, a process for each direction,
 * blocking, without a look at anything else.
 */
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#define PIPE_BYTES 65536

static void move(int from, int to)
{
	int pipe_fds[2];
	ssize_t n;

	if (pipe(pipe_fds) != 0)
		exit(4);
	while ((n = splice(from, NULL, pipe_fds[1], NULL, PIPE_BYTES, SPLICE_F_MOVE)) > 0) {
		while (n > 0) {
			const ssize_t out =
				splice(pipe_fds[0], NULL, to, NULL, (size_t)n, SPLICE_F_MOVE);

			if (out <= 0)
				exit(0);
			n -= out;
		}
	}
	(void)shutdown(to, SHUT_WR);
}

static int serve(int a, const struct sockaddr_in *to)
{
	const int on = 1;
	const int b = socket(AF_INET, SOCK_STREAM, 0);
	pid_t other;

	if (b < 0 || setsockopt(b, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)) != 0 ||
	    connect(b, (const struct sockaddr *)to, sizeof(*to)) != 0)
		return 4;
	other = fork();
	if (other < 0)
		return 4;
	if (other == 0) {
		move(b, a);
		return 0;
	}
	move(a, b);
	(void)waitpid(other, NULL, 0);
	return 0;
}

int main(int argc, char **argv)
{
	struct sockaddr_un at = { .sun_family = AF_UNIX };
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_addr = { htonl(INADDR_LOOPBACK) } };
	int listener;

	if (argc != 3)
		return 2;
	(void)snprintf(at.sun_path, sizeof(at.sun_path), "%s", argv[1]);
	to.sin_port = htons((uint16_t)strtoul(argv[2], NULL, 10));
	listener = socket(AF_UNIX, SOCK_STREAM, 0);
	if (bind(listener, (const struct sockaddr *)&at, sizeof(at)) != 0 ||
	    listen(listener, 128) != 0)
		return 4;
	(void)signal(SIGCHLD, SIG_IGN);
	for (;;) {
		const int a = accept(listener, NULL, NULL);
		const pid_t child = a < 0 ? -1 : fork();

		if (child < 0)
			return 4;
		if (child == 0)
			return serve(a, &to);
		(void)close(a);
	}
}
