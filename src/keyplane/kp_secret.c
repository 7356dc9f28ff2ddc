/* SPDX-License-Identifier: Apache-2.0 */
#include "keyplane/kp_secret.h"

#include "base/mem.h"
#include "base/text.h"

#include <stddef.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>

_Static_assert(offsetof(struct kp_value, bytes) ==
		       offsetof(struct kp_value, head) + sizeof(struct secret_head),
	       "head and bytes are one message");

int kp_secrets_init(struct kp_secrets *s, struct mc_list list, int fd, struct ss_err *err)
{
	*s = (struct kp_secrets){ .fd = list.n > 0 ? fd : -1 };
	while (s->n < SS_NELEMS(s->all) && mc_next_secret(&list, &s->all[s->n]))
		s->n++;
	if (s->n > 0 && (fd < 0 || mlock(s->values, sizeof(s->values)) < 0))
		return ss_fail_sys(err, "no place for secrets");
	return 0;
}

static struct kp_value *free_value(struct kp_secrets *s)
{
	for (size_t i = 0; i < SS_NELEMS(s->values); i++)
		if (!s->values[i].is_used)
			return &s->values[i];
	return NULL;
}

unsigned kp_secret_begin(struct kp_secrets *s, struct ss_span sender, struct ss_span name, size_t n,
			 struct kp_value **ret)
{
	struct kp_value *v = free_value(s);
	unsigned i = 0;

	/* One answer for an unknown name and for a known one of somebody else. */
	while (i < s->n && !(ss_same(s->all[i].name, name) && ss_same(s->all[i].from, sender)))
		i++;
	if (i == s->n)
		return 403;
	if (s->is_taken[i])
		return 409;
	if (n > (s->all[i].file ? MC_MAX_SECRET : MC_MAX_SECRET_ENV))
		return 413;
	if (v == NULL)
		return 503;
	v->is_used = true;
	v->index = i;
	v->n = 0;
	v->want = n;
	*ret = v;
	return 200;
}

/* Before init has it no name is taken; a pair that is full is asked again by whoever sends. */
static unsigned hand_over(struct kp_secrets *s, struct kp_value *v)
{
	const size_t n = sizeof(v->head) + v->n;

	if (s->is_taken[v->index])
		return 409; /* by another connection, meanwhile */
	if (!s->all[v->index].file && v->n > 0 && memchr(v->bytes, 0, v->n) != NULL)
		return 400; /* no variable of the environment can hold it */
	v->head = (struct secret_head){ .index = v->index, .n = (uint32_t)v->n };
	if (send(s->fd, &v->head, n, MSG_DONTWAIT | MSG_NOSIGNAL) != (ssize_t)n)
		return 503;
	s->is_taken[v->index] = true;
	return 204;
}

unsigned kp_secret_end(struct kp_secrets *s, struct kp_value *v)
{
	const unsigned status = hand_over(s, v);

	kp_secret_drop(v);
	return status;
}

void kp_secret_drop(struct kp_value *v)
{
	explicit_bzero(v->bytes, v->n);
	v->is_used = false;
}

struct ss_span kp_secret_name(const struct kp_secrets *s, const struct kp_value *v)
{
	return s->all[v->index].name;
}
