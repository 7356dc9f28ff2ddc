/* SPDX-License-Identifier: Apache-2.0 */
#include "eif/eif.h"

/* Which sections a file must and may have, and in which order: docs/formats/eif.md, "Rules". */

static int check_size(const struct eif_section *s, struct ss_err *err)
{
	uint64_t limit = UINT64_MAX;

	if (s->type == EIF_CMDLINE)
		limit = EIF_CMDLINE_MAX;
	else if (s->type == EIF_SIGNATURE)
		limit = EIF_SIGNATURE_MAX;
	else if (s->type == EIF_METADATA)
		limit = EIF_METADATA_MAX;
	if (s->size > limit)
		return ss_fail(err, SS_ELIMIT, "%s of %llu bytes; the limit is %llu",
			       eif_section_name(s->type), (unsigned long long)s->size,
			       (unsigned long long)limit);
	return 0;
}

int eif_rules_next(struct eif_rules *r, const struct eif_section *s, struct ss_err *err)
{
	int rc = 0;

	if (s->type != EIF_RAMDISK && r->seen[s->type] > 0)
		rc = ss_fail(err, SS_EINPUT, "a second %s section", eif_section_name(s->type));
	else if (s->type == EIF_RAMDISK && r->seen[EIF_KERNEL] == 0)
		rc = ss_fail(err, SS_EINPUT, "a ramdisk before the kernel");
	else
		rc = check_size(s, err);
	if (rc < 0)
		return ss_ctx(err, "section %zu at byte %llu", r->n, (unsigned long long)s->offset);
	r->seen[s->type]++;
	r->n++;
	return 0;
}

int eif_rules_end(const struct eif_rules *r, uint16_t version, struct ss_err *err)
{
	if (r->seen[EIF_KERNEL] == 0)
		return ss_fail(err, SS_EINPUT, "there is no kernel");
	if (r->seen[EIF_CMDLINE] == 0)
		return ss_fail(err, SS_EINPUT, "there is no cmdline");
	if (r->seen[EIF_RAMDISK] == 0)
		return ss_fail(err, SS_EINPUT, "there is no ramdisk");
	if (r->seen[EIF_METADATA] == 0 && version >= 4)
		return ss_fail(err, SS_EINPUT, "there is no metadata, which version %u demands",
			       version);
	return 0;
}
