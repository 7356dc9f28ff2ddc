/* SPDX-License-Identifier: Apache-2.0 */
#include "launch/ask.h"

#include "base/show.h"
#include "io/file.h"
#include "launch/rundir.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#define BLOCK 65536u

static int call(const char *name, int *ret, struct ss_err *err)
{
	if (rundir_call(name, ret, err) < 0)
		return -1;
	if (*ret >= 0)
		return 0;
	(void)ss_fail(err, SS_ESYS, "there is no enclave named '%s'",
		      SS_SHOW(((struct ss_span){ (const uint8_t *)name, strlen(name) })));
	err->hint = "'selfsame list' shows those that run";
	return -1;
}

/* Hands on the whole messages at the front of `in`. *ret_n counts them. */
static int take(struct ss_buf *in, ask_message on, void *ctx, size_t *ret_n, struct ss_err *err)
{
	size_t at = 0, size;

	for (;;) {
		struct talk t;
		const int rc =
			talk_read((struct ss_span){ in->p + at, in->n - at }, &t, &size, err);

		if (rc < 0)
			return -1;
		if (rc == 0)
			break;
		if (on(ctx, &t, err) < 0)
			return -1;
		at += size;
		(*ret_n)++;
	}
	memmove(in->p, in->p + at, in->n - at);
	in->n -= at;
	return 0;
}

int ask(const char *name, const struct talk *question, ask_message on, void *ctx,
	struct ss_err *err)
{
	AUTO_BUF struct ss_buf in = SS_BUF_INIT(TALK_HEAD + TALK_MAX_BODY + BLOCK);
	AUTO_BUF struct ss_buf out = SS_BUF_INIT(TALK_MAX_ASK);
	AUTO_FREE uint8_t *block = ss_calloc(BLOCK, 1);
	AUTO_CLOSE int fd = -1;
	size_t n = 0;

	if (call(name, &fd, err) < 0)
		return -1;
	talk_write(question, &out);
	if (io_write_all(fd, ss_buf_span(&out), err) < 0)
		return ss_ctx(err, "the supervisor of '%s'", name);
	for (;;) {
		const ssize_t got = recv(fd, block, BLOCK, 0);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return ss_fail_sys(err, "the supervisor of '%s'", name);
		if (got == 0)
			break;
		ss_buf_put(&in, (struct ss_span){ block, (size_t)got });
		if (take(&in, on, ctx, &n, err) < 0)
			return ss_ctx(err, "the supervisor of '%s'", name);
	}
	if (n == 0 || in.n > 0)
		return ss_fail(err, SS_ESYS, "the supervisor of '%s' ended in mid-sentence", name);
	return 0;
}

void ask_refused(const struct talk *t, struct ss_err *ret)
{
	const struct ss_span why = { t->body.p + 1, t->body.n - 1 };

	ss_err_set(ret, t->body.p[0] == 1 ? SS_EINPUT : SS_ESYS, "%s", SS_SHOW(why));
}
