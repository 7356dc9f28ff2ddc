/* SPDX-License-Identifier: Apache-2.0 */
#include "keyplane/kp_tell.h"

#include "base/mem.h"
#include "base/text.h"
#include "keyplane/kp.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#define MAX_LINE 512

int kp_tell_init(struct kp *k, int fd, struct ss_err *err)
{
	k->link = (struct kp_peer){ .w = { .fd = fd, .kind = KP_K_LINK } };
	k->link.queue = ss_calloc(KP_TELL_QUEUE, sizeof(k->link.queue[0]));
	if (!kp_watch_set(k, &k->link.w, EPOLLIN))
		return ss_fail_sys(err, "the pair to dataplane");
	return 0;
}

static bool put(struct kp *k, const struct kp_link_head *h, struct ss_span text)
{
	struct kp_link_head head = *h;
	struct iovec v[] = { { &head, sizeof(head) }, kp_iov(text) };
	const struct msghdr m = { .msg_iov = v, .msg_iovlen = text.n > 0 ? 2 : 1 };

	head.n_text = (uint32_t)text.n;
	return sendmsg(k->link.w.fd, &m, MSG_DONTWAIT | MSG_NOSIGNAL) > 0;
}

void kp_tell_flush(struct kp *k)
{
	struct kp_peer *p = &k->link;

	while (p->n > 0 && put(k, &p->queue[p->first], (struct ss_span){ NULL, 0 })) {
		p->first = (p->first + 1) % KP_TELL_QUEUE;
		p->n--;
	}
	if (p->has_answer &&
	    put(k, &p->answer, (struct ss_span){ p->answer_text, p->answer.n_text }))
		p->has_answer = false;
	if (!kp_watch_set(k, &p->w, p->n > 0 || p->has_answer ? EPOLLIN | EPOLLOUT : EPOLLIN))
		_exit(1);
}

void kp_tell_answer(struct kp *k, enum kp_link_type type, unsigned said, struct ss_span text)
{
	struct kp_peer *p = &k->link;

	p->answer = (struct kp_link_head){ .type = (uint8_t)type,
					   .a = (uint8_t)said,
					   .n_text = (uint32_t)text.n };
	if (text.n > 0)
		memcpy(p->answer_text, text.p, text.n);
	p->has_answer = true;
	kp_tell_flush(k);
}

void kp_tell(struct kp *k, const struct kp_link_head *h)
{
	struct kp_peer *p = &k->link;

	if (p->n == KP_TELL_QUEUE)
		_exit(1);
	p->queue[(p->first + p->n) % KP_TELL_QUEUE] = *h;
	p->n++;
	kp_tell_flush(k);
}

bool kp_tell_text(struct kp *k, const struct kp_link_head *h, struct ss_span text)
{
	return text.n <= KP_LINK_MAX_TEXT && put(k, h, text);
}

void kp_say(struct kp *k, const char *fmt, ...)
{
	char line[MAX_LINE];
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	if (n > 0)
		(void)kp_tell_text(k, &(struct kp_link_head){ .type = KP_LINK_SAY }, ss_text(line));
}
