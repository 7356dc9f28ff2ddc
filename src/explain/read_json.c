/* SPDX-License-Identifier: Apache-2.0 */
#include "base/mem.h"
#include "explain/ex_run.h"
#include "fmt/json.h"

#include <stdio.h>
#include <string.h>

/*
 * JSON by value: each difference is named by its pointer, "/a/0/b". What is equal as values but not
 * as bytes differs in the order of keys or in spaces. js_read() bounds depth and number of values.
 */
struct values {
	const json_t *a, *b;
	char *path;
};

struct walk {
	struct ex_run *r;
	const struct ex_pair *p;
	struct values *v;
	size_t n, cap;
	size_t told;
};

static void walk_done(struct walk *w)
{
	while (w->n > 0)
		free(w->v[--w->n].path);
	free(w->v);
}

/* `key` NULL: the root. */
static void push(struct walk *w, const json_t *a, const json_t *b, const char *path,
		 const char *key)
{
	const size_t room = strlen(path) + (key != NULL ? strlen(key) : 0) + 2;

	if (w->n == w->cap) {
		w->cap = w->cap > 0 ? w->cap * 2 : 32;
		w->v = ss_reallocarray(w->v, w->cap, sizeof(*w->v));
	}
	w->v[w->n] = (struct values){ a, b, ss_calloc(room, 1) };
	if (key != NULL)
		(void)snprintf(w->v[w->n].path, room, "%s/%s", path, key);
	w->n++;
}

/* One value as text; the caller's. Containers as such. */
static char *shown(const json_t *j)
{
	char *text;
	char *ret;

	if (j == NULL)
		return ss_calloc(1, 1);
	text = json_is_string(j) ? NULL : json_dumps(j, JSON_ENCODE_ANY | JSON_COMPACT);
	if (text != NULL)
		return text;
	ret = ss_calloc(json_string_length(j) + 1, 1);
	if (json_is_string(j))
		memcpy(ret, json_string_value(j), json_string_length(j));
	return ret;
}

static void tell(struct walk *w, const struct values *v)
{
	AUTO_FREE char *a = shown(v->a);
	AUTO_FREE char *b = shown(v->b);
	struct ss_span x = ex_text(a);
	struct ss_span y = ex_text(b);
	enum ex_cause cause = ex_cause_of_values(x, y);

	if (w->told++ >= EX_LINES) {
		ex_count(w->r, w->r->of_path);
		w->r->ret->left_out++;
		return;
	}
	if (cause == EX_UNKNOWN) {
		struct ss_span u = x;
		struct ss_span t = y;

		ex_narrow(&u, &t);
		cause = ex_cause_of_values(u, t);
	}
	if (v->a == NULL || v->b == NULL)
		cause = EX_UNKNOWN;
	if (ex_holds_key(x) || ex_holds_key(y)) {
		x = y = ex_text(""); /* never shown */
		cause = EX_RAND_KEY;
	}
	ex_say_content(w->r, w->p, cause, v->path, x, y);
}

static void open_objects(struct walk *w, const struct values *v)
{
	size_t n, m;
	AUTO_FREE const char **a = js_keys(v->a, &n);
	AUTO_FREE const char **b = js_keys(v->b, &m);
	size_t i = n;
	size_t j = m;

	while (i > 0 || j > 0) { /* last first: the stack turns them round */
		int c = i == 0 ? -1 : 1;

		if (i > 0 && j > 0)
			c = strcmp(a[i - 1], b[j - 1]);
		push(w, c >= 0 ? json_object_get(v->a, a[i - 1]) : NULL,
		     c <= 0 ? json_object_get(v->b, b[j - 1]) : NULL, v->path,
		     c >= 0 ? a[i - 1] : b[j - 1]);
		i -= c >= 0;
		j -= c <= 0;
	}
}

/* Every element of one is somewhere in the other; quadratic, so only for short ones. */
static bool is_reordered(const json_t *a, const json_t *b)
{
	const size_t n = json_array_size(a);
	bool used[256] = { false };

	if (n != json_array_size(b) || n < 2 || n > SS_NELEMS(used))
		return false;
	for (size_t i = 0; i < n; i++) {
		size_t j = 0;

		while (j < n &&
		       (used[j] || !json_equal(json_array_get(a, i), json_array_get(b, j))))
			j++;
		if (j == n)
			return false;
		used[j] = true;
	}
	return true;
}

static void open_arrays(struct walk *w, const struct values *v)
{
	const size_t n = json_array_size(v->a);
	const size_t m = json_array_size(v->b);
	char key[24];

	if (is_reordered(v->a, v->b)) {
		ex_say_text(w->r, w->p, EX_RAND_HASH_SEED, v->path,
			    "the same elements in another order", "");
		return;
	}
	for (size_t i = n > m ? n : m; i > 0; i--) {
		(void)snprintf(key, sizeof(key), "%zu", i - 1);
		push(w, json_array_get(v->a, i - 1), json_array_get(v->b, i - 1), v->path, key);
	}
}

static void work(struct walk *w)
{
	while (w->n > 0) {
		const struct values v = w->v[--w->n];

		if (json_is_object(v.a) && json_is_object(v.b))
			open_objects(w, &v);
		else if (json_is_array(v.a) && json_is_array(v.b) && !json_equal(v.a, v.b))
			open_arrays(w, &v);
		else if (v.a == NULL || v.b == NULL || !json_equal(v.a, v.b))
			tell(w, &v);
		free(v.path);
	}
}

static bool may_be_json(struct ss_span s)
{
	return s.n > 1 && (s.p[0] == '{' || s.p[0] == '[');
}

int ex_json(struct ex_run *r, const struct ex_pair *p, bool *ret_done, struct ss_err *err)
{
	SS_CLEANUP(walk_done) struct walk w = { .r = r, .p = p };
	AUTO_BUF struct ss_buf a = SS_BUF_INIT(EX_LOAD);
	AUTO_BUF struct ss_buf b = SS_BUF_INIT(EX_LOAD);
	AUTO_JSON json_t *x = NULL;
	AUTO_JSON json_t *y = NULL;
	struct ss_err no = { 0 };
	bool loaded;

	if (ex_load(p, &a, &b, &loaded, err) < 0)
		return -1;
	if (!loaded || !may_be_json(ss_buf_span(&a)) || !may_be_json(ss_buf_span(&b)) ||
	    js_read(ss_buf_span(&a), EX_LOAD, "JSON", &x, &no) < 0 ||
	    js_read(ss_buf_span(&b), EX_LOAD, "JSON", &y, &no) < 0)
		return 0;
	*ret_done = true;
	if (json_equal(x, y)) {
		ex_say_text(r, p, EX_RAND_HASH_SEED,
			    "the same values: the order of keys, or spaces", "", "");
		return 0;
	}
	push(&w, x, y, "", NULL);
	work(&w);
	return 0;
}
