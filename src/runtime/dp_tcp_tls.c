/* SPDX-License-Identifier: Apache-2.0 */
#include "fmt/tls_hello.h"
#include "runtime/dp.h"

#include <errno.h>
#include <sys/socket.h>

_Static_assert(TLS_HELLO_MAX <= DP_SCRATCH, "it is looked at in the shared buffer");

static bool is_name(const struct dp_name *name, struct ss_span sni)
{
	/* One dot at the end means the same; names of the table have none and are in lower case. */
	if (sni.n > 0 && sni.p[sni.n - 1] == '.')
		sni.n--;
	if (sni.n != name->n)
		return false;
	for (size_t i = 0; i < sni.n; i++) {
		const uint8_t c = sni.p[i];

		if ((c >= 'A' && c <= 'Z' ? c + ('a' - 'A') : c) != (uint8_t)name->name[i])
			return false;
	}
	return true;
}

enum dp_look dp_tcp_look(struct dp *d, const struct dp_stream *s, enum dp_why *ret_why)
{
	static uint8_t room[TLS_HELLO_MAX];
	const struct dp_end *app = &s->pair.end[DP_APP];
	const ssize_t n = recv(app->w.fd, d->scratch, TLS_HELLO_MAX, MSG_PEEK | MSG_DONTWAIT);
	struct ss_span sni = { 0 };

	*ret_why = DP_W_BAD_TLS;
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return DP_LOOK_NOTHING;
	if (n <= 0)
		return DP_LOOK_WELL; /* nothing will be said: the pair passes that on */
	switch (tls_hello_look((struct ss_span){ d->scratch, (size_t)n }, room, &sni)) {
	case TLS_HELLO_MORE:
		return app->hung_up ? DP_LOOK_REFUSED : DP_LOOK_MORE;
	case TLS_HELLO_NOT_TLS:
		return DP_LOOK_WELL;
	case TLS_HELLO_NAME:
		*ret_why = DP_W_OTHER_SNI;
		return is_name(s->target.name, sni) ? DP_LOOK_WELL : DP_LOOK_REFUSED;
	case TLS_HELLO_NO_NAME:
		*ret_why = DP_W_NO_SNI;
		return DP_LOOK_REFUSED;
	case TLS_HELLO_BROKEN:
	case TLS_HELLO_TOO_LONG:
		break;
	}
	return DP_LOOK_REFUSED;
}
