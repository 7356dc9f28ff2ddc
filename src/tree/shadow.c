/* SPDX-License-Identifier: Apache-2.0 */
#include "base/buf.h"
#include "tree/rows.h"

#include <stdio.h>
#include <string.h>

#define SHADOW_MAX ((size_t)4 * 1024 * 1024)

/* Up to and without the next `end`, which is skipped; *found says whether there was one. */
static struct ss_span take_until(struct ss_span *s, uint8_t end, bool *found)
{
	const uint8_t *p = s->n > 0 ? memchr(s->p, end, s->n) : NULL;
	const struct ss_span head = { s->p, p != NULL ? (size_t)(p - s->p) : s->n };
	const size_t used = p != NULL ? head.n + 1 : head.n;

	*found = p != NULL;
	s->p += used;
	s->n -= used;
	return head;
}

/* A day other than 0. Zero is no date but an order: the password must be changed at once. */
static bool is_day(struct ss_span field)
{
	bool zero = true;

	for (size_t i = 0; i < field.n; i++) {
		if (field.p[i] < '0' || field.p[i] > '9')
			return false;
		zero = zero && field.p[i] == '0';
	}
	return field.n > 0 && !zero;
}

/* One line without its end: name, password, day, the rest. */
static void put_line(struct ss_buf *out, struct ss_span line, struct ss_span day)
{
	bool colon = true;

	for (int field = 0; colon; field++) {
		struct ss_span f = take_until(&line, ':', &colon);

		ss_buf_put(out, field == 2 && is_day(f) ? day : f);
		if (colon)
			ss_buf_put(out, (struct ss_span){ (const uint8_t *)":", 1 });
	}
}

int tree_fix_shadow(struct tree *t, uint32_t epoch, struct tree_normalised *n, struct ss_err *err)
{
	static const char path[] = "etc/shadow";
	const tree_id id = tree_find(t, (struct ss_span){ (const uint8_t *)path, 10 });
	AUTO_BUF struct ss_buf out = SS_BUF_INIT(2 * SHADOW_MAX);
	AUTO_FREE uint8_t *in = NULL;
	struct tree_inode st;
	struct ss_span rest;
	char day[16] = "";
	bool more = true;

	if (id == TREE_NONE)
		return 0;
	tree_stat(t, id, &st);
	if (st.type != TREE_REG || st.size == 0)
		return 0;
	if (st.size > SHADOW_MAX)
		return ss_fail(err, SS_ELIMIT, "'%s': %u bytes; the limit is %zu", path, st.size,
			       SHADOW_MAX);
	in = ss_calloc(st.size, 1);
	if (tree_read(t, id, 0, in, st.size, err) < 0)
		return -1;
	if (epoch / 86400 > 0) /* day 0 would be that order; an empty field is no date, as useradd
				  writes it with SOURCE_DATE_EPOCH=0 */
		(void)snprintf(day, sizeof(day), "%u", epoch / 86400);
	for (rest = (struct ss_span){ in, st.size }; more && rest.n > 0;) {
		put_line(&out, take_until(&rest, '\n', &more),
			 (struct ss_span){ (const uint8_t *)day, strlen(day) });
		if (more)
			ss_buf_put(&out, (struct ss_span){ (const uint8_t *)"\n", 1 });
	}
	if (ss_buf_check(&out, path, err) < 0)
		return -1;
	if (out.n == st.size && memcmp(out.p, in, out.n) == 0)
		return 0;
	if (tree_body_new(t, ss_buf_span(&out), &st.body, err) < 0)
		return -1;
	tree_set_body(t, id, st.body, (uint32_t)out.n);
	n->changed++;
	return 0;
}
