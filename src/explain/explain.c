/* SPDX-License-Identifier: Apache-2.0 */
#include "explain/explain.h"

#include "base/text.h"
#include "eif/examine.h"
#include "explain/ex_side.h"

#include <stdio.h>
#include <string.h>

/* Which two kinds can be compared, and how. */

/* --- images --------------------------------------------------------------------------------------
 */

static void tell_config(struct ex_run *r, const char *where, struct ss_span a, struct ss_span b)
{
	if (ss_same(a, b))
		return;
	ex_say(r, &(struct ex_diff){ .kind = EX_CONTENT,
				     .cause = EX_INPUT_CONFIG,
				     .where = ex_text(where),
				     .a = a,
				     .b = b });
}

static struct ss_span maybe(const char *s)
{
	return ex_text(s != NULL ? s : "");
}

static void tell_strings(struct ex_run *r, const char *where, const struct oci_strings *a,
			 const struct oci_strings *b)
{
	for (size_t i = 0; i < a->n || i < b->n; i++)
		tell_config(r, where, maybe(i < a->n ? a->v[i] : NULL),
			    maybe(i < b->n ? b->v[i] : NULL));
}

/* created, history, labels: no register covers them. Layers follow from the tree. */
static int compare_rest(struct ex_run *r, const struct oci_image *a, const struct oci_image *b,
			struct ss_err *err)
{
	const struct ss_span x = ss_buf_span(&a->config_json);
	const struct ss_span y = ss_buf_span(&b->config_json);
	struct ex_pair p = { .path = SS_BUF_INIT(SIZE_MAX) };
	const struct ss_span none = { NULL, 0 };
	int rc;

	if (ss_same(x, y))
		return 0;
	p.a = (struct ex_bytes){ .src = ex_source_mem(x), .n = x.n };
	p.b = (struct ex_bytes){ .src = ex_source_mem(y), .n = y.n };
	r->measured = false;
	ex_next_file(r, none);
	rc = ex_content(r, &p, err);
	ex_pair_done(&p);
	return rc;
}

static int compare_configs(struct ex_run *r, const struct oci_image *a, const struct oci_image *b,
			   struct ss_err *err)
{
	const struct ss_span none = { NULL, 0 };

	if (!a->has_config || !b->has_config)
		return 0;
	r->part = "config";
	r->measured = true;
	ex_next_file(r, none);
	tell_strings(r, "Entrypoint", &a->entrypoint, &b->entrypoint);
	tell_strings(r, "Cmd", &a->cmd, &b->cmd);
	tell_strings(r, "Env", &a->env, &b->env);
	tell_strings(r, "ExposedPorts", &a->ports, &b->ports);
	tell_config(r, "WorkingDir", maybe(a->workdir), maybe(b->workdir));
	tell_config(r, "User", maybe(a->user), maybe(b->user));
	tell_config(r, "StopSignal", maybe(a->stop_signal), maybe(b->stop_signal));
	tell_config(r, "architecture", maybe(a->arch), maybe(b->arch));
	return r->said == 0 ? compare_rest(r, a, b, err) : 0;
}

static int compare_trees(struct ex_run *r, const struct ex_side *a, const struct ex_side *b,
			 struct ss_err *err)
{
	const struct ex_matching m = { .a = &a->list,
				       .b = &b->list,
				       .prefix = { (const uint8_t *)"", 0 },
				       .mtime = true,
				       .mtime_apart = true };

	r->part = "tree";
	if (ex_match(r, &m, err) < 0 ||
	    compare_configs(r, a->list.src->image, b->list.src->image, err) < 0 ||
	    oci_image_check(a->list.src->image, err) < 0)
		return -1;
	return oci_image_check(b->list.src->image, err);
}

/* --- a tree that was packed, against one that was not
 * --------------------------------------------- */

#define ROOTFS "rootfs/"

/* What a layout itself has beside rootfs/: the configuration, which no tree has. */
static bool is_of_layout(struct ss_span name)
{
	return ss_is(name, "rootfs") || ss_is(name, "config") || ss_is(name, "cmd") ||
	       ss_is(name, "env");
}

/* Keeps what stands below rootfs/, under the names it has there; what nobody put there is told. */
static void cut_to_root(struct ex_run *r, struct ex_list *l, enum ex_kind kind)
{
	const size_t prefix = sizeof(ROOTFS) - 1;
	size_t n = 0;

	for (size_t i = 0; i < l->n; i++) {
		struct ex_entry *e = &l->v[i];
		const struct ss_span name = ex_name(l, e);

		if (e->name_n <= prefix || memcmp(name.p, ROOTFS, prefix) != 0) {
			if (is_of_layout(name))
				continue;
			ex_next_file(r, name);
			ex_say(r, &(struct ex_diff){ .kind = kind,
						     .path = name,
						     .where = ex_text("beside rootfs") });
			continue;
		}
		e->name_at += prefix;
		e->name_n -= (uint32_t)prefix;
		l->v[n++] = *e;
	}
	l->n = n;
}

static int packed_list(struct ex_run *r, const struct ex_side *s, enum ex_kind kind,
		       struct ex_list *ret, struct ss_err *err)
{
	const struct eif_section *sec;
	uint64_t left = (uint64_t)16 << 30;
	struct ex_bytes b = s->all;

	if (s->what == EX_IS_EIF) {
		sec = eif_file_find(&s->eif, EIF_RAMDISK, 1);
		if (sec == NULL)
			return ss_fail(err, SS_EINPUT, "'%s' has no second ramdisk", s->name);
		b = ex_section(s, sec);
	}
	if (ex_ramdisk(&b, &left, ret, err) < 0)
		return ss_ctx(err, "'%s'", s->name);
	for (size_t i = 0; i < ret->n; i++) {
		const struct ss_span name = ex_name(ret, &ret->v[i]);

		if (name.n == sizeof(ROOTFS) - 2 && memcmp(name.p, ROOTFS, name.n) == 0) {
			cut_to_root(r, ret, kind);
			return 0;
		}
	}
	return 0;
}

/* Times and order are the packer's: only what came from the tree is compared. */
static int compare_packed(struct ex_run *r, const struct ex_side *a, const struct ex_side *b,
			  struct ss_err *err)
{
	AUTO_EX_LIST struct ex_list l = { 0 };
	const bool a_is_tree = a->what == EX_IS_TREE;
	const struct ex_matching m = { .a = a_is_tree ? &a->list : &l,
				       .b = a_is_tree ? &l : &b->list,
				       .prefix = { (const uint8_t *)"", 0 } };

	const struct ex_side *packed = a_is_tree ? b : a;

	r->part = "tree";
	r->ret->not_compared = packed->what == EX_IS_EIF
				       ? "kernel, command line, runtime, configuration, metadata, "
					 "signature; times and order of the files"
				       : "configuration; times and order of the files";
	if (packed_list(r, packed, a_is_tree ? EX_ADDED : EX_REMOVED, &l, err) < 0)
		return -1;
	return ex_match(r, &m, err);
}

/* --- measurements
 * ---------------------------------------------------------------------------------- */

static void tell_measurement(void *ctx, const char *what, const char *want, const char *got)
{
	struct ex_run *r = ctx;

	ex_next_file(r, ex_text(what));
	ex_say(r, &(struct ex_diff){ .kind = EX_CONTENT,
				     .cause = EX_INPUT_PART,
				     .path = ex_text(what),
				     .a = ex_text(want),
				     .b = ex_text(got) });
}

static int measure(struct ex_side *s, struct ss_err *err)
{
	AUTO_EXAMINED struct eif_examined x = { 0 };

	if (eif_file_measure(&s->eif, true, &s->m, err) < 0)
		return -1;
	return eif_examine(&s->eif, &s->m, 0, &x, err);
}

/* Who prints registers only says nothing of parts and file. */
static void keep_common(struct eif_measurements *m, const struct eif_measurements *other)
{
	if (other->n_parts == 0)
		m->n_parts = 0;
	if (other->has_sha256)
		return;
	m->has_sha256 = false;
	m->file_size = 0;
	memset(m->file_sha256, 0, sizeof(m->file_sha256));
}

static int compare_measurements(struct ex_run *r, struct ex_side *a, struct ex_side *b,
				struct ss_err *err)
{
	struct ex_side *const sides[2] = { a, b };

	for (size_t i = 0; i < SS_NELEMS(sides); i++)
		if (sides[i]->what == EX_IS_EIF && measure(sides[i], err) < 0)
			return -1;
	keep_common(&a->m, &b->m);
	keep_common(&b->m, &a->m);
	r->part = "measurements";
	if (!cfg_measurements_same(&a->m, &b->m, tell_measurement, r) && r->said == 0)
		return ss_fail(err, SS_EINPUT, "the registers cannot be compared");
	return 0;
}

/* --- all
 * ------------------------------------------------------------------------------------------- */

static int compare_files(struct ex_run *r, const struct ex_side *a, const struct ex_side *b,
			 struct ss_err *err)
{
	struct ex_pair p = { .a = a->all, .b = b->all, .path = SS_BUF_INIT(SIZE_MAX) };
	const char *slash = strrchr(a->name, '/');
	bool same;
	int rc;

	r->part = "file";
	if (ex_first_difference(&p.a, &p.b, 0, &p.first, &same, err) < 0)
		return -1;
	if (same)
		return 0;
	ss_buf_put(&p.path, ex_text(slash != NULL ? slash + 1 : a->name));
	ex_next_file(r, ss_buf_span(&p.path));
	rc = ex_content(r, &p, err);
	ss_buf_done(&p.path);
	return rc;
}

static bool is_packed(const struct ex_side *s)
{
	return s->what == EX_IS_EIF || s->what == EX_IS_CPIO;
}

static int compare(struct ex_run *r, struct ex_side *a, struct ex_side *b, struct ss_err *err)
{
	if (a->what == b->what)
		switch (a->what) {
		case EX_IS_EIF:
			return ex_compare_eif(r, a, b, err);
		case EX_IS_TREE:
			return compare_trees(r, a, b, err);
		case EX_IS_CPIO:
			r->part = "cpio";
			return ex_compare_ramdisks(r, &a->all, &b->all, err);
		case EX_IS_MEASUREMENTS:
			return compare_measurements(r, a, b, err);
		case EX_IS_FILE:
			return compare_files(r, a, b, err);
		}
	if ((is_packed(a) && b->what == EX_IS_TREE) || (is_packed(b) && a->what == EX_IS_TREE))
		return compare_packed(r, a, b, err);
	if ((a->what == EX_IS_EIF && b->what == EX_IS_MEASUREMENTS) ||
	    (b->what == EX_IS_EIF && a->what == EX_IS_MEASUREMENTS))
		return compare_measurements(r, a, b, err);
	return ss_fail(err, SS_EUSAGE, "'%s' is %s, '%s' is %s: these cannot be compared", a->name,
		       ex_what_name(a->what), b->name, ex_what_name(b->what));
}

const char *ex_registers_say(const struct ex_report *r)
{
	if (r->registers)
		return "the registers differ";
	switch (r->pcr8) {
	case EX_PCR8_SAME:
		return "the registers are the same";
	case EX_PCR8_DIFFERS:
		return "PCR0 to PCR2 are the same, PCR8 differs";
	case EX_PCR8_UNKNOWN:
		return "PCR0 to PCR2 are the same, PCR8 cannot be told";
	}
	return "";
}

int ex_compare(const char *a, const char *b, const struct ex_options *o, struct ex_report *ret,
	       struct ss_err *err)
{
	AUTO_EX_SIDE struct ex_side x = { .eif = EIF_FILE_NONE };
	AUTO_EX_SIDE struct ex_side y = { .eif = EIF_FILE_NONE };
	AUTO_EX_REPORT struct ex_report report = { 0 };
	struct ex_run r;
	int rc;

	if (ex_side_open(a, o, &x, err) < 0 || ex_side_open(b, o, &y, err) < 0)
		return -1;
	ex_run_init(&r, o, &report);
	rc = compare(&r, &x, &y, err);
	ex_run_done(&r);
	if (rc < 0)
		return -1;
	*ret = report;
	report = (struct ex_report){ 0 };
	return 0;
}
