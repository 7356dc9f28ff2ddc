/* SPDX-License-Identifier: Apache-2.0 */
#include "keyplane/kp.h"
#include "keyplane/kp_loop.h"
#include "keyplane/kp_query.h"

#include <signal.h>
#include <string.h>

static int make_key(struct kp *k, struct ss_err *err)
{
	uint8_t raw[NSM_MAX_REQUEST];
	struct ss_buf request = SS_BUF_OVER(raw);
	struct ss_span response, entropy;

	nsm_put_get_random(&request);
	if (kp_query(ss_buf_span(&request), &response, err) < 0 ||
	    nsm_read_get_random(response, &entropy, err) < 0)
		return ss_ctx(err, "no entropy");
	if (kp_tls_new(entropy, &k->tls, err) < 0)
		return -1;
	if (k->secrets.n > 0)
		kp_tls_take_secrets(k->tls);
	return 0;
}

int kp_start(struct kp *k, const struct kp_start *s, struct ss_err *err)
{
	if (signal(SIGPIPE, SIG_IGN) == SIG_ERR)
		return ss_fail_sys(err, "SIGPIPE");
	if (s->n_listeners > SS_NELEMS(k->listeners))
		return ss_fail(err, SS_ELIMIT, "%zu listeners", s->n_listeners);
	if (s->n_listeners > 0)
		memcpy(k->listeners, s->listeners, s->n_listeners * sizeof(k->listeners[0]));
	k->n_listeners = s->n_listeners;
	kp_nsm_init(&k->nsm);
	kp_conns_init(&k->conns, s->memory);
	k->chain = (struct ss_buf)SS_BUF_INIT(KP_MAX_CHAIN);
	if (kp_secrets_init(&k->secrets, s->secrets, s->init, err) < 0 ||
	    kp_loop_init(k, err) < 0 || kp_tell_init(k, s->link, err) < 0 ||
	    kp_kms_init(k, s->keys, err) < 0 || kp_locals_init(k, s->local, s->least_uid, err) < 0)
		return -1;
	return 0;
}

int kp_run(struct kp *k, struct ss_err *err)
{
	if (make_key(k, err) < 0)
		return -1;
	kp_tell(k, &(struct kp_link_head){ .type = KP_LINK_READY });
	while (kp_loop_round(k, err) == 0)
		continue;
	return -1;
}
