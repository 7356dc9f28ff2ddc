/* SPDX-License-Identifier: Apache-2.0 */
#include "attest/att_verdict.h"

#include "base/hex.h"

#include <stdarg.h>
#include <string.h>

#define TEXT_MAX ((size_t)4096)

SS_PRINTF(1, 0) static char *text_v(const char *fmt, va_list ap)
{
	char *s = ss_calloc(TEXT_MAX, 1);

	(void)vsnprintf(s, TEXT_MAX, fmt, ap);
	return s;
}

char *att_text(const char *fmt, ...)
{
	va_list ap;
	char *s;

	va_start(ap, fmt);
	s = text_v(fmt, ap);
	va_end(ap);
	return s;
}

char *att_hex(struct ss_span s)
{
	char *hex = ss_calloc(s.n + 1, 2); /* from a document: at most 32 KiB */

	ss_hex(s, hex);
	return hex;
}

static struct att_check *add(struct att_verdict *v, const char *name)
{
	v->checks = ss_reallocarray(v->checks, v->n_checks + 1, sizeof(*v->checks));
	v->checks[v->n_checks] = (struct att_check){ .name = name };
	return &v->checks[v->n_checks++];
}

struct att_check *att_add_held(struct att_verdict *v, const char *name, unsigned need)
{
	v->held |= need;
	return add(v, name);
}

struct att_check *att_add_no(struct att_verdict *v, const char *name, enum att_reason reason,
			     const char *fmt, ...)
{
	struct att_check *c = add(v, name);
	va_list ap;

	c->reason = reason;
	va_start(ap, fmt);
	c->message = text_v(fmt, ap);
	va_end(ap);
	return c;
}

void att_add_unchecked(struct att_verdict *v, char *line)
{
	v->unchecked = ss_reallocarray(v->unchecked, v->n_unchecked + 1, sizeof(*v->unchecked));
	v->unchecked[v->n_unchecked++] = line;
}

void att_verdict_free(struct att_verdict *v)
{
	if (v == NULL)
		return;
	for (size_t i = 0; i < v->n_checks; i++) {
		free(v->checks[i].message);
		free(v->checks[i].want);
		free(v->checks[i].got);
		free(v->checks[i].source);
	}
	for (size_t i = 0; i < v->n_unchecked; i++)
		free(v->unchecked[i]);
	free(v->checks);
	free(v->unchecked);
	free(v->changed);
	free(v->identity);
	free(v);
}

const struct att_verified *att_verdict_yes(const struct att_verdict *v)
{
	return v->is_yes ? &v->yes : NULL;
}

const struct att_doc *att_verified_doc(const struct att_verified *v)
{
	return v->doc;
}

enum att_reason att_verdict_reason(const struct att_verdict *v)
{
	return v->no != NULL ? v->no->reason : ATT_NO_NONE;
}

const char *att_verdict_message(const struct att_verdict *v)
{
	return v->no != NULL ? v->no->message : "";
}
