/* SPDX-License-Identifier: Apache-2.0 */
#include "base/hex.h"
#include "record/rec_parts.h"

#include <stdio.h>

/* --- playing -------------------------------------------------------------------------------------
 */

static bool refuse(struct rec_conn *c, const struct rec_request *q, unsigned status,
		   const char *why)
{
	rec_tell(c->r, q, why);
	rec_count_failure(c);
	return rec_send_refusal(c, q, status, why);
}

static bool play_body(struct rec_conn *c, struct rec_request *q, const struct cfg_input *in)
{
	uint8_t hash[CRYPTO_SHA256_SIZE];
	struct ss_err err = { 0 };
	enum rec_found found = REC_MISSING;
	AUTO_CLOSE int fd = -1;
	uint64_t size = 0;
	char line[256];

	if (!ss_unhex(in->sha256, hash, sizeof(hash)))
		return refuse(c, q, 502, "the lock's entry has no hash");
	if (rec_store_get(rec_config_of(c->r)->store, hash, &found, &fd, &size, &err) < 0)
		return refuse(c, q, 502, err.msg);
	if (found != REC_WHOLE && rec_config_of(c->r)->fetch_missing)
		return rec_fetch_again(c, q, in);
	if (found != REC_WHOLE || size != in->size) {
		(void)snprintf(line, sizeof(line), "%s in the store of inputs: %s",
			       found == REC_MISSING ? "not"
			       : found == REC_WHOLE ? "of another size"
						    : "damaged",
			       in->sha256);
		return refuse(c, q, 502, line);
	}
	rec_count(c, in->size, true);
	return rec_send_answer(c, q, in, fd);
}

static bool play(struct rec_conn *c, struct rec_request *q)
{
	const struct rec_id id = { q->method, (const char *)q->plain.p,
				   q->key[0] != '\0' ? q->key : NULL };
	const struct cfg_input *in = rec_tape_play(rec_tape_of(c->r), &id);

	if (in == NULL && rec_config_of(c->r)->more)
		return rec_record(c, q);
	if (in == NULL)
		return refuse(c, q, 403, "not in the lock: this was never fetched while recording");
	if (in->sha256 == NULL || in->size == 0) {
		rec_count(c, 0, true);
		return rec_send_answer(c, q, in, -1);
	}
	return play_body(c, q, in);
}

/* --- a connection --------------------------------------------------------------------------------
 */

static bool serve_one(struct rec_conn *c)
{
	SS_CLEANUP(rec_request_done)
	struct rec_request q = {
		.raw = SS_BUF_INIT(REC_HEAD_MAX),
		.real = SS_BUF_INIT(REC_URL_ROOM),
		.plain = SS_BUF_INIT(REC_URL_ROOM),
		.body_fd = -1,
	};
	struct ss_err err = { 0 };
	int rc;

	if (c->tls != NULL && rec_tls_is_h2(c->tls)) {
		rec_h2_serve(c);
		return false;
	}
	rc = rec_request_read(c, &q, &err);
	if (rc == REC_ENDED)
		return false;
	if (rc == REC_CONNECT)
		return rec_connect(c, &q);
	if (rc < 0) {
		q.head.keep = false;
		rec_tell(c->r, &q, err.msg);
		rec_count_failure(c);
		return rec_send_refusal(c, &q, q.method[0] != '\0' ? 403 : 400, err.msg) &&
		       q.head.keep;
	}
	return (rec_config_of(c->r)->play ? play(c, &q) : rec_record(c, &q)) && q.head.keep;
}

void rec_serve(struct rec_conn *c)
{
	if (!c->led || c->part || rec_led(c))
		while (!rec_is_stopping(c->r) && serve_one(c))
			continue;
}
