/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Requests of a guest to the NSM of our own, each behind a length of two bytes. Holds: every one is
 * answered; a locked register keeps its value and its lock; a register changes by ExtendPCR alone.
 */
#include "base/mem.h"
#include "launch/nsm_machine.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define NOW INT64_C(1800000000)

static void must(bool ok)
{
	if (!ok)
		abort();
}

/* Made once, in a folder that is removed at once. */
static const struct nsm_root *root(void)
{
	static struct nsm_root *r;
	char dir[] = "/tmp/fuzz-nsm-XXXXXX", path[64];
	struct ss_err err = { 0 };

	if (r != NULL)
		return r;
	must(mkdtemp(dir) != NULL && nsm_root_open(dir, NOW, &r, &err) == 0);
	(void)snprintf(path, sizeof(path), "%s/" NSM_ROOT_KEY, dir);
	must(unlink(path) == 0);
	(void)snprintf(path, sizeof(path), "%s/" NSM_ROOT_CERT, dir);
	must(unlink(path) == 0 && rmdir(dir) == 0);
	return r;
}

static struct ss_span ask(struct nsm_machine *m, struct ss_span request)
{
	static uint8_t room[NSM_MAX_RESPONSE];
	struct ss_buf b = SS_BUF_OVER(room);

	nsm_machine_answer(m, request, (uint64_t)NOW * 1000, &b);
	must(!b.bad && b.n > 0);
	return ss_buf_span(&b);
}

static void look(struct nsm_machine *m, struct nsm_pcr ret[NSM_PCRS])
{
	for (uint32_t i = 0; i < NSM_PCRS; i++) {
		uint8_t room[64];
		struct ss_buf b = SS_BUF_OVER(room);
		struct ss_err err = { 0 };

		nsm_put_describe_pcr(&b, i);
		must(nsm_read_describe_pcr(ask(m, ss_buf_span(&b)), &ret[i], &err) == 0);
	}
}

static void step(struct nsm_machine *m, struct ss_span request)
{
	struct nsm_pcr before[NSM_PCRS], after[NSM_PCRS];
	uint8_t value[NSM_PCR_SIZE];
	struct ss_err err = { 0 };
	unsigned changed = 0;
	bool extended;

	look(m, before);
	extended = nsm_read_extend_pcr(ask(m, request), value, &err) == 0;
	look(m, after);
	for (size_t i = 0; i < NSM_PCRS; i++) {
		const bool same = memcmp(before[i].value, after[i].value, NSM_PCR_SIZE) == 0;

		must(!before[i].locked || (after[i].locked && same));
		must(same || memcmp(after[i].value, value, NSM_PCR_SIZE) == 0);
		changed += !same;
	}
	must(changed == (extended ? 1 : 0));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct nsm_machine_opts o = { .module_id = "i-0123-enc0456", .root = root() };
	struct ss_cur c = ss_cur_init((struct ss_span){ data, size });
	struct nsm_machine *m = NULL;
	struct ss_err err = { 0 };

	must(nsm_machine_new(&o, NOW, &m, &err) == 0);
	for (unsigned n = 0; n < 16 && ss_cur_left(&c) >= 2; n++) {
		const size_t len = ss_cur_be16(&c);

		step(m, ss_cur_take(&c, len < ss_cur_left(&c) ? len : ss_cur_left(&c)));
	}
	nsm_machine_free(m);
	return 0;
}
