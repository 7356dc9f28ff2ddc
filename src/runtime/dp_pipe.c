/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/dp_pipe.h"

#include <fcntl.h>
#include <unistd.h>

int dp_pipes_init(struct dp_pipes *p, uint16_t n, struct ss_err *err)
{
	p->n = 0;
	for (uint16_t i = 0; i < n && i < DP_PIPES; i++) {
		if (pipe2(p->fd[i], O_CLOEXEC | O_NONBLOCK) < 0) {
			if (i == 0)
				return ss_fail_sys(err, "cannot make a pipe");
			break;
		}
		/* Past the user's share the kernel gives two pages a pipe: not worth having. */
		if (fcntl(p->fd[i][0], F_GETPIPE_SZ) < (int)DP_PIPE_SIZE &&
		    fcntl(p->fd[i][0], F_SETPIPE_SZ, DP_PIPE_SIZE) < 0) {
			(void)close(p->fd[i][0]);
			(void)close(p->fd[i][1]);
			if (i == 0)
				return ss_fail_sys(err, "cannot make a pipe of %u bytes",
						   DP_PIPE_SIZE);
			break;
		}
		p->free[i] = i;
		p->n++;
	}
	p->n_free = p->n;
	return 0;
}

uint16_t dp_pipe_take(struct dp_pipes *p)
{
	return p->n_free == 0 ? DP_NO_PIPE : p->free[--p->n_free];
}

void dp_pipe_give(struct dp_pipes *p, uint16_t id, size_t held)
{
	uint8_t sink[2048];

	while (held > 0) {
		const ssize_t n =
			read(p->fd[id][0], sink, held < sizeof(sink) ? held : sizeof(sink));

		if (n <= 0)
			__builtin_trap(); /* the count is wrong: bytes of one connection would
					     reach another */
		held -= (size_t)n;
	}
	p->free[p->n_free++] = id;
}
