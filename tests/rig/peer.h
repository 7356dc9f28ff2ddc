/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <poll.h>
#include <stdbool.h>
#include <stddef.h>

/*
 * What answers the guest on the host's side of a boot test, on the unix sockets that the vsock
 * backend dials: the heartbeat that an enclave's parent owes it (port 9000: one byte 0xB7 comes,
 * one goes back), and echoes on other ports.
 */
#define PEER_MAX 64u
#define PEER_HEARTBEAT_PORT 9000u

struct peer {
	int fd;
	bool listening;
	bool heartbeat;
	size_t held; /* echo: bytes read that are not written yet */
	size_t at;
	char *buf;
};

struct peers {
	struct peer v[PEER_MAX];
	size_t n;
	unsigned heartbeats; /* that were answered */
};

/* Listens at BASE_PORT. 0, or -1 with errno set. */
int peers_listen(struct peers *p, const char *base, unsigned port, bool heartbeat);
/* One poll entry for each peer, in order. */
size_t peers_poll(const struct peers *p, struct pollfd *ret);
void peers_step(struct peers *p, const struct pollfd *polled, size_t n);
void peers_done(struct peers *p);
