/* SPDX-License-Identifier: Apache-2.0 */
#include "base/date.h"
#include "project/steps.h"

/* A machine whose clock has not come so far would show, as the times of new files, its own. */
int project_clock_check(uint32_t clock, int64_t now, struct ss_err *err)
{
	char text[SS_DATE_SIZE];

	if (now >= (int64_t)clock)
		return 0;
	ss_date_text(clock, text);
	(void)ss_fail(err, SS_ESYS,
		      "steps are to see %s, which is later than what this machine's clock says",
		      text);
	err->hint = "is the clock right? Where a base image claims to be made in the future, a "
		    "source_date_epoch takes the place of its time";
	return -1;
}

int project_clock_of(uint32_t epoch, uint64_t newest, int64_t now, uint32_t *ret,
		     struct ss_err *err)
{
	const uint64_t least = PROJECT_CLOCK_LEAST;
	const uint64_t made = newest > least ? newest : least;

	*ret = epoch;
	if (epoch != 0)
		return 0;
	*ret = made < UINT32_MAX ? (uint32_t)made : UINT32_MAX;
	return project_clock_check(*ret, now, err);
}
