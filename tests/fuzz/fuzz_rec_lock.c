/* SPDX-License-Identifier: Apache-2.0 */
#include "base/mem.h"
#include "fmt/toml.h"
#include "record/rec_answer.h"
#include "record/rec_diff.h"
#include "record/rec_renew.h"
#include "record/rec_tape.h"
#include "record/rec_url.h"

#include <stdlib.h>
#include <string.h>

/*
 * The inputs of a lock as somebody else wrote them, and heads of servers ("url", then "name: value"
 * lines). Each answer of a lock is played where it stands, and an answer that was not asked for is
 * not listed; a lock differs in nothing from itself; what a server says makes an entry that a lock
 * takes, without a secret in a redirect.
 */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct cfg_field fields[] = {
	{ .key = "input",
	  .kind = CFG_LIST,
	  .at = 0,
	  .max = CFG_INPUTS_MAX,
	  .fields = cfg_input_fields,
	  .size = sizeof(struct cfg_input) },
	CFG_FIELDS_END,
};

static int read_list(struct ss_span in, struct cfg_list *ret)
{
	AUTO_TOML struct toml_node *t = NULL;
	struct ss_err err = { 0 };

	*ret = (struct cfg_list){ 0 };
	if (toml_read(in, &t, &err) == 0 && cfg_fields_read(fields, t, "", ret, &err) == 0 &&
	    cfg_inputs_sort(ret, &err) == 0)
		return 0;
	if (err.msg[0] == '\0')
		abort();
	cfg_inputs_done(ret);
	return -1;
}

static void changed(void *ctx, const struct rec_change *c)
{
	(void)ctx;
	(void)c;
	abort();
}

static bool is_same_kind(const struct cfg_input *a, const struct cfg_input *b)
{
	return strcmp(a->method, b->method) == 0 && strcmp(a->url, b->url) == 0 &&
	       strcmp(a->key != NULL ? a->key : "", b->key != NULL ? b->key : "") == 0;
}

/* The first request gets the first answer, whatever its turn says; the last entry of a kind is
 * the one behind which no other of it stands. */
static void try_playing(const struct cfg_list *l)
{
	const struct cfg_input *v = l->v;
	struct rec_tape *t = rec_tape_load(l);
	struct cfg_list listed = { 0 };
	struct ss_err err = { 0 };

	for (size_t i = 0; i < l->n; i++) {
		const struct rec_id id = { v[i].method, v[i].url, v[i].key };
		const bool last = i + 1 == l->n || !is_same_kind(&v[i], &v[i + 1]);
		const bool first = i == 0 || !is_same_kind(&v[i], &v[i - 1]);
		const struct cfg_input *got;

		if (rec_is_last(l, i) != last)
			abort();
		if (!first)
			continue;
		got = rec_tape_play(t, &id);
		if (got == NULL || !is_same_kind(got, &v[i]))
			abort();
	}
	if (rec_tape_list(t, &listed, &err) < 0 || listed.n > l->n)
		abort();
	cfg_inputs_done(&listed);
	rec_tape_free(t);
}

static void try_lock(struct ss_span in)
{
	struct cfg_list l;

	if (read_list(in, &l) < 0)
		return;
	try_playing(&l);
	rec_diff(&l, &l, changed, &l);
	cfg_inputs_done(&l);
}

static void on_secret(void *ctx, const char *plain, const char *real)
{
	(void)ctx;
	if (strcmp(plain, real) == 0 || strstr(plain, REC_REDACTED) == NULL)
		abort();
}

/* It is written as a lock and read again. */
static void must_be_taken(struct cfg_input *in)
{
	AUTO_BUF struct ss_buf b = SS_BUF_INIT(TOML_MAX_SIZE);
	AUTO_TOML struct toml_node *t = toml_new(TOML_TABLE, 0);
	struct cfg_list l = { 0 }, back;

	cfg_texts_sort(&in->headers);
	cfg_inputs_add(&l, in);
	cfg_fields_write(fields, &l, t);
	toml_write(t, &b);
	if (b.bad || read_list(ss_buf_span(&b), &back) < 0)
		abort();
	rec_diff(&l, &back, changed, &l);
	cfg_inputs_done(&l);
	cfg_inputs_done(&back);
}

static struct ss_span line_of(struct ss_span *in)
{
	const uint8_t *end = in->n > 0 ? memchr(in->p, '\n', in->n) : NULL;
	const struct ss_span ret = { in->p, end != NULL ? (size_t)(end - in->p) : in->n };

	in->p += ret.n + (end != NULL);
	in->n -= ret.n + (end != NULL);
	return ret;
}

static void try_head(struct ss_span in)
{
	AUTO_BUF struct ss_buf real = SS_BUF_INIT((size_t)CFG_INPUT_URL_MAX * 4);
	AUTO_BUF struct ss_buf plain = SS_BUF_INIT((size_t)CFG_INPUT_URL_MAX * 4);
	struct cfg_input answer = { .status = 200, .size = 0 };
	struct ss_err err = { 0 };
	bool secret;

	if (rec_url_make(line_of(&in), &real, &plain, &secret, &err) < 0)
		return;
	cfg_text_set(&answer.method, "GET");
	cfg_text_set(&answer.url, (const char *)plain.p);
	cfg_text_set(&answer.sha256,
		     "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef");
	while (in.n > 0) {
		const struct ss_span one = line_of(&in);
		const uint8_t *colon = one.n > 0 ? memchr(one.p, ':', one.n) : NULL;
		const size_t n = colon != NULL ? (size_t)(colon - one.p) : one.n;
		struct ss_span value = { one.p + n, one.n - n };

		if (value.n > 2)
			value = (struct ss_span){ value.p + 2, value.n - 2 };
		rec_answer_put(&answer, (const char *)real.p, (struct ss_span){ one.p, n }, value,
			       on_secret, NULL);
	}
	must_be_taken(&answer);
	cfg_fields_done(cfg_input_fields, &answer);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct ss_span in = { data, size };

	if (size > (size_t)1 << 20)
		return 0;
	try_lock(in);
	try_head(in);
	return 0;
}
