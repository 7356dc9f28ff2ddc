/* SPDX-License-Identifier: Apache-2.0 */
/* Measurements from anybody: what is refused says why; what is taken can be written into a policy,
 * whose reader then finds the same registers and parts. */
#include "base/hex.h"
#include "verify/ssv_measurements.h"
#include "verify/ssv_policy.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool good)
{
	if (!good)
		abort();
}

static void compare(const struct att_release *a, const struct att_release *b)
{
	must(memcmp(a->pcr, b->pcr, sizeof(a->pcr)) == 0);
	must(a->has_pcr8 == b->has_pcr8);
	must(!a->has_pcr8 || memcmp(a->pcr8, b->pcr8, sizeof(a->pcr8)) == 0);
	must(a->n_parts == b->n_parts);
	for (size_t i = 0; i < a->n_parts; i++) {
		must(strcmp(a->parts[i].name, b->parts[i].name) == 0);
		must(a->parts[i].size == b->parts[i].size);
		must(memcmp(a->parts[i].sha384, b->parts[i].sha384, ATT_PCR_SIZE) == 0);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct att_part parts[ATT_PARTS_MAX];
	struct att_release r;
	const struct att_entry e = { .name = "1", .r = &r };
	AUTO_BUF struct ss_buf policy = SS_BUF_INIT(SSV_POLICY_MAX);
	AUTO_SSV_POLICY struct ssv_policy *p = NULL;
	struct ss_err err = { 0 };

	if (ssv_measurements_read((struct ss_span){ data, size }, parts, &r, &err) < 0) {
		must(err.code != SS_OK && err.msg[0] != '\0');
		return 0;
	}
	must(ssv_policy_add((struct ss_span){ NULL, 0 }, &e, &policy, &err) == 0);
	must(ssv_policy_read(ss_buf_span(&policy), "fuzz", &p, &err) == 0);
	must(p->set.n == 1);
	compare(&r, &p->set.v[0]);
	return 0;
}
