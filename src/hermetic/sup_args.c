/* SPDX-License-Identifier: Apache-2.0 */
#include "hermetic/sup.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/*
 * "UID:GID:GROUP,GROUP..." and five sets of capabilities in hexadecimal digits: bounding,
 * effective, permitted, inheritable, ambient.
 */

static bool digits(const char **p, unsigned base, uint64_t max, uint64_t *ret)
{
	const char *s = *p;
	uint64_t v = 0;

	for (;; s++) {
		const char *all = "0123456789abcdef";
		const char *at = *s != '\0' ? strchr(all, *s) : NULL;

		if (at == NULL || at >= all + base)
			break;
		if (v > (max - (uint64_t)(at - all)) / base)
			return false;
		v = v * base + (uint64_t)(at - all);
	}
	if (s == *p)
		return false;
	*p = s;
	*ret = v;
	return true;
}

static bool skip(const char **p, char c)
{
	if (**p != c)
		return false;
	++*p;
	return true;
}

static bool read_ids(const char *p, struct sup_who *w)
{
	const uint64_t max = UINT32_MAX - 1; /* the last one means nobody */
	uint64_t v;

	if (!digits(&p, 10, max, &v) || !skip(&p, ':'))
		return false;
	w->uid = (uid_t)v;
	if (!digits(&p, 10, max, &v) || !skip(&p, ':'))
		return false;
	w->gid = (gid_t)v;
	while (*p != '\0') {
		if (w->n_groups == SS_NELEMS(w->groups) || !digits(&p, 10, max, &v))
			return false;
		w->groups[w->n_groups++] = (gid_t)v;
		if (*p != '\0' && (!skip(&p, ',') || *p == '\0'))
			return false;
	}
	return true;
}

static bool read_caps(const char *p, struct sup_who *w)
{
	uint64_t *const sets[] = { &w->bounding, &w->effective, &w->permitted, &w->inheritable,
				   &w->ambient };

	for (size_t i = 0; i < SS_NELEMS(sets); i++)
		if ((i > 0 && !skip(&p, ':')) || !digits(&p, 16, UINT64_MAX, sets[i]))
			return false;
	return *p == '\0';
}

int hm_who_read(const char *ids, const char *caps, struct sup_who *ret, struct ss_err *err)
{
	struct sup_who w = { 0 };

	if (!read_ids(ids, &w))
		return ss_fail(err, SS_EINPUT, "not the ids of a step: '%s'", ids);
	if (!read_caps(caps, &w))
		return ss_fail(err, SS_EINPUT, "not the capabilities of a step: '%s'", caps);
	*ret = w;
	return 0;
}

SS_PRINTF(2, 3) static void putf(struct ss_buf *b, const char *fmt, ...)
{
	char text[64];
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	ss_buf_put(b, (struct ss_span){ (const uint8_t *)text, (size_t)n });
}

void hm_who_write(const struct sup_who *who, struct ss_buf *ret_ids, struct ss_buf *ret_caps)
{
	putf(ret_ids, "%u:%u:", who->uid, who->gid);
	for (size_t i = 0; i < who->n_groups; i++)
		putf(ret_ids, "%s%u", i > 0 ? "," : "", who->groups[i]);
	putf(ret_caps, "%" PRIx64 ":%" PRIx64 ":%" PRIx64 ":", who->bounding, who->effective,
	     who->permitted);
	putf(ret_caps, "%" PRIx64 ":%" PRIx64, who->inheritable, who->ambient);
}
