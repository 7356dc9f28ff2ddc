/* SPDX-License-Identifier: Apache-2.0 */
#include "keyplane/kp_link.h"

#include "keyplane/kp.h"
#include "keyplane/kp_turn.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#define TURN_MESSAGES 64u

struct message {
	struct kp_link_head head;
	uint8_t text[KP_LINK_MAX_TEXT];
};

/* --- certificates ---------------------------------------------------------------------------- */

static void make_csr(struct kp *k, struct ss_span names)
{
	AUTO_BUF struct ss_buf der = SS_BUF_INIT(FRAME_MAX_CSR);
	struct ss_err err = { 0 };

	if (kp_tls_csr(k->tls, names, &der, &err) < 0) {
		kp_say(k, "no certificate request: %s", err.msg);
		der.n = 0;
	}
	/* Empty where the names are none: whoever waits for it is told, too. */
	kp_tell_answer(k, KP_LINK_CSR, 0, ss_buf_span(&der));
}

static enum frame_said take_whole(struct kp *k)
{
	struct ss_err err = { 0 };

	if (kp_tls_set_chain(k->tls, ss_buf_span(&k->chain), &err) == 0) {
		kp_say(k, "a certificate chain of %zu bytes is served", k->chain.n);
		return FRAME_CHAIN_TAKEN;
	}
	kp_say(k, "a certificate chain is refused: %s", err.msg);
	if (err.code == SS_EVERIFY)
		return FRAME_CHAIN_KEY;
	return err.code == SS_ELIMIT ? FRAME_CHAIN_LIMIT : FRAME_CHAIN_FORM;
}

static enum frame_said take_part(struct kp *k, struct ss_span text)
{
	struct ss_buf *b = &k->chain;
	struct ss_cur c = ss_cur_init(text);
	const uint32_t offset = ss_cur_be32(&c), total = ss_cur_be32(&c);
	const struct ss_span part = ss_cur_take(&c, ss_cur_left(&c));
	struct ss_err err = { 0 };

	if (ss_cur_check(&c, "chain", &err) < 0 || part.n == 0)
		return FRAME_CHAIN_FORM;
	if (total > KP_MAX_CHAIN)
		return FRAME_CHAIN_LIMIT;
	if (offset == 0)
		b->n = 0;
	if (offset != b->n || offset > total || part.n > total - offset)
		return FRAME_CHAIN_ORDER;
	ss_buf_put(b, part);
	return b->n < total ? FRAME_CHAIN_GOES_ON : take_whole(k);
}

/* Each part is answered, so that one is under way at most. */
static void take_chain(struct kp *k, struct ss_span text)
{
	const enum frame_said s = take_part(k, text);

	if (s != FRAME_CHAIN_GOES_ON)
		k->chain.n = 0;
	kp_tell_answer(k, KP_LINK_CHAIN_SAID, s, (struct ss_span){ NULL, 0 });
}

/* --- what dataplane says --------------------------------------------------------------------- */

static int take(struct kp *k, const struct message *m, struct ss_span text, int fd,
		struct ss_err *err)
{
	const bool wants_fd = m->head.type == KP_LINK_CONN || m->head.type == KP_LINK_APP;

	if (wants_fd != (fd >= 0)) {
		if (fd >= 0)
			(void)close(fd);
		return ss_fail(err, SS_EINPUT,
			       "dataplane: a descriptor is where none belongs, "
			       "or the reverse");
	}
	switch (m->head.type) {
	case KP_LINK_CONN:
		return kp_turn_take(k, &m->head, fd, err);
	case KP_LINK_APP:
		kp_turn_app(k, m->head.id, fd);
		return 0;
	case KP_LINK_NO_APP:
		kp_turn_no_app(k, m->head.id);
		return 0;
	case KP_LINK_CSR_ASK:
	case KP_LINK_CHAIN:
		if (k->link.has_answer)
			return ss_fail(err, SS_EINPUT,
				       "dataplane: a question before the last was answered");
		if (m->head.type == KP_LINK_CSR_ASK)
			make_csr(k, text);
		else
			take_chain(k, text);
		return 0;
	default:
		return ss_fail(err, SS_EINPUT, "dataplane: a message of type %u", m->head.type);
	}
}

/* The descriptor of a message; -1: none. More than one cannot be: there is room for one. */
static int descriptor_of(struct msghdr *h)
{
	const struct cmsghdr *c = CMSG_FIRSTHDR(h);
	int fd = -1;

	if (c != NULL && c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_RIGHTS &&
	    c->cmsg_len == CMSG_LEN(sizeof(fd)))
		memcpy(&fd, CMSG_DATA(c), sizeof(fd));
	return fd;
}

int kp_link_event(struct kp *k, uint32_t events, struct ss_err *err)
{
	static struct message m;
	union {
		struct cmsghdr align;
		uint8_t room[CMSG_SPACE(sizeof(int))];
	} u;

	if ((events & EPOLLOUT) != 0)
		kp_tell_flush(k);
	for (unsigned i = 0; i < TURN_MESSAGES; i++) {
		struct iovec v = { &m, sizeof(m) };
		struct msghdr h = { .msg_iov = &v,
				    .msg_iovlen = 1,
				    .msg_control = u.room,
				    .msg_controllen = sizeof(u.room) };
		const ssize_t n = recvmsg(k->link.w.fd, &h, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
		int fd;

		if (n < 0 && (errno == EAGAIN || errno == EINTR))
			return 0;
		if (n <= 0)
			return ss_fail(err, SS_ESYS, "dataplane has ended");
		fd = descriptor_of(&h);
		if ((size_t)n < sizeof(m.head) || (h.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) != 0 ||
		    m.head.n_text != (size_t)n - sizeof(m.head) || m.head.zero != 0) {
			if (fd >= 0)
				(void)close(fd);
			return ss_fail(err, SS_EINPUT, "dataplane: a message that is none");
		}
		if (take(k, &m, (struct ss_span){ m.text, m.head.n_text }, fd, err) < 0)
			return -1;
	}
	return 0;
}
