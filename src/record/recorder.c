/* SPDX-License-Identifier: Apache-2.0 */
#include "record/recorder.h"

#include "record/rec_state.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

static void *listen_all(void *ctx)
{
	struct recorder *r = ctx;

	while (!rec_is_stopping(r)) {
		struct pollfd p[] = { { r->listen_fd, POLLIN, 0 }, { r->wake[0], POLLIN, 0 } };
		int fd;

		if (poll(p, 2, -1) < 0 && errno != EINTR)
			break;
		if (p[1].revents != 0)
			break;
		fd = accept4(r->listen_fd, NULL, NULL, SOCK_CLOEXEC);
		if (fd >= 0)
			rec_begin(r, fd, REC_STEPS_MAX, false);
		else if (errno == EMFILE || errno == ENFILE)
			(void)poll(&p[1], 1, 100); /* until one of them ends */
	}
	return NULL;
}

/* --- steps ---------------------------------------------------------------------------------------
 */

int recorder_step_begin(struct recorder *r, const int doors[IO_DOORS], size_t *ret_step,
			struct ss_err *err)
{
	struct rec_step *s;
	size_t at = 0;

	rec_must(pthread_mutex_lock(&r->lock));
	while (at < REC_STEPS_MAX && r->steps[at].taken)
		at++;
	if (at < REC_STEPS_MAX)
		r->steps[at] = (struct rec_place){ .taken = true };
	rec_must(pthread_mutex_unlock(&r->lock));
	if (at == REC_STEPS_MAX) {
		for (size_t i = 0; i < IO_DOORS; i++)
			ss_closep(&doors[i]);
		return ss_fail(err, SS_ELIMIT, "more than %u steps at a time", REC_STEPS_MAX);
	}
	s = rec_step_new(r, at, doors, err);
	rec_must(pthread_mutex_lock(&r->lock));
	r->steps[at].step = s;
	r->steps[at].taken = s != NULL;
	rec_must(pthread_mutex_unlock(&r->lock));
	*ret_step = at;
	return s != NULL ? 0 : -1;
}

void recorder_step_end(struct recorder *r, size_t step, struct rec_counts *ret)
{
	struct rec_step *s;

	assert(step < REC_STEPS_MAX);
	rec_must(pthread_mutex_lock(&r->lock));
	s = r->steps[step].step;
	r->steps[step].step = NULL;
	rec_must(pthread_mutex_unlock(&r->lock));
	rec_step_free(s); /* without the lock: its thread may want it */
	rec_must(pthread_mutex_lock(&r->lock));
	*ret = r->steps[step].counts;
	r->steps[step].taken = false;
	rec_must(pthread_mutex_unlock(&r->lock));
}

/* --- the whole -----------------------------------------------------------------------------------
 */

int recorder_start(const struct rec_config *c, int listen_fd, struct recorder **ret,
		   struct ss_err *err)
{
	struct recorder *r = rec_state_new(c, listen_fd);

	r->serve = rec_serve;
	r->authority = rec_authority_new(err);
	if (r->authority == NULL) {
		rec_state_free(r);
		return -1;
	}
	if (pipe2(r->wake, O_CLOEXEC) < 0) {
		(void)ss_fail_sys(err, "cannot make a pipe");
		rec_state_free(r);
		return -1;
	}
	if (pthread_create(&r->thread, NULL, listen_all, r) != 0) {
		(void)ss_fail(err, SS_ESYS, "cannot start a thread");
		rec_state_free(r);
		return -1;
	}
	*ret = r;
	return 0;
}

int recorder_certificate(const struct recorder *r, struct ss_buf *ret, struct ss_err *err)
{
	return rec_authority_pem(r->authority, ret, err);
}

int recorder_key_store(const struct recorder *r, struct ss_buf *ret, struct ss_err *err)
{
	return rec_authority_jks(r->authority, ret, err);
}

int recorder_stop(struct recorder *r, struct cfg_list *ret, struct ss_err *err)
{
	struct rec_counts counts;
	int rc = 0;

	rec_must(pthread_mutex_lock(&r->lock));
	atomic_store(&r->stopping, true);
	rec_must(pthread_cond_broadcast(&r->gone));
	rec_must(pthread_mutex_unlock(&r->lock));
	(void)!write(r->wake[1], "x", 1);
	rec_must(pthread_join(r->thread, NULL));
	for (size_t i = 0; i < REC_STEPS_MAX; i++)
		recorder_step_end(r, i, &counts);
	rec_slots_end(r);
	rec_told_end(r);
	*ret = (struct cfg_list){ 0 };
	if (!r->config->play || r->config->more)
		rc = rec_tape_list(r->tape, ret, err);
	rec_state_free(r);
	return rc;
}
