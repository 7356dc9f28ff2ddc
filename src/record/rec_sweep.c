/* SPDX-License-Identifier: Apache-2.0 */
#include "record/rec_sweep.h"

#include "base/hex.h"
#include "base/sort.h"

#include <string.h>

/* --- checking ----------------------------------------------------------------------------------
 */

struct check {
	const struct rec_store *store;
	const struct rec_listener *listener;
	struct rec_state *state;
};

static int check_one(const struct check *c, const uint8_t *hash, const char *url,
		     struct ss_err *err)
{
	enum rec_found found;
	uint64_t size = 0;

	if (rec_store_get(c->store, hash, &found, NULL, &size, err) < 0)
		return -1;
	c->state->whole += found == REC_WHOLE;
	c->state->damaged += found == REC_DAMAGED;
	c->state->missing += found == REC_MISSING;
	c->state->bytes += size;
	if (found != REC_WHOLE)
		c->listener->bad(c->listener->ctx, hash, found, url);
	return 0;
}

static int check_object(void *ctx, const struct rec_object *o, struct ss_err *err)
{
	return check_one(ctx, o->hash, NULL, err);
}

static void tell_odd(void *ctx, struct ss_span path)
{
	const struct check *c = ctx;

	c->listener->odd(c->listener->ctx, path);
}

int rec_check_store(const struct rec_store *s, const struct rec_listener *l, struct rec_state *ret,
		    struct ss_err *err)
{
	struct check c = { s, l, ret };

	*ret = (struct rec_state){ 0 };
	return rec_store_each(s, check_object, tell_odd, &c, err);
}

static int by_hash(const void *a, const void *b)
{
	const struct rec_kept *x = a, *y = b;

	return memcmp(x->hash, y->hash, sizeof(x->hash));
}

static const struct rec_kept *find(const struct rec_keep *k, const uint8_t *hash)
{
	struct rec_kept want = { .at = 0 };

	memcpy(want.hash, hash, sizeof(want.hash));
	return k->n > 0 ? bsearch(&want, k->v, k->n, sizeof(want), by_hash) : NULL;
}

int rec_check_inputs(const struct rec_store *s, const struct cfg_list *inputs,
		     const struct rec_listener *l, struct rec_state *ret, struct ss_err *err)
{
	SS_CLEANUP(rec_keep_done) struct rec_keep all = { 0 };
	const struct cfg_input *in = inputs->v;
	const struct check c = { s, l, ret };

	*ret = (struct rec_state){ 0 };
	if (rec_keep_add(&all, inputs, err) < 0)
		return -1;
	for (size_t i = 0; i < inputs->n; i++) {
		uint8_t hash[CRYPTO_SHA256_SIZE];
		const struct rec_kept *kept;

		if (in[i].sha256 == NULL || !ss_unhex(in[i].sha256, hash, sizeof(hash)))
			continue;
		kept = find(&all, hash);
		if (kept != NULL && kept->at == i && check_one(&c, hash, in[i].url, err) < 0)
			return -1;
	}
	return 0;
}

/* --- what to keep ------------------------------------------------------------------------------
 */

static int by_hash_and_place(const void *a, const void *b)
{
	const struct rec_kept *x = a, *y = b;
	const int d = by_hash(a, b);

	return d != 0 ? d : x->at < y->at ? -1 : 1;
}

int rec_keep_add(struct rec_keep *k, const struct cfg_list *inputs, struct ss_err *err)
{
	const struct cfg_input *in = inputs->v;
	size_t base = 0, n = 0;

	for (size_t i = 0; i < k->n; i++)
		base = k->v[i].at >= base ? k->v[i].at + 1 : base;
	k->v = ss_reallocarray(k->v, k->n + inputs->n + 1, sizeof(*k->v));
	for (size_t i = 0; i < inputs->n; i++) {
		if (in[i].sha256 == NULL)
			continue;
		if (!ss_unhex(in[i].sha256, k->v[k->n].hash, sizeof(k->v[k->n].hash)))
			return ss_fail(err, SS_EINPUT, "input '%s': no hash", in[i].url);
		k->v[k->n++].at = base + i;
	}
	ss_sort(k->v, k->n, sizeof(*k->v), by_hash_and_place);
	for (size_t i = 0; i < k->n; i++)
		if (n == 0 || by_hash(&k->v[n - 1], &k->v[i]) != 0)
			k->v[n++] = k->v[i];
	k->n = n;
	return 0;
}

void rec_keep_done(struct rec_keep *k)
{
	free(k->v);
	*k = (struct rec_keep){ 0 };
}

/* --- removing ----------------------------------------------------------------------------------
 */

struct prune {
	const struct rec_store *store;
	const struct rec_keep *keep;
	int64_t before;
	struct rec_pruned *done;
};

static int prune_one(void *ctx, const struct rec_object *o, struct ss_err *err)
{
	const struct prune *p = ctx;

	if (find(p->keep, o->hash) != NULL || o->used >= p->before) {
		p->done->left++;
		p->done->left_bytes += o->size;
		return 0;
	}
	if (rec_store_remove(p->store, o->hash, err) < 0)
		return -1;
	p->done->removed++;
	p->done->removed_bytes += o->size;
	return 0;
}

int rec_prune(const struct rec_store *s, const struct rec_keep *keep, int64_t before,
	      struct rec_pruned *ret, struct ss_err *err)
{
	struct prune p = { s, keep, before, ret };

	*ret = (struct rec_pruned){ 0 };
	return rec_store_each(s, prune_one, NULL, &p, err);
}
