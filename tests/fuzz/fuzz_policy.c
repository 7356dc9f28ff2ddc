/* SPDX-License-Identifier: Apache-2.0 */
/* A policy: what is refused says why; each release that is taken is written and read back the same.
 */
#include "config/policy.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool good)
{
	if (!good)
		abort();
}

static void write_again(const struct att_release *r)
{
	const struct att_entry e = { r->name, r->note, NULL, NULL, r };
	AUTO_BUF struct ss_buf b = SS_BUF_INIT(CFG_POLICY_MAX);
	AUTO_POLICY struct cfg_policy p = { 0 };
	struct ss_err err = { 0 };

	cfg_policy_put(&e, &b);
	must(cfg_policy_read(ss_buf_span(&b), &p, &err) == 0 && p.release_rows.n == 1);
	must(strcmp(p.releases[0].name, r->name) == 0);
	must(memcmp(p.releases[0].pcr, r->pcr, sizeof(r->pcr)) == 0);
	must(p.releases[0].has_pcr8 == r->has_pcr8 && p.releases[0].n_parts == r->n_parts);
	must(!r->has_pcr8 || memcmp(p.releases[0].pcr8, r->pcr8, sizeof(r->pcr8)) == 0);
	for (size_t i = 0; i < r->n_parts; i++)
		must(p.releases[0].parts[i].size == r->parts[i].size &&
		     strcmp(p.releases[0].parts[i].name, r->parts[i].name) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	AUTO_POLICY struct cfg_policy p = { 0 };
	struct ss_err err = { 0 };

	if (cfg_policy_read((struct ss_span){ data, size }, &p, &err) < 0) {
		must((err.code == SS_EINPUT || err.code == SS_ELIMIT) && err.msg[0] != '\0');
		return 0;
	}
	for (size_t i = 0; i < p.release_rows.n; i++)
		write_again(&p.releases[i]);
	return 0;
}
