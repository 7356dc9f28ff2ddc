/* SPDX-License-Identifier: Apache-2.0 */
#include "attest/att_reason.h"

#include <stdarg.h>
#include <stdio.h>

static const struct {
	const char *code;
	const char *meaning;
} rows[ATT_NO_END] = { [ATT_NO_NONE] = { "", "" },
#define ATT_ROW(name, code, meaning) [ATT_NO_##name] = { code, meaning },
		       ATT_REASONS(ATT_ROW)
#undef ATT_ROW
};

const char *att_reason_code(enum att_reason r)
{
	return rows[r].code;
}

const char *att_reason_meaning(enum att_reason r)
{
	return rows[r].meaning;
}

void att_no_set(struct att_no *no, enum att_reason reason, const char *fmt, ...)
{
	va_list ap;

	no->reason = reason;
	no->err.code = SS_EVERIFY;
	no->err.hint = NULL;
	va_start(ap, fmt);
	(void)vsnprintf(no->err.msg, sizeof(no->err.msg), fmt, ap);
	va_end(ap);
}
