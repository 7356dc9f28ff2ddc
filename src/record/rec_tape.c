/* SPDX-License-Identifier: Apache-2.0 */
#include "record/rec_tape.h"

#include "base/mem.h"

#include <assert.h>
#include <pthread.h>
#include <string.h>

#define EMPTY UINT32_MAX /* not filled: it failed, or is under way */

/* One method, URL and key. */
struct kind {
	char *method, *url, *key;
	struct cfg_list answers; /* recording: each other one once, in the order of filling */
	uint32_t *turns;         /* recording: for each request the index of its answer */
	size_t n_turns;
	const struct cfg_input *played; /* playing: its entries, by turn */
	size_t n_played;
	uint64_t asked;
};

struct rec_tape {
	pthread_mutex_t lock;
	struct kind **v; /* sorted by URL, method, key */
	size_t n;
	size_t n_requests;
	size_t n_answers;
};

static void must(int rc)
{
	assert(rc == 0); /* our own mutex */
	(void)rc;
}

struct rec_tape *rec_tape_new(void)
{
	struct rec_tape *t = ss_calloc(1, sizeof(*t));

	must(pthread_mutex_init(&t->lock, NULL));
	return t;
}

static void kind_free(struct kind *k)
{
	free(k->method);
	free(k->url);
	free(k->key);
	cfg_inputs_done(&k->answers);
	free(k->turns);
	free(k);
}

void rec_tape_free(struct rec_tape *t)
{
	if (t == NULL)
		return;
	for (size_t i = 0; i < t->n; i++)
		kind_free(t->v[i]);
	free(t->v);
	must(pthread_mutex_destroy(&t->lock));
	free(t);
}

/* --- kinds -------------------------------------------------------------------------------------
 */

static int compare(const struct rec_id *id, const struct kind *k)
{
	int d = strcmp(id->url, k->url);

	if (d == 0)
		d = strcmp(id->method, k->method);
	if (d == 0)
		d = strcmp(id->key != NULL ? id->key : "", k->key != NULL ? k->key : "");
	return d;
}

/* Its place, or where it belongs. */
static size_t place(const struct rec_tape *t, const struct rec_id *id, bool *ret_there)
{
	size_t low = 0, high = t->n;

	*ret_there = false;
	while (low < high) {
		const size_t mid = low + (high - low) / 2;
		const int d = compare(id, t->v[mid]);

		if (d == 0) {
			*ret_there = true;
			return mid;
		}
		if (d < 0)
			high = mid;
		else
			low = mid + 1;
	}
	return low;
}

static struct kind *find_or_add(struct rec_tape *t, const struct rec_id *id)
{
	bool there;
	const size_t at = place(t, id, &there);
	struct kind *k;

	if (there)
		return t->v[at];
	if ((t->n & (t->n - 1)) == 0)
		t->v = ss_reallocarray(t->v, t->n == 0 ? 1 : 2 * t->n, sizeof(struct kind *));
	memmove(&t->v[at + 1], &t->v[at], (t->n - at) * sizeof(struct kind *));
	k = ss_calloc(1, sizeof(*k));
	cfg_text_set(&k->method, id->method);
	cfg_text_set(&k->url, id->url);
	cfg_text_set(&k->key, id->key);
	t->v[at] = k;
	t->n++;
	return k;
}

/* --- recording ---------------------------------------------------------------------------------
 */

int rec_tape_begin(struct rec_tape *t, const struct rec_id *id, struct rec_turn *ret,
		   struct ss_err *err)
{
	struct kind *k;
	bool full;

	must(pthread_mutex_lock(&t->lock));
	full = t->n_requests == REC_REQUESTS_MAX;
	if (!full) {
		k = find_or_add(t, id);
		if ((k->n_turns & (k->n_turns - 1)) == 0)
			k->turns = ss_reallocarray(k->turns, k->n_turns == 0 ? 1 : 2 * k->n_turns,
						   sizeof(*k->turns));
		k->turns[k->n_turns] = EMPTY;
		*ret = (struct rec_turn){ k, k->n_turns++ };
		t->n_requests++;
	}
	must(pthread_mutex_unlock(&t->lock));
	return full ? ss_fail(err, SS_ELIMIT, "more than %u requests", REC_REQUESTS_MAX) : 0;
}

static bool same_text(const char *a, const char *b)
{
	return a == b || (a != NULL && b != NULL && strcmp(a, b) == 0);
}

static bool same_answer(const struct cfg_input *a, const struct cfg_input *b)
{
	if (a->status != b->status || a->size != b->size || a->headers.n != b->headers.n ||
	    !same_text(a->sha256, b->sha256) || !same_text(a->type, b->type))
		return false;
	for (size_t i = 0; i < a->headers.n; i++)
		if (strcmp(a->headers.v[i], b->headers.v[i]) != 0)
			return false;
	return true;
}

void rec_tape_fill(struct rec_tape *t, const struct rec_turn *turn, const struct cfg_input *answer)
{
	struct kind *k = turn->kind;
	const struct cfg_input *v;
	size_t i = 0;

	must(pthread_mutex_lock(&t->lock));
	for (v = k->answers.v; i < k->answers.n && !same_answer(&v[i], answer); i++)
		continue;
	if (i == k->answers.n && t->n_answers < (size_t)2 * CFG_INPUTS_MAX) {
		struct cfg_input one = *answer;

		one.method = k->method;
		one.url = k->url;
		one.key = k->key;
		one.turn = 0;
		cfg_inputs_add(&k->answers, &one);
		t->n_answers++;
	}
	if (i < k->answers.n)
		k->turns[turn->at] = (uint32_t)i;
	must(pthread_mutex_unlock(&t->lock));
}

/* An entry wherever the answer is another than the one before. */
static void list_kind(const struct kind *k, struct cfg_list *ret)
{
	const struct cfg_input *v = k->answers.v;
	uint32_t last = EMPTY;
	uint64_t turn = 0;

	for (size_t i = 0; i < k->n_turns; i++) {
		struct cfg_input one;

		if (k->turns[i] == EMPTY)
			continue;
		turn++;
		if (k->turns[i] == last)
			continue;
		last = k->turns[i];
		one = v[last];
		one.turn = turn == 1 ? 0 : turn;
		cfg_inputs_add(ret, &one);
	}
}

int rec_tape_list(struct rec_tape *t, struct cfg_list *ret, struct ss_err *err)
{
	must(pthread_mutex_lock(&t->lock));
	for (size_t i = 0; i < t->n && ret->n <= CFG_INPUTS_MAX; i++) {
		const struct kind *k = t->v[i];

		for (size_t p = 0; p < k->n_played && k->played[p].turn <= k->asked; p++)
			if (k->asked > 0)
				cfg_inputs_add(ret, &k->played[p]);
		list_kind(k, ret);
	}
	must(pthread_mutex_unlock(&t->lock));
	if (ret->n > CFG_INPUTS_MAX)
		return ss_fail(err, SS_ELIMIT, "more than %u inputs", CFG_INPUTS_MAX);
	return cfg_inputs_sort(ret, err);
}

/* --- playing -----------------------------------------------------------------------------------
 */

struct rec_tape *rec_tape_load(const struct cfg_list *inputs)
{
	struct rec_tape *t = rec_tape_new();
	const struct cfg_input *in = inputs->v;

	for (size_t i = 0; i < inputs->n; i++) {
		const struct rec_id id = { in[i].method, in[i].url, in[i].key };
		struct kind *k = find_or_add(t, &id);

		if (k->played == NULL)
			k->played = &in[i];
		k->n_played++;
	}
	return t;
}

const struct cfg_input *rec_tape_play(struct rec_tape *t, const struct rec_id *id)
{
	const struct cfg_input *ret = NULL;
	bool there;
	size_t at;

	must(pthread_mutex_lock(&t->lock));
	at = place(t, id, &there);
	if (there && t->v[at]->n_played > 0) {
		struct kind *k = t->v[at];

		k->asked++;
		ret = &k->played[0];
		for (size_t i = 1; i < k->n_played && k->played[i].turn <= k->asked; i++)
			ret = &k->played[i];
	}
	must(pthread_mutex_unlock(&t->lock));
	return ret;
}
