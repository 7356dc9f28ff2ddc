/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the programs of the enclave link instead of base/err.c and base/mem.c: errors without stdio,
 * and no heap. Only src/runtime/Makefile compiles this file.
 */
#include "base/err.h"
#include "base/mem.h"
#include "runtime/format.h"

#include <errno.h>
#include <string.h>

void ss_err_set(struct ss_err *err, enum ss_code code, const char *fmt, ...)
{
	va_list ap;

	err->code = code;
	err->hint = NULL;
	va_start(ap, fmt);
	(void)rt_vformat(err->msg, sizeof(err->msg), fmt, ap);
	va_end(ap);
}

void ss_err_set_sys(struct ss_err *err, const char *fmt, ...)
{
	const int saved = errno;
	va_list ap;
	size_t n;

	err->code = SS_ESYS;
	err->hint = NULL;
	va_start(ap, fmt);
	n = rt_vformat(err->msg, sizeof(err->msg) / 2, fmt, ap);
	va_end(ap);
	(void)rt_format(err->msg + n, sizeof(err->msg) - n, ": %s", strerror(saved));
}

void ss_err_prepend(struct ss_err *err, const char *fmt, ...)
{
	char old[SS_ERR_MSG_MAX];
	va_list ap;
	size_t n;

	memcpy(old, err->msg, sizeof(old));
	va_start(ap, fmt);
	n = rt_vformat(err->msg, sizeof(err->msg) / 2, fmt, ap);
	va_end(ap);
	(void)rt_format(err->msg + n, sizeof(err->msg) - n, ": %s", old);
}

/* Nothing here grows a buffer: who tries is stopped, and with it the enclave. */
void *ss_reallocarray(void *p, size_t n, size_t size)
{
	(void)p;
	(void)n;
	(void)size;
	__builtin_trap();
}

/* ss_buf_done() calls it; a buffer over an array is never given up. */
void free(void *p)
{
	(void)p;
	__builtin_trap();
}
