/* SPDX-License-Identifier: Apache-2.0 */
/* A policy in JSON, through the public header: what is refused says why and leaves no question;
 * what is taken is taken again, and a document of nothing is never a yes. */
#include <selfsame-verify.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(int good)
{
	if (!good)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char empty[] = "";
	const char *json = size > 0 ? (const char *)data : empty;
	struct ssv_question *q = ssv_question_new();
	const int rc = ssv_expect_policy(q, json, size, "fuzz");
	struct ssv_verdict *v;

	must(rc == SSV_OK || rc == SSV_EINPUT || rc == SSV_ELIMIT);
	must((rc == SSV_OK) == (ssv_question_error(q)[0] == '\0'));
	must(ssv_expect_policy(q, json, size, "fuzz") == rc);
	(void)ssv_at_time(q, 0);
	ssv_verify(q, data, size, &v);
	must(ssv_verdict_yes(v) == NULL);
	must(rc == SSV_OK || strcmp(ssv_verdict_code(v), "no-question") == 0);
	must(rc == SSV_OK || strcmp(ssv_verdict_message(v), ssv_question_error(q)) == 0);
	ssv_verdict_free(v);
	ssv_question_free(q);
	return 0;
}
