/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/dp_key.h"

#include "runtime/dp.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

struct message {
	struct kp_link_head head;
	uint8_t text[KP_LINK_MAX_TEXT];
};

int dp_key_init(struct dp *d, int fd, struct ss_err *err)
{
	d->key = (struct dp_key){ .w = { .fd = fd, .kind = DP_K_KEY } };
	if (fd >= 0 && !dp_watch_set(&d->loop, &d->key.w, EPOLLIN))
		return ss_fail_sys(err, "the pair to keyplane");
	return 0;
}

bool dp_key_tell(struct dp *d, const struct kp_link_head *h, int fd)
{
	struct kp_link_head head = *h;
	struct iovec v = { &head, sizeof(head) };
	union {
		struct cmsghdr head;
		uint8_t room[CMSG_SPACE(sizeof(int))];
	} u = { .room = { 0 } };
	struct msghdr m = { .msg_iov = &v, .msg_iovlen = 1 };

	if (fd >= 0) {
		m.msg_control = u.room;
		m.msg_controllen = sizeof(u.room);
		u.head.cmsg_level = SOL_SOCKET;
		u.head.cmsg_type = SCM_RIGHTS;
		u.head.cmsg_len = CMSG_LEN(sizeof(fd));
		memcpy(CMSG_DATA(&u.head), &fd, sizeof(fd));
	}
	return sendmsg(d->key.w.fd, &m, MSG_DONTWAIT | MSG_NOSIGNAL) == (ssize_t)sizeof(head);
}

bool dp_key_ask(struct dp *d, const struct kp_link_head *h, struct ss_span text)
{
	static struct message m;

	m.head = *h;
	m.head.n_text = (uint32_t)text.n;
	if (text.n > sizeof(m.text))
		__builtin_trap();
	if (text.n > 0)
		memcpy(m.text, text.p, text.n);
	if (send(d->key.w.fd, &m, sizeof(m.head) + text.n, MSG_DONTWAIT | MSG_NOSIGNAL) > 0)
		return true;
	if (!dp_watch_set(&d->loop, &d->key.w, EPOLLIN | EPOLLOUT))
		_exit(1);
	return false;
}

static void say(struct dp *d, struct ss_span text)
{
	const struct dp_line line = { .source = FRAME_DATAPLANE, .text = text };

	if (!d->config.logs || text.n > FRAME_MAX_LINE)
		return;
	dp_log_put(&d->log, &line);
	dp_control_kick(d);
}

/* False: no such thing may come. */
static bool take(struct dp *d, const struct kp_link_head *h, struct ss_span text)
{
	switch ((enum kp_link_type)h->type) {
	case KP_LINK_READY:
		d->key.is_ready = true;
		dp_ingress_open_attested(d);
		return true;
	case KP_LINK_WANT:
		dp_ingress_want(d, h->id);
		return true;
	case KP_LINK_OVER:
		dp_ingress_over(d, h);
		return true;
	case KP_LINK_SAY:
		say(d, text);
		return true;
	case KP_LINK_COUNTS:
		if (text.n != sizeof(d->key.counts))
			return false;
		memcpy(d->key.counts, text.p, text.n);
		return true;
	case KP_LINK_CSR:
	case KP_LINK_CHAIN_SAID:
		return dp_cert_answer(d, h, text);
	case KP_LINK_CONN:
	case KP_LINK_APP:
	case KP_LINK_NO_APP:
	case KP_LINK_CSR_ASK:
	case KP_LINK_CHAIN:
		break;
	}
	return false;
}

void dp_key_event(struct dp *d, struct dp_watch *w, uint32_t events)
{
	static struct message m;

	if ((events & EPOLLOUT) != 0) {
		if (!dp_watch_set(&d->loop, w, EPOLLIN))
			_exit(1);
		dp_cert_send(d);
	}
	for (unsigned i = 0; i < DP_TURN_PACKETS; i++) {
		const ssize_t n = recv(w->fd, &m, sizeof(m), MSG_DONTWAIT);

		if (n < 0 && (errno == EAGAIN || errno == EINTR))
			return;
		if (n == 0) {
			dp_watch_close(w); /* init ends the enclave, and says why */
			return;
		}
		if (n < (ssize_t)sizeof(m.head) || m.head.n_text != (size_t)n - sizeof(m.head) ||
		    !take(d, &m.head, (struct ss_span){ m.text, m.head.n_text }))
			_exit(1); /* keyplane says what it may not say */
	}
}
