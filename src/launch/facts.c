/* SPDX-License-Identifier: Apache-2.0 */
#include "launch/facts.h"

#include "base/mem.h"
#include "base/show.h"
#include "eif/examine.h"
#include "fmt/cpio.h"

#include <assert.h>
#include <string.h>

#define MIB ((uint64_t)1024 * 1024)
#define LOCAL_SUFFIX "-local" /* of the release of a kernel with profile "local" */
#define CPUS_MAX 1024u

/* The rule of AWS's own tool for images of which nothing else is known. */
#define FOREIGN_FACTOR 4u

static const char config_name[] = "config";
#define CONFIG_NAME_SIZE sizeof(config_name)

/* --- registers and signature ----------------------------------------------------------------- */

static int examine(struct facts *f, int64_t now, struct ss_err *err)
{
	SS_CLEANUP(eif_examined_done) struct eif_examined x = { 0 };
	const struct ss_err *no = NULL;

	if (eif_examine(&f->file, &f->m, now, &x, err) < 0)
		return -1;
	f->is_signed = x.is_signed;
	if (!x.is_signed)
		return 0;
	f->expired = x.in_time;
	x.in_time = (struct ss_err){ 0 }; /* the rest must hold */
	no = eif_examined_no(&x);
	if (no == NULL)
		return 0;
	*err = *no;
	return -1;
}

static int look_at_kernel(struct facts *f, struct ss_err *err)
{
	const struct eif_section *s = eif_file_find(&f->file, EIF_KERNEL, 0);
	AUTO_FREE uint8_t *head = ss_calloc(EIF_KERNEL_HEAD, 1);
	const size_t tail = strlen(LOCAL_SUFFIX);
	size_t n;

	assert(s != NULL); /* a rule of the format */
	n = s->size < EIF_KERNEL_HEAD ? (size_t)s->size : EIF_KERNEL_HEAD;
	if (eif_file_read(&f->file, eif_section_data(s), head, n, err) < 0)
		return -1;
	eif_kernel_version((struct ss_span){ head, n }, f->kernel_version);
	n = strlen(f->kernel_version);
	f->is_local_kernel = n > tail && strcmp(f->kernel_version + n - tail, LOCAL_SUFFIX) == 0;
	return 0;
}

/* --- the measured config --------------------------------------------------------------------- */

/* *ret_size 0: ramdisk 1 does not begin with the config of our layout. */
static int find_config(const struct facts *f, const struct eif_section *s, size_t *ret_size,
		       struct ss_err *err)
{
	uint8_t raw[CPIO_HEADER_SIZE + CONFIG_NAME_SIZE];
	struct cpio_entry e;
	struct ss_err foreign = { 0 };
	size_t name_n;

	*ret_size = 0;
	if (s->size < sizeof(raw))
		return 0;
	if (eif_file_read(&f->file, eif_section_data(s), raw, sizeof(raw), err) < 0)
		return -1;
	if (cpio_header_read((struct ss_span){ raw, CPIO_HEADER_SIZE }, &e, &name_n, &foreign) <
		    0 ||
	    name_n != CONFIG_NAME_SIZE ||
	    memcmp(raw + CPIO_HEADER_SIZE, config_name, CONFIG_NAME_SIZE) != 0)
		return 0;
	if (e.size == 0 || e.size > MC_MAX_SIZE ||
	    e.size > s->size - cpio_entry_size(CONFIG_NAME_SIZE - 1))
		return ss_fail(err, SS_EINPUT, "the measured config has %u bytes", e.size);
	*ret_size = e.size;
	return 0;
}

static int read_rules(struct facts *f, struct ss_err *err)
{
	struct mc_list l = f->config.egress;
	struct ss_span text;

	if (l.n > EGRESS_MAX_RULES)
		return ss_fail(err, SS_ELIMIT, "%zu egress rules; the limit is %u", l.n,
			       EGRESS_MAX_RULES);
	f->rules = ss_calloc(l.n > 0 ? l.n : 1, sizeof(*f->rules));
	while (mc_next_string(&l, &text))
		if (egress_rule_read(text, &f->rules[f->n_rules++], err) < 0)
			return -1;
	return 0;
}

static int read_config(struct facts *f, struct ss_err *err)
{
	const struct eif_section *s = eif_file_find(&f->file, EIF_RAMDISK, 1);
	AUTO_FREE uint8_t *bytes = NULL;
	size_t n;

	if (s == NULL)
		return 0;
	if (find_config(f, s, &n, err) < 0)
		return -1;
	if (n == 0)
		return 0;
	bytes = ss_calloc(n, 1);
	if (eif_file_read(&f->file, eif_section_data(s) + cpio_entry_size(CONFIG_NAME_SIZE - 1),
			  bytes, n, err) < 0)
		return -1;
	ss_buf_put(&f->config_bytes, (struct ss_span){ bytes, n });
	if (mc_read(ss_buf_span(&f->config_bytes), &f->config, err) < 0 || read_rules(f, err) < 0)
		return -1;
	f->has_config = true;
	return 0;
}

/* --- memory ---------------------------------------------------------------------------------- */

static uint64_t mib(uint64_t bytes)
{
	return bytes / MIB + (bytes % MIB != 0);
}

static uint64_t find_need(const struct facts *f)
{
	const struct eif_section *s;
	uint64_t ramdisks = 0, need;

	if (!f->has_config) {
		need = mib(f->file.size) * FOREIGN_FACTOR;
	} else {
		for (size_t i = 0; (s = eif_file_find(&f->file, EIF_RAMDISK, i)) != NULL; i++)
			ramdisks += s->size; /* at most the file's size */
		need = mib(mc_memory_need(eif_file_find(&f->file, EIF_KERNEL, 0)->size, ramdisks,
					  f->config.entries, f->config.pages));
	}
	return need > FACTS_MIN_MIB ? need : FACTS_MIN_MIB;
}

int facts_memory(const struct facts *f, uint64_t asked_mib, unsigned cpus, uint64_t *ret_mib,
		 struct ss_err *err)
{
	const uint64_t need = f->need_mib + (cpus > 0 ? cpus - 1 : 0);
	const uint64_t proposed = mib(f->file.header.default_mem);

	if (asked_mib == 0) {
		*ret_mib = proposed > need ? proposed : need;
		return 0;
	}
	if (asked_mib < need)
		return ss_fail(err, SS_EUSAGE,
			       "--memory: %llu MiB are too few: this image needs %llu MiB",
			       (unsigned long long)asked_mib, (unsigned long long)need);
	*ret_mib = asked_mib;
	return 0;
}

unsigned facts_cpus(const struct facts *f, unsigned asked)
{
	const uint64_t proposed = f->file.header.default_cpus;

	if (asked > 0)
		return asked;
	return proposed > 0 && proposed <= CPUS_MAX ? (unsigned)proposed : 2;
}

bool facts_ingress(const struct facts *f, uint16_t port, bool udp, struct mc_ingress *ret)
{
	struct mc_list l = f->config.ingress;
	struct mc_ingress in;

	while (mc_next_ingress(&l, &in))
		if (in.port == port && in.udp == udp) {
			*ret = in;
			return true;
		}
	return false;
}

/* --- all of it ------------------------------------------------------------------------------- */

static int load(const char *path, int64_t now, struct facts *f, struct ss_err *err)
{
	if (eif_file_open(path, &f->file, err) < 0)
		return -1; /* names the file itself */
	f->is_arm64 = (f->file.header.flags & EIF_FLAG_ARM64) != 0;
	if (eif_file_measure(&f->file, false, &f->m, err) < 0)
		return -1;
	if (examine(f, now, err) < 0 || look_at_kernel(f, err) < 0)
		return ss_ctx(err, "'%s'", f->file.path);
	if (read_config(f, err) < 0)
		return ss_ctx(err, "'%s': ramdisk 1", f->file.path);
	f->need_mib = find_need(f);
	return 0;
}

int facts_load(const char *path, int64_t now, struct facts *ret, struct ss_err *err)
{
	AUTO_FACTS struct facts f = FACTS_NONE;

	if (load(path, now, &f, err) < 0)
		return -1;
	*ret = f;
	f = (struct facts)FACTS_NONE;
	return 0;
}

void facts_done(struct facts *f)
{
	eif_file_done(&f->file);
	ss_buf_done(&f->config_bytes);
	free(TAKE_PTR(f->rules));
}
