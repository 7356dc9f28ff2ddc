/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "attest/att_verify.h"
#include "verify/ssv_policy.h"

#include <selfsame-verify.h>

/*
 * A question as selfsame's own commands put it, for cli/ alone: neither installed nor exported.
 * They say in their own words where an expectation stands ("--pcr", "--eif app.eif"), know more of
 * an image than a file of measurements says (whether its kernel is one of ours), read policies in
 * another format, and judge the peer of a connection. And they want an error with its code and hint
 * where the public header has a number. Behind both there is one question and one way to a verdict.
 *
 * What returns int returns 0, or -1 with *err. Unlike a public setter it leaves the question as it
 * was then: whoever goes on has asked for less.
 *
 * What is handed in is copied, but for what ssv_put_policy() takes over and ssv_put_peer() borrows.
 */
enum ssv_what { SSV_NONCE, SSV_USER_DATA, SSV_PUBLIC_KEY, SSV_WHATS };

SS_MUST_CHECK SS_NONNULL int ssv_put_register(struct ssv_question *q, unsigned index,
					      const uint8_t value[ATT_PCR_SIZE], const char *source,
					      struct ss_err *err);
/* An image that is expected, parts and all. */
SS_MUST_CHECK SS_NONNULL int ssv_put_image(struct ssv_question *q, const struct att_release *r,
					   const char *source, struct ss_err *err);
SS_MUST_CHECK SS_NONNULL int ssv_put_known(struct ssv_question *q, const struct att_release *r,
					   const char *name, struct ss_err *err);
/* Takes `p` over, after 0 and -1 alike. */
SS_MUST_CHECK SS_NONNULL int ssv_put_policy(struct ssv_question *q, struct ssv_policy *p,
					    struct ss_err *err);
/* It may be empty: then the document's must be. */
SS_NONNULL void ssv_put_value(struct ssv_question *q, enum ssv_what what, struct ss_span value);
SS_NONNULL void ssv_put_max_age(struct ssv_question *q, uint64_t seconds);
/* The least that was asked for, here and in policies; 0 = nothing. */
SS_NONNULL uint64_t ssv_least_age(const struct ssv_question *q);
SS_MUST_CHECK SS_NONNULL int ssv_put_root(struct ssv_question *q, struct ss_span pem,
					  struct ss_err *err);

/*
 * From now on the question is of an endpoint: there is an answer only while it has a peer and a
 * nonce, which come when the endpoint has been asked. ssv_put_peer() borrows; NULL takes the peer
 * away.
 */
SS_NONNULL void ssv_put_endpoint(struct ssv_question *q);
void ssv_put_peer(struct ssv_question *q, const struct att_endpoint *peer);

/*
 * Whether there is a question, but for what comes with a peer: SS_EUSAGE where there is none.
 * Nothing has to be fetched for a question that is none.
 */
SS_MUST_CHECK SS_NONNULL int ssv_question_check(const struct ssv_question *q, struct ss_err *err);
/* As ssv_verify(); -1 where that would say "no-question". */
SS_MUST_CHECK SS_NONNULL int ssv_answer(struct ssv_question *q, struct ss_span document,
					struct ssv_verdict **ret, struct ss_err *err);

static inline void ssv_question_freep(struct ssv_question **q)
{
	ssv_question_free(*q);
}
static inline void ssv_verdict_freep(struct ssv_verdict **v)
{
	ssv_verdict_free(*v);
}
#define AUTO_SSV_QUESTION SS_CLEANUP(ssv_question_freep)
#define AUTO_SSV_VERDICT SS_CLEANUP(ssv_verdict_freep)

/* What endpoint/ takes: the proof, which lives as long as the verdict. */
SS_NONNULL const struct att_verified *ssv_verified_proof(const struct ssv_verified *v);
/* The report as an object, to be part of another; the caller's. Of ssv_answer()'s verdicts only. */
SS_NONNULL json_t *ssv_verdict_object(const struct ssv_verdict *v);
