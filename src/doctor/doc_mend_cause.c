/* SPDX-License-Identifier: Apache-2.0 */
#include "base/text.h"
#include "doctor/doc_mend.h"
#include "engine/df_lines.h"

#include <string.h>

/*
 * What builds have shown, mended where a line of the Dockerfile or a switch of enclave.toml does
 * it. Arguments, not ENV: steps see them, and what runs in the enclave does not.
 */
static const struct rule {
	enum ex_cause cause;
	const char *arg;    /* a line for each stage */
	const char *umask;  /* what each step begins with */
	const char *normal; /* a normaliser that has to be asked for */
} rules[] = {
	{ EX_ENV_TIMEZONE, "ARG TZ=UTC\n", NULL, NULL },
	{ EX_ENV_LOCALE, "ARG LC_ALL=C.UTF-8\n", NULL, NULL },
	{ EX_RAND_HASH_SEED, "ARG PYTHONHASHSEED=0\n", NULL, NULL },
	{ EX_ORDER_LINES, "ARG PYTHONHASHSEED=0\nARG PERL_HASH_SEED=0\nARG PERL_PERTURB_KEYS=0\n",
	  NULL, NULL },
	{ EX_CACHE_PYTHON, "ARG PYTHONDONTWRITEBYTECODE=1\n", NULL, NULL },
	{ EX_ENV_UMASK, NULL, "umask 022 && ", NULL },
	{ EX_LEFT_TMP, NULL, NULL, "tmp" },
	{ EX_CACHE_HOME, NULL, NULL, "home-cache" },
	{ EX_CACHE_APT_LISTS, NULL, NULL, "package-lists" },
	{ EX_PATH_DIRECT_URL, NULL, NULL, "pip-urls" },
};

static bool is_found(const struct doc_report *r, enum ex_cause c)
{
	for (size_t i = 0; i < r->diff.n_groups; i++)
		if (r->diff.groups[i].cause == c && r->diff.groups[i].measured)
			return true;
	return false;
}

static bool holds(struct ss_span in, const char *text)
{
	return in.n > 0 && memmem(in.p, in.n, text, strlen(text)) != NULL;
}

/* --- the Dockerfile ------------------------------------------------------------------------------
 */

static size_t place_of_word(const struct df_instruction *i, const struct df_word *w)
{
	size_t ret;

	memcpy(&ret, i->places.p + (size_t)(w->p - (const char *)i->text.p) * sizeof(ret),
	       sizeof(ret));
	return ret;
}

/* Behind FROM: the lines. Before the shell's first word of RUN: its umask. */
static bool edit_instruction(struct ss_span in, const struct df_instruction *i, char escape,
			     const struct rule *r, struct doc_patch *p)
{
	struct df_word w;
	size_t at = 0;

	if (!df_word_next(i, escape, &at, &w))
		return false;
	if (df_word_is(&w, "FROM") && r->arg != NULL)
		return i->end > 0 && in.p[i->end - 1] == '\n' &&
		       doc_patch_add(p, i->end, 0, r->arg);
	if (!df_word_is(&w, "RUN") || r->umask == NULL || i->n_heredocs > 0)
		return false;
	while (df_word_next(i, escape, &at, &w))
		if (w.n < 2 || w.p[0] != '-' || w.p[1] != '-')
			return w.p[0] != '[' && strncmp(w.p, "umask", w.n) != 0 &&
			       doc_patch_add(p, place_of_word(i, &w), 0, r->umask);
	return false;
}

static int mend_file(struct ss_span in, const struct rule *r, struct doc_patch *p, bool *ret_any,
		     struct ss_err *err)
{
	struct df_instruction i = { 0 };
	struct df_source s;
	bool end = false;
	int rc;

	*ret_any = false;
	if (r->arg != NULL && holds(in, r->arg))
		return 0; /* it is there, and did not help */
	df_source_init(&s, in);
	while ((rc = df_next(&s, &i, &end, err)) == 0 && !end)
		*ret_any = edit_instruction(in, &i, s.escape, r, p) || *ret_any;
	df_instruction_done(&i);
	return rc;
}

/* --- enclave.toml --------------------------------------------------------------------------------
 */

/* Where the line behind "[normalize]" begins; 0 = there is no such table. */
static size_t table_in(struct ss_span in)
{
	for (size_t at = 0; at < in.n;) {
		const uint8_t *nl = memchr(in.p + at, '\n', in.n - at);
		const struct ss_span rest = { in.p + at, in.n - at };
		const size_t next = nl != NULL ? (size_t)(nl - in.p) + 1 : in.n;

		if (ss_begins(rest, "[normalize]") && nl != NULL)
			return next;
		at = next;
	}
	return 0;
}

static bool mend_toml(struct ss_span in, const char *name, struct doc_patch *p)
{
	const size_t table = table_in(in);
	char line[128];

	/* A name that stands there was switched by somebody, or is in a table of another form. */
	if (holds(in, name) || (table == 0 && holds(in, "normalize")))
		return false;
	if (table > 0) {
		(void)snprintf(line, sizeof(line), "%s = true\n", name);
		return doc_patch_add(p, table, 0, line);
	}
	(void)snprintf(line, sizeof(line), "%s%s%s = true\n",
		       in.n > 0 && in.p[in.n - 1] != '\n' ? "\n" : "",
		       p->n == 0 ? "\n[normalize]\n" : "", name);
	return doc_patch_add(p, in.n, 0, line);
}

int doc_mend_causes(struct ss_span in, const struct ss_span *toml, const struct doc_report *found,
		    struct doc_mend *ret, struct doc_mend *ret_toml, struct ss_err *err)
{
	*ret = (struct doc_mend){ .mended = 0 };
	*ret_toml = (struct doc_mend){ .mended = 0 };
	for (size_t i = 0; i < SS_NELEMS(rules); i++) {
		bool any;

		if (!is_found(found, rules[i].cause))
			continue;
		if (rules[i].normal != NULL) {
			ret_toml->mended +=
				toml != NULL && mend_toml(*toml, rules[i].normal, &ret_toml->patch);
			continue;
		}
		if (mend_file(in, &rules[i], &ret->patch, &any, err) < 0) {
			doc_mend_done(ret);
			doc_mend_done(ret_toml);
			return -1;
		}
		ret->mended += any;
	}
	ret->by_hand = found->diff.causes - ret->mended - ret_toml->mended;
	return 0;
}
