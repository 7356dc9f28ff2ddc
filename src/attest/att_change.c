/* SPDX-License-Identifier: Apache-2.0 */
#include "attest/att_verdict.h"

#include <string.h>

/*
 * Which part of the image is another. PCR1 covers kernel, command line and ramdisk 0, PCR2 the
 * application: the registers tell which of the two changed. The parts of two images whose PCR1 are
 * the expected one and the document's tell more.
 */

/* An image, of those that are only known first, with this value of PCR1. */
static const struct att_release *find_with(const struct att_expect *e, struct ss_span pcr1,
					   bool with_parts)
{
	for (size_t i = 0; i < e->n_known; i++)
		if ((e->known[i].n_parts > 0 || !with_parts) &&
		    att_is_pcr(pcr1, e->known[i].pcr[1]))
			return &e->known[i];
	for (size_t k = 0; k < e->n_sets; k++)
		for (size_t i = 0; i < e->sets[k].n; i++)
			if ((e->sets[k].v[i].n_parts > 0 || !with_parts) &&
			    att_is_pcr(pcr1, e->sets[k].v[i].pcr[1]))
				return &e->sets[k].v[i];
	return NULL;
}

static const struct att_part *find_part(const struct att_release *r, const char *name)
{
	for (size_t i = 0; i < r->n_parts; i++)
		if (strcmp(r->parts[i].name, name) == 0)
			return &r->parts[i];
	return NULL;
}

/* "kernel", "kernel and command line", …: what of PCR1 differs between two images. */
static void name_changes(const struct att_release *a, const struct att_release *b, char *ret,
			 size_t room)
{
	static const char *const names[][2] = { { "kernel", "kernel" },
						{ "cmdline", "command line" },
						{ "ramdisk0", "runtime (first ramdisk)" } };
	size_t n = 0;

	ret[0] = '\0';
	for (size_t i = 0; i < SS_NELEMS(names); i++) {
		const struct att_part *p = find_part(a, names[i][0]);
		const struct att_part *q = find_part(b, names[i][0]);

		if (p != NULL && q != NULL && p->size == q->size &&
		    memcmp(p->sha384, q->sha384, sizeof(p->sha384)) == 0)
			continue;
		n += (size_t)snprintf(ret + n, room - n, "%s%s", n > 0 ? ", " : "", names[i][1]);
	}
}

static const char *name_of(const struct att_release *r)
{
	return r->name != NULL ? r->name : "another known image";
}

static char *tell_pcr1(const struct att_verdict *v, const struct att_expect *e,
		       const struct att_release *want)
{
	const struct ss_span wanted = { want->pcr[1], ATT_PCR_SIZE };
	const struct att_release *is = find_with(e, v->doc.pcr[1], true);
	const struct att_release *was = want->n_parts > 0 ? want : find_with(e, wanted, true);
	char names[96];

	if (is != NULL && was != NULL) {
		name_changes(was, is, names, sizeof(names));
		if (names[0] == '\0')
			return att_text("where kernel, command line and runtime begin and end");
		return att_text("%s: as in %s", names, name_of(is));
	}
	is = find_with(e, v->doc.pcr[1], false);
	if (is == NULL)
		return att_text("kernel, command line or runtime (first ramdisk): PCR1 covers all "
				"three, and no known image has this one");
	return att_text("kernel, command line or runtime (first ramdisk): PCR1 covers all three, "
			"and is as in %s; which of them, only the parts of both images tell",
			name_of(is));
}

/* An image has all three; a document may have fewer, or of another size. */
static bool has_registers(const struct att_doc *d)
{
	for (size_t i = 0; i < 3; i++)
		if (d->pcr[i].p == NULL || d->pcr[i].n != ATT_PCR_SIZE)
			return false;
	return true;
}

void att_tell_change(struct att_verdict *v, const struct att_expect *e,
		     const struct att_release *want)
{
	const bool same1 = att_is_pcr(v->doc.pcr[1], want->pcr[1]);
	const bool same2 = att_is_pcr(v->doc.pcr[2], want->pcr[2]);
	char *first;

	if (v->changed != NULL || v->is_debug || !has_registers(&v->doc) ||
	    (same1 && same2 && att_is_pcr(v->doc.pcr[0], want->pcr[0])))
		return;
	if (same1 && same2) {
		v->changed =
			att_text("the order of the parts, or flags of the file: PCR1 and PCR2 are "
				 "the expected ones");
	} else if (same1) {
		v->changed =
			att_text("the application (PCR2); kernel, command line and runtime are "
				 "the expected ones");
	} else if (same2) {
		first = tell_pcr1(v, e, want);
		v->changed = att_text("%s; the application is the expected one", first);
		free(first);
	} else {
		first = tell_pcr1(v, e, want);
		v->changed = att_text("the application (PCR2), and %s", first);
		free(first);
	}
}
