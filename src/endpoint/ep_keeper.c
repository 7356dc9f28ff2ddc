/* SPDX-License-Identifier: Apache-2.0 */
#include "endpoint/ep_keeper.h"

#include "base/mem.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>

int ep_keeper_open(struct ep_keeper *k, ep_attest attest, void *ctx, struct ss_err *err)
{
	k->attest = attest;
	k->ctx = ctx;
	if (pipe2(k->wake, O_CLOEXEC) != 0)
		return ss_fail_sys(err, "cannot make a pipe");
	return 0;
}

static void *ask(void *arg)
{
	struct ep_keeper *k = arg;

	k->rc = k->attest(k->ctx, &k->pin, &k->err);
	while (write(k->wake[1], "", 1) < 0 && errno == EINTR)
		;
	return NULL;
}

int ep_keeper_ask(struct ep_keeper *k, struct ss_err *err)
{
	sigset_t all, before;
	int rc;

	assert(!k->is_asking);
	k->err = (struct ss_err){ 0 };
	/* Signals are for the thread that waits for them. */
	(void)sigfillset(&all);
	(void)pthread_sigmask(SIG_SETMASK, &all, &before);
	rc = pthread_create(&k->thread, NULL, ask, k);
	(void)pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (rc != 0)
		return ss_fail(err, SS_ESYS, "cannot start a thread: %s", strerror(rc));
	k->is_asking = true;
	return 0;
}

int ep_keeper_take(struct ep_keeper *k, struct ep_pin *ret, struct ss_err *err)
{
	char byte;

	assert(k->is_asking);
	while (read(k->wake[0], &byte, 1) < 0 && errno == EINTR)
		;
	(void)pthread_join(k->thread, NULL);
	k->is_asking = false;
	if (k->rc < 0) {
		*err = k->err;
		return -1;
	}
	*ret = k->pin;
	return 0;
}

void ep_keeper_done(struct ep_keeper *k)
{
	if (k->is_asking)
		(void)pthread_join(k->thread, NULL);
	k->is_asking = false;
	for (int i = 0; i < 2; i++) {
		ss_closep(&k->wake[i]);
		k->wake[i] = -1;
	}
}
