/* SPDX-License-Identifier: Apache-2.0 */
#include "io/address.h"

#include "base/mem.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/in.h>
#include <string.h>

static const uint8_t mapped[12] = { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff };

bool io_address_of(const struct sockaddr *s, socklen_t n, uint8_t ret[16], uint16_t *ret_port)
{
	struct sockaddr_in a;
	struct sockaddr_in6 a6;

	if (s->sa_family == AF_INET && n >= sizeof(a)) {
		memcpy(&a, s, sizeof(a));
		memcpy(ret, mapped, sizeof(mapped));
		memcpy(ret + sizeof(mapped), &a.sin_addr, 4);
		*ret_port = ntohs(a.sin_port);
		return true;
	}
	if (s->sa_family == AF_INET6 && n >= sizeof(a6)) {
		memcpy(&a6, s, sizeof(a6));
		memcpy(ret, &a6.sin6_addr, 16);
		*ret_port = ntohs(a6.sin6_port);
		return true;
	}
	return false;
}

bool io_address_read(const char *text, uint8_t ret[16])
{
	const struct addrinfo hints = { .ai_flags = AI_NUMERICHOST, .ai_socktype = SOCK_STREAM };
	struct addrinfo *found = NULL;
	uint16_t port;
	bool ok;

	if (getaddrinfo(text, NULL, &hints, &found) != 0)
		return false;
	ok = io_address_of(found->ai_addr, found->ai_addrlen, ret, &port);
	freeaddrinfo(found);
	return ok;
}

/* A datagram's socket that is connected sends nothing, but has the address from which it would:
 * the same as the other end's only where that end is here. */
bool io_address_is_own(const uint8_t address[16])
{
	const bool v4 = memcmp(address, mapped, sizeof(mapped)) == 0;
	struct sockaddr_in6 to6 = { .sin6_family = AF_INET6, .sin6_port = htons(9) };
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons(9) };
	struct sockaddr_storage from = { 0 };
	AUTO_CLOSE int fd = socket(v4 ? AF_INET : AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	socklen_t n = sizeof(from);
	uint8_t own[16];
	uint16_t port;
	int rc;

	memcpy(&to6.sin6_addr, address, 16);
	memcpy(&to.sin_addr, address + sizeof(mapped), 4);
	if (fd < 0)
		return false;
	rc = v4 ? connect(fd, (const struct sockaddr *)&to, sizeof(to))
		: connect(fd, (const struct sockaddr *)&to6, sizeof(to6));
	if (rc < 0 || getsockname(fd, (struct sockaddr *)&from, &n) < 0)
		return false;
	return io_address_of((const struct sockaddr *)&from, n, own, &port) &&
	       memcmp(own, address, sizeof(own)) == 0;
}
