/* SPDX-License-Identifier: Apache-2.0 */
#include "nsm/nsm.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool ok)
{
	if (!ok)
		abort();
}

static bool is_inside(struct ss_span s, const uint8_t *data, size_t size)
{
	return s.n == 0 || (s.p >= data && s.n <= size && (size_t)(s.p - data) <= size - s.n);
}

/* One response can answer one request at most; what is lent lies in it; what fails says why. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct ss_span in = { data, size };
	struct ss_err err = { 0 };
	struct nsm_description d;
	struct nsm_pcr pcr;
	struct ss_span s = { NULL, 0 };
	uint8_t value[NSM_PCR_SIZE];
	int answers = 0;

	if (nsm_read_describe_nsm(in, &d, &err) == 0) {
		must(is_inside(d.module_id, data, size) && d.module_id.n > 0);
		must(d.max_pcrs <= NSM_PCRS && d.digest.n == 6);
		answers++;
	}
	if (nsm_read_get_random(in, &s, &err) == 0) {
		must(is_inside(s, data, size) && s.n > 0 && s.n <= NSM_MAX_RANDOM);
		answers++;
	}
	if (nsm_read_attestation(in, &s, &err) == 0) {
		must(is_inside(s, data, size));
		answers++;
	}
	answers += nsm_read_describe_pcr(in, &pcr, &err) == 0;
	answers += nsm_read_extend_pcr(in, value, &err) == 0;
	answers += nsm_read_lock_pcr(in, &err) == 0;
	answers += nsm_read_lock_pcrs(in, &err) == 0;
	must(answers <= 1);
	must(answers == 1 || (err.code != SS_OK && err.msg[0] != '\0'));
	return 0;
}
